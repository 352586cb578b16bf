/**
 * How well the preset `simgrid` agrees with SimGrid on cases that it computed. Rounds must be
 * equal. Times: within 1e-8 of the total for one guest on CM02 without latency, 1e-6 elsewhere;
 * bytes of the pause within 64 or the same share, whichever is more; the downtime within the time
 * of those bytes at the rate of the pause, or 1e-6 of it (the files print nine digits).
 */

import type { FluidBounds, FluidCounts } from "./sender.js";
import { SIMGRID_BOUNDS, simulateSimgrid } from "./simgrid.js";
import type { SimgridCase, SimgridCaseClass, SimgridExpected } from "./simgrid-cases.js";
import type { SimgridResult } from "./simgrid-guest.js";

/** Largest error of times, relative to SimGrid's, by class. */
export const SIMGRID_TOLERANCE: Readonly<Record<SimgridCaseClass, number>> = {
  single: 1e-8,
  independent: 1e-8,
  latency: 1e-6,
  LV08: 1e-6,
  "cross traffic": 1e-6,
  sharing: 1e-6,
};

const BYTES_TOLERANCE = 64;
const SHARE_TOLERANCE = 1e-6;

export interface SimgridVerdict {
  readonly name: string;
  readonly kind: SimgridCaseClass;
  readonly agrees: boolean;
  /** Largest of the guests: |total - SimGrid's| / SimGrid's. */
  readonly totalError: number;
  /** Largest of the guests, bytes. */
  readonly stopCopyBytesError: number;
  /** What differs, in words; empty when the case agrees. */
  readonly differences: readonly string[];
}

/** Runs the cases and compares, crashed ones left out. `bounds.stepsMax` holds for all of them together. */
export function validateSimgridCases(
  cases: readonly SimgridCase[],
  bounds: FluidBounds = SIMGRID_BOUNDS,
): SimgridVerdict[] {
  const counts = { steps: 0 };
  return cases.filter(({ crashed }) => !crashed).map((one) => validateCase(one, bounds, counts));
}

function validateCase(one: SimgridCase, bounds: FluidBounds, counts: FluidCounts): SimgridVerdict {
  const results = simulateSimgrid(one.worlds, bounds, counts);
  const differences: string[] = [];
  let totalError = 0;
  let stopCopyBytesError = 0;
  for (const [i, expected] of one.expected.entries()) {
    const world = results[i % results.length] as SimgridResult[];
    const result = world[Math.floor(i / results.length)] as SimgridResult;
    const words = differencesOf(result, expected, SIMGRID_TOLERANCE[one.kind]);
    differences.push(...words.map((word) => `${expected.guest} ${word}`));
    totalError = Math.max(totalError, relativeError(result.totalSec, expected.totalSec));
    const bytesError = Math.abs(result.stopCopyBytes - expected.stopCopyBytes);
    stopCopyBytesError = Math.max(stopCopyBytesError, bytesError);
  }
  const { name, kind } = one;
  const agrees = differences.length === 0;
  return { name, kind, agrees, totalError, stopCopyBytesError, differences };
}

function differencesOf(
  result: SimgridResult,
  expected: SimgridExpected,
  tolerance: number,
): string[] {
  const words: string[] = [];
  const differ = (what: string, ours: number, theirs: number) =>
    words.push(`${what} ${ours}, SimGrid ${theirs}`);
  if (result.cutOff !== undefined) words.push(result.cutOff);
  if (result.precopyRounds !== expected.precopyRounds) {
    differ("rounds", result.precopyRounds, expected.precopyRounds);
  }
  if (!(relativeError(result.totalSec, expected.totalSec) <= tolerance)) {
    differ("total s", result.totalSec, expected.totalSec);
  }
  const bytesAllowed = Math.max(BYTES_TOLERANCE, SHARE_TOLERANCE * expected.stopCopyBytes);
  if (!(Math.abs(result.stopCopyBytes - expected.stopCopyBytes) <= bytesAllowed)) {
    differ("stop-copy bytes", result.stopCopyBytes, expected.stopCopyBytes);
  }
  const rate = expected.stopCopyBytes / expected.downtimeSec;
  const secAllowed = Math.max(
    Number.isFinite(rate) && rate > 0 ? bytesAllowed / rate : 0,
    // Downtimes are differences of printed instants: nine digits of the longest.
    SHARE_TOLERANCE * expected.downtimeSec + 1e-9 * Math.max(1, expected.totalSec),
  );
  if (!(Math.abs(result.downtimeSec - expected.downtimeSec) <= secAllowed)) {
    differ("downtime s", result.downtimeSec, expected.downtimeSec);
  }
  if (!(relativeError(result.sentBytes, expected.sentBytes) <= SHARE_TOLERANCE)) {
    differ("bytes sent", result.sentBytes, expected.sentBytes);
  }
  return words;
}

/** Infinity for anything beside an expected 0. */
function relativeError(ours: number, theirs: number): number {
  return ours === theirs ? 0 : Math.abs(ours - theirs) / theirs;
}
