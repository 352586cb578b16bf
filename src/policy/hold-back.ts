/**
 * How much of the working set may wait for the pause. Every page held back is sent while the
 * guest stands still, so the cap is a downtime budget:
 *
 *     |held| * c <= max(0, B_stop * (d - fixed) - what else remains)      c = bytes a page
 */
export interface HoldBackBudget {
  /** d: the downtime that the guest's owner accepts. */
  readonly downtimeLimitNs: number;
  /** Downtime that no page causes: suspend, last read of the log, device state, activation. */
  readonly fixedNs: number;
  /** B_stop: payload rate of the stop phase. */
  readonly bandwidthBytesPerSec: number;
  /** c: bytes of one page on the wire. */
  readonly bytesPerPage: number;
  /** Pages that stop-and-copy has to send besides. */
  readonly otherPages: number;
}

/** Downtime limit when none is asked for; QEMU's default `downtime-limit` (migration/options.c). */
export const DEFAULT_DOWNTIME_LIMIT_NS = 300_000_000;

/** The largest number of pages that may be held back within the budget. */
export function holdBackCapPages(budget: HoldBackBudget): number {
  const leftNs = budget.downtimeLimitNs - budget.fixedNs;
  if (leftNs <= 0 || !(budget.bandwidthBytesPerSec > 0)) return 0;
  if (budget.bandwidthBytesPerSec === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER;
  const budgetBytes = (budget.bandwidthBytesPerSec * leftNs) / 1e9;
  return Math.max(0, Math.floor(budgetBytes / budget.bytesPerPage) - budget.otherPages);
}
