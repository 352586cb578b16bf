/**
 * Bitmaps met by lists of page numbers: one batch of the migration loop (Xen's holds 1,024 pages)
 * is masked, marked or thinned out in one call.
 *
 *   list  ┌────┬────┬────┬─···        bits  ┌───────────────┬─···
 *         │ p0 │ p1 │ p2 │                  │ u32: 0 .. 31  │
 *         └────┴────┴────┴─···              └───────────────┴─···
 *
 * The caller has checked that every page number is in the bitmap. Time O(list), no branches on the
 * bits (a mispredicted branch costs more than the store it saves).
 */

/** mask[i] := bit of list[i]; returns how many are 1. */
export function bitmapMask(bits: usize, list: usize, count: u32, mask: usize): u32 {
  let ones: u32 = 0;
  const bytes = (<usize>count) << 2;
  for (let i: usize = 0; i < bytes; i += 4) {
    const page = load<u32>(list + i);
    const bit = (load<u32>(bits + (usize(page >> 5) << 2)) >> (page & 31)) & 1;
    store<u32>(mask + i, bit);
    ones += bit;
  }
  return ones;
}

/** Sets the bits of the list; returns how many were clear. */
export function bitmapSetList(bits: usize, list: usize, count: u32): u32 {
  let fresh: u32 = 0;
  for (let at = list, end = list + ((<usize>count) << 2); at < end; at += 4) {
    const page = load<u32>(at);
    const word = bits + (usize(page >> 5) << 2);
    const old = load<u32>(word);
    fresh += (~old >> (page & 31)) & 1;
    store<u32>(word, old | (1 << (page & 31)));
  }
  return fresh;
}

/** Clears the bits of the list; returns how many were set. */
export function bitmapClearList(bits: usize, list: usize, count: u32): u32 {
  let cleared: u32 = 0;
  for (let at = list, end = list + ((<usize>count) << 2); at < end; at += 4) {
    const page = load<u32>(at);
    const word = bits + (usize(page >> 5) << 2);
    const old = load<u32>(word);
    cleared += (old >> (page & 31)) & 1;
    store<u32>(word, old & ~(1 << (page & 31)));
  }
  return cleared;
}

/** Drops from the list, in place and in order, the pages whose bit is set; returns the rest. */
export function bitmapRemoveSet(bits: usize, list: usize, count: u32): u32 {
  let kept = list;
  for (let at = list, end = list + ((<usize>count) << 2); at < end; at += 4) {
    const page = load<u32>(at);
    store<u32>(kept, page);
    const bit = (load<u32>(bits + (usize(page >> 5) << 2)) >> (page & 31)) & 1;
    kept += usize(bit ^ 1) << 2;
  }
  return u32((kept - list) >> 2);
}

/** The largest number of the list, or 0 of an empty one: one look instead of a check per page. */
export function listMax(list: usize, count: u32): u32 {
  let max: u32 = 0;
  let at = list;
  const end = list + ((<usize>count) << 2);
  if (ASC_FEATURE_SIMD) {
    let maxima = i32x4.splat(0);
    for (; at + 16 <= end; at += 16) maxima = i32x4.max_u(maxima, v128.load(at));
    for (let lane: u32 = 0; lane < 4; lane++) {
      const value = <u32>i32x4.extract_lane(maxima, 0);
      if (value > max) max = value;
      maxima = i8x16.shuffle(maxima, maxima, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3);
    }
  }
  for (; at < end; at += 4) {
    const value = load<u32>(at);
    if (value > max) max = value;
  }
  return max;
}
