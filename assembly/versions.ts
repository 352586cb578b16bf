/**
 * Version numbers: what a target holds of each page, against what the source has written. Equal
 * versions mean equal contents, so the checker compares two arrays instead of two memories.
 *
 *   versions ┌────┬────┬─ ··· ─┬──────────────┐
 *            │ v0 │ v1 │       │ padding: 0   │   u32 each; whole 64-byte blocks
 *            └────┴────┴─ ··· ─┴──────────────┘
 *
 * Time O(list) for lists, O(pages / 16) for whole arrays.
 */

/** out[i] := versions[list[i]]. */
export function versionsGather(versions: usize, list: usize, count: u32, out: usize): void {
  const bytes = (<usize>count) << 2;
  for (let i: usize = 0; i < bytes; i += 4) {
    store<u32>(out + i, load<u32>(versions + ((<usize>load<u32>(list + i)) << 2)));
  }
}

/** versions[list[i]] := values[i]. */
export function versionsScatter(versions: usize, list: usize, count: u32, values: usize): void {
  const bytes = (<usize>count) << 2;
  for (let i: usize = 0; i < bytes; i += 4) {
    store<u32>(versions + ((<usize>load<u32>(list + i)) << 2), load<u32>(values + i));
  }
}

/** How many i have versions[list[i]] = values[i]. */
export function versionsCountEqual(versions: usize, list: usize, count: u32, values: usize): u32 {
  let equal: u32 = 0;
  const bytes = (<usize>count) << 2;
  for (let i: usize = 0; i < bytes; i += 4) {
    const held = load<u32>(versions + ((<usize>load<u32>(list + i)) << 2));
    equal += u32(held === load<u32>(values + i));
  }
  return equal;
}

/** How many entries of two arrays differ; `bytes` is a multiple of 64. */
export function versionsCountDiffering(a: usize, b: usize, bytes: usize): u32 {
  if (ASC_FEATURE_SIMD) {
    // A lane that differs compares to -1, so subtracting the comparison counts it.
    let sum = i32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 32) {
      sum = i32x4.sub(sum, i32x4.ne(v128.load(a + i), v128.load(b + i)));
      sum = i32x4.sub(sum, i32x4.ne(v128.load(a + i, 16), v128.load(b + i, 16)));
    }
    return (
      i32x4.extract_lane(sum, 0) +
      i32x4.extract_lane(sum, 1) +
      i32x4.extract_lane(sum, 2) +
      i32x4.extract_lane(sum, 3)
    );
  } else {
    let sum: u32 = 0;
    for (let i: usize = 0; i < bytes; i += 8) {
      sum += u32(load<u32>(a + i) !== load<u32>(b + i));
      sum += u32(load<u32>(a + i, 4) !== load<u32>(b + i, 4));
    }
    return sum;
  }
}

/** The first entry that differs, or -1; `bytes` is a multiple of 64. */
export function versionsFirstDiffering(a: usize, b: usize, bytes: usize): i32 {
  let i: usize = 0;
  while (i < bytes && load<u64>(a + i) === load<u64>(b + i)) i += 8;
  if (i >= bytes) return -1;
  return i32(i >> 2) + i32(load<u32>(a + i) === load<u32>(b + i));
}

/** All `pages` entries := value; the padding stays 0. */
export function versionsFill(versions: usize, pages: u32, value: u32): void {
  for (let at = versions, end = versions + ((<usize>pages) << 2); at < end; at += 4) {
    store<u32>(at, value);
  }
}

/** The sum of all entries, as a double (exact below 2^53). */
export function versionsSum(versions: usize, pages: u32): f64 {
  let sum: u64 = 0;
  for (let at = versions, end = versions + ((<usize>pages) << 2); at < end; at += 4) {
    sum += <u64>load<u32>(at);
  }
  return <f64>sum;
}
