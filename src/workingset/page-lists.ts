/** Ways of walking a page set by lists of pages, which several predictors share. */
import type { PageBitmap, U32Buffer } from "../kernels/index.js";

/** Puts the `pagesMax` lowest pages of `set` into `out`, beside what is there; returns how many. */
export function takeFirst(
  set: PageBitmap,
  pagesMax: number,
  chunk: U32Buffer,
  out: PageBitmap,
): number {
  let from = 0;
  let taken = 0;
  while (taken < pagesMax) {
    const got = set.nextPages(chunk, from, Math.min(chunk.capacity, pagesMax - taken));
    if (got === 0) break;
    out.setBatch(chunk);
    taken += got;
    from = (chunk.view()[got - 1] as number) + 1;
  }
  return taken;
}

/**
 * Visits all pages of `set` in lists, in a pseudo-random order that is always the same: a log tells
 * no order within a tick, and ascending order would favour some pages.
 */
export function inScanOrder(set: PageBitmap, chunk: U32Buffer, visit: () => void): void {
  for (let step = 0; step < set.pages; ) {
    step = set.nextPagesPermuted(chunk, step, chunk.capacity);
    if (chunk.length > 0) visit();
  }
}
