/** What a simulated migration came to: the engine's report and what only the model can add. */
import type { Verified } from "../migrate/checker.js";
import type { MigrationReport } from "../migrate/report.js";

/** A report with what only the model can add. */
export interface MigrationResult extends MigrationReport {
  /** Share of the guest's progress that was lost while it ran, from start to pause. */
  readonly guestSlowdown: number;
  readonly guestRanNs: number;
  readonly guestBaselineNs: number;
  /** First writes to logged pages, each a fault or a PML entry. */
  readonly logDirtyFaults: number;
  /** Sends of pages that had not changed since they were sent before ("fake dirty"). */
  readonly unchangedSends: number;
  readonly endNs: number;
  readonly verified: Verified;
}

/** To the millionth; 0 when the guest would not have run at all. */
export function slowdown(ranNs: number, baselineNs: number): number {
  if (baselineNs <= 0) return 0;
  return Math.round((1 - ranNs / baselineNs) * 1e6) / 1e6;
}
