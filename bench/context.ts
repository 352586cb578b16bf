/** What the cases are built with. */
import type { Native } from "./native.js";
import type { Peers } from "./peers.js";

export interface BenchContext {
  /** Undefined without gcc. */
  readonly native: Native | undefined;
  /** Undefined when they are not installed. */
  readonly peers: Peers | undefined;
  /** A few thousand pages only, to see that everything runs and agrees. */
  readonly small: boolean;
}

/** Sizes of guests: 256 MiB, 4 GiB and 64 GiB. */
export function guestSizes({ small }: BenchContext): readonly number[] {
  return small ? [2 ** 12] : [2 ** 16, 2 ** 20, 2 ** 24];
}

/** Sizes for the structures of linked nodes. */
export function nodeSizes({ small }: BenchContext): readonly number[] {
  return small ? [2 ** 12] : [2 ** 16, 2 ** 20];
}

/**
 * Guests of `pages` pages that one run works on in turn, `allPages` together. A branch predictor of
 * today learns the outcome of some ten thousand branches by heart: on one bitmap of 2^20 pages with
 * 1 % set, over and over, a loop in C took 0.8 ns a set bit, on bitmaps that it had not just seen
 * 7 ns. A migration never reads the same log twice.
 */
export function guestsOf({ small }: BenchContext, pages: number, allPages: number): number {
  return small ? 2 : Math.max(1, allPages / pages);
}
