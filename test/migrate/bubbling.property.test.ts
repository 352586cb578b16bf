/** Bubbling against a slow model that walks page by page, with faults and pages that come back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Kernels, PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import { BubblingWalk } from "../../src/migrate/bubbling.js";
import { SlowBubbles } from "../model/bubbling.js";

const kernels = Kernels.loadSync({ arenaBytes: 64 << 20 });
const BATCH = 16;

function setup(pages: number, owed: Iterable<number>) {
  const set = PageBitmap.create(kernels, pages, "set");
  for (const page of owed) set.set(page);
  return { set, into: U32Buffer.create(kernels, BATCH) };
}

/** Takes batches until the walk says that nothing is left; taken pages leave the set. */
function walkOut(walk: BubblingWalk, set: PageBitmap, into: U32Buffer, pagesMax: number): number[] {
  const taken: number[] = [];
  for (let over = false; !over; ) {
    into.length = 0;
    over = walk.take(set, into, pagesMax);
    taken.push(...into.view());
    set.clearBatch(into);
  }
  return taken;
}

const orders = ["bubbling", "forward", "ascending"] as const;

describe("BubblingWalk", () => {
  it("takes what the slow model takes, batch by batch, whatever faults and comes back", () => {
    const step = fc.record({
      fault: fc.option(fc.nat(199), { nil: undefined }),
      back: fc.array(fc.nat(199), { maxLength: 3 }),
      pagesMax: fc.integer({ min: 1, max: BATCH }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...orders),
        fc.integer({ min: 1, max: 4 }),
        fc.uniqueArray(fc.nat(199), { maxLength: 200 }),
        fc.array(step, { minLength: 1, maxLength: 25 }),
        (order, pivots, first, steps) => {
          const { set, into } = setup(200, first);
          const owed = new Set(first);
          const walk = new BubblingWalk(kernels, { order, pivots }, BATCH);
          const model = new SlowBubbles(order, pivots, 200);
          for (const { fault, back, pagesMax } of steps) {
            if (fault !== undefined) {
              walk.fault(fault);
              model.fault(fault);
            }
            for (const page of back) {
              set.set(page);
              owed.add(page);
            }
            const over = walk.take(set, into, pagesMax);
            const batch = model.take(owed, pagesMax);
            expect([...into.view()]).toEqual(batch);
            expect(over).toBe(batch.length === 0);
            set.clearBatch(into);
            for (const page of batch) owed.delete(page);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("around one pivot: every page once, by distance, of two as far the upper first", () => {
    for (const pagesMax of [1, 2, 3, BATCH]) {
      const { set, into } = setup(
        64,
        Array.from({ length: 64 }, (_, i) => i),
      );
      const walk = new BubblingWalk(kernels, { order: "bubbling", pivots: 1 }, BATCH);
      walk.fault(20);
      const wanted = Array.from({ length: 64 }, (_, i) => i).sort(
        (a, b) => Math.abs(a - 20) - Math.abs(b - 20) || b - a,
      );
      expect(walkOut(walk, set, into, pagesMax)).toEqual(wanted);
    }
  });

  it("forward: onwards from the fault, then what lies before it", () => {
    const { set, into } = setup(10, [0, 1, 4, 5, 6, 9]);
    const walk = new BubblingWalk(kernels, { order: "forward", pivots: 1 }, BATCH);
    walk.fault(5);
    expect(walkOut(walk, set, into, 2)).toEqual([5, 6, 9, 0, 1, 4]);
  });

  it("several pivots take turns, and the oldest makes room", () => {
    const { set, into } = setup(
      100,
      Array.from({ length: 100 }, (_, i) => i),
    );
    const walk = new BubblingWalk(kernels, { order: "bubbling", pivots: 2 }, BATCH);
    for (const page of [10, 50, 90]) walk.fault(page);
    const taken = walkOut(walk, set, into, 2);
    expect(taken.slice(0, 8)).toEqual([50, 51, 90, 91, 49, 52, 89, 92]);
    expect(taken.length).toBe(100);
    expect(new Set(taken).size).toBe(100);
  });
});
