/**
 * A guest's memory as the migration loop sees it: how many pages are known to be unsent, what a
 * reading of the log adds, and what the next pages on the wire are. Two kinds: counts of classes of
 * pages that are written at random (class-memory.ts), and pages of a recorded trace
 * (trace-memory.ts). Counts are expectations and need not be whole.
 */

/** What a look at the next unsent pages came to. */
export interface Taken {
  /** Pages with contents. */
  rawPages: number;
  zeroPages: number;
  /** Of the pages of zeros, those that nobody has ever touched. */
  untouchedPages: number;
  /** Pages sent as a difference to what was sent before, and their bytes without headers. */
  deltaPages: number;
  deltaBytes: number;
  /** Pages that had not changed: no bytes at all. */
  samePages: number;
  /** Changes of memory block: the header tells the block's name. */
  blocks: number;
}

export interface SlotMemory {
  readonly pages: number;
  /** Goes on as it is: what it writes in a window does not depend on when. */
  readonly steady?: boolean;
  /** How often its recording has been gone through. */
  readonly laps?: number;
  /** Known to be unsent. */
  readonly unsentPages: number;
  /** Runs of adjacent pages among them that were sent before (post-copy discards them). */
  readonly resentRuns: number;
  readonly resentPages: number;
  /** The log is turned on: everything is unsent, nothing is logged. */
  begin(guestSec: number): void;
  /** Reads the log: pages that become unsent by it. */
  sync(guestSec: number): number;
  /**
   * Takes unsent pages from where the last look ended, round and round: at most `pagesMax` pages,
   * and none after the first that reaches `bytesMax` on the wire. Adds to `out`, returns pages.
   */
  take(pagesMax: number, bytesMax: number, guestSec: number, out: Taken): number;
}

export function nothingTaken(): Taken {
  return {
    rawPages: 0,
    zeroPages: 0,
    untouchedPages: 0,
    deltaPages: 0,
    deltaBytes: 0,
    samePages: 0,
    blocks: 0,
  };
}

/** The same object, as {@link nothingTaken} makes it. */
export function takeNothing(taken: Taken): void {
  taken.rawPages = 0;
  taken.zeroPages = 0;
  taken.untouchedPages = 0;
  taken.deltaPages = 0;
  taken.deltaBytes = 0;
  taken.samePages = 0;
  taken.blocks = 0;
}
