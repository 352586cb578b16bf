/**
 * What the ring of wsclock.ts tells about its pages: the hottest of the working set, the intervals
 * between uses, the sizes of working sets.
 *
 *   past: one cell a bucket of intervals, log-linear as in HdrHistogram (64 buckets a power of two)
 *   ┌───────────┬───────────┐
 *   │ u64 count │ u64 sum   │  x 1600; the mean of a bucket is exact when its intervals are equal,
 *   └───────────┴───────────┘  which they are when ticks are regular
 *   digits: u32 x 1024, the counters of one radix pass
 *
 * Time: hottest O(pages / 64 + 5 |working set|), without a sort.
 */
import { AGE_CAP, oldMask } from "./guest";
import { wsclockWorkingSet } from "./wsclock";

/** Buckets of intervals up to 2^30. */
const BUCKETS: u32 = 1600;

const DIGITS: usize = memory.data(4096, 64);

/** Adds `count` intervals of `age` ticks; capped ages are no intervals (the page is as if new). */
export function recordInterval(past: usize, age: u32, count: u32): void {
  if (age >= AGE_CAP || count === 0) return;
  let bucket = age;
  if (age >= 64) {
    const octave = 31 - clz<u32>(age);
    bucket = ((octave - 5) << 6) + ((age >> (octave - 6)) & 63);
  }
  const cell = past + ((<usize>bucket) << 4);
  store<u64>(cell, load<u64>(cell) + <u64>count);
  store<u64>(cell, load<u64>(cell, 8) + <u64>age * <u64>count, 8);
}

/** Sums the recorded intervals into `bins` bins of `binTicks`; longer ones are left out. */
export function binIntervals(ring: usize, binTicks: u32, bins: u32): Uint32Array {
  const result = new Uint32Array(bins);
  const past = ring + <usize>load<u32>(ring, 32);
  for (let bucket: u32 = 0; bucket < BUCKETS; bucket++) {
    const cell = past + ((<usize>bucket) << 4);
    const count = load<u64>(cell);
    if (count === 0) continue;
    const bin = load<u64>(cell, 8) / count / <u64>binTicks;
    if (bin >= <u64>bins) continue;
    const sum = <u64>result[<i32>bin] + count;
    result[<i32>bin] = sum > 0xffffffff ? 0xffffffff : <u32>sum;
  }
  return result;
}

/** bins[i] := pages on the ring whose age is in [i, i + 1) * binTicks (R = 1: age 0). */
export function wsclockSizes(ring: usize, now: u32, binTicks: u32, bins: usize, count: u32): void {
  memory.fill(bins, 0, (<usize>count) << 2);
  const pages = load<u32>(ring, 4);
  const rs = ring + <usize>load<u32>(ring, 16);
  const last = ring + <usize>load<u32>(ring, 24);
  const ons = ring + <usize>load<u32>(ring, 20);
  let lastAge: u32 = 0;
  let bin: u32 = 0;
  for (let page: u32 = 0; page < pages; page += 64) {
    let left = load<u64>(ons + (<usize>page >> 3));
    const r = load<u64>(rs + (<usize>page >> 3));
    while (left !== 0) {
      const bit = <u32>ctz<u64>(left);
      left &= left - 1;
      const age = ageOf(last, r, page, bit, now);
      if (age !== lastAge) {
        lastAge = age;
        bin = age / binTicks;
      }
      if (bin < count) {
        const at = bins + ((<usize>bin) << 2);
        store<u32>(at, load<u32>(at) + 1);
      }
    }
  }
}

/**
 * Bit p of `out` := p is among the `max` hottest of the working set: smaller age first, then more
 * ones in the history, then the lower page number; returns how many. Radix selection: at most three
 * passes of ten bits find the age at the border, one the count of ones, one takes the pages.
 */
export function wsclockHottest(ring: usize, now: u32, max: u32, out: usize): u32 {
  const members = wsclockWorkingSet(ring, now, out);
  if (members <= max) return members;
  let wanted = max;
  let age: u32 = 0;
  // Often those of the last tick alone are too many: then the border is at age 0.
  const borderIsYoungest = youngest(ring, now, out, false) >= max;
  if (borderIsYoungest) youngest(ring, now, out, true);
  // Members are no older than tau: digits above its own are zero.
  const tau = load<u32>(ring, 8);
  const digits: u32 = tau < 1 << 10 ? 10 : tau < 1 << 20 ? 20 : 30;
  for (let shift: u32 = borderIsYoungest ? 0 : digits; shift > 0; ) {
    shift -= 10;
    memory.fill(DIGITS, 0, 4096);
    countDigits(ring, now, out, shift, age);
    let digit: u32 = 0;
    while (digit < 1023 && load<u32>(DIGITS + ((<usize>digit) << 2)) < wanted) {
      wanted -= load<u32>(DIGITS + ((<usize>digit) << 2));
      digit++;
    }
    age = (age << 10) | digit;
  }
  memory.fill(DIGITS, 0, 36);
  countZeros(ring, now, out, age);
  let zeros: u32 = 0;
  while (zeros < 8 && load<u32>(DIGITS + ((<usize>zeros) << 2)) < wanted) {
    wanted -= load<u32>(DIGITS + ((<usize>zeros) << 2));
    zeros++;
  }
  return keepHottest(ring, now, out, age, zeros, wanted);
}

