/**
 * Page bitmaps: set algebra, counts, and the fused read-and-clear of a dirty log
 * (Xen's XEN_DOMCTL_SHADOW_OP_CLEAN, KVM_GET_DIRTY_LOG).
 *
 *   bit p of page p                                             storage: whole 64-byte blocks
 *   ┌───────────────┬───────────────┬─── ··· ───┬───────────────┐
 *   │ u64: 0 .. 63  │ u64: 64 .. 127│           │ tail bits = 0 │
 *   └───────────────┴───────────────┴─── ··· ───┴───────────────┘
 *   ^ 64-byte aligned; `bytes` is a multiple of 64, so four vectors a step need no remainder
 *
 * Counting: i8x16.popcnt, byte sums of four vectors (at most 32 a byte), widened once a step;
 * measured faster in Wasm than Harley-Seal carry-save adders. Time O(pages / 512).
 */

/** Number of set bits. */
export function bitmapCount(bits: usize, bytes: usize): u32 {
  const end = bits + bytes;
  if (ASC_FEATURE_SIMD) {
    let sum = i32x4.splat(0);
    let p = bits;
    for (; p + 64 < end; p += 128) {
      const a = sumBytes(v128.load(p), v128.load(p, 16), v128.load(p, 32), v128.load(p, 48));
      const b = sumBytes(v128.load(p, 64), v128.load(p, 80), v128.load(p, 96), v128.load(p, 112));
      sum = i32x4.add(sum, widen(i8x16.add(a, b)));
    }
    if (p < end) {
      const a = sumBytes(v128.load(p), v128.load(p, 16), v128.load(p, 32), v128.load(p, 48));
      sum = i32x4.add(sum, widen(a));
    }
    return total(sum);
  } else {
    let sum: u64 = 0;
    for (let p = bits; p < end; p += 16) {
      sum += popcnt<u64>(load<u64>(p)) + popcnt<u64>(load<u64>(p, 8));
    }
    return <u32>sum;
  }
}

/** out := a | b; returns the new count. `out` may be `a` or `b`, here and below. */
export function bitmapOr(out: usize, a: usize, b: usize, bytes: usize): u32 {
  if (ASC_FEATURE_SIMD) {
    let sum = i32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 64) {
      const v0 = v128.or(v128.load(a + i), v128.load(b + i));
      const v1 = v128.or(v128.load(a + i, 16), v128.load(b + i, 16));
      const v2 = v128.or(v128.load(a + i, 32), v128.load(b + i, 32));
      const v3 = v128.or(v128.load(a + i, 48), v128.load(b + i, 48));
      storeBlock(out + i, v0, v1, v2, v3);
      sum = i32x4.add(sum, widen(sumBytes(v0, v1, v2, v3)));
    }
    return total(sum);
  } else {
    let sum: u64 = 0;
    for (let i: usize = 0; i < bytes; i += 8) {
      const w = load<u64>(a + i) | load<u64>(b + i);
      store<u64>(out + i, w);
      sum += popcnt<u64>(w);
    }
    return <u32>sum;
  }
}

/** out := a & b; returns the new count. */
export function bitmapAnd(out: usize, a: usize, b: usize, bytes: usize): u32 {
  if (ASC_FEATURE_SIMD) {
    let sum = i32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 64) {
      const v0 = v128.and(v128.load(a + i), v128.load(b + i));
      const v1 = v128.and(v128.load(a + i, 16), v128.load(b + i, 16));
      const v2 = v128.and(v128.load(a + i, 32), v128.load(b + i, 32));
      const v3 = v128.and(v128.load(a + i, 48), v128.load(b + i, 48));
      storeBlock(out + i, v0, v1, v2, v3);
      sum = i32x4.add(sum, widen(sumBytes(v0, v1, v2, v3)));
    }
    return total(sum);
  } else {
    let sum: u64 = 0;
    for (let i: usize = 0; i < bytes; i += 8) {
      const w = load<u64>(a + i) & load<u64>(b + i);
      store<u64>(out + i, w);
      sum += popcnt<u64>(w);
    }
    return <u32>sum;
  }
}

/** out := a & ~b; returns the new count. */
export function bitmapAndNot(out: usize, a: usize, b: usize, bytes: usize): u32 {
  if (ASC_FEATURE_SIMD) {
    let sum = i32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 64) {
      const v0 = v128.andnot(v128.load(a + i), v128.load(b + i));
      const v1 = v128.andnot(v128.load(a + i, 16), v128.load(b + i, 16));
      const v2 = v128.andnot(v128.load(a + i, 32), v128.load(b + i, 32));
      const v3 = v128.andnot(v128.load(a + i, 48), v128.load(b + i, 48));
      storeBlock(out + i, v0, v1, v2, v3);
      sum = i32x4.add(sum, widen(sumBytes(v0, v1, v2, v3)));
    }
    return total(sum);
  } else {
    let sum: u64 = 0;
    for (let i: usize = 0; i < bytes; i += 8) {
      const w = load<u64>(a + i) & ~load<u64>(b + i);
      store<u64>(out + i, w);
      sum += popcnt<u64>(w);
    }
    return <u32>sum;
  }
}

