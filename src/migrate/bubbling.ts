/**
 * Pre-paging with bubbling (Hines & Gopalan, "Post-copy based live virtual machine migration using
 * adaptive pre-paging and dynamic self-ballooning", VEE 2009, section 3.3): pages are pushed
 * around the page that faulted last, the bubble growing in both directions or forward alone; with
 * several pivots each of the last k faults has a bubble, the oldest is replaced.
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
  /** Everything owed from here upwards, and below here downwards, is still to come. */
  up: number;
  down: number;
}

export class BubblingWalk implements PageWalk {
  private readonly bubbles: Bubble[] = [{ up: 0, down: -1 }];
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
    this.bubbles.push({ up: page, down: page - 1 });
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

  private takeAround(
    bubble: Bubble,
    set: PageBitmap,
    { into, pagesMax }: { into: U32Buffer; pagesMax: number },
  ): number {
    const { above, below } = this;
    assert(pagesMax <= above.capacity, "a batch fits the walk's lists");
    const both = this.options.order === "bubbling";
    below.length = 0;
    if (both && bubble.down >= 0) set.previousPages(below, bubble.down, Math.ceil(pagesMax / 2));
    set.nextPages(above, bubble.up, pagesMax - below.length);
    if (above.length === 0 && below.length === 0) return 0;
    into.set(interleaved(above.view(), below.view()));
    bubble.up = above.length > 0 ? (above.view().at(-1) as number) + 1 : set.pages;
    if (both) bubble.down = below.length > 0 ? (below.view().at(-1) as number) - 1 : -1;
    return into.length;
  }
}

/** Nearest first: one from above, one from below, and so on. */
function interleaved(above: Uint32Array, below: Uint32Array): Uint32Array {
  const merged = new Uint32Array(above.length + below.length);
  const shared = Math.min(above.length, below.length);
  let n = 0;
  for (let i = 0; i < shared; i++) {
    merged[n++] = above[i] as number;
    merged[n++] = below[i] as number;
  }
  merged.set(above.subarray(shared), n);
  merged.set(below.subarray(shared), n + above.length - shared);
  return merged;
}
