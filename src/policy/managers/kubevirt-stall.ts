/**
 * KubeVirt's migration monitor with the stall detector on (VEP 248): what it does at a stall, at
 * the completion time-out, and when a switch that it asked for does not come. Source:
 * `decideAction`, `triggerConvergenceAction` and `processCompletionTimeouts` of
 * pkg/virt-launcher/virtwrap in kubevirt.
 */
import {
  type Manager,
  type ManagerAction,
  NO_ACTIONS,
  type Progress,
  QEMU_DOWNTIME_MAX_NS,
} from "../manager.js";
import { type IterationRecord, StallDetector } from "./stall-detector.js";

/** monitorSleepPeriodMS */
export const KUBEVIRT_POLL_NS = 400_000_000;

export interface KubeVirtOptions {
  /** completionTimeoutPerGiB, seconds; 0 = none. 150 since PR #12848, 800 before. */
  readonly completionTimeoutSec: number;
  /** progressTimeout, seconds; 0 = none. */
  readonly progressTimeoutSec: number;
  /** maxDowntimeMs */
  readonly maxDowntimeMs: number;
  readonly postCopy: boolean;
  /** allowWorkloadDisruption; by default what allowPostCopy is. */
  readonly disruption: boolean;
}

/** QEMUDefaultTargetDowntimeMS: the limit before a stall is never above QEMU's default. */
const INITIAL_DOWNTIME_MS = 300;
/** precopyPossibleFactor: so much over the highest downtime is still waited for. */
export const PRECOPY_POSSIBLE_FACTOR = 1.5;
/** completionTimeoutFactor: a switch has to end within so many times the completion time-out. */
export const COMPLETION_TIMEOUT_FACTOR = 2;
/** switchoverTimeout, seconds. */
export const SWITCHOVER_TIMEOUT_SEC = 60;

export class KubeVirtStall implements Manager {
  readonly name = "kubevirt";
  readonly pollNs = KUBEVIRT_POLL_NS;
  readonly pollsOnSync = true;
  private readonly detector = new StallDetector();
  private acceptableSec: number;
  private deadlineSec: number;
  private started = false;
  private switching = false;
  private lastIteration = 0;
  private record: IterationRecord = { elapsedMs: 0, remainingBytes: 0 };

  constructor(
    timeoutSec: number,
    private readonly options: KubeVirtOptions,
  ) {
    this.acceptableSec = timeoutSec;
    this.deadlineSec = timeoutSec;
  }

  poll(progress: Progress): readonly ManagerAction[] {
    if (progress.state === "post-copy") return NO_ACTIONS;
    if (!this.started) {
      this.started = true;
      this.lastIteration = progress.iteration;
      return [downtimeLimit(Math.min(this.options.maxDowntimeMs, INITIAL_DOWNTIME_MS))];
    }
    // Asked for post-copy, it does not count on the switch having happened by the next poll.
    if (this.switching && this.options.postCopy) return NO_ACTIONS;
    const action = this.look(progress) ?? this.timeOut(progress);
    return action === undefined ? NO_ACTIONS : [action];
  }

  private look(progress: Progress): ManagerAction | undefined {
    const { elapsedNs, remainingBytes, bandwidthBytesPerSec, iteration, state } = progress;
    const record = { elapsedMs: Math.floor(elapsedNs / 1e6), remainingBytes };
    if (state === "paused") {
      this.record = record;
      return undefined;
    }
    if (iteration <= this.lastIteration) {
      if (bandwidthBytesPerSec > 0) this.detector.sampleBandwidth(bandwidthBytesPerSec);
      return undefined;
    }
    this.lastIteration = iteration;
    this.record = record;
    if (this.switching || !this.detector.iteration(record)) return undefined;
    return this.detector.atLocalMinimum(record) ? this.switchOver(elapsedNs) : undefined;
  }

  /** `decideAction` at a local minimum. */
  private switchOver(elapsedNs: number): ManagerAction | undefined {
    const { maxDowntimeMs, postCopy, disruption } = this.options;
    const elapsedSec = Math.floor(elapsedNs / 1e9);
    const impliedMs = this.detector.impliedDowntimeMs(this.record);
    if (!this.endsInTime(elapsedSec)) return undefined;
    this.switching = true;
    if (disruption && postCopy) return { kind: "post-copy" };
    if (!disruption && impliedMs > maxDowntimeMs * PRECOPY_POSSIBLE_FACTOR) {
      return {
        kind: "cancel",
        reason: `stalled: a pause would take ${impliedMs} ms of at most ${maxDowntimeMs} ms`,
      };
    }
    // A higher limit makes the switch likely, not certain: it has until then.
    this.deadlineSec = elapsedSec + SWITCHOVER_TIMEOUT_SEC;
    return disruption
      ? { kind: "set-downtime-limit", downtimeLimitNs: QEMU_DOWNTIME_MAX_NS }
      : downtimeLimit(maxDowntimeMs);
  }

  /** `processCompletionTimeouts` */
  private timeOut({ elapsedNs, state }: Progress): ManagerAction | undefined {
    const elapsedSec = Math.floor(elapsedNs / 1e9);
    const deadlineSec = state === "paused" ? this.acceptableSec : this.deadlineSec;
    if (this.acceptableSec === 0 || elapsedSec <= deadlineSec) return undefined;
    const { postCopy, disruption } = this.options;
    if (!this.switching && this.detector.bandwidthBytesPerSec > 0 && this.endsInTime(elapsedSec)) {
      this.switching = postCopy || disruption;
      if (postCopy) return { kind: "post-copy" };
      if (disruption) {
        this.acceptableSec *= COMPLETION_TIMEOUT_FACTOR;
        this.deadlineSec = elapsedSec + SWITCHOVER_TIMEOUT_SEC;
        return { kind: "set-downtime-limit", downtimeLimitNs: QEMU_DOWNTIME_MAX_NS };
      }
    }
    return { kind: "cancel", reason: `not completed after ${deadlineSec} s` };
  }

  /** A pause now would end before the scaled completion time-out (`canFinishByDeadline`). */
  private endsInTime(elapsedSec: number): boolean {
    if (this.acceptableSec === 0) return true;
    const deadlineSec = Math.floor(this.acceptableSec * COMPLETION_TIMEOUT_FACTOR);
    return this.detector.impliedDowntimeMs(this.record) <= (deadlineSec - elapsedSec) * 1000;
  }

  describe(): Record<string, number | string> {
    return {
      stalled: this.detector.stalled ? "yes" : "no",
      bestRemainingBytes: this.detector.bestBytes,
      bandwidthBytesPerSec: this.detector.bandwidthBytesPerSec,
    };
  }
}

function downtimeLimit(ms: number): ManagerAction {
  return { kind: "set-downtime-limit", downtimeLimitNs: ms * 1_000_000 };
}
