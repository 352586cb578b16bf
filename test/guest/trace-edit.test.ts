import { describe, expect, it } from "vitest";
import { cutTrace, tileTrace } from "../../src/guest/trace-edit.js";
import { traceStats, uniqueDirty } from "../../src/guest/trace-stats.js";
import { intervalsOf, plain, traceOf } from "./trace-fixtures.js";

const TRACE = traceOf({ pages: 10, source: "g" }, [
  { endNs: 10, written: [0, 1], read: [9], instructions: 5 },
  { endNs: 20, written: [1, 2], read: [], instructions: 6 },
  { endNs: 30, written: [], read: [3], instructions: 8 },
  { endNs: 40, written: [2], read: [9], instructions: 9 },
]);

describe("cutTrace", () => {
  it("keeps the intervals that lie wholly inside, counted from 0", () => {
    const cut = cutTrace(TRACE, { fromNs: 5, toNs: 39 });
    expect(intervalsOf(cut)).toEqual([
      { endNs: 10, written: [1, 2], read: [], instructions: 1 },
      { endNs: 20, written: [], read: [3], instructions: 3 },
    ]);
    expect(cut.source).toBe("g, 10 ns to 30 ns");
    expect(intervalsOf(TRACE)).toHaveLength(4);
  });

  it("keeps all of it by default", () => {
    expect(intervalsOf(cutTrace(TRACE, {}))).toEqual(intervalsOf(TRACE));
  });

  it("refuses to keep nothing", () => {
    for (const range of [{ fromNs: 31 }, { toNs: 9 }, { fromNs: 20, toNs: 20 }]) {
      expect(() => cutTrace(TRACE, range)).toThrow(/g: no interval lies between/);
    }
  });
});

describe("tileTrace", () => {
  it("lays copies side by side", () => {
    const tiled = tileTrace(TRACE, { pages: 25 });
    expect(intervalsOf(tiled)).toEqual([
      { endNs: 10, written: [0, 1, 10, 11], read: [9, 19], instructions: undefined },
      { endNs: 20, written: [1, 2, 11, 12], read: [], instructions: undefined },
      { endNs: 30, written: [], read: [3, 13], instructions: undefined },
      { endNs: 40, written: [2, 12], read: [9, 19], instructions: undefined },
    ]);
    expect([tiled.pages, tiled.source]).toEqual([25, "g, 2 copies"]);
  });

  it("turns each copy by the shift more than the one before it", () => {
    const tiled = tileTrace(TRACE, { pages: 30, shiftNs: 10 });
    // The second copy's first interval is the recording's last, the third copy's its third.
    expect(intervalsOf(tiled).map(({ written }) => written)).toEqual([
      [0, 1, 12],
      [1, 2, 10, 11, 22],
      [11, 12, 20, 21],
      [2, 21, 22],
    ]);
  });

  it("puts a turned interval where it ends, joined with what is there", () => {
    const uneven = traceOf({ pages: 10 }, [
      { endNs: 10, written: [0], read: [] },
      { endNs: 12, written: [1, 3], read: [] },
      { endNs: 20, written: [2, 3], read: [] },
    ]);
    // 7 ns late they end at 17, 19 and 7: in the third interval twice, in the first once.
    const tiled = tileTrace(uneven, { pages: 20, shiftNs: 7 });
    expect(intervalsOf(tiled).map(({ written }) => written)).toEqual([
      [0, 12, 13],
      [1, 3],
      [2, 3, 10, 11, 13],
    ]);
  });

  it("turns alike for one seed, and leaves the first copy in place", () => {
    const [a, b] = [7, 7].map((seed) => plain(tileTrace(TRACE, { pages: 100, seed })));
    expect(a).toEqual(b);
    const first = a?.intervals.map(({ written }) => written.filter((page) => page < 10));
    expect(first).toEqual(intervalsOf(TRACE).map(({ written }) => written));
    const others = [8, 9, 10].map((seed) => plain(tileTrace(TRACE, { pages: 100, seed })));
    expect(others.some((other) => JSON.stringify(other) !== JSON.stringify(a))).toBe(true);
  });

  it.each([
    [{ pages: 9 }, /0 copies of 10 pages cannot be laid in 9 pages; there is room for 0/],
    [{ pages: 20, copies: 3 }, /3 copies.*room for 2/],
    [{ pages: 20, copies: 1.5 }, /1.5 copies/],
    [{ pages: 2 ** 24 + 1 }, /the limit is 16777216/],
    [{ pages: 20, shiftNs: -1 }, /shift is -1 ns/],
    [{ pages: 20, shiftNs: 1, seed: 1 }, /both given/],
  ])("refuses %o", (options, message) => {
    expect(() => tileTrace(TRACE, options)).toThrow(message);
    expect(() => tileTrace(TRACE, options)).toThrow(expect.objectContaining({ code: "bad-input" }));
  });
});

describe("traceStats", () => {
  it("counts sets, rates and the unique-dirty curve", () => {
    expect(traceStats(TRACE, [5, 10, 20, 40, 50])).toEqual({
      intervals: 4,
      durationNs: 40,
      meanIntervalNs: 10,
      shortestIntervalNs: 10,
      longestIntervalNs: 10,
      written: {
        distinctPages: 3,
        entries: 5,
        meanPagesPerInterval: 1.25,
        maxPagesPerInterval: 2,
        maxAtNs: 10,
        pagesPerSec: 125_000_000,
      },
      read: {
        distinctPages: 2,
        entries: 3,
        meanPagesPerInterval: 0.75,
        maxPagesPerInterval: 1,
        maxAtNs: 10,
        pagesPerSec: 75_000_000,
      },
      touchedPages: 5,
      // 5 ns is shorter than an interval, 50 ns longer than the trace.
      dirtyCurve: [
        { windowNs: 10, windows: 4, meanPages: 1.25, maxPages: 2 },
        { windowNs: 20, windows: 2, meanPages: 2, maxPages: 3 },
        { windowNs: 40, windows: 1, meanPages: 3, maxPages: 3 },
      ],
      instructionsPerSec: 225_000_000,
    });
  });

  it("tells windows apart however many lie between two writes", () => {
    // Windows 0 and 2^32 of 1 ns each, and one after them.
    const long = traceOf({}, [
      { endNs: 1, written: [3] },
      { endNs: 2 ** 32 + 1, written: [3] },
      { endNs: 2 ** 32 + 2, written: [3] },
    ]);
    const point = uniqueDirty(long, 1);
    expect(point.windows * point.meanPages).toBeCloseTo(3, 9);
    expect(point.maxPages).toBe(1);
  });

  it("leaves a last window that is not whole out", () => {
    expect(uniqueDirty(TRACE, 30)).toEqual({ windowNs: 30, windows: 1, meanPages: 3, maxPages: 3 });
    expect(uniqueDirty(TRACE, 41)).toMatchObject({ windows: 0, meanPages: 0, maxPages: 0 });
  });
});
