/**
 * What simple formulas say, for comparison. M0: V0 = M, V = min(W, r t), until V / B fits into the
 * limit (geometric). M1: the same with unique pages W (1 - e^(-r t / W)), pages of zeros at 9 bytes
 * and pages with contents at 4,104.
 */
import { exponential } from "../base/math.js";

export interface BaselineInput {
  readonly pages: number;
  readonly zeroPages: number;
  readonly writtenPages: number;
  readonly writesPerSec: number;
  readonly bytesPerSec: number;
  readonly downtimeLimitMs: number;
}

export interface BaselineOutcome {
  /** Infinity where the formula never ends. */
  readonly totalMs: number;
  readonly downtimeMs: number;
  readonly bytes: number;
}

const ROUNDS_MAX = 1000;
const NEVER: BaselineOutcome = {
  totalMs: Number.POSITIVE_INFINITY,
  downtimeMs: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
};

export function geometric(input: BaselineInput): BaselineOutcome {
  const { pages, writtenPages, writesPerSec } = input;
  const dirtied = (sec: number) => Math.min(writtenPages, writesPerSec * sec);
  return rounds(input, pages * 4096, 4096, dirtied);
}

export function uniquePages(input: BaselineInput): BaselineOutcome {
  const { pages, zeroPages, writtenPages, writesPerSec } = input;
  const dirtied = (sec: number) =>
    writtenPages > 0 ? writtenPages * (1 - exponential((-writesPerSec * sec) / writtenPages)) : 0;
  return rounds(input, (pages - zeroPages) * 4104 + zeroPages * 9, 4104, dirtied);
}

function rounds(
  { bytesPerSec, downtimeLimitMs }: BaselineInput,
  firstBytes: number,
  pageBytes: number,
  dirtied: (sec: number) => number,
): BaselineOutcome {
  let left = firstBytes;
  let [sec, bytes] = [0, 0];
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const roundSec = left / bytesPerSec;
    bytes += left;
    sec += roundSec;
    if (round > 0 && roundSec * 1000 <= downtimeLimitMs) {
      return { totalMs: sec * 1000, downtimeMs: roundSec * 1000, bytes };
    }
    left = dirtied(roundSec) * pageBytes;
  }
  return NEVER;
}
