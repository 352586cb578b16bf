/**
 * Hybrid copy: pre-copy rounds first, then the switch to post-copy by rule, so that the guest
 * finds most of its memory when it arrives (QEMU's and libvirt's `--postcopy-after-precopy`; Hines
 * & Gopalan, VEE 2009, section 3.2). What fits the downtime limit goes by stop-and-copy.
 */
import type { Decision, RoundStats, StopRule } from "../../policy/stop-rule.js";
import type { StrategyFactory } from "../strategy.js";
import { PUSH_PARAMS, pushOptions } from "./post-copy.js";
import { createLoop, FLUSH, loopArenaBytes } from "./pre-copy.js";

export interface HybridOptions {
  /** Live rounds at most. */
  readonly roundsMax: number;
  /** A round that leaves more than this share of what it sent does not converge. */
  readonly shrinkMax: number;
}

/** Stops as the preset's rule does where the rest is short, and switches otherwise. */
export class HybridRule implements StopRule {
  constructor(
    private readonly inner: StopRule,
    private readonly options: HybridOptions,
  ) {}

  beforeRound(stats: RoundStats): Decision {
    const decision = this.inner.beforeRound(stats);
    if (decision.action === "abort" || stats.iteration === 0) return decision;
    const { roundsMax, shrinkMax } = this.options;
    const stuck = stats.dirtyCount > shrinkMax * stats.pagesSent;
    const over = stats.iteration >= roundsMax;
    if (decision.action === "continue" && !stuck && !over) return decision;
    if (fits(stats)) return { action: "stop", reason: "fits the downtime limit" };
    const reason = stuck ? "does not converge" : over ? "rounds" : "rule";
    return { action: "post-copy", reason };
  }

  /** The set is not known yet: it is looked at before anything is decided. */
  afterRound(stats: RoundStats): Decision {
    const decision = this.inner.afterRound(stats);
    return decision.action === "stop" ? { action: "continue" } : decision;
  }
}

/** Does what is left go within the downtime limit, at the rate of the last round? */
function fits(stats: RoundStats): boolean {
  const { dirtyBytes, bandwidthBytesPerSec, downtimeLimitNs, fixedDowntimeNs } = stats;
  const leftNs = downtimeLimitNs - fixedDowntimeNs;
  return leftNs > 0 && dirtyBytes <= (bandwidthBytesPerSec * leftNs) / 1e9;
}

export const hybrid: StrategyFactory = {
  name: "hybrid",
  summary: "pre-copy rounds, then post-copy if what is left does not fit the downtime limit",
  source: "Hines & Gopalan, VEE 2009; QEMU migration/migration.c, postcopy_start",
  params: {
    rounds: { kind: "integer", default: 3, min: 1, max: 1000, help: "live rounds at most" },
    shrink: {
      kind: "number",
      default: 0.8,
      min: 0,
      max: 1,
      help: "switch when a round leaves more than this share of what it sent",
    },
    ...FLUSH,
    ...PUSH_PARAMS,
  },
  defaultPredictor: "none",
  defaultPreset: "xen",
  postCopies: true,
  arenaBytes: loopArenaBytes,
  createLive: (parts) =>
    createLoop(parts, {
      push: pushOptions(parts.params),
      stopRule: new HybridRule(parts.preset.createStopRule(), {
        roundsMax: parts.params.rounds as number,
        shrinkMax: parts.params.shrink as number,
      }),
    }),
};
