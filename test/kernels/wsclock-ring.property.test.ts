import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Kernels, PageBitmap, U32Buffer, WsClockRing } from "../../src/kernels/index.js";
import { WsClockModel } from "../model/wsclock.js";
import { BUILDS, load } from "./builds.js";

/** What may happen to a ring between two looks at it; pages are taken modulo its size. */
const step = fc.oneof(
  fc.record({ do: fc.constant("use" as const), from: fc.nat(), count: fc.nat(200) }),
  fc.record({ do: fc.constant("use" as const), from: fc.nat(), count: fc.nat(3) }),
  fc.record({ do: fc.constant("write" as const), from: fc.nat(), count: fc.nat(80) }),
  fc.record({ do: fc.constant("clean" as const), from: fc.nat(), count: fc.nat(80) }),
  fc.record({ do: fc.constant("wait" as const), ticks: fc.nat(60) }),
  fc.record({ do: fc.constant("wait" as const), ticks: fc.nat(2 ** 30) }),
  fc.record({ do: fc.constant("tick" as const) }),
  fc.record({ do: fc.constant("tick" as const) }),
  fc.record({ do: fc.constant("insert" as const), page: fc.nat() }),
  fc.record({ do: fc.constant("remove" as const), from: fc.nat(), count: fc.nat(70) }),
  fc.record({
    do: fc.constant("sweep" as const),
    victimsMax: fc.option(fc.integer({ min: 1, max: 150 })),
    writesMax: fc.option(fc.nat(90)),
  }),
  fc.record({ do: fc.constant("victim" as const) }),
  fc.record({ do: fc.constant("literal" as const) }),
  fc.record({ do: fc.constant("look" as const), max: fc.nat(220) }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The kernel and the model side by side. */
class Pair {
  readonly ring: WsClockRing;
  readonly model: WsClockModel;
  now = 0;
  private readonly out: PageBitmap;
  private readonly clean: U32Buffer;
  private readonly dirty: U32Buffer;
  private readonly bins: U32Buffer;

  constructor(
    kernels: Kernels,
    private readonly pages: number,
    tau: number,
  ) {
    this.ring = WsClockRing.create(kernels, pages, { tauTicks: tau });
    this.model = new WsClockModel(pages, tau);
    this.out = PageBitmap.create(kernels, pages);
    this.clean = U32Buffer.create(kernels, pages);
    this.dirty = U32Buffer.create(kernels, pages);
    this.bins = U32Buffer.create(kernels, 8);
  }

  run(step: Step): void {
    const { ring, model, now } = this;
    switch (step.do) {
      case "use":
        for (const page of this.span(step)) {
          ring.referenced.set(page);
          model.entries[page]!.r = model.entries[page]!.onRing;
        }
        // Uses of pages that are off the ring are nobody's.
        ring.referenced.and(ring.resident);
        break;
      case "write":
        for (const page of this.span(step)) {
          ring.modified.set(page);
          model.entries[page]!.m = true;
        }
        break;
      case "clean":
        for (const page of this.span(step)) {
          ring.modified.clear(page);
          model.entries[page]!.m = false;
        }
        break;
      case "wait":
        this.now += step.ticks;
        this.look(5);
        break;
      case "tick":
        expect(ring.tick(now)).toBe(model.tick(now));
        break;
      case "insert":
        ring.insert(step.page % this.pages, now);
        model.insert(step.page % this.pages, now);
        break;
      case "remove":
        for (const page of this.span(step)) {
          ring.remove(page);
          model.remove(page);
        }
        break;
      case "sweep":
        this.sweep(step.victimsMax ?? this.pages, step.writesMax ?? this.pages);
        break;
      case "victim": {
        const expected = model.victim(now);
        expect(ring.victim(now, { dirty: this.dirty })).toBe(expected.page);
        expect([...this.dirty.view()]).toEqual(expected.dirty);
        break;
      }
      case "literal":
        this.literal();
        break;
      case "look":
        this.look(step.max);
    }
    expect(ring.hand).toBe(model.hand);
  }

  private sweep(victimsMax: number, writesMax: number): void {
    const { clean, dirty } = this;
    const expected = this.model.sweep(this.now, victimsMax, writesMax);
    const found = this.ring.sweep(this.now, { clean, dirty, victimsMax, writesMax });
    expect([...clean.view()]).toEqual(expected.clean);
    expect([...dirty.view()]).toEqual(expected.dirty);
    expect(found.inWorkingSet).toBe(expected.inWorkingSet);
    expect(found.full).toBe(expected.full);
  }

  private literal(): void {
    const expected = this.model.sweepLiteral(this.now);
    const found = this.ring.sweepLiteral(this.now, { clean: null, dirty: null });
    expect(found).toEqual({
      ...expected,
      clean: expected.clean.length,
      dirty: expected.dirty.length,
    });
  }

  private look(max: number): void {
    const { ring, model, now, out } = this;
    expect(ring.workingSet(now, out)).toBe(model.workingSet(now).length);
    expect(this.contents()).toEqual(model.workingSet(now));
    const hottest = model.hottest(now, max);
    expect(ring.hottest(now, max, out)).toBe(hottest.length);
    expect(this.contents()).toEqual(hottest);
    ring.sizes(now, 7, this.bins);
    expect([...this.bins.view()]).toEqual(model.sizes(now, 7, 8));
  }

  private contents(): number[] {
    this.out.toPages(this.clean);
    return [...this.clean.view()];
  }

  private span({ from, count }: { from: number; count: number }): number[] {
    return Array.from({ length: count }, (_, i) => (from + i) % this.pages);
  }
}

describe.each(BUILDS)("WsClockRing ($build)", ({ simd }) => {
  it.each([1, 63, 64, 65, 129, 200])("does as the model does, %d pages", (pages) => {
    const run = fc.record({
      tau: fc.oneof(fc.nat(40), fc.nat(2 ** 29)),
      startTicks: fc.constantFrom(0, 1000, 2 ** 31 - 100),
      steps: fc.array(step, { maxLength: 40 }),
    });
    fc.assert(
      fc.property(run, ({ tau, startTicks, steps }) => {
        const pair = new Pair(load(simd, 1 << 17), pages, tau);
        // Steps of less than 2^31, so that time passes 2^32 and more.
        pair.run({ do: "wait", ticks: startTicks });
        for (const step of steps) pair.run(step);
      }),
      { numRuns: 60 },
    );
  });

  it("counts intervals of any length to 1/64 of it, and loses none", () => {
    const interval = fc.oneof(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 60_000 }),
    );
    const lists = fc.array(interval, { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(lists, fc.integer({ min: 30, max: 3000 }), (intervals, binTicks) => {
        const kernels = load(simd, 1 << 20);
        const ring = WsClockRing.create(kernels, 1, { tauTicks: 1 });
        const bins = U32Buffer.create(kernels, Math.floor(62_000 / binTicks) + 1);
        let now = 5;
        ring.referenced.set(0);
        ring.tick(now);
        for (const ticks of intervals) {
          now += ticks;
          ring.referenced.set(0);
          ring.tick(now);
        }
        ring.intervals(binTicks, bins);
        let below = 0;
        bins.view().forEach((count, bin) => {
          below += count;
          const border = (bin + 1) * binTicks;
          const under = (limit: number) => intervals.filter((ticks) => ticks < limit).length;
          expect(below).toBeGreaterThanOrEqual(under(border * (1 - 1 / 64)));
          expect(below).toBeLessThanOrEqual(under(border * (1 + 1 / 64)));
        });
        expect(below).toBe(intervals.length);
      }),
      { numRuns: 100 },
    );
  });
});