/** |a & b|, nothing written. */
export function bitmapCountAnd(a: usize, b: usize, bytes: usize): u32 {
  if (ASC_FEATURE_SIMD) {
    let sum = i32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 64) {
      const v0 = v128.and(v128.load(a + i), v128.load(b + i));
      const v1 = v128.and(v128.load(a + i, 16), v128.load(b + i, 16));
      const v2 = v128.and(v128.load(a + i, 32), v128.load(b + i, 32));
      const v3 = v128.and(v128.load(a + i, 48), v128.load(b + i, 48));
      sum = i32x4.add(sum, widen(sumBytes(v0, v1, v2, v3)));
    }
    return total(sum);
  } else {
    let sum: u64 = 0;
    for (let i: usize = 0; i < bytes; i += 8)
      sum += popcnt<u64>(load<u64>(a + i) & load<u64>(b + i));
    return <u32>sum;
  }
}

/** |a & ~b|, nothing written. */
export function bitmapCountAndNot(a: usize, b: usize, bytes: usize): u32 {
  if (ASC_FEATURE_SIMD) {
    let sum = i32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 64) {
      const v0 = v128.andnot(v128.load(a + i), v128.load(b + i));
      const v1 = v128.andnot(v128.load(a + i, 16), v128.load(b + i, 16));
      const v2 = v128.andnot(v128.load(a + i, 32), v128.load(b + i, 32));
      const v3 = v128.andnot(v128.load(a + i, 48), v128.load(b + i, 48));
      sum = i32x4.add(sum, widen(sumBytes(v0, v1, v2, v3)));
    }
    return total(sum);
  } else {
    let sum: u64 = 0;
    for (let i: usize = 0; i < bytes; i += 8) {
      sum += popcnt<u64>(load<u64>(a + i) & ~load<u64>(b + i));
    }
    return <u32>sum;
  }
}

/** shadow := bits, bits := 0, in one pass; returns how many were set. */
export function bitmapHarvest(bits: usize, shadow: usize, bytes: usize): u32 {
  if (ASC_FEATURE_SIMD) {
    let sum = i32x4.splat(0);
    const zero = i32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 64) {
      const p = bits + i;
      const v0 = v128.load(p);
      const v1 = v128.load(p, 16);
      const v2 = v128.load(p, 32);
      const v3 = v128.load(p, 48);
      storeBlock(shadow + i, v0, v1, v2, v3);
      storeBlock(p, zero, zero, zero, zero);
      sum = i32x4.add(sum, widen(sumBytes(v0, v1, v2, v3)));
    }
    return total(sum);
  } else {
    let sum: u64 = 0;
    for (let i: usize = 0; i < bytes; i += 8) {
      const w = load<u64>(bits + i);
      store<u64>(shadow + i, w);
      store<u64>(bits + i, 0);
      sum += popcnt<u64>(w);
    }
    return <u32>sum;
  }
}

/** Whether a & ~b is empty; stops at the first block where it is not. */
export function bitmapIsSubset(a: usize, b: usize, bytes: usize): bool {
  for (let i: usize = 0; i < bytes; i += 32) {
    const w =
      (load<u64>(a + i) & ~load<u64>(b + i)) |
      (load<u64>(a + i, 8) & ~load<u64>(b + i, 8)) |
      (load<u64>(a + i, 16) & ~load<u64>(b + i, 16)) |
      (load<u64>(a + i, 24) & ~load<u64>(b + i, 24));
    if (w !== 0) return false;
  }
  return true;
}

/** Sets the bits first .. first + count - 1. */
export function bitmapSetRange(bits: usize, first: u32, count: u32): void {
  if (count === 0) return;
  const last = first + count - 1;
  const head = ~(<u64>0) << u64(first & 63);
  const tail = ~(<u64>0) >> u64(63 - (last & 63));
  const from = bits + (usize(first >> 6) << 3);
  const to = bits + (usize(last >> 6) << 3);
  if (from === to) {
    store<u64>(from, load<u64>(from) | (head & tail));
    return;
  }
  store<u64>(from, load<u64>(from) | head);
  memory.fill(from + 8, 0xff, to - from - 8);
  store<u64>(to, load<u64>(to) | tail);
}

/** Bit counts of four vectors, added byte by byte (at most 32 in each). */
function sumBytes(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.add(
    i8x16.add(i8x16.popcnt(a), i8x16.popcnt(b)),
    i8x16.add(i8x16.popcnt(c), i8x16.popcnt(d)),
  );
}

/** Sixteen byte counts to four u32. */
function widen(counts: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(counts));
}

function total(sum: v128): u32 {
  return (
    i32x4.extract_lane(sum, 0) +
    i32x4.extract_lane(sum, 1) +
    i32x4.extract_lane(sum, 2) +
    i32x4.extract_lane(sum, 3)
  );
}

function storeBlock(p: usize, v0: v128, v1: v128, v2: v128, v3: v128): void {
  v128.store(p, v0);
  v128.store(p, v1, 16);
  v128.store(p, v2, 32);
  v128.store(p, v3, 48);
}
