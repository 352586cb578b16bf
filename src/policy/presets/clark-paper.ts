/**
 * Clark et al. as the paper tells it (NSDI 2005, sections 5.1 and 5.3), where it differs from the
 * authors' code: the rate is recomputed every round; pre-copy ends when that rate would pass the
 * maximum, or when less than 256 KB is left; what is left then goes straight into stop-and-copy.
 */
import { AdaptiveBandwidth } from "../bandwidth.js";
import { type Preset, XEN_BATCH_PAGES, XEN_STREAM } from "../preset.js";
import { CONTINUE, type Decision, type RoundStats } from "../stop-rule.js";
import { XEN2005_ITERATIONS_MAX, XEN2005_RATE } from "./xen2005.js";

/** 256 KB in pages of 4,096 bytes. */
export const CLARK_REMAINING_PAGES = 64;

export function clarkBeforeRound(stats: RoundStats): Decision {
  if (stats.dirtyCount >= 0 && stats.dirtyCount < CLARK_REMAINING_PAGES) {
    return { action: "stop", reason: "dirty-count" };
  }
  if (stats.rateExceeded) return { action: "stop", reason: "rate-above-maximum" };
  // The paper states no such cap; the code's keeps a guest at the edge from going on for ever.
  if (stats.iteration >= XEN2005_ITERATIONS_MAX) {
    return { action: "stop", reason: "max-iterations" };
  }
  return CONTINUE;
}

export const clarkPaper: Preset = {
  name: "clark-paper",
  summary: "Clark et al.'s paper: stop below 256 KB or when the rate would pass 500 Mbit/s",
  source: "Clark et al., NSDI 2005, sections 5.1 and 5.3",
  batchPages: XEN_BATCH_PAGES,
  order: "permuted",
  skipsRewritten: true,
  sendsLastSetLive: false,
  stream: XEN_STREAM,
  createStopRule: () => ({ beforeRound: clarkBeforeRound, afterRound: () => CONTINUE }),
  createBandwidth: () => new AdaptiveBandwidth({ ...XEN2005_RATE, onlyRises: false }),
};
