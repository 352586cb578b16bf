import { describe, expect, it } from "vitest";
import { AssertionError } from "../../src/base/assert.js";
import { PageBitmap, U32Buffer, WsClockRing } from "../../src/kernels/index.js";
import { BUILDS, load } from "./builds.js";

/** A ring that holds only the given entries: [page, time of last use, R, M]. */
function ringOf(
  simd: boolean,
  pages: number,
  tauTicks: number,
  entries: [page: number, last: number, r: 0 | 1, m: 0 | 1][],
): WsClockRing {
  const ring = WsClockRing.create(load(simd), pages, { tauTicks });
  ring.resident.reset();
  for (const [page, last, r, m] of entries) {
    ring.insert(page, last);
    if (r === 0) ring.referenced.clear(page);
    if (m === 1) ring.modified.set(page);
  }
  return ring;
}

describe.each(BUILDS)("WSClock by the textbook ($build)", ({ simd }) => {
  it("removes at tau 400 and keeps at tau 1000 the entry of figure 3-20", () => {
    // Virtual time 2204, time of last use 1213, R = 0: age 991.
    expect(ringOf(simd, 8, 400, [[0, 1213, 0, 0]]).victim(2204)).toBe(0);
    const kept = ringOf(simd, 8, 1000, [[0, 1213, 0, 0]]);
    const { inWorkingSet, clean } = kept.sweep(2204, { clean: null, dirty: null });
    expect([inWorkingSet, clean]).toEqual([1, 0]);
  });

  const exercise33: [number, number, 0 | 1, 0 | 1][] = [
    [0, 6, 0, 1],
    [1, 9, 1, 0],
    [2, 9, 1, 1],
    [3, 7, 0, 0],
  ];

  it("stamps pages 1 and 2 at the clock interrupt of exercise 33 (a)", () => {
    const ring = ringOf(simd, 5, 2, exercise33);
    expect(ring.tick(10)).toBe(2);
    expect([0, 1, 2, 3].map((page) => ring.lastUse(page))).toEqual([6, 10, 10, 7]);
    expect(ring.referenced.isEmpty()).toBe(true);
  });

  it("evicts page 3 and schedules page 0 at the fault of exercise 33 (b)", () => {
    const ring = ringOf(simd, 5, 2, exercise33);
    const scheduled = U32Buffer.create(ring.kernels, 5);
    expect(ring.victim(10, { dirty: scheduled })).toBe(3);
    expect([...scheduled.view()]).toEqual([0]);
    ring.remove(3);
    ring.insert(4, 10);
    expect(ring.lastUse(4)).toBe(10);
    expect([0, 1, 2, 3, 4].map((page) => ring.resident.has(page))).toEqual([
      true,
      true,
      true,
      false,
      true,
    ]);
    expect(ring.hand).toBe(4);
  });

  it("solves the variant: tau 10, times 60, 90, 90, 70, tick 100", () => {
    const ring = ringOf(simd, 5, 10, [
      [0, 60, 0, 1],
      [1, 90, 1, 0],
      [2, 90, 1, 1],
      [3, 70, 0, 0],
    ]);
    expect(ring.tick(100)).toBe(2);
    expect(ring.victim(100)).toBe(3);
  });

  it("goes round once and claims any clean page when all are in the working set", () => {
    const ring = ringOf(simd, 4, 100, [
      [0, 95, 0, 1],
      [1, 96, 1, 1],
      [2, 97, 0, 0],
      [3, 98, 1, 0],
    ]);
    expect(ring.victim(100)).toBe(2);
    expect(ring.referenced.isEmpty()).toBe(true);
    expect(ring.lastUse(1)).toBe(100);
  });

  it("takes the current page when all are young and dirty, and none when none is there", () => {
    const ring = ringOf(simd, 4, 100, [
      [1, 96, 1, 1],
      [2, 97, 0, 1],
    ]);
    expect(ring.victim(100)).toBe(1);
    expect(ring.victim(100)).toBe(2);
    ring.remove(1);
    ring.remove(2);
    expect(ring.victim(100)).toBe(-1);
  });

  it("waits for a write when old pages are all dirty, then takes the first clean one", () => {
    const ring = ringOf(simd, 4, 5, [
      [0, 10, 0, 1],
      [1, 99, 0, 1],
      [2, 20, 0, 1],
    ]);
    const scheduled = U32Buffer.create(ring.kernels, 4);
    expect(ring.victim(100, { dirty: scheduled })).toBe(-1);
    expect([...scheduled.view()]).toEqual([0, 2]);
    // The disk finishes the second write first: "not necessarily the first write scheduled".
    ring.modified.clear(2);
    expect(ring.victim(101)).toBe(2);
    expect(ring.hand).toBe(3);
  });

  it("schedules at most n writes and passes the other old dirty pages", () => {
    const ring = ringOf(simd, 200, 5, []);
    for (let page = 0; page < 200; page++) {
      ring.insert(page, 10);
      ring.modified.set(page);
    }
    ring.referenced.reset();
    const dirty = U32Buffer.create(ring.kernels, 200);
    expect(ring.victim(100, { dirty, writesMax: 7 })).toBe(-1);
    expect([...dirty.view()]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const swept = ring.sweep(100, { clean: null, dirty, writesMax: 70 });
    expect(swept).toEqual({ clean: 0, dirty: 70, inWorkingSet: 0, full: true });
    expect(dirty.length).toBe(70);
    expect(dirty.at(69)).toBe(69);
  });
});

describe.each(BUILDS)("WsClockRing ($build)", ({ simd }) => {
  it("counts age = tau as in the working set, and one tick more as out", () => {
    const ring = ringOf(simd, 3, 50, [[1, 100, 0, 0]]);
    const out = PageBitmap.create(ring.kernels, 3);
    expect(ring.workingSet(150, out)).toBe(1);
    expect(ring.workingSet(151, out)).toBe(0);
  });

  it("takes M from the caller's bitmap", () => {
    const ring = WsClockRing.create(load(simd), 300, { tauTicks: 10 });
    const owed = PageBitmap.create(ring.kernels, 300);
    const dirty = U32Buffer.create(ring.kernels, 300);
    owed.set(77);
    owed.set(299);
    ring.setModified(owed);
    ring.sweep(1, { clean: null, dirty });
    expect([...dirty.view()]).toEqual([77, 299]);
    expect(() => ring.setModified(PageBitmap.create(ring.kernels, 299))).toThrow(AssertionError);
  });

  it("goes on where it stopped, until every page was a victim once", () => {
    const ring = WsClockRing.create(load(simd), 1000, { tauTicks: 10 });
    const clean = U32Buffer.create(ring.kernels, 64);
    const found: number[] = [];
    for (let k = 0; k < 1000; k += 40) {
      const { clean: count, full } = ring.sweep(5, { clean, dirty: null, victimsMax: 40 });
      expect([count, full]).toEqual([40, false]);
      found.push(...clean.view());
    }
    expect(found).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(ring.hand).toBe(0);
    expect(ring.sweep(5, { clean, dirty: null }).clean).toBe(64);
    expect(ring.hand).toBe(64);
  });

  it("keeps the last eight ticks of a page", () => {
    const ring = WsClockRing.create(load(simd), 130, { tauTicks: 10 });
    const pattern = [1, 0, 1, 1, 0, 0, 1, 0, 1, 1];
    pattern.forEach((used, tick) => {
      if (used) ring.referenced.set(129);
      ring.referenced.set(tick);
      ring.tick(tick);
    });
    // Newest in bit 7: the last eight of the pattern, read from its end.
    expect(ring.history(129).toString(2).padStart(8, "0")).toBe(
      pattern.slice(-8).reverse().join(""),
    );
    expect(ring.history(9)).toBe(0x80);
    expect(ring.history(8)).toBe(0x40);
    expect(ring.history(1)).toBe(0);
    expect(ring.history(128)).toBe(0);
  });

  it("forgets no old page and no young one when 32 bits of time wrap", () => {
    const ring = WsClockRing.create(load(simd), 100, { tauTicks: 1000 });
    const out = PageBitmap.create(ring.kernels, 100);
    ring.referenced.set(0);
    ring.tick(1);
    let now = 1;
    for (let step = 0; step < 30; step++) {
      now += 0x3fffff00;
      ring.referenced.set(50);
      expect(ring.tick(now)).toBe(1);
      expect(ring.workingSet(now + 900, out)).toBe(1);
      expect(out.has(50)).toBe(true);
      const swept = ring.sweep(now + 901, { clean: null, dirty: null });
      expect(swept.clean).toBe(99);
    }
    expect(now).toBeGreaterThan(7 * 2 ** 32);
  });

  it("tells the intervals between uses, exactly for regular ticks", () => {
    const ring = WsClockRing.create(load(simd), 500, { tauTicks: 10 });
    const bins = U32Buffer.create(ring.kernels, 20);
    const tickTicks = 100_000;
    // Page p is used every (p + 1)th tick: its intervals are p + 1 ticks long.
    for (let tick = 0; tick < 60; tick++) {
      for (let page = 0; page < 10; page++) {
        if (tick % (page + 1) === 0) ring.referenced.set(page);
      }
      ring.tick(tick * tickTicks);
    }
    ring.intervals(tickTicks, bins);
    const expected = Array(20).fill(0);
    for (let page = 0; page < 10; page++) expected[page + 1] = Math.ceil(60 / (page + 1)) - 1;
    expect([...bins.view()]).toEqual(expected);
  });

  it("does by the paper's literal bullets what they say: with T > 0 nothing leaves the set", () => {
    const ring = WsClockRing.create(load(simd), 100, { tauTicks: 1 });
    const out = PageBitmap.create(ring.kernels, 100);
    ring.referenced.set(3);
    ring.modified.set(4);
    const literal = ring.sweepLiteral(1_000_000, { clean: null, dirty: null });
    expect(literal).toEqual({ clean: 0, dirty: 0, inWorkingSet: 100, full: true });
    expect(ring.referenced.has(3)).toBe(true);
    expect(ring.workingSet(1_000_000, out)).toBe(100);
    ring.tauTicks = 0;
    const zero = ring.sweepLiteral(1_000_001, { clean: null, dirty: null });
    expect(zero).toEqual({ clean: 98, dirty: 1, inWorkingSet: 1, full: true });
  });

  it("refuses a tau that ages cannot tell apart, and lists of another size", () => {
    const kernels = load(simd);
    const ring = WsClockRing.create(kernels, 10, { tauTicks: 2 ** 30 - 1 });
    expect(() => {
      ring.tauTicks = 2 ** 30;
    }).toThrow(AssertionError);
    expect(() => ring.workingSet(0, PageBitmap.create(kernels, 11))).toThrow(AssertionError);
    expect(() => ring.sweep(0, { clean: null, dirty: null, victimsMax: 0 })).toThrow(
      "at least one",
    );
  });

  it("fits its own estimate of the arena", () => {
    for (const pages of [1, 64, 65, 1000]) {
      const kernels = load(simd);
      WsClockRing.create(kernels, pages, { tauTicks: 1 });
      expect(kernels.arenaUsedBytes).toBeLessThanOrEqual(WsClockRing.bytesFor(pages) + 63);
    }
  });
});
