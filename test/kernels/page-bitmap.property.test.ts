import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Kernels, PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import { difference, intersection, runsOf, sorted, union } from "../model/bits.js";
import { BUILDS, load, SIZES } from "./builds.js";

interface Fixture {
  readonly pages: number;
  readonly a: PageBitmap;
  readonly b: PageBitmap;
  readonly out: PageBitmap;
  readonly list: U32Buffer;
  readonly mask: U32Buffer;
}

/** One fixture a size, used by all runs: the arena gives nothing back. */
function fixtures(kernels: Kernels): Fixture[] {
  return SIZES.map((pages) => ({
    pages,
    a: PageBitmap.create(kernels, pages),
    b: PageBitmap.create(kernels, pages),
    out: PageBitmap.create(kernels, pages),
    list: U32Buffer.create(kernels, pages + 1),
    mask: U32Buffer.create(kernels, pages + 1),
  }));
}

/** A size, two sets of its pages, and a number: sparse, dense and full words all occur. */
const cases = fc.integer({ min: 0, max: SIZES.length - 1 }).chain((index) => {
  const pages = SIZES[index]!;
  const page = fc.integer({ min: 0, max: pages - 1 });
  const scattered = fc.array(page, { maxLength: 40 });
  const dense = fc
    .tuple(page, page, fc.array(page, { maxLength: 20 }))
    .map(([x, y, holes]) => difference(range(Math.min(x, y), Math.max(x, y) + 1), holes));
  const set = fc.oneof(scattered.map(sorted), dense);
  return fc.record({ index: fc.constant(index), a: set, b: set, at: page, max: fc.nat(pages) });
});

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, i) => first + i);
}

function assign(bitmap: PageBitmap, pages: number[]): void {
  bitmap.reset();
  for (const page of pages) bitmap.set(page);
}

function contents(bitmap: PageBitmap, list: U32Buffer): number[] {
  bitmap.toPages(list);
  return [...list.view()];
}

describe.each(BUILDS)("PageBitmap ($build)", ({ simd }) => {
  const all = fixtures(load(simd));

  it("does set algebra as sets do, and counts what it did", () => {
    fc.assert(
      fc.property(cases, ({ index, a: pa, b: pb }) => {
        const { a, b, out, list } = all[index]!;
        assign(a, pa);
        assign(b, pb);
        const both = intersection(pa, pb);
        const either = union(pa, pb);
        const only = difference(pa, pb);
        expect(a.count()).toBe(pa.length);
        expect(a.isEmpty()).toBe(pa.length === 0);
        expect(a.countAnd(b)).toBe(both.length);
        expect(a.countAndNot(b)).toBe(only.length);
        expect(a.isSubsetOf(b)).toBe(only.length === 0);
        expect(a.equals(b)).toBe(pa.join() === pb.join());
        expect(out.assignAnd(a, b)).toBe(both.length);
        expect(contents(out, list)).toEqual(both);
        expect(out.assignOr(a, b)).toBe(either.length);
        expect(contents(out, list)).toEqual(either);
        expect(out.assignAndNot(a, b)).toBe(only.length);
        expect(contents(out, list)).toEqual(only);
        for (const [op, expected] of [
          ["and", both],
          ["or", either],
          ["andNot", only],
        ] as const) {
          out.copyFrom(a);
          expect(out[op](b)).toBe(expected.length);
          expect(contents(out, list)).toEqual(expected);
        }
        expect(contents(a, list)).toEqual(pa);
        expect(contents(b, list)).toEqual(pb);
      }),
      { numRuns: 300 },
    );
  });

  it("finds pages and runs", () => {
    fc.assert(
      fc.property(cases, ({ index, a: pa, at, max }) => {
        const { a, list, pages } = all[index]!;
        assign(a, pa);
        expect(a.runs(list)).toBe(runsOf(pa).length / 2);
        expect([...list.view()]).toEqual(runsOf(pa));
        expect(a.nextSet(at)).toBe(pa.find((page) => page >= at) ?? -1);
        const rest = pa.filter((page) => page >= at);
        expect(a.nextPages(list, at, max)).toBe(Math.min(rest.length, max));
        expect([...list.view()]).toEqual(rest.slice(0, max));
        expect(a.nextSet(pages)).toBe(-1);
        const before = pa.filter((page) => page <= at).reverse();
        expect(a.prevSet(at)).toBe(before[0] ?? -1);
        expect(a.previousPages(list, at, max)).toBe(Math.min(before.length, max));
        expect([...list.view()]).toEqual(before.slice(0, max));
        expect([a.prevSet(-1), a.previousPages(list, -1, max)]).toEqual([-1, 0]);
        expect(a.nextPages(list, pages, max)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("meets lists of pages", () => {
    fc.assert(
      fc.property(cases, fc.array(fc.nat(), { maxLength: 60 }), ({ index, a: pa }, raw) => {
        const { a, list, mask, pages } = all[index]!;
        const asked = raw.map((x) => x % pages).slice(0, list.capacity);
        assign(a, pa);
        list.set(asked);
        const bits = asked.map((page) => (pa.includes(page) ? 1 : 0));
        expect(a.maskOf(list, mask)).toBe(bits.filter((bit) => bit === 1).length);
        expect([...mask.view()]).toEqual(bits);
        expect(a.setBatch(list)).toBe(difference(sorted(asked), pa).length);
        expect(contents(a, mask)).toEqual(union(pa, asked));
        expect(a.clearBatch(list)).toBe(sorted(asked).length);
        expect(contents(a, mask)).toEqual(difference(pa, asked));
        assign(a, pa);
        const kept = asked.filter((page) => !pa.includes(page));
        expect(a.removeSet(list)).toBe(kept.length);
        expect([...list.view()]).toEqual(kept);
      }),
      { numRuns: 300 },
    );
  });

  it("harvests: everything moves to the shadow, nothing stays", () => {
    fc.assert(
      fc.property(cases, ({ index, a: pa, b: pb }) => {
        const { a, b, list } = all[index]!;
        assign(a, pa);
        assign(b, pb);
        expect(a.harvestInto(b)).toBe(pa.length);
        expect(contents(b, list)).toEqual(pa);
        expect(a.isEmpty()).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("sets ranges and keeps the bits past the last page clear", () => {
    fc.assert(
      fc.property(cases, ({ index, a: pa, at, max }) => {
        const { a, list, pages } = all[index]!;
        assign(a, pa);
        const count = Math.min(max, pages - at);
        a.setRange(at, count);
        expect(contents(a, list)).toEqual(union(pa, range(at, at + count)));
        a.fill();
        expect(a.count()).toBe(pages);
        const stored = a.kernels.bytes(a.ptr, PageBitmap.bytesFor(pages));
        const bits = [...stored].reduce(
          (sum, byte) => sum + byte.toString(2).split("1").length - 1,
          0,
        );
        expect(bits).toBe(pages);
      }),
      { numRuns: 200 },
    );
  });
});
