/**
 * Which pages will be written again soon. A predictor is fed what the log and the accessed bits
 * show, and names at most so many pages that are better sent last.
 *
 * Time is the guest's own: nanoseconds that it executed, so that a throttled guest does not age.
 */

import type { ParamSpecs, ParamValues } from "../base/params.js";
import type { Kernels, PageBitmap } from "../kernels/index.js";

/**
 * What a predictor has to be shown. `writes`: the dirty log. `references`: accessed bits.
 * `last-use` and `future` exist in the model alone (no hardware tells them): the exact time of
 * last use of each page, and the writes that are still to come.
 */
export type Evidence = "none" | "writes" | "references" | "last-use" | "future";

export interface WorkingSetPredictor {
  readonly evidence: Evidence;
  /** For `last-use` and `future`: how far back or ahead to look, guest nanoseconds; 0 = as long as
   * the coming round is expected to take. */
  readonly windowNs: number;
  /** Time between two samples. */
  readonly tickNs: number;
  /** Samples taken before the first round. */
  readonly warmupTicks: number;
  /** Pages seen used since the last call. Ages do not move: round ends may be milliseconds apart. */
  observe(used: PageBitmap): void;
  /** The clock interrupt: what was observed since the last tick becomes history. */
  tick(virtualNs: number): void;
  /** Puts at most `pagesMax` pages into `out`, the hottest first; returns how many. */
  select(pagesMax: number, virtualNs: number, out: PageBitmap): number;
  /** What it decided by itself, for the report (for instance the chosen tau). */
  describe(): Record<string, number | string>;
}

export interface PredictorContext {
  readonly kernels: Kernels;
  readonly pages: number;
}

/** How a predictor is registered: its name, its parameters, and what memory it needs. */
export interface PredictorFactory {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  readonly params: ParamSpecs;
  /** What it will have to be shown, by its parameters. */
  evidence(params: ParamValues): Evidence;
  /** Arena bytes for a guest of so many pages. */
  arenaBytes(pages: number): number;
  create(context: PredictorContext, params: ParamValues): WorkingSetPredictor;
}

/** Parameters that every sampling predictor has. */
export const SAMPLING_PARAMS = {
  tick: { kind: "duration", default: 200_000_000, help: "time between two samples" },
  warmup: { kind: "integer", default: 5, min: 0, max: 10_000, help: "samples before round 1" },
} as const satisfies ParamSpecs;

/** Virtual nanoseconds to the microseconds in which kernels keep ages; wraps at 2^32. */
export function ticksOf(virtualNs: number): number {
  return Math.floor(virtualNs / 1000) % 0x1_0000_0000;
}
