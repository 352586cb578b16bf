/**
 * Hyper-V's live migration as far as it is public. Microsoft's documents of dirty-bit tracking
 * name two passes: brownout, the iterative copy while the guest runs, which need not converge to
 * any size, and blackout, the paused copy of the rest. Up to ten passes over memory are made
 * (recalled, not verified). That brownout ends early when the rest fits into the downtime limit is
 * this project's choice; the real test is not public.
 */
import { unlimitedBandwidth } from "../bandwidth.js";
import { type Preset, XEN_BATCH_PAGES } from "../preset.js";
import { CONTINUE, type Decision, fitsDowntime, type RoundStats } from "../stop-rule.js";

/** Passes of the brownout (recalled, not verified). */
export const HYPER_V_PASSES_MAX = 10;

export function hyperVBeforeRound(stats: RoundStats): Decision {
  if (stats.iteration === 0) return CONTINUE;
  if (stats.dirtyCount === 0) return { action: "stop", reason: "dirty-count" };
  if (fitsDowntime(stats)) return { action: "stop", reason: "downtime-limit" };
  if (stats.iteration >= HYPER_V_PASSES_MAX) return { action: "stop", reason: "max-iterations" };
  return CONTINUE;
}

export const hyperV: Preset = {
  name: "hyper-v",
  summary: "Hyper-V: brownout of up to 10 passes, then blackout",
  source: "Microsoft, dirty-bit tracking; the number of passes is recalled, not verified",
  batchPages: XEN_BATCH_PAGES,
  order: "ascending",
  skipsRewritten: false,
  sendsLastSetLive: false,
  // The stream's format is not public: page numbers of 8 bytes are assumed.
  stream: { perPageBytes: 8, perBatchBytes: 0 },
  createStopRule: () => ({ beforeRound: hyperVBeforeRound, afterRound: () => CONTINUE }),
  createBandwidth: unlimitedBandwidth,
};
