/**
 * Measured windows put so that a longer one never shows fewer distinct pages, as no guest can have
 * it: neighbours that do are pooled, and stand for their mean (pool adjacent violators).
 */
import type { DirtyPoint } from "../fluid/index.js";

export interface Pool<Point extends DirtyPoint> {
  /** Means over the points. */
  readonly windowSec: number;
  readonly pages: number;
  /** By ascending windows. */
  readonly points: readonly Point[];
}

/** Pools in which both the windows and the pages rise. */
export function risingPools<Point extends DirtyPoint>(points: readonly Point[]): Pool<Point>[] {
  const sorted = [...points].sort((a, b) => a.windowSec - b.windowSec);
  const sums: { sec: number; pages: number; from: number; count: number }[] = [];
  for (const [from, { windowSec, pages }] of sorted.entries()) {
    let pool = { sec: windowSec, pages, from, count: 1 };
    for (;;) {
      const before = sums.at(-1);
      if (before === undefined) break;
      if (
        before.pages / before.count < pool.pages / pool.count &&
        before.sec / before.count < pool.sec / pool.count
      )
        break;
      sums.pop();
      pool = {
        sec: pool.sec + before.sec,
        pages: pool.pages + before.pages,
        from: before.from,
        count: pool.count + before.count,
      };
    }
    sums.push(pool);
  }
  return sums.map(({ sec, pages, from, count }) => ({
    windowSec: sec / count,
    pages: pages / count,
    points: sorted.slice(from, from + count),
  }));
}
