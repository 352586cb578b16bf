/**
 * From a bitmap to page numbers: all of them, the next so many, in Clark's scattered order, and as
 * runs. The hybrid method: step from one filled word to the next, take words with few bits by
 * count-trailing-zeros with unconditional stores (the cursor is set right afterwards), and full
 * ones by a table. Bits of a dirty log are as good as random, and a mispredicted branch costs more
 * than all eight stores: there is one such branch a word, whether it is full.
 *
 *   table  ┌ byte 0x00 ────────┬ byte 0x01 ────────┬ ··· ┬ byte 0xff ────────┐
 *          │ - - - - - - - -   │ 0 - - - - - - -   │     │ 0 1 2 3 4 5 6 7   │   256 x 8 x u8
 *          └───────────────────┴───────────────────┴─────┴───────────────────┘
 *   out    u32 page numbers; up to 8 slots past the last one are overwritten, so every list has
 *          64 bytes of padding behind its capacity
 *
 * Unconditional stores: Lemire, "Really fast bitset decoding for average densities" (2019), as in
 * simdjson (Langdale & Lemire, VLDB Journal 28, 2019).
 * Time O(pages / 512 + set bits).
 */

/** Words with more set bits than this go through the table; the others take this many stores. */
const SPARSE_BITS_MAX: u32 = 8;

/** 64 words. */
const GROUP_BYTES: usize = 512;

const POSITIONS: usize = memory.data(2048, 16);

/** Fills the table of bit positions; runs once, when the module starts. */
export function prepareScan(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let at = POSITIONS + ((<usize>byte) << 3);
    for (let bit: u32 = 0; bit < 8; bit++) {
      if (((byte >> bit) & 1) !== 0) {
        store<u8>(at, <u8>bit);
        at++;
      }
    }
  }
}

/**
 * Writes every set page number, ascending; returns how many. Which of 64 words are not empty is a
 * word of its own, walked bit by bit: one branch that nothing foretells a group, not one a word.
 */
export function bitmapToPages(bits: usize, bytes: usize, out: usize): u32 {
  const end = bits + bytes;
  let at = out;
  for (let group = bits; group < end; group += GROUP_BYTES) {
    const page = u32(group - bits) << 3;
    let filled = filledWords(group, min<usize>(GROUP_BYTES, end - group));
    while (filled !== 0) {
      const word = <u32>ctz<u64>(filled);
      filled &= filled - 1;
      at = emitWord(load<u64>(group + ((<usize>word) << 3)), page + (word << 6), at);
    }
  }
  return u32((at - out) >> 2);
}

/** Writes at most `max` set page numbers >= from, ascending; returns how many. */
export function bitmapNextPages(bits: usize, bytes: usize, from: u32, max: u32, out: usize): u32 {
  const end = bits + bytes;
  let p = bits + (usize(from >> 6) << 3);
  if (p >= end || max === 0) return 0;
  let page = from & ~63;
  let at = out;
  let left = max;
  let w = load<u64>(p) & (~(<u64>0) << u64(from & 63));
  for (;;) {
    const count = <u32>popcnt<u64>(w);
    if (count > left) {
      at = emitFirst(w, left, page, at);
      break;
    }
    if (count !== 0) at = emitWord(w, page, at);
    left -= count;
    p += 8;
    page += 64;
    const next = skipEmpty(p, end);
    page += u32(next - p) << 3;
    p = next;
    if (p >= end || left === 0) break;
    w = load<u64>(p);
  }
  return u32((at - out) >> 2);
}

/**
 * Visits the pages in the order permute(step), step = from .. pages - 1, and writes the set ones
 * until `max` are out or the steps end; `state` receives {written, next step}.
 * Source: permute() of tools/libxc/xc_linux_save.c, the code of Clark et al. 2005. Below 1,024
 * pages the original's shift is undefined; here the order is then ascending.
 */
export function bitmapNextPermuted(
  bits: usize,
  pages: u32,
  from: u32,
  max: u32,
  out: usize,
  state: usize,
): void {
  const order: u32 = pages > 1 ? 32 - clz<u32>(pages - 1) : 0;
  const shift: u32 = order > 10 ? order - 10 : 0;
  const mask: u32 = order === 0 ? 0 : u32(((<u64>1) << (<u64>order)) - 1);
  const limit = out + ((<usize>max) << 2);
  let at = out;
  let step = from;
  while (step < pages && at < limit) {
    let page = step;
    if (shift !== 0) {
      do {
        page = ((page >> shift) | (page << 10)) & mask;
      } while (page >= pages);
    }
    store<u32>(at, page);
    at += usize((load<u32>(bits + (usize(page >> 5) << 2)) >> (page & 31)) & 1) << 2;
    step++;
  }
  store<u32>(state, u32((at - out) >> 2));
  store<u32>(state, step, 4);
}

