/**
 * WSClock (Carr & Hennessy, SOSP 1981, pp. 87-95; in Tanenbaum's form, Modern Operating Systems
 * 3.4.9): all pages of a guest stand on a ring; page p at place p.
 *
 *   header (64 bytes)                                  then, at the header's offsets
 *   ┌────────────────┬────────────────┬─────────────┐  ┌──────────────────────────────┐
 *   │ +0  hand       │ +4  pages      │ +8  tau     │  │ R          1 bit a page      │
 *   │ +12 agedAt     │ +16 R at       │ +20 ring at │  │ on ring    1 bit             │
 *   │ +24 last at    │ +28 history at │ +32 past at │  │ last use   u32 ticks         │
 *   │ +36 clean      │ +40 dirty      │ +44 in set  │  │ history    u8, newest bit 7  │
 *   │ +48 full       │                │             │  │ past       re-use intervals  │
 *   └────────────────┴────────────────┴─────────────┘  └──────────────────────────────┘
 *   M is a bitmap of the caller's. +36 .. +48 answer the last sweep.
 *
 * Bit-parallel: 64 pages a step; ages compared in lanes, narrowed to one mask word. Ages are
 * differences mod 2^32; those beyond 2^30 are pulled back to 2^30, so time may wrap as long as the
 * ring is called at least once in 2^31 ticks. Time O(pages / 64) a circle, plus what it emits.
 */
import { emitFirst, emitWord } from "./bitmap-scan";
import { AGE_CAP, agesAreDue, capAges, oldMask } from "./guest";
import { recordInterval } from "./wsclock-measure";

const ALL: u64 = ~(<u64>0);

/** 0x01 in every byte; and in byte k the bit k. */
const ONES: u64 = ALL / 255;
const DIAGONAL: u64 = ((<u64>0x80402010) << 32) | 0x08040201;

/** Words with more references than this are stamped by vectors, others bit by bit. */
const STAMP_BITS_MAX: u32 = 12;

/** Puts all pages on the ring, never used. The offsets in the header are set. */
export function wsclockInit(ring: usize, now: u32): void {
  const pages = load<u32>(ring, 4);
  const last = ring + <usize>load<u32>(ring, 24);
  for (let p = last, end = last + ((<usize>pages) << 2); p < end; p += 4) {
    store<u32>(p, now - AGE_CAP);
  }
  store<u32>(ring, now, 12);
}

/** The clock interrupt: R = 1 -> last use := now, R := 0; history takes R; returns how many. */
export function wsclockTick(ring: usize, now: u32): u32 {
  keepAges(ring, now);
  const pages = load<u32>(ring, 4);
  const past = ring + <usize>load<u32>(ring, 32);
  let r = ring + <usize>load<u32>(ring, 16);
  let on = ring + <usize>load<u32>(ring, 20);
  let last = ring + <usize>load<u32>(ring, 24);
  let history = ring + <usize>load<u32>(ring, 28);
  let referenced: u32 = 0;
  for (let page: u32 = 0; page < pages; page += 64) {
    const word = load<u64>(r) & load<u64>(on);
    shiftHistory(history, word);
    if (word !== 0) {
      recordWord(past, last, word, now);
      referenced += <u32>popcnt<u64>(word);
    }
    store<u64>(r, 0);
    r += 8;
    on += 8;
    last += 256;
    history += 64;
  }
  return referenced;
}

/**
 * One circle from the hand: R = 1 -> cleared, last := now, in the set; age <= tau -> in the set;
 * old and clean -> victim; old and dirty -> its write is scheduled, at most `writesMax` of them.
 * Stops behind victim number `victimsMax` and leaves the hand there; `full` unless pages of the
 * circle are left. A list of 0 is only counted.
 */
export function wsclockSweep(
  ring: usize,
  modified: usize,
  now: u32,
  clean: usize,
  victimsMax: u32,
  dirty: usize,
  writesMax: u32,
): void {
  keepAges(ring, now);
  const words = (load<u32>(ring, 4) + 63) >> 6;
  const tau = load<u32>(ring, 8);
  const rs = ring + <usize>load<u32>(ring, 16);
  const ons = ring + <usize>load<u32>(ring, 20);
  const lasts = ring + <usize>load<u32>(ring, 24);
  const hand = load<u32>(ring);
  const split = u64(hand & 63);
  let cleanAt = clean;
  let dirtyAt = dirty;
  let victims: u32 = 0;
  let writes: u32 = 0;
  let members: u32 = 0;
  let full: u32 = 1;
  let i = hand >> 6;
  // The hand's own word is met twice: its upper part first, its lower part last.
  for (let k: u32 = 0; k <= words; k++) {
    const mask = k === 0 ? ALL << split : k === words ? ~(ALL << split) : ALL;
    const at = (<usize>i) << 3;
    const lastAt = lasts + ((<usize>i) << 8);
    let present = load<u64>(ons + at) & mask;
    if (present !== 0) {
      let r = load<u64>(rs + at) & present;
      let old: u64 = 0;
      if (r !== present) old = oldMask(lastAt, now, tau) & present & ~r;
      if (old !== 0) {
        const m = load<u64>(modified + at);
        let cold = old & ~m;
        const found = <u32>popcnt<u64>(cold);
        if (found !== 0 && found >= victimsMax - victims) {
          // Stop behind the last victim that is wanted: drop what lies past it.
          const bit = nthSetBit(cold, victimsMax - victims);
          const upTo = ALL >> (63 - bit);
          present &= upTo;
          r &= upTo;
          old &= upTo;
          cold &= upTo;
          full = stopBehind(ring, (i << 6) + <u32>bit);
        }
        const scheduled = old & m;
        victims += <u32>popcnt<u64>(cold);
        if (clean !== 0 && cold !== 0) cleanAt = emitWord(cold, i << 6, cleanAt);
        if (scheduled !== 0 && writes < writesMax) {
          const taken = min<u32>(<u32>popcnt<u64>(scheduled), writesMax - writes);
          if (dirty !== 0) dirtyAt = emitFirst(scheduled, taken, i << 6, dirtyAt);
          writes += taken;
        }
      }
      if (r !== 0) {
        store<u64>(rs + at, load<u64>(rs + at) & ~r);
        stamp(lastAt, r, now);
      }
      members += <u32>popcnt<u64>(present & ~old);
      if (full === 0) break;
    }
    i = i + 1 === words ? 0 : i + 1;
  }
  answerSweep(ring, victims, writes, members, full);
}

