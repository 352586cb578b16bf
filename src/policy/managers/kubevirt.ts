/**
 * KubeVirt: virt-launcher's migration monitor. It gives a move 150 s for each GB; then it switches
 * to post-copy or pauses the guest where the policy allows, and else aborts, as it does when the
 * remaining memory has not shrunk for 150 s. With the flag `ramp` (VEP 291) the downtime limit
 * rises meanwhile; with `stall-detector` (VEP 248, kubevirt-stall.ts) the switch comes at a local
 * minimum instead. Source: live-migration-source.go and the migration monitor of
 * pkg/virt-launcher/virtwrap in kubevirt.
 */
import type { ParamSpecs } from "../../base/params.js";
import {
  type Manager,
  type ManagerAction,
  type ManagerContext,
  type ManagerFactory,
  NO_ACTIONS,
  type Progress,
} from "../manager.js";
import { KUBEVIRT_POLL_NS, type KubeVirtOptions, KubeVirtStall } from "./kubevirt-stall.js";

/** VEP 291's `downtimeTuning`, whole milliseconds and seconds. */
export interface DowntimeRampOptions {
  readonly initialMs: number;
  readonly maxDowntimeMs: number;
  readonly steps: number;
  readonly startAfterIteration: number;
  readonly cooldownSec: number;
}

/** Seconds for the whole move: kubevirt counts in GB of 10^9 bytes, rounded up. */
export function kubevirtTimeoutSec(memoryBytes: number, perGbSec: number): number {
  return perGbSec * Math.ceil(memoryBytes / 1e9);
}

/**
 * VEP 291 as the code has it (`tuneDowntime`): the initial limit at once; then, in or after the
 * given iteration, a step of a seventh of the way, in whole milliseconds, whenever the cooldown has
 * passed since the limit was last set. (The proposal's text starts a cooldown at that iteration.)
 */
export class DowntimeRamp {
  limitMs = 0;
  private tunedNs = 0;

  constructor(private readonly options: DowntimeRampOptions) {}

  /** The limit to set now, if any, whole milliseconds. */
  poll({ elapsedNs, iteration }: Progress): number | undefined {
    const { maxDowntimeMs, steps, startAfterIteration, cooldownSec } = this.options;
    const initialMs = Math.min(this.options.initialMs, maxDowntimeMs);
    if (this.limitMs === 0) return this.set(initialMs, elapsedNs);
    if (iteration < startAfterIteration) return undefined;
    if (elapsedNs - this.tunedNs < cooldownSec * 1e9) return undefined;
    const stepMs = Math.max(1, Math.floor((maxDowntimeMs - initialMs) / steps));
    const nextMs = Math.min(this.limitMs + stepMs, maxDowntimeMs);
    return nextMs > this.limitMs ? this.set(nextMs, elapsedNs) : undefined;
  }

  private set(limitMs: number, elapsedNs: number): number {
    this.limitMs = limitMs;
    this.tunedNs = elapsedNs;
    return limitMs;
  }
}

class KubeVirt implements Manager {
  readonly name = "kubevirt";
  readonly pollNs = KUBEVIRT_POLL_NS;
  private acceptableSec: number;
  private watermarkBytes = 0;
  private progressedNs = 0;
  private assisted = false;

  constructor(
    { memoryBytes }: ManagerContext,
    private readonly options: KubeVirtOptions,
    private readonly ramp: DowntimeRamp | undefined,
  ) {
    this.acceptableSec = kubevirtTimeoutSec(memoryBytes, options.completionTimeoutSec);
  }

  poll(progress: Progress): readonly ManagerAction[] {
    const switched = this.assisted && this.options.postCopy;
    if (switched || progress.state === "post-copy") return NO_ACTIONS;
    const actions: ManagerAction[] = [];
    const limitMs = progress.state === "pre-copy" ? this.ramp?.poll(progress) : undefined;
    if (limitMs !== undefined) {
      actions.push({ kind: "set-downtime-limit", downtimeLimitNs: limitMs * 1_000_000 });
    }
    const action = this.converge(progress);
    if (action !== undefined) actions.push(action);
    return actions;
  }

