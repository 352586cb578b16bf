import { describe, expect, it } from "vitest";
import { AssertionError } from "../../src/base/assert.js";
import { Random } from "../../src/base/random.js";
import { PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import { clarkPermute } from "../model/bits.js";
import { BUILDS, load } from "./builds.js";

describe.each(BUILDS)("PageBitmap ($build)", ({ simd }) => {
  it("scans in the order of Clark et al., each page once, and resumes", () => {
    for (const pages of [1024, 1025, 1100, 4096, 5000, 70001]) {
      const kernels = load(simd);
      const bitmap = PageBitmap.create(kernels, pages);
      const batch = U32Buffer.create(kernels, 100);
      const random = new Random(pages);
      const expected: number[] = [];
      for (let page = 0; page < pages; page++) if (random.below(3) > 0) bitmap.set(page);
      for (let step = 0; step < pages; step++) {
        const page = clarkPermute(step, pages);
        if (bitmap.has(page)) expected.push(page);
      }
      const found: number[] = [];
      for (let step = 0; step < pages; ) {
        step = bitmap.nextPagesPermuted(batch, step, 100);
        found.push(...batch.view());
      }
      expect(found).toEqual(expected);
      expect(new Set(found).size).toBe(bitmap.count());
    }
  });

  it("scans a guest of fewer than 1,024 pages in ascending order", () => {
    const kernels = load(simd);
    const bitmap = PageBitmap.create(kernels, 700);
    const out = U32Buffer.create(kernels, 700);
    bitmap.fill();
    expect(bitmap.nextPagesPermuted(out, 0, 700)).toBe(700);
    expect([...out.view()]).toEqual(Array.from({ length: 700 }, (_, i) => i));
  });

  it("walks down over long gaps in batches, and looks no lower than its first page", () => {
    const kernels = load(simd);
    // What lies below in memory is full: a walk that went on would find pages there.
    PageBitmap.create(kernels, 512).fill();
    const bitmap = PageBitmap.create(kernels, 70_001);
    const out = U32Buffer.create(kernels, 3);
    const expected = [70_000, 69_999, 40_000, 39_937, 5_000, 513, 512, 511, 64, 63];
    for (const page of expected) bitmap.set(page);
    const found: number[] = [];
    for (let from = 70_000; bitmap.previousPages(out, from, 3) > 0; from = found.at(-1)! - 1) {
      found.push(...out.view());
    }
    expect(found).toEqual(expected);
    expect([bitmap.prevSet(62), bitmap.prevSet(4_999), bitmap.prevSet(39_936)]).toEqual([
      -1, 513, 5_000,
    ]);
    expect(bitmap.previousPages(out, 70_000, 0)).toBe(0);
    expect(() => bitmap.prevSet(70_001)).toThrow(AssertionError);
  });

  it("takes every share of set bits through the sparse and the dense path", () => {
    const kernels = load(simd, 4 << 20);
    const pages = 100_003;
    const bitmap = PageBitmap.create(kernels, pages);
    const out = U32Buffer.create(kernels, pages);
    for (const percent of [0.1, 1, 10, 15, 20, 50, 90, 100]) {
      const random = new Random(percent);
      const expected: number[] = [];
      bitmap.reset();
      for (let page = 0; page < pages; page++) {
        if (random.unit() * 100 >= percent) continue;
        bitmap.set(page);
        expected.push(page);
      }
      expect(bitmap.toPages(out)).toBe(expected.length);
      expect(out.view()).toEqual(Uint32Array.from(expected));
    }
  });

  it("writes no further than the padding of a list, and no neighbour", () => {
    const kernels = load(simd);
    const bitmap = PageBitmap.create(kernels, 64);
    const list = U32Buffer.create(kernels, 64);
    const neighbour = U32Buffer.create(kernels, 64);
    neighbour.set(Array(64).fill(7));
    bitmap.fill();
    bitmap.toPages(list);
    bitmap.nextPages(list, 3, 61);
    bitmap.nextPagesPermuted(list, 0, 64);
    expect([...neighbour.view()]).toEqual(Array(64).fill(7));
  });

  it("refuses what would write outside", () => {
    const kernels = load(simd);
    const bitmap = PageBitmap.create(kernels, 100);
    const short = U32Buffer.create(kernels, 10);
    bitmap.fill();
    expect(() => bitmap.set(100)).toThrow(AssertionError);
    expect(() => bitmap.has(-1)).toThrow(AssertionError);
    expect(() => bitmap.setRange(90, 11)).toThrow(AssertionError);
    expect(() => bitmap.toPages(short)).toThrow("100 pages fit the list of 10");
    expect(() => bitmap.nextPages(short, 0, 11)).toThrow(AssertionError);
    expect(() => bitmap.or(PageBitmap.create(kernels, 101))).toThrow(AssertionError);
    expect(() => bitmap.harvestInto(bitmap)).toThrow(AssertionError);
    expect(() => bitmap.or(PageBitmap.create(load(simd), 100))).toThrow(AssertionError);
    short.set([5, 100]);
    expect(() => bitmap.clearBatch(short)).toThrow("entry 100 of a list is below 100");
    for (let page = 0; page < 100; page += 2) bitmap.clear(page);
    expect(() => bitmap.runs(short)).toThrow("50 runs fit the list of 10");
  });
});
