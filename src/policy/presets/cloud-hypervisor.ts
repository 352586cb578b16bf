/**
 * Cloud Hypervisor (2026, main): whole sets, no limit of rounds or bandwidth. After each reading
 * of the log the downtime is estimated from the bandwidth of the iteration before; the guest
 * pauses when nothing is left, when the estimate is within the limit (300 ms by default), or when
 * the time-out has passed and its strategy says so; else the move is cancelled. Source:
 * `Vmm::send_migration` in vmm/src; before March 2026 it stopped after five iterations.
 */
import type { ParamSpecs, ParamValues } from "../../base/params.js";
import { unlimitedBandwidth } from "../bandwidth.js";
import { type Preset, XEN_BATCH_PAGES } from "../preset.js";
import { CONTINUE, type Decision, fitsDowntime, type RoundStats } from "../stop-rule.js";

/** timeout_s */
export const CLOUD_HYPERVISOR_TIMEOUT_NS = 3_600_000_000_000;

/** timeout_strategy: give the move up, or pause and finish. */
export type TimeoutStrategy = "cancel" | "ignore";

export const CLOUD_HYPERVISOR_PARAMS = {
  timeout: {
    kind: "duration",
    default: CLOUD_HYPERVISOR_TIMEOUT_NS,
    help: "how long pre-copy may last",
  },
  "timeout-strategy": {
    kind: "choice",
    default: "cancel",
    choices: ["cancel", "ignore"],
    help: "then cancel the move, or pause and finish",
  },
} as const satisfies ParamSpecs;

/** The decision after each reading of the log; the first iteration sends everything. */
export function cloudHypervisorBeforeRound(
  stats: RoundStats,
  timeoutNs: number,
  strategy: TimeoutStrategy,
): Decision {
  if (stats.iteration === 0) return CONTINUE;
  if (stats.dirtyBytes === 0) return { action: "stop", reason: "dirty-count" };
  if (fitsDowntime(stats)) return { action: "stop", reason: "downtime-limit" };
  if (stats.elapsedNs < timeoutNs) return CONTINUE;
  return { action: strategy === "cancel" ? "abort" : "stop", reason: "timeout" };
}

function configure(params: ParamValues): Preset {
  const timeoutNs = params.timeout as number;
  const strategy = params["timeout-strategy"] as TimeoutStrategy;
  return {
    name: "cloud-hypervisor",
    summary: "Cloud Hypervisor: until the rest fits the downtime limit, or a time-out",
    source: "Cloud Hypervisor vmm/src (Vmm::send_migration), August 2026",
    batchPages: XEN_BATCH_PAGES,
    order: "ascending",
    skipsRewritten: false,
    sendsLastSetLive: false,
    // A range of address and length, 16 bytes, for every run of pages: at worst one a page; and
    // 16 bytes of request before a table (recalled, not verified).
    stream: { perPageBytes: 16, perBatchBytes: 16 },
    params: CLOUD_HYPERVISOR_PARAMS,
    configure,
    createStopRule: () => ({
      beforeRound: (stats) => cloudHypervisorBeforeRound(stats, timeoutNs, strategy),
      afterRound: () => CONTINUE,
    }),
    createBandwidth: unlimitedBandwidth,
  };
}

export const cloudHypervisor: Preset = configure({
  timeout: CLOUD_HYPERVISOR_TIMEOUT_NS,
  "timeout-strategy": "cancel",
});
