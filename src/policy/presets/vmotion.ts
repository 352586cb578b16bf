/**
 * VMware's vMotion as its authors tell it: Nelson, Lim and Hutchins, "Fast Transparent Migration
 * for Virtual Machines", USENIX ATC 2005. Iterative pre-copy ends when few modified pages remain
 * (about 16 MB) or when a pass makes no forward progress; both recalled, not verified. Today's
 * product also slows the guest (the throttle `sdps`) and is closed: its numbers are not here.
 */
import { unlimitedBandwidth } from "../bandwidth.js";
import { type Preset, XEN_BATCH_PAGES } from "../preset.js";
import { CONTINUE, type Decision, type RoundStats } from "../stop-rule.js";

/** "About 16 MB" of modified pages (recalled, not verified), taken as 16 MiB. */
export const VMOTION_REMAINING_BYTES = 16 * 2 ** 20;

/** No forward progress: as many pages are left as the pass before had to send. */
export function vmotionBeforeRound(stats: RoundStats): Decision {
  if (stats.iteration === 0 || stats.dirtyCount < 0) return CONTINUE;
  if (stats.dirtyBytes < VMOTION_REMAINING_BYTES) return { action: "stop", reason: "dirty-count" };
  if (stats.dirtyCount >= stats.pagesSent + stats.pagesSkipped) {
    return { action: "stop", reason: "no-progress" };
  }
  return CONTINUE;
}

export const vmotion: Preset = {
  name: "vmotion",
  summary: "vMotion (Nelson et al.): until 16 MB remain or a pass makes no progress",
  source: "Nelson et al., USENIX ATC 2005 (recalled, not verified)",
  batchPages: XEN_BATCH_PAGES,
  order: "ascending",
  skipsRewritten: false,
  sendsLastSetLive: false,
  // The stream's format is not public: page numbers of 8 bytes are assumed.
  stream: { perPageBytes: 8, perBatchBytes: 0 },
  defaultCodec: "zero",
  createStopRule: () => ({ beforeRound: vmotionBeforeRound, afterRound: () => CONTINUE }),
  createBandwidth: unlimitedBandwidth,
};