/** Writes the runs of set pages as pairs first, end (exclusive); returns the number of runs. */
export function bitmapRuns(bits: usize, bytes: usize, out: usize): u32 {
  const end = bits + bytes;
  let at = out;
  let page: u32 = 0;
  let carry: u64 = 0;
  for (let p = bits; p < end; p += 64, page += 512) {
    if (carry === 0 && isEmpty64(p)) continue;
    for (let k: usize = 0; k < 64; k += 8) {
      const w = load<u64>(p + k);
      const edges = w ^ ((w << 1) | carry);
      carry = w >> 63;
      if (edges !== 0) at = emitWord(edges, page + ((<u32>k) << 3), at);
    }
  }
  if (carry !== 0) {
    store<u32>(at, page);
    at += 4;
  }
  return u32((at - out) >> 3);
}

/** The number of runs that bitmapRuns would write. */
export function bitmapRunCount(bits: usize, bytes: usize): u32 {
  let carry: u64 = 0;
  let starts: u64 = 0;
  for (let p = bits, end = bits + bytes; p < end; p += 8) {
    const w = load<u64>(p);
    starts += popcnt<u64>(w & ~((w << 1) | carry));
    carry = w >> 63;
  }
  return <u32>starts;
}

/** The first set page >= from, or -1. */
export function bitmapNextSet(bits: usize, bytes: usize, from: u32): i32 {
  const end = bits + bytes;
  let p = bits + (usize(from >> 6) << 3);
  if (p >= end) return -1;
  let w = load<u64>(p) & (~(<u64>0) << u64(from & 63));
  while (w === 0) {
    p += 8;
    p = skipEmpty(p, end);
    if (p >= end) return -1;
    w = load<u64>(p);
  }
  return i32(((p - bits) << 3) + <usize>ctz<u64>(w));
}

/** Writes at most `max` set page numbers <= from, descending; returns how many. */
export function bitmapPreviousPages(bits: usize, from: u32, max: u32, out: usize): u32 {
  const limit = out + ((<usize>max) << 2);
  let at = out;
  let p = bits + (usize(from >> 6) << 3);
  let w = load<u64>(p) & (~(<u64>0) >> u64(63 - (from & 63)));
  while (at < limit) {
    while (w !== 0 && at < limit) {
      const bit = 63 - <u32>clz<u64>(w);
      store<u32>(at, (u32(p - bits) << 3) + bit);
      w ^= (<u64>1) << (<u64>bit);
      at += 4;
    }
    if (at === limit) break;
    p = previousFilled(p, bits);
    if (p < bits) break;
    w = load<u64>(p);
  }
  return u32((at - out) >> 2);
}

/** The last set page <= from, or -1. */
export function bitmapPrevSet(bits: usize, from: u32): i32 {
  let p = bits + (usize(from >> 6) << 3);
  let w = load<u64>(p) & (~(<u64>0) >> u64(63 - (from & 63)));
  if (w === 0) {
    p = previousFilled(p, bits);
    if (p < bits) return -1;
    w = load<u64>(p);
  }
  return i32((u32(p - bits) << 3) + 63 - <u32>clz<u64>(w));
}

/** The last word before p that has a set bit; below `bits` when there is none. */
function previousFilled(p: usize, bits: usize): usize {
  let at = p - 8;
  while (at >= bits && load<u64>(at) === 0) {
    if ((at & 63) === 0) while (at > bits && isEmpty64(at - 64)) at -= 64;
    at -= 8;
  }
  return at;
}

/** Writes the set bits of one word as page numbers base + bit; returns the cursor behind them. */
export function emitWord(word: u64, base: u32, out: usize): usize {
  const count = <u32>popcnt<u64>(word);
  if (count > SPARSE_BITS_MAX) return emitDense(word, base, out);
  let w = word;
  store<u32>(out, base + <u32>ctz<u64>(w));
  w &= w - 1;
  store<u32>(out, base + <u32>ctz<u64>(w), 4);
  w &= w - 1;
  store<u32>(out, base + <u32>ctz<u64>(w), 8);
  w &= w - 1;
  store<u32>(out, base + <u32>ctz<u64>(w), 12);
  w &= w - 1;
  store<u32>(out, base + <u32>ctz<u64>(w), 16);
  w &= w - 1;
  store<u32>(out, base + <u32>ctz<u64>(w), 20);
  w &= w - 1;
  store<u32>(out, base + <u32>ctz<u64>(w), 24);
  w &= w - 1;
  store<u32>(out, base + <u32>ctz<u64>(w), 28);
  return out + ((<usize>count) << 2);
}

