import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClockRing, LruList, PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import { clockMisses } from "../model/replacement.js";
import { BUILDS, load } from "./builds.js";

const PAGES = 130;
const page = fc.nat(PAGES - 1);
const step = fc.oneof(
  fc.record({ do: fc.constant("batch" as const), pages: fc.array(page, { maxLength: 50 }) }),
  fc.record({ do: fc.constant("bitmap" as const), pages: fc.uniqueArray(page, { maxLength: 50 }) }),
  fc.record({ do: fc.constant("touch" as const), page }),
  fc.record({ do: fc.constant("remove" as const), page }),
);

function bits(bitmap: PageBitmap): number[] {
  return Array.from({ length: bitmap.pages }, (_, p) => p).filter((p) => bitmap.has(p));
}

describe.each(BUILDS)("LruList ($build)", ({ simd }) => {
  it("keeps the order of use, evicts at the tail and counts hits", () => {
    const run = fc.record({
      capacity: fc.integer({ min: 1, max: PAGES }),
      steps: fc.array(step, { maxLength: 25 }),
      max: fc.nat(PAGES),
    });
    fc.assert(
      fc.property(run, ({ capacity, steps, max }) => {
        const kernels = load(simd, 1 << 16);
        const lru = LruList.create(kernels, PAGES, capacity);
        const list = U32Buffer.create(kernels, PAGES);
        const bitmap = PageBitmap.create(kernels, PAGES);
        let recent: number[] = [];
        const use = (pages: number[]): number => {
          let hits = 0;
          for (const p of pages) {
            if (recent.includes(p)) hits++;
            recent = [p, ...recent.filter((q) => q !== p)].slice(0, capacity);
          }
          return hits;
        };
        for (const s of steps) {
          if (s.do === "batch") {
            list.set(s.pages);
            expect(lru.touchBatch(list)).toBe(use(s.pages));
          } else if (s.do === "bitmap") {
            bitmap.reset();
            for (const p of s.pages) bitmap.set(p);
            expect(lru.touchBitmap(bitmap)).toBe(use([...s.pages].sort((a, b) => a - b)));
          } else if (s.do === "touch") {
            expect(lru.touch(s.page)).toBe(use([s.page]) === 1);
          } else {
            expect(lru.remove(s.page)).toBe(recent.includes(s.page));
            recent = recent.filter((p) => p !== s.page);
          }
          expect(lru.size).toBe(recent.length);
          lru.order(list, PAGES);
          expect([...list.view()]).toEqual(recent);
        }
        expect(lru.order(list, max)).toBe(Math.min(max, recent.length));
        expect([...list.view()]).toEqual(recent.slice(0, max));
        expect(lru.hottestInto(bitmap, max)).toBe(Math.min(max, recent.length));
        expect(bits(bitmap)).toEqual(recent.slice(0, max).sort((a, b) => a - b));
      }),
      { numRuns: 150 },
    );
  });
});

describe.each(BUILDS)("ClockRing ($build)", ({ simd }) => {
  it("misses as often as the model and holds as many pages as it has frames", () => {
    const run = fc.record({
      frames: fc.integer({ min: 1, max: 40 }),
      references: fc.array(fc.nat(60), { maxLength: 300 }),
      loadReferenced: fc.boolean(),
    });
    fc.assert(
      fc.property(run, ({ frames, references, loadReferenced }) => {
        const kernels = load(simd, 1 << 16);
        const clock = ClockRing.create(kernels, PAGES, frames, { loadReferenced });
        const one = ClockRing.create(kernels, PAGES, frames, { loadReferenced });
        const list = U32Buffer.create(kernels, 300);
        const out = PageBitmap.create(kernels, PAGES);
        list.set(references);
        const misses = clockMisses(references, frames, loadReferenced);
        expect(references.length - clock.accessBatch(list)).toBe(misses);
        expect(references.filter((p) => !one.access(p)).length).toBe(misses);
        expect(clock.residentInto(out)).toBe(Math.min(frames, new Set(references).size));
        const resident = bits(out);
        expect(resident.length).toBe(Math.min(frames, new Set(references).size));
        expect(resident.every((p) => one.access(p))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