  /** `handleLegacyConvergence` */
  private converge({ elapsedNs, remainingBytes, state }: Progress): ManagerAction | undefined {
    if (this.watermarkBytes === 0 || remainingBytes < this.watermarkBytes) {
      this.progressedNs = elapsedNs;
    }
    this.watermarkBytes = remainingBytes;
    const timedOut = this.acceptableSec > 0 && Math.floor(elapsedNs / 1e9) > this.acceptableSec;
    if (timedOut && this.options.disruption && state === "pre-copy" && !this.assisted) {
      this.assisted = true;
      if (this.options.postCopy) return { kind: "post-copy" };
      this.acceptableSec *= 2;
      return { kind: "pause" };
    }
    const { progressTimeoutSec } = this.options;
    const stuckSec = Math.floor((elapsedNs - this.progressedNs) / 1e9);
    if (progressTimeoutSec > 0 && stuckSec > progressTimeoutSec) {
      return { kind: "cancel", reason: `stuck for ${stuckSec} s` };
    }
    if (timedOut) {
      return { kind: "cancel", reason: `not completed after ${this.acceptableSec} s` };
    }
    return undefined;
  }

  describe(): Record<string, number | string> {
    const ramp = this.ramp === undefined ? {} : { downtimeLimitMs: this.ramp.limitMs };
    return { acceptableSec: this.acceptableSec, ...ramp };
  }
}

const SECONDS = { kind: "integer", min: 0, max: 1_000_000 } as const;

const PARAMS = {
  "completion-timeout": { ...SECONDS, default: 150, help: "seconds a GB for all; 0 = none" },
  "progress-timeout": { ...SECONDS, default: 150, help: "seconds without progress; 0 = none" },
  "max-downtime": { kind: "duration", default: 900_000_000, help: "highest downtime limit" },
  "post-copy": { kind: "flag", default: false, help: "allowed at a time-out" },
  "workload-disruption": { kind: "flag", default: false, help: "a pause is, at a time-out" },
  ramp: { kind: "flag", default: false, help: "raise the downtime limit in steps (VEP 291)" },
  "ramp-initial": { kind: "duration", default: 150_000_000, help: "its first limit" },
  "ramp-steps": { kind: "integer", default: 7, min: 1, max: 1000, help: "steps to the highest" },
  "ramp-iteration": { ...SECONDS, default: 3, help: "iteration from which it rises" },
  "ramp-cooldown": { ...SECONDS, default: 10, min: 1, help: "seconds between steps" },
  "stall-detector": {
    kind: "flag",
    default: false,
    help: "switch at a local minimum once stalled (VEP 248); then no ramp",
  },
} as const satisfies ParamSpecs;

const wholeMs = (ns: unknown): number => Math.max(1, Math.floor((ns as number) / 1e6));

export const kubevirt: ManagerFactory = {
  name: "kubevirt",
  summary: "KubeVirt: 150 s/GB, then post-copy, pause or abort; downtime ramp; stall detector",
  source: "KubeVirt pkg/virt-launcher/virtwrap; VEP 248 and VEP 291",
  params: PARAMS,
  create: (context, params) => {
    const postCopy = params["post-copy"] as boolean;
    const options: KubeVirtOptions = {
      completionTimeoutSec: params["completion-timeout"] as number,
      progressTimeoutSec: params["progress-timeout"] as number,
      maxDowntimeMs: wholeMs(params["max-downtime"]),
      postCopy,
      disruption: postCopy || (params["workload-disruption"] as boolean),
    };
    const timeoutSec = kubevirtTimeoutSec(context.memoryBytes, options.completionTimeoutSec);
    if (params["stall-detector"] === true) return new KubeVirtStall(timeoutSec, options);
    const ramp = new DowntimeRamp({
      initialMs: wholeMs(params["ramp-initial"]),
      maxDowntimeMs: options.maxDowntimeMs,
      steps: params["ramp-steps"] as number,
      startAfterIteration: params["ramp-iteration"] as number,
      cooldownSec: params["ramp-cooldown"] as number,
    });
    return new KubeVirt(context, options, params.ramp === true ? ramp : undefined);
  },
};
