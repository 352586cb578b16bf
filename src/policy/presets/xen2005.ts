/**
 * Xen as Clark et al. wrote it: tools/libxc/xc_linux_save.c at the end of 2005. Up to 29 rounds,
 * three times the memory, fewer than 50 pages left, or more sent than in the round before at the
 * maximum rate; pages that were written again are skipped (the skip set is read anew before every
 * batch); pseudo-random page order; the rate rises from 100 to 500 Mbit/s with the dirtying rate.
 */
import { AdaptiveBandwidth } from "../bandwidth.js";
import { type Preset, XEN_BATCH_PAGES, XEN_STREAM } from "../preset.js";
import { CONTINUE, type Decision, type RoundStats } from "../stop-rule.js";

/** DEF_MAX_ITERS */
export const XEN2005_ITERATIONS_MAX = 29;
/** DEF_MAX_FACTOR: never send more than this many times the guest's pages. */
export const XEN2005_FACTOR_MAX = 3;
/** Stop when a round sent and skipped fewer pages than this. */
export const XEN2005_PAGES_MIN = 50;

const BYTES_PER_MBIT = 1e6 / 8;
/** START_MBIT_RATE, MAX_MBIT_RATE, and the step over the measured dirtying rate. */
export const XEN2005_RATE = {
  minimumBytesPerSec: 100 * BYTES_PER_MBIT,
  maximumBytesPerSec: 500 * BYTES_PER_MBIT,
  incrementBytesPerSec: 50 * BYTES_PER_MBIT,
};

/** The condition for `last_iter` at the end of each round, in the order of the source. */
export function xen2005AfterRound(stats: RoundStats): Decision {
  if (stats.iteration > 1 && stats.pagesSent > stats.pagesSentBefore && stats.rateAtMaximum) {
    return { action: "stop", reason: "no-progress-at-maximum-rate" };
  }
  if (stats.iteration >= XEN2005_ITERATIONS_MAX) {
    return { action: "stop", reason: "max-iterations" };
  }
  if (stats.pagesSent + stats.pagesSkipped < XEN2005_PAGES_MIN) {
    return { action: "stop", reason: "dirty-count" };
  }
  if (stats.totalWritten > stats.memoryPages * XEN2005_FACTOR_MAX) {
    return { action: "stop", reason: "max-factor" };
  }
  return CONTINUE;
}

export const xen2005: Preset = {
  name: "xen2005",
  summary: "Xen of 2005 (Clark et al.'s code): 29 rounds, 3 x memory, skip set, 100-500 Mbit/s",
  source: "Xen tools/libxc/xc_linux_save.c, 2005-12-31",
  batchPages: XEN_BATCH_PAGES,
  order: "permuted",
  skipsRewritten: true,
  sendsLastSetLive: true,
  stream: XEN_STREAM,
  createStopRule: () => ({ beforeRound: () => CONTINUE, afterRound: xen2005AfterRound }),
  createBandwidth: () => new AdaptiveBandwidth({ ...XEN2005_RATE, onlyRises: true }),
};
