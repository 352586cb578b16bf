/**
 * In which order a set of pages is walked. A walk fills one batch after another from the set and
 * says when it has nothing left; a page that the batch takes leaves the set before the next one
 * is asked for (it is no longer owed), or the walk's own position has passed it.
 */
import type { PageBitmap, U32Buffer } from "../kernels/index.js";
import type { PageOrder } from "../policy/preset.js";

export interface PageWalk {
  /** Fills `into` with at most `pagesMax` pages of `set`; true when nothing is left after them. */
  take(set: PageBitmap, into: U32Buffer, pagesMax: number): boolean;
}

/** A walk of one round, from the beginning. */
export function walkInOrder(order: PageOrder): PageWalk {
  return order === "ascending" ? new AscendingWalk() : new PermutedWalk();
}

/** From page 0 upwards, once (libxenguest). */
class AscendingWalk implements PageWalk {
  private cursor = 0;

  take(set: PageBitmap, into: U32Buffer, pagesMax: number): boolean {
    const got = set.nextPages(into, this.cursor, pagesMax);
    if (got > 0) this.cursor = (into.view()[got - 1] as number) + 1;
    return got < pagesMax || this.cursor >= set.pages;
  }
}

/** Clark et al.'s pseudo-random scan, once (tools/libxc/xc_linux_save.c, `permute`). */
class PermutedWalk implements PageWalk {
  private step = 0;

  take(set: PageBitmap, into: U32Buffer, pagesMax: number): boolean {
    this.step = set.nextPagesPermuted(into, this.step, pagesMax);
    return this.step >= set.pages;
  }
}

/**
 * Round and round, on a set that loses what is taken and gains what is read from the log; the
 * position stays from one pass to the next (QEMU migration/ram.c, `find_dirty_block`).
 */
export class CyclicWalk implements PageWalk {
  private cursor = 0;

  take(set: PageBitmap, into: U32Buffer, pagesMax: number): boolean {
    if (set.nextPages(into, this.cursor, pagesMax) === 0 && this.cursor > 0) {
      this.cursor = 0;
      set.nextPages(into, 0, pagesMax);
    }
    const list = into.view();
    if (list.length > 0) this.cursor = (list[list.length - 1] as number) + 1;
    return list.length === 0;
  }
}
