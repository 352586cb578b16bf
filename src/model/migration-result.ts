/** What a simulated migration came to: the engine's report and what only the model can add. */
import type { Verified } from "../migrate/checker.js";
import type { MigrationReport } from "../migrate/report.js";

/** What it cost that the guest ran before its pages were there (QEMU's terms in brackets). */
export interface PostCopyReport {
  /** Pages that were absent when the target was told to run. */
  readonly absentPages: number;
  /** Times that a VCPU found a page absent ("postcopy-requests" counts the pages). */
  readonly faults: number;
  /** Distinct pages used while any was absent. */
  readonly workingSetPages: number;
  /** `faults` by `workingSetPages` (Hines & Gopalan report 17 to 21 %). */
  readonly faultShare: number;
  /** Sum and longest of all stalls. */
  readonly stallNs: number;
  readonly worstStallNs: number;
  /** Time blocked by VCPU ("postcopy-vcpu-blocktime"), and all at once ("postcopy-blocktime"). */
  readonly vcpuBlocktimeNs: readonly number[];
  readonly blocktimeNs: number;
  /** Stalls from 2^i microseconds on, bucket by bucket. */
  readonly stallBucketsUs: readonly number[];
}

/** A report with what only the model can add. */
export interface MigrationResult extends MigrationReport {
  /** Share of the guest's progress that was lost while it ran: from the start to the pause, in
   * post-copy to the arrival of the last page. */
  readonly guestSlowdown: number;
  readonly guestRanNs: number;
  readonly guestBaselineNs: number;
  /** The longest that the guest stood still at once: the blackout, or one page's stall. */
  readonly worstStallNs: number;
  /** First writes to logged pages, each a fault or a PML entry. */
  readonly logDirtyFaults: number;
  /** Sends of pages that had not changed since they were sent before ("fake dirty"). */
  readonly unchangedSends: number;
  /** In post-copy alone. */
  readonly postCopy?: PostCopyReport;
  /** What the codecs did: hits, misses, overflows, bytes saved. */
  readonly codecState: Readonly<Record<string, number>>;
  readonly endNs: number;
  readonly verified: Verified;
}

/** To the millionth; 0 when the guest would not have run at all. */
export function slowdown(ranNs: number, baselineNs: number): number {
  if (baselineNs <= 0) return 0;
  return Math.round((1 - ranNs / baselineNs) * 1e6) / 1e6;
}
