/**
 * Pre-paging with bubbling (Hines & Gopalan, "Post-copy based live virtual machine migration using
 * adaptive pre-paging and dynamic self-ballooning", VEE 2009, section 3.3): pages are pushed
 * around the page that faulted last, the bubble growing in both directions or forward alone; with
 * several pivots each of the last k faults has a bubble, the oldest is replaced. Bubbles take turns
 * by batches, where the paper's grow by a page in turn.
 *
 * Which pages were sent needs no list: they have left the set.
 */
import { assert } from "../base/assert.js";
import { type Kernels, type PageBitmap, U32Buffer } from "../kernels/index.js";
import type { PageWalk } from "./page-walk.js";

export interface BubblingOptions {
  /** `ascending`: pivots are ignored, pages go from 0 upwards. */
  readonly order: "bubbling" | "forward" | "ascending";
  readonly pivots: number;
}

interface Bubble {
  readonly pivot: number;
  /** Everything owed from here upwards, and below here downwards, is still to come. */
  up: number;
  down: number;
}

export class BubblingWalk implements PageWalk {
  private readonly bubbles: Bubble[] = [{ pivot: 0, up: 0, down: -1 }];
  private readonly above: U32Buffer;
  private readonly below: U32Buffer;
  private turn = 0;

  constructor(
    kernels: Kernels,
    private readonly options: BubblingOptions,
    batchPages: number,
  ) {
    this.above = U32Buffer.create(kernels, batchPages, "pages above a pivot");
    this.below = U32Buffer.create(kernels, batchPages, "pages below a pivot");
  }

  static arenaBytes(batchPages: number): number {
    return 2 * U32Buffer.bytesFor(batchPages);
  }

  /** A page faulted: it becomes a pivot, in place of the oldest if there are enough. */
  fault(page: number): void {
    const { order, pivots } = this.options;
    if (order === "ascending") return;
    this.bubbles.push({ pivot: page, up: page, down: page - 1 });
    if (this.bubbles.length > pivots) this.bubbles.shift();
  }

  take(set: PageBitmap, into: U32Buffer, pagesMax: number): boolean {
    for (let tries = 0; tries < this.bubbles.length; tries++) {
      const bubble = this.bubbles[this.turn++ % this.bubbles.length] as Bubble;
      if (this.takeAround(bubble, set, { into, pagesMax }) > 0) return false;
    }
    // Every bubble has reached both ends: what is left came back, or lies behind a pivot.
    return set.nextPages(into, 0, pagesMax) === 0;
  }

  /** The owed pages nearest to the pivot that the bubble has not reached, nearest first. */
  private takeAround(
    bubble: Bubble,
    set: PageBitmap,
    { into, pagesMax }: { into: U32Buffer; pagesMax: number },
  ): number {
    const { above, below } = this;
    assert(pagesMax <= above.capacity, "a batch fits the walk's lists");
    const both = this.options.order === "bubbling";
    set.nextPages(above, bubble.up, pagesMax);
    below.length = 0;
    if (both) set.previousPages(below, bubble.down, pagesMax);
    const { nearest, fromAbove } = merge(bubble.pivot, {
      above: above.view(),
      below: below.view(),
      pagesMax,
    });
    if (nearest.length === 0) return 0;
    into.set(nearest);
    const fromBelow = nearest.length - fromAbove;
    if (fromAbove > 0) bubble.up = above.at(fromAbove - 1) + 1;
    if (fromBelow > 0) bubble.down = below.at(fromBelow - 1) - 1;
    return into.length;
  }
}

/** The first pages of two lists that lead away from the pivot; of equal distances the upper one. */
function merge(
  pivot: number,
  lists: { readonly above: Uint32Array; readonly below: Uint32Array; readonly pagesMax: number },
): { nearest: Uint32Array; fromAbove: number } {
  const { above, below, pagesMax } = lists;
  const nearest = new Uint32Array(Math.min(pagesMax, above.length + below.length));
  let up = 0;
  let down = 0;
  for (let n = 0; n < nearest.length; n++) {
    const upwards = up < above.length ? (above[up] as number) - pivot : Number.POSITIVE_INFINITY;
    const downwards =
      down < below.length ? pivot - (below[down] as number) : Number.POSITIVE_INFINITY;
    nearest[n] = (upwards <= downwards ? above[up++] : below[down++]) as number;
  }
  return { nearest, fromAbove: up };
}
