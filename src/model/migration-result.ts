/** What a simulated migration came to: the engine's report and what only the model can add. */
import type { Verified } from "../migrate/checker.js";
import type { MigrationReport } from "../migrate/report.js";
import type { Standing } from "./hand-over.js";

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

/** What it cost that the guest had given pages up (a refault waits for its disk or its balloon). */
export interface ReclaimReport {
  /** Pages that were given up and not sent, unless the guest took them back in time. */
  readonly balloonedPages: number;
  /** Those of them that held nothing. */
  readonly emptyPages: number;
  /** Times that a VCPU waited for one, and the sum: until the guest paused, */
  readonly refaultsBefore: number;
  readonly refaultStallBeforeNs: number;
  /** and after the switch, within the refault window. */
  readonly refaultsAfter: number;
  readonly refaultStallAfterNs: number;
  readonly worstRefaultNs: number;
  /** Pages that the guest had not taken back at the end of the window. */
  readonly pagesAway: number;
}

/** A report with what only the model can add. */
export interface MigrationResult extends MigrationReport {
  /** Share of the guest's progress that was lost while it ran: from the start to the pause, in
   * post-copy to the arrival of the last page, after ballooning to the end of the refault window. */
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
  /** With ballooning alone. */
  readonly reclaim?: ReclaimReport;
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

/** What the driver adds to a report. */
export interface ResultFacts
  extends Pick<MigrationResult, "unchangedSends" | "codecState" | "endNs" | "verified"> {
  /** How far the guest was when the migration began, and when its costs were known. */
  readonly begun: Standing;
  readonly settled: Standing;
  readonly postCopy: PostCopyReport | undefined;
  readonly reclaim: ReclaimReport | undefined;
}

export function resultOf(report: MigrationReport, facts: ResultFacts): MigrationResult {
  const { begun, settled, postCopy, reclaim, ...known } = facts;
  const guestRanNs = settled.ranNs - begun.ranNs;
  const guestBaselineNs = settled.baselineNs - begun.baselineNs;
  const stallsNs = [postCopy?.worstStallNs ?? 0, reclaim?.worstRefaultNs ?? 0];
  return {
    ...report,
    ...known,
    guestSlowdown: slowdown(guestRanNs, guestBaselineNs),
    guestRanNs,
    guestBaselineNs,
    worstStallNs: Math.max(report.blackoutNs, ...stallsNs),
    logDirtyFaults: settled.faults - begun.faults,
    ...(postCopy !== undefined && { postCopy }),
    ...(reclaim !== undefined && { reclaim }),
  };
}
