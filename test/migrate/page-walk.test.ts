/** The orders in which a set is walked, on sets that lose what is taken and gain what is written. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Kernels, PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import { CyclicWalk, type PageWalk, walkInOrder } from "../../src/migrate/page-walk.js";
import { clarkPermute } from "../model/bits.js";

const kernels = Kernels.loadSync({ arenaBytes: 32 << 20 });

function setOf(pages: number, members: Iterable<number>): PageBitmap {
  const set = PageBitmap.create(kernels, pages, "set");
  for (const page of members) set.set(page);
  return set;
}

function take(walk: PageWalk, set: PageBitmap, pagesMax: number): [number[], boolean] {
  const into = U32Buffer.create(kernels, pagesMax);
  const over = walk.take(set, into, pagesMax);
  set.clearBatch(into);
  return [[...into.view()], over];
}

const all = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("walkInOrder", () => {
  it("ascending: once upwards; what comes back behind the walk is not taken again", () => {
    const set = setOf(10, [1, 3, 5, 9]);
    const walk = walkInOrder("ascending");
    expect(take(walk, set, 2)).toEqual([[1, 3], false]);
    set.set(0);
    expect(take(walk, set, 2)).toEqual([[5, 9], true]);
    expect(set.has(0)).toBe(true);
  });

  it("ascending: says that it is over with the batch that was not filled", () => {
    expect(take(walkInOrder("ascending"), setOf(10, [7]), 4)).toEqual([[7], true]);
    expect(take(walkInOrder("ascending"), setOf(10, []), 4)).toEqual([[], true]);
  });

  it("permuted: every page once, in Clark's order", () => {
    const set = setOf(1500, all(1500));
    const walk = walkInOrder("permuted");
    const taken: number[] = [];
    for (let over = false; !over; ) {
      const [batch, last] = take(walk, set, 100);
      taken.push(...batch);
      over = last;
    }
    expect(taken).toEqual(all(1500).map((step) => clarkPermute(step, 1500)));
  });
});

describe("CyclicWalk", () => {
  it("keeps its position from pass to pass and wraps", () => {
    const set = setOf(10, [2, 4, 6]);
    const walk = new CyclicWalk();
    expect(take(walk, set, 2)).toEqual([[2, 4], false]);
    for (const page of [1, 3, 8]) set.set(page);
    expect(take(walk, set, 2)).toEqual([[6, 8], false]);
    expect(take(walk, set, 2)).toEqual([[1, 3], false]);
    expect(take(walk, set, 2)).toEqual([[], true]);
    set.set(2);
    expect(take(walk, set, 2)).toEqual([[2], false]);
  });

  it("takes next what a slow ring takes", () => {
    const step = fc.record({
      written: fc.array(fc.nat(99), { maxLength: 8 }),
      pagesMax: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const set = setOf(100, []);
        const ring = new Set<number>();
        const walk = new CyclicWalk();
        let at = 0;
        for (const { written, pagesMax } of steps) {
          for (const page of written) {
            set.set(page);
            ring.add(page);
          }
          const sorted = [...ring].sort((a, b) => a - b);
          const ahead = sorted.filter((page) => page >= at);
          // A batch does not go over the end: it stops there, and the next begins at the front.
          const batch = (ahead.length > 0 ? ahead : sorted).slice(0, pagesMax);
          if (ahead.length === 0) at = 0;
          if (batch.length > 0) at = batch.at(-1)! + 1;
          for (const page of batch) ring.delete(page);
          expect(take(walk, set, pagesMax)[0]).toEqual(batch);
        }
      }),
      { numRuns: 200 },
    );
  });
});
