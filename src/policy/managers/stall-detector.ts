/**
 * KubeVirt's stall detector (VEP 248, alpha in 1.9): pre-copy has stalled when a reading of the
 * log leaves about as much as the best one of more than 40 s ago; the guest is then switched over
 * at a local minimum, when what is left is within 4 % of the best seen. If that level does not
 * come back within a patience that halves each time, the next best level since the stall will do.
 * Source: kubevirt/enhancements veps/sig-compute/248-migration-convergence/vep.md and
 * pkg/virt-launcher/virtwrap in kubevirt, whose window is 40 s where a draft said 60.
 */
import { assert } from "../../base/assert.js";

/** VEP 248's hyper-parameters at their defaults. */
export interface StallDetectorOptions {
  /** stallProgressTimeout */
  readonly windowMs: number;
  /** stallMargin, as a fraction. */
  readonly margin: number;
  /** ewmaAlpha: weight of the newest bandwidth sample. */
  readonly alpha: number;
  /** patienceWindowDecayFactor */
  readonly patienceDecay: number;
}

export const STALL_DETECTOR_DEFAULTS: StallDetectorOptions = {
  windowMs: 40_000,
  margin: 0.04,
  alpha: 0.4,
  patienceDecay: 0.5,
};

/** What a reading of the log left. */
export interface IterationRecord {
  readonly elapsedMs: number;
  readonly remainingBytes: number;
}

/** Levels kept for relaxation: the lowest ones are what it asks for. */
const HISTORY_MAX = 4096;

export class StallDetector {
  stalled = false;
  /** Smoothed, bytes a second; 0 before the first sample. */
  bandwidthBytesPerSec = 0;
  /** What has to be reached again, once stalled. */
  bestBytes = 0;
  /** Minima within the window, each lower than the ones before it. */
  private readonly candidates: IterationRecord[] = [];
  private outsideWindowMinBytes: number | undefined;
  /** Levels since the stall, ascending. */
  private readonly history: number[] = [];
  private patienceMs: number;
  private relaxAtMs = 0;

  constructor(private readonly options: StallDetectorOptions = STALL_DETECTOR_DEFAULTS) {
    assert(options.margin < 1, "a margin is a fraction");
    this.patienceMs = options.windowMs;
  }

  sampleBandwidth(bytesPerSec: number): void {
    const { alpha } = this.options;
    this.bandwidthBytesPerSec =
      this.bandwidthBytesPerSec === 0
        ? bytesPerSec
        : alpha * bytesPerSec + (1 - alpha) * this.bandwidthBytesPerSec;
  }

  /** At each reading of the log: has pre-copy stalled, now or before? */
  iteration(record: IterationRecord): boolean {
    if (this.bandwidthBytesPerSec === 0) return false;
    this.updateCandidates(record);
    if (this.stalled) {
      this.relax(record);
      return true;
    }
    const outside = this.outsideWindowMinBytes;
    if (outside === undefined) return false;
    if (record.remainingBytes < Math.floor(outside * (1 - this.options.margin))) return false;
    this.stalled = true;
    this.bestBytes = Math.min(outside, ...this.candidates.map((kept) => kept.remainingBytes));
    this.relaxAtMs = record.elapsedMs + this.patienceMs;
    return true;
  }

  /** As little is left as the best level, give or take the margin. */
  atLocalMinimum({ remainingBytes }: IterationRecord): boolean {
    return remainingBytes <= Math.floor(this.bestBytes * (1 + this.options.margin));
  }

  /** What pausing now would take, whole milliseconds. */
  impliedDowntimeMs({ remainingBytes }: IterationRecord): number {
    if (this.bandwidthBytesPerSec === 0) return 0;
    return Math.floor((remainingBytes * 1000) / this.bandwidthBytesPerSec);
  }

  private updateCandidates(record: IterationRecord): void {
    const { candidates } = this;
    while (candidates.length > 0) {
      const oldest = candidates[0] as IterationRecord;
      if (record.elapsedMs - oldest.elapsedMs < this.options.windowMs) break;
      candidates.shift();
      const known = this.outsideWindowMinBytes ?? Number.POSITIVE_INFINITY;
      this.outsideWindowMinBytes = Math.min(known, oldest.remainingBytes);
    }
    const outside = this.outsideWindowMinBytes;
    if (outside !== undefined && record.remainingBytes > outside) return;
    const last = candidates.at(-1);
    if (last === undefined || record.remainingBytes < last.remainingBytes) candidates.push(record);
  }

  private relax({ elapsedMs, remainingBytes }: IterationRecord): void {
    const { history } = this;
    const after = history.findIndex((level) => level > remainingBytes);
    history.splice(after < 0 ? history.length : after, 0, remainingBytes);
    if (history.length > HISTORY_MAX) history.pop();
    if (elapsedMs < this.relaxAtMs) return;
    this.bestBytes = history.shift() as number;
    this.patienceMs = Math.floor(this.patienceMs * this.options.patienceDecay);
    this.relaxAtMs = elapsedMs + this.patienceMs;
  }
}
