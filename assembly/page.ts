/**
 * Contents of 4 KiB pages: all zero, equal, and the XXH64 hash with seed 0 (Collet, xxHash
 * specification 0.1.1), bit for bit, so that any other implementation can check it.
 *
 *   pages  ┌──────────┬──────────┬─ ···      one stripe of a page: 4 lanes of u64
 *          │ 4096     │ 4096     │           ┌────┬────┬────┬────┐
 *          └──────────┴──────────┴─ ···      │ v1 │ v2 │ v3 │ v4 │  x 128
 *                                            └────┴────┴────┴────┘
 *
 * 4096 is a multiple of every step, so nothing is read past a page. Time O(bytes); zero and equal
 * stop at the first block of 128 bytes that decides.
 */
const PAGE: usize = 4096;

const PRIME_1: u64 = ((<u64>0x9e3779b1) << 32) | 0x85ebca87;
const PRIME_2: u64 = ((<u64>0xc2b2ae3d) << 32) | 0x27d4eb4f;
const PRIME_3: u64 = ((<u64>0x165667b1) << 32) | 0x9e3779f9;
const PRIME_4: u64 = ((<u64>0x85ebca77) << 32) | 0xc2b2ae63;

/** Whether the page is all zero (QEMU's buffer_is_zero, Xen's zero-page detection). */
export function pageIsZero(page: usize): bool {
  for (let p = page, end = page + PAGE; p < end; p += 128) {
    if (ASC_FEATURE_SIMD) {
      const a = v128.or(
        v128.or(v128.load(p), v128.load(p, 16)),
        v128.or(v128.load(p, 32), v128.load(p, 48)),
      );
      const b = v128.or(
        v128.or(v128.load(p, 64), v128.load(p, 80)),
        v128.or(v128.load(p, 96), v128.load(p, 112)),
      );
      if (v128.any_true(v128.or(a, b))) return false;
    } else {
      let any: u64 = 0;
      for (let k: usize = 0; k < 128; k += 32) {
        any |= load<u64>(p + k) | load<u64>(p + k, 8) | load<u64>(p + k, 16) | load<u64>(p + k, 24);
      }
      if (any !== 0) return false;
    }
  }
  return true;
}

/** mask[i] := page i of `count` is all zero; returns how many are. */
export function pageZeroMask(pages: usize, count: u32, mask: usize): u32 {
  let zeros: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const zero = <u32>pageIsZero(pages + <usize>i * PAGE);
    store<u32>(mask + ((<usize>i) << 2), zero);
    zeros += zero;
  }
  return zeros;
}

/** Whether two pages are equal. */
export function pageEqual(a: usize, b: usize): bool {
  for (let i: usize = 0; i < PAGE; i += 64) {
    if (ASC_FEATURE_SIMD) {
      const x = v128.or(
        v128.xor(v128.load(a + i), v128.load(b + i)),
        v128.xor(v128.load(a + i, 16), v128.load(b + i, 16)),
      );
      const y = v128.or(
        v128.xor(v128.load(a + i, 32), v128.load(b + i, 32)),
        v128.xor(v128.load(a + i, 48), v128.load(b + i, 48)),
      );
      if (v128.any_true(v128.or(x, y))) return false;
    } else {
      let any: u64 = 0;
      for (let k: usize = i; k < i + 64; k += 16) {
        any |= (load<u64>(a + k) ^ load<u64>(b + k)) | (load<u64>(a + k, 8) ^ load<u64>(b + k, 8));
      }
      if (any !== 0) return false;
    }
  }
  return true;
}

/** mask[i] := page i of a differs from page i of b; returns how many do. */
export function pageDiffering(a: usize, b: usize, count: u32, mask: usize): u32 {
  let differing: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const at = <usize>i * PAGE;
    const differs: u32 = 1 - <u32>pageEqual(a + at, b + at);
    store<u32>(mask + ((<usize>i) << 2), differs);
    differing += differs;
  }
  return differing;
}

/** XXH64 of one page, seed 0. */
export function pageHash64(page: usize): u64 {
  let v1 = PRIME_1 + PRIME_2;
  let v2 = PRIME_2;
  let v3: u64 = 0;
  let v4: u64 = 0 - PRIME_1;
  for (let p = page, end = page + PAGE; p < end; p += 32) {
    v1 = rotl<u64>(v1 + load<u64>(p) * PRIME_2, 31) * PRIME_1;
    v2 = rotl<u64>(v2 + load<u64>(p, 8) * PRIME_2, 31) * PRIME_1;
    v3 = rotl<u64>(v3 + load<u64>(p, 16) * PRIME_2, 31) * PRIME_1;
    v4 = rotl<u64>(v4 + load<u64>(p, 24) * PRIME_2, 31) * PRIME_1;
  }
  let h = rotl<u64>(v1, 1) + rotl<u64>(v2, 7) + rotl<u64>(v3, 12) + rotl<u64>(v4, 18);
  h = merge(merge(merge(merge(h, v1), v2), v3), v4);
  h += <u64>PAGE;
  h = (h ^ (h >> 33)) * PRIME_2;
  h = (h ^ (h >> 29)) * PRIME_3;
  return h ^ (h >> 32);
}

/** XXH64 of each of `count` pages, u64 each into `out`. */
export function pageHashMany(pages: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u64>(out + ((<usize>i) << 3), pageHash64(pages + <usize>i * PAGE));
  }
}

function merge(hash: u64, lane: u64): u64 {
  const mixed = rotl<u64>(lane * PRIME_2, 31) * PRIME_1;
  return (hash ^ mixed) * PRIME_1 + PRIME_4;
}