/** Writes the lowest `count` set bits of one word. */
export function emitFirst(word: u64, count: u32, base: u32, out: usize): usize {
  let w = word;
  let at = out;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(at, base + <u32>ctz<u64>(w));
    w &= w - 1;
    at += 4;
  }
  return at;
}

/** One word by the table, a byte at a time. */
function emitDense(word: u64, base: u32, out: usize): usize {
  let w = word;
  let at = out;
  if (ASC_FEATURE_SIMD) {
    let offset = i32x4.splat(base);
    const eight = i32x4.splat(8);
    for (let k = 0; k < 8; k++) {
      const byte = <u32>w & 255;
      const positions = v128.load_ext<u8>(POSITIONS + ((<usize>byte) << 3));
      v128.store(at, i32x4.add(v128.extend_low<u16>(positions), offset));
      v128.store(at, i32x4.add(v128.extend_high<u16>(positions), offset), 16);
      at += (<usize>popcnt<u32>(byte)) << 2;
      offset = i32x4.add(offset, eight);
      w >>= 8;
    }
    return at;
  } else {
    const next = out + ((<usize>popcnt<u64>(w)) << 2);
    while (at < next) {
      store<u32>(at, base + <u32>ctz<u64>(w));
      w &= w - 1;
      store<u32>(at, base + <u32>ctz<u64>(w), 4);
      w &= w - 1;
      store<u32>(at, base + <u32>ctz<u64>(w), 8);
      w &= w - 1;
      store<u32>(at, base + <u32>ctz<u64>(w), 12);
      w &= w - 1;
      at += 16;
    }
    return next;
  }
}

/** Bit i := word i of the `bytes` (a multiple of 64, at most 512) at p is not 0. */
function filledWords(p: usize, bytes: usize): u64 {
  let filled: u64 = 0;
  for (let i: usize = 0; i < bytes; i += 64) {
    filled |= u64(filledOf8(p + i)) << u64(i >> 3);
  }
  return filled;
}

/** Bit i := word i of eight is not 0. */
function filledOf8(p: usize): u32 {
  if (ASC_FEATURE_SIMD) {
    const zero = i64x2.splat(0);
    return (
      <u32>i64x2.bitmask(i64x2.ne(v128.load(p), zero)) |
      ((<u32>i64x2.bitmask(i64x2.ne(v128.load(p, 16), zero))) << 2) |
      ((<u32>i64x2.bitmask(i64x2.ne(v128.load(p, 32), zero))) << 4) |
      ((<u32>i64x2.bitmask(i64x2.ne(v128.load(p, 48), zero))) << 6)
    );
  } else {
    return (
      u32(load<u64>(p) !== 0) |
      (u32(load<u64>(p, 8) !== 0) << 1) |
      (u32(load<u64>(p, 16) !== 0) << 2) |
      (u32(load<u64>(p, 24) !== 0) << 3) |
      (u32(load<u64>(p, 32) !== 0) << 4) |
      (u32(load<u64>(p, 40) !== 0) << 5) |
      (u32(load<u64>(p, 48) !== 0) << 6) |
      (u32(load<u64>(p, 56) !== 0) << 7)
    );
  }
}

/** The next word from p on that is in a 16-byte piece with a set bit, or the end. */
function skipEmpty(p: usize, end: usize): usize {
  let at = p;
  while (at < end && (at & 15) === 0) {
    if ((at & 63) === 0 && isEmpty64(at)) at += 64;
    else if ((load<u64>(at) | load<u64>(at, 8)) === 0) at += 16;
    else break;
  }
  return at;
}

/** Whether the 64 bytes at p are all zero. */
function isEmpty64(p: usize): bool {
  if (ASC_FEATURE_SIMD) {
    return !v128.any_true(
      v128.or(v128.or(v128.load(p), v128.load(p, 16)), v128.or(v128.load(p, 32), v128.load(p, 48))),
    );
  } else {
    return (
      (load<u64>(p) |
        load<u64>(p, 8) |
        load<u64>(p, 16) |
        load<u64>(p, 24) |
        load<u64>(p, 32) |
        load<u64>(p, 40) |
        load<u64>(p, 48) |
        load<u64>(p, 56)) ===
      0
    );
  }
}