function answerSweep(ring: usize, victims: u32, writes: u32, members: u32, full: u32): void {
  store<u32>(ring, victims, 36);
  store<u32>(ring, writes, 40);
  store<u32>(ring, members, 44);
  store<u32>(ring, full, 48);
}

/** Leaves the hand behind `page`; 1 if that is where it stood, so that the circle is whole. */
function stopBehind(ring: usize, page: u32): u32 {
  const hand = load<u32>(ring);
  const stop = page + 1 === load<u32>(ring, 4) ? 0 : page + 1;
  store<u32>(ring, stop);
  return stop === hand ? 1 : 0;
}

/** Bit p of `out` := p is on the ring and R = 1 or its age is at most tau; returns how many. */
export function wsclockWorkingSet(ring: usize, now: u32, out: usize): u32 {
  keepAges(ring, now);
  const pages = load<u32>(ring, 4);
  const tau = load<u32>(ring, 8);
  const rs = ring + <usize>load<u32>(ring, 16);
  const ons = ring + <usize>load<u32>(ring, 20);
  const lasts = ring + <usize>load<u32>(ring, 24);
  let members: u32 = 0;
  for (let page: u32 = 0; page < pages; page += 64) {
    const at = <usize>page >> 3;
    let word = load<u64>(ons + at);
    if (word !== 0) {
      word &= load<u64>(rs + at) | ~oldMask(lasts + ((<usize>page) << 2), now, tau);
      members += <u32>popcnt<u64>(word);
    }
    store<u64>(out + at, word);
  }
  return members;
}

/** Pulls ages that are far gone back to the cap, every 2^29 ticks. */
export function keepAges(ring: usize, now: u32): void {
  if (!agesAreDue(load<u32>(ring, 12), now)) return;
  capAges(ring + <usize>load<u32>(ring, 24), load<u32>(ring, 4), now);
  store<u32>(ring, now, 12);
}

/** last[i] := now for the set bits of r, records the interval of each. */
function recordWord(past: usize, last: usize, r: u64, now: u32): void {
  let left = r;
  let age: u32 = 0;
  let count: u32 = 0;
  while (left !== 0) {
    const at = last + ((<usize>ctz<u64>(left)) << 2);
    left &= left - 1;
    const next = now - load<u32>(at);
    store<u32>(at, now);
    // Neighbours mostly share their interval: count the run, record it once.
    if (next !== age) {
      recordInterval(past, age, count);
      age = next;
      count = 0;
    }
    count++;
  }
  recordInterval(past, age, count);
}

/** last[i] := now for the set bits of r. */
function stamp(last: usize, r: u64, now: u32): void {
  if (ASC_FEATURE_SIMD) {
    if (<u32>popcnt<u64>(r) > STAMP_BITS_MAX) {
      const nows = i32x4.splat(now);
      const lanes = i32x4(1, 2, 4, 8);
      let bits = r;
      for (let at = last, end = last + 256; at < end; at += 16) {
        const chosen = v128.and(i32x4.splat(<u32>bits), lanes);
        const keep = i32x4.eq(chosen, i32x4.splat(0));
        v128.store(at, v128.bitselect(v128.load(at), nows, keep));
        bits >>= 4;
      }
      return;
    }
  }
  let left = r;
  while (left !== 0) {
    store<u32>(last + ((<usize>ctz<u64>(left)) << 2), now);
    left &= left - 1;
  }
}

/** history[i] := history[i] >> 1 | bit i of r << 7, for 64 pages, eight a step. */
function shiftHistory(history: usize, r: u64): void {
  let bits = r;
  for (let at = history, end = history + 64; at < end; at += 8) {
    const old = load<u64>(at);
    const eight = bits & 0xff;
    bits >>= 8;
    if ((old | eight) === 0) continue;
    // Bit k of the eight into byte k, then any bit of a byte into its top bit.
    const spread = (eight * ONES) & DIAGONAL;
    const top = (spread | (spread + ONES * 0x7f)) & (ONES << 7);
    store<u64>(at, ((old >> 1) & (ONES * 0x7f)) | top);
  }
}

/** The place of set bit number n (from 1), counted from the lowest. */
function nthSetBit(word: u64, n: u32): u64 {
  let w = word;
  for (let i: u32 = 1; i < n; i++) w &= w - 1;
  return ctz<u64>(w);
}
