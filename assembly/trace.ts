/**
 * Replay of one interval of a page trace: the pages that were written and those only read, in a
 * seeded order (a log-dirty sample has no order of its own).
 *
 *   header (64 bytes)                                accesses
 *   ┌───────────────────────────┬─────────────────┐  ┌────┬────┬─ ··· ─┬────┐
 *   │ +0 s0 s1 s2 s3            │ +16 length      │  │ a0 │ a1 │       │    │  u32 access words
 *   └───────────────────────────┴─────────────────┘  └────┴────┴─ ··· ─┴────┘
 *
 * Time O(accesses).
 */
import { WRITE } from "./guest";
import { below, randomFill } from "./random";

const CHUNK: u32 = 2048;
const DRAWS: usize = memory.data(2048 * 4, 64);

/** Marks the first `written` of `length` access words as writes, then shuffles all of them. */
export function traceShuffle(trace: usize, written: u32, length: u32): void {
  const accesses = trace + 64;
  for (let at = accesses, end = accesses + ((<usize>written) << 2); at < end; at += 4) {
    store<u32>(at, load<u32>(at) | WRITE);
  }
  // Fisher & Yates from the top down (Durstenfeld 1964): j := below(i + 1), swap i and j.
  for (let top = length; top > 1; ) {
    const chunk = top - 1 < CHUNK ? top - 1 : CHUNK;
    randomFill(trace, DRAWS, chunk);
    for (let k: u32 = 0; k < chunk; k++) {
      const i = accesses + (usize(top - 1) << 2);
      const j = accesses + ((<usize>below(load<u32>(DRAWS + ((<usize>k) << 2)), top)) << 2);
      const kept = load<u32>(i);
      store<u32>(i, load<u32>(j));
      store<u32>(j, kept);
      top--;
    }
  }
  store<u32>(trace, length, 16);
}