/** How many pages of `set` are of age 0; only they stay in it if `keep`. */
function youngest(ring: usize, now: u32, set: usize, keep: bool): u32 {
  const pages = load<u32>(ring, 4);
  const rs = ring + <usize>load<u32>(ring, 16);
  const last = ring + <usize>load<u32>(ring, 24);
  let count: u32 = 0;
  for (let page: u32 = 0; page < pages; page += 64) {
    const at = <usize>page >> 3;
    const word = load<u64>(set + at);
    if (word === 0) continue;
    const young = word & (load<u64>(rs + at) | ~oldMask(last + ((<usize>page) << 2), now, 0));
    count += <u32>popcnt<u64>(young);
    if (keep) store<u64>(set + at, young);
  }
  return count;
}

/** Counts the next ten bits of the ages that begin with `prefix`. */
function countDigits(ring: usize, now: u32, set: usize, shift: u32, prefix: u32): void {
  const pages = load<u32>(ring, 4);
  const rs = ring + <usize>load<u32>(ring, 16);
  const last = ring + <usize>load<u32>(ring, 24);
  for (let page: u32 = 0; page < pages; page += 64) {
    let left = load<u64>(set + (<usize>page >> 3));
    if (left === 0) continue;
    const r = load<u64>(rs + (<usize>page >> 3));
    while (left !== 0) {
      const age = ageOf(last, r, page, <u32>ctz<u64>(left), now);
      left &= left - 1;
      if (age >> (shift + 10) !== prefix) continue;
      const at = DIGITS + (usize((age >> shift) & 1023) << 2);
      store<u32>(at, load<u32>(at) + 1);
    }
  }
}

/** Counts the zeros in the histories of the pages at the border age. */
function countZeros(ring: usize, now: u32, set: usize, border: u32): void {
  const pages = load<u32>(ring, 4);
  const rs = ring + <usize>load<u32>(ring, 16);
  const last = ring + <usize>load<u32>(ring, 24);
  for (let page: u32 = 0; page < pages; page += 64) {
    let left = load<u64>(set + (<usize>page >> 3));
    if (left === 0) continue;
    const r = load<u64>(rs + (<usize>page >> 3));
    while (left !== 0) {
      const bit = <u32>ctz<u64>(left);
      left &= left - 1;
      if (ageOf(last, r, page, bit, now) !== border) continue;
      const at = DIGITS + ((<usize>zerosOf(ring, page + bit)) << 2);
      store<u32>(at, load<u32>(at) + 1);
    }
  }
}

/** Clears the bits of those colder than (age, zeros), and of its equals past the first `wanted`. */
function keepHottest(ring: usize, now: u32, set: usize, border: u32, zeros: u32, wanted: u32): u32 {
  const pages = load<u32>(ring, 4);
  const rs = ring + <usize>load<u32>(ring, 16);
  const last = ring + <usize>load<u32>(ring, 24);
  let equals = wanted;
  let kept: u32 = 0;
  for (let page: u32 = 0; page < pages; page += 64) {
    let word = load<u64>(set + (<usize>page >> 3));
    const r = load<u64>(rs + (<usize>page >> 3));
    for (let left = word; left !== 0; left &= left - 1) {
      const bit = <u32>ctz<u64>(left);
      const age = ageOf(last, r, page, bit, now);
      if (age < border) continue;
      if (age === border) {
        const mine = zerosOf(ring, page + bit);
        if (mine < zeros) continue;
        if (mine === zeros && equals > 0) {
          equals--;
          continue;
        }
      }
      word &= ~((<u64>1) << (<u64>bit));
    }
    store<u64>(set + (<usize>page >> 3), word);
    kept += <u32>popcnt<u64>(word);
  }
  return kept;
}

/** A page used since the last tick is as young as can be. */
function ageOf(last: usize, r: u64, page: u32, bit: u32, now: u32): u32 {
  if (((r >> <u64>bit) & 1) !== 0) return 0;
  return now - load<u32>(last + (usize(page + bit) << 2));
}

function zerosOf(ring: usize, page: u32): u32 {
  return 8 - popcnt<u32>(<u32>load<u8>(ring + <usize>load<u32>(ring, 28) + <usize>page));
}
