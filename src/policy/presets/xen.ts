/**
 * Xen today: `simple_precopy_policy` and `send_memory_live` of tools/libs/guest/xg_sr_save.c.
 * At most five rounds; a set of fewer than 50 pages is sent live once more before the suspend; no
 * rate limit, no skip of rewritten pages, ascending page order.
 */
import { unlimitedBandwidth } from "../bandwidth.js";
import { type Preset, XEN_BATCH_PAGES, XEN_STREAM } from "../preset.js";
import { CONTINUE, type Decision, type RoundStats, type StopRule } from "../stop-rule.js";

/** SPP_MAX_ITERATIONS */
export const XEN_ITERATIONS_MAX = 5;
/** SPP_TARGET_DIRTY_COUNT */
export const XEN_TARGET_DIRTY_COUNT = 50;

/** `simple_precopy_policy`: one function for both calls, since dirtyCount is -1 in the second. */
export function xenPolicy({ iteration, dirtyCount }: RoundStats): Decision {
  if (dirtyCount >= 0 && dirtyCount < XEN_TARGET_DIRTY_COUNT) {
    return { action: "stop", reason: "dirty-count" };
  }
  if (iteration >= XEN_ITERATIONS_MAX) return { action: "stop", reason: "max-iterations" };
  return CONTINUE;
}

const rule: StopRule = { beforeRound: xenPolicy, afterRound: xenPolicy };

export const xen: Preset = {
  name: "xen",
  summary: "Xen today: 5 rounds, stop below 50 pages",
  source: "Xen tools/libs/guest/xg_sr_save.c",
  batchPages: XEN_BATCH_PAGES,
  order: "ascending",
  skipsRewritten: false,
  sendsLastSetLive: true,
  stream: XEN_STREAM,
  createStopRule: () => rule,
  createBandwidth: unlimitedBandwidth,
};
