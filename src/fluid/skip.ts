/**
 * Clark et al.'s skip set by counts: a page that was written again before its turn is left out of
 * the round. Of the pages written in a window of t0, a fraction
 *
 *     k(s) = (D(t0) + D(s) - D(t0 + s)) / D(t0)
 *
 * is written again within s after it (two windows that touch: what both have is the sum less the
 * union), if the guest goes on as it did and the order of sending has nothing to do with what it
 * writes (it has in ascending order: then this is further off). The log is looked at anew before
 * every batch, when the one before has left: a set of one batch skips nothing.
 */
import type { DirtyCurve } from "./dirty-curve.js";

export function skippedPages(round: {
  readonly curve: DirtyCurve;
  readonly pages: number;
  readonly setPages: number;
  /** Guest time in which the set was written; undefined when the set is all of memory. */
  readonly setWindowSec: number | undefined;
  readonly batchPages: number;
  readonly pagesPerSec: number;
}): number {
  const { curve, pages, setPages, setWindowSec, batchPages, pagesPerSec } = round;
  if (setPages === 0) return 0;
  const written = setWindowSec === undefined ? pages : curve(setWindowSec);
  const again = (sec: number) => {
    if (written <= 0) return 0;
    const both =
      setWindowSec === undefined ? curve(sec) : written + curve(sec) - curve(setWindowSec + sec);
    return Math.min(1, Math.max(0, both / written));
  };
  let elapsedSec = 0;
  let sent = 0;
  for (let left = setPages; left > 0; left -= batchPages) {
    const pagesSent = Math.min(batchPages, left) * (1 - again(elapsedSec));
    sent += pagesSent;
    elapsedSec += pagesSent / pagesPerSec;
  }
  return Math.round(setPages - sent);
}
