/** What QEMU's loop on counts comes to: how it ended, what it took, pass by pass. */

/** One pass: from a reading of the log to the next. */
export interface SlotPass {
  readonly endMs: number;
  /** Pages that the reading at its end added. */
  readonly dirtiedPages: number;
  readonly unsentPages: number;
  readonly thresholdPages: number;
}

/** `paused` and `cancelled`: by the manager. */
export type SlotEnd =
  | "threshold"
  | "nothing-left"
  | "post-copy"
  | "timeout"
  | "paused"
  | "cancelled";

export interface SlotOutcome {
  readonly end: SlotEnd;
  /** The manager's words where it decided; empty otherwise. */
  readonly managed: string;
  /** As it was at the end: managers raise it. */
  readonly downtimeLimitMs: number;
  readonly totalMs: number;
  /** As the source reports it: from the stop to its own last byte. */
  readonly downtimeMs: number;
  /** From the stop to the target's first instruction. */
  readonly blackoutMs: number;
  /** As `transferred` counts. */
  readonly bytes: number;
  /** `dirty-sync-count`. */
  readonly syncs: number;
  readonly passes: readonly SlotPass[];
  readonly throttlePercent: number;
}
