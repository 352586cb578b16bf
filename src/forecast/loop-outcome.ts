/** What one forecast came to, whatever loop it went through. */

export interface LoopPass {
  readonly endMs: number;
  /** Distinct pages that the reading of the log at its end added; -1: the log was not read. */
  readonly dirtiedPages: number;
  /** Owed after it. */
  readonly unsentPages: number;
}

export interface LoopOutcome {
  /** What ended it, in the loop's or the manager's words. */
  readonly rule: string;
  /** The guest moved. */
  readonly completes: boolean;
  /** It moved because what was left was little enough (or by the post-copy that was asked for). */
  readonly converges: boolean;
  readonly totalMs: number;
  /** From the guest's stop to its first instruction at the target; NaN where it did not move. */
  readonly downtimeMs: number;
  /** What the link carried for it. */
  readonly bytes: number;
  /** Readings of the log (QEMU's dirty-sync-count), or rounds. */
  readonly rounds: number;
  /** Of auto-converge, per cent. */
  readonly throttlePercent: number;
  /** At the end: managers raise it. */
  readonly downtimeLimitMs: number;
  readonly passes: readonly LoopPass[];
}
