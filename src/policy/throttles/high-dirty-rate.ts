/**
 * QEMU's test for a guest that writes too fast, `migration_trigger_throttle` of migration/ram.c:
 * auto-converge and dirty-limit both start by it. It is judged at a reading of the log more than a
 * second after the last judgement, over all that happened since; a guest is too fast when it
 * dirtied more than the threshold percentage of the bytes sent, for the second time. The times
 * need not follow each other: a good period between them is not a fresh start.
 */
import type { ThrottleStats } from "../throttle.js";

/** "more than 1 second = 1000 millisecons", `migration_bitmap_sync`. */
export const JUDGE_AFTER_NS = 1_000_000_000;
/** `++rs->dirty_rate_high_cnt >= 2` */
export const HIGH_PERIODS = 2;

/** What a judgement was about; both in bytes. */
export interface HighDirtyRate {
  readonly dirtiedBytes: number;
  /** The threshold percentage of what was sent in the period. */
  readonly thresholdBytes: number;
}

export class HighDirtyRateTest {
  /** How often the guest was too fast since the last time that it was acted upon. */
  highCount = 0;
  private judgedNs = -1;
  private dirtiedBytes = 0;
  private sentBytes = 0;

  constructor(private readonly thresholdPercent: number) {}

  /** The finding where the guest is to be slowed (further) now, else undefined. */
  judge(stats: ThrottleStats): HighDirtyRate | undefined {
    if (this.judgedNs < 0) this.judgedNs = stats.nowNs - stats.periodNs;
    this.dirtiedBytes += stats.dirtiedBytes;
    this.sentBytes += stats.sentBytes;
    if (stats.nowNs - this.judgedNs <= JUDGE_AFTER_NS) return undefined;
    const found = {
      dirtiedBytes: this.dirtiedBytes,
      thresholdBytes: Math.floor((this.sentBytes * this.thresholdPercent) / 100),
    };
    this.judgedNs = stats.nowNs;
    this.dirtiedBytes = 0;
    this.sentBytes = 0;
    if (found.dirtiedBytes > found.thresholdBytes) this.highCount++;
    if (this.highCount < HIGH_PERIODS) return undefined;
    this.highCount = 0;
    return found;
  }
}
