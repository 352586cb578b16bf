import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ActivitySpec, activityArenaBytes, createActivity } from "../../src/guest/activity.js";
import { accessesBetween } from "../../src/guest/synthetic.js";
import { TraceBuilder } from "../../src/guest/trace.js";
import { GuestPages, Kernels, PageBitmap } from "../../src/kernels/index.js";

const PAGES = 512;
const MS = 1_000_000;

const synthetic: ActivitySpec = {
  kind: "synthetic",
  components: [
    { pattern: { kind: "uniform", firstPage: 0, pages: 200 }, accessesPerSec: 12_345 },
    { pattern: { kind: "zipf", firstPage: 200, pages: 200, exponent: 1.1 }, accessesPerSec: 999 },
    {
      pattern: { kind: "sequential", firstPage: 400, pages: 100 },
      accessesPerSec: 5000,
      phase: { periodNs: 20 * MS, startNs: 5 * MS, endNs: 11 * MS },
    },
  ],
};

/** Interval i writes the pages i, i + 1, …, i + 9 and reads the twenty after them. */
function replay(end: "fail" | "loop" | "hold", startNs = 0): ActivitySpec {
  const header = { pageSizeBytes: 4096, pages: PAGES, hasReads: true, clock: "time" } as const;
  const builder = new TraceBuilder({ ...header, source: "made up" });
  const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
  for (let i = 0; i < 10; i++) {
    builder.append({ endNs: (i + 1) * 10 * MS, written: range(i, 10), read: range(i + 10, 20) });
  }
  return { kind: "replay", trace: builder.finish(), startNs, end };
}

function world(spec: ActivitySpec, seed = 3) {
  const kernels = Kernels.loadSync({ arenaBytes: (1 << 20) + activityArenaBytes(spec) });
  const guest = GuestPages.create(kernels, PAGES, { trackAbsent: true });
  const activity = createActivity(kernels, spec, { pages: PAGES, seed });
  return { kernels, guest, activity };
}

const versions = ({ kernels, guest }: ReturnType<typeof world>): number[] => [
  ...kernels.u32(guest.versionsPtr, PAGES),
];

describe.each([
  ["synthetic", synthetic],
  ["replay", replay("loop")],
])("%s activity", (_name, spec) => {
  it("makes the same accesses however its time is cut", () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 * MS }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(cuts, (steps) => {
        const cut = world(spec);
        let at = 0;
        for (const step of steps) {
          cut.activity.run(cut.guest, at, at + step);
          at += step;
        }
        const whole = world(spec);
        whole.activity.run(whole.guest, 0, at);
        expect(versions(cut)).toEqual(versions(whole));
      }),
      { numRuns: 30 },
    );
  });

  it("sees ahead exactly what it then writes, part by part", () => {
    const { kernels, guest, activity } = world(spec);
    activity.run(guest, 0, 33 * MS);
    const parts = [0, 1, 2].map(() => PageBitmap.create(kernels, PAGES));
    activity.lookAhead(parts, 33 * MS, 33 * MS + 21 * MS);
    const written = PageBitmap.create(kernels, PAGES);
    guest.dirty.reset();
    parts.forEach((part, i) => {
      activity.run(guest, (33 + 7 * i) * MS, (40 + 7 * i) * MS);
      guest.dirty.harvestInto(written);
      expect(part.equals(written)).toBe(true);
    });
  });

  it("makes the same accesses when its streams wait for absent pages, each on its own", () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 * MS }), { minLength: 1, maxLength: 8 });
    const absent = fc.uniqueArray(fc.nat(PAGES - 1), { maxLength: 200 });
    fc.assert(
      fc.property(cuts, absent, (steps, pages) => {
        const apart = world(spec);
        for (const page of pages) apart.guest.absent!.set(page);
        apart.guest.faulting = true;
        const together = world(spec);
        let from = 0;
        for (const step of steps) {
          const until = from + step;
          for (let stream = 0; stream < apart.activity.streams; stream++) {
            for (let at = from; at < until; ) {
              const reached = apart.activity.runStream(stream, apart.guest, at, until);
              expect(reached).toBeGreaterThanOrEqual(at);
              expect(reached).toBeLessThanOrEqual(until);
              at = reached;
              if (at === until) continue;
              const { page } = apart.guest.fault;
              expect(apart.guest.absent!.has(page)).toBe(true);
              // Not there yet: no time passes, and it asks for the same page.
              expect(apart.activity.runStream(stream, apart.guest, at, until)).toBe(at);
              expect(apart.guest.fault.page).toBe(page);
              apart.guest.absent!.clear(page);
            }
          }
          together.activity.run(together.guest, from, until);
          from = until;
        }
        expect(versions(apart)).toEqual(versions(together));
        expect(apart.guest.dirty.count()).toBe(together.guest.dirty.count());
      }),
      { numRuns: 60 },
    );
  });

  it("sees ahead from where each stream stands when some lag behind", () => {
    const { kernels, guest, activity } = world(spec);
    activity.run(guest, 0, 33 * MS);
    for (let i = 1; i < activity.streams; i++) activity.runStream(i, guest, 33 * MS, 50 * MS);
    const ahead = [PageBitmap.create(kernels, PAGES)];
    activity.lookAhead(ahead, 33 * MS, 53 * MS);
    guest.dirty.reset();
    for (let i = 0; i < activity.streams; i++) {
      const at = i === 0 ? 33 * MS : 50 * MS;
      activity.runStream(i, guest, at, at + 20 * MS);
    }
    expect(ahead[0]!.equals(guest.dirty)).toBe(true);
  });

  it("another seed, another order", () => {
    const runs = [1, 2].map((seed) => {
      const it = world(spec, seed);
      it.activity.run(it.guest, 0, 5 * MS);
      return versions(it);
    });
    expect(runs[0]).not.toEqual(runs[1]);
  });
});

describe("synthetic activity", () => {
  it("an access rate holds exactly over time, and over the phase that it is confined to", () => {
    const pattern = { kind: "uniform", firstPage: 0, pages: 1 } as const;
    const steady = { pattern, accessesPerSec: 333 };
    expect(accessesBetween(steady, 0, 3_000 * MS)).toBe(999);
    const phase = { periodNs: 100 * MS, startNs: 50 * MS, endNs: 75 * MS };
    const phased = { pattern, accessesPerSec: 1000, phase };
    expect(accessesBetween(phased, 0, 50 * MS)).toBe(0);
    expect(accessesBetween(phased, 50 * MS, 75 * MS)).toBe(25);
    expect(accessesBetween(phased, 75 * MS, 150 * MS)).toBe(0);
    expect(accessesBetween(phased, 0, 1000 * MS)).toBe(250);
  });

  it("stops an instant before the access that has to wait, and knows its time", () => {
    const pattern = { kind: "sequential", firstPage: 0, pages: 100 } as const;
    const { guest, activity } = world({
      kind: "synthetic",
      components: [{ pattern, accessesPerSec: 1000 }],
    });
    guest.absent!.set(3);
    expect(activity.runStream(0, guest, 0, 9 * MS)).toBe(9 * MS);
    guest.faulting = true;
    guest.absent!.set(12);
    // Page k is written at (k + 1) ms.
    expect(activity.runStream(0, guest, 9 * MS, 40 * MS)).toBe(13 * MS - 1);
    expect(guest.versionSum()).toBe(12);
    expect(activity.runStream(0, guest, 13 * MS - 1, 13 * MS - 1)).toBe(13 * MS - 1);
    guest.absent!.clear(12);
    expect(activity.runStream(0, guest, 13 * MS - 1, 13 * MS)).toBe(13 * MS);
    expect(guest.version(12)).toBe(1);
  });

  it.each([
    [{ pattern: { kind: "uniform", firstPage: 500, pages: 13 }, accessesPerSec: 1 }, /500 to 512/],
    [{ pattern: { kind: "uniform", firstPage: 0, pages: 1 }, accessesPerSec: -1 }, /-1 accesses/],
    [{ pattern: { kind: "uniform", firstPage: 0, pages: 1 }, accessesPerSec: NaN }, /NaN accesses/],
    [
      {
        pattern: { kind: "uniform", firstPage: 0, pages: 1 },
        accessesPerSec: 1,
        phase: { periodNs: 10, startNs: 5, endNs: 11 },
      },
      /phase from 5 to 11/,
    ],
  ] as const)("refuses component %#", (component, message) => {
    expect(() => world({ kind: "synthetic", components: [component] })).toThrow(message);
  });
});

describe("replay", () => {
  it("writes exactly the recorded pages of each interval, and references the read ones too", () => {
    const { kernels, guest, activity } = world(replay("fail"));
    const seen = PageBitmap.create(kernels, PAGES);
    for (let i = 0; i < 10; i++) {
      activity.run(guest, i * 10 * MS, (i + 1) * 10 * MS);
      expect(guest.dirty.harvestInto(seen)).toBe(10);
      expect([seen.nextSet(0), seen.has(i + 9)]).toEqual([i, true]);
      expect(guest.referenced!.harvestInto(seen)).toBe(30);
    }
  });

  it("half an interval makes half of its accesses", () => {
    const { guest, activity } = world(replay("fail"));
    activity.run(guest, 0, 5 * MS);
    expect(guest.referenced!.count()).toBe(15);
  });

  it("starts where it is told to", () => {
    const { guest, activity } = world(replay("fail", 30 * MS));
    activity.run(guest, 0, 10 * MS);
    expect(guest.dirty.nextSet(0)).toBe(3);
  });

  it("waits for many pages within one nanosecond and loses none", () => {
    const header = { pageSizeBytes: 4096, pages: PAGES, hasReads: false, clock: "time" } as const;
    const builder = new TraceBuilder({ ...header, source: "dense" });
    const all = Array.from({ length: 100 }, (_, i) => i);
    for (const endNs of [3, 7]) builder.append({ endNs, written: all, read: [] });
    const trace = builder.finish();
    const { guest, activity } = world({ kind: "replay", trace, startNs: 0, end: "hold" });
    guest.absent!.setRange(0, 100);
    guest.faulting = true;
    const stops: number[] = [];
    for (let at = 0; at < 9; ) {
      at = activity.runStream(0, guest, at, 9);
      if (at === 9) break;
      stops.push(at);
      guest.absent!.clear(guest.fault.page);
    }
    expect(stops.length).toBe(100);
    expect(stops).toEqual([...stops].sort((a, b) => a - b));
    // 33 accesses are due after 1 ns, 66 after 2, 100 after 3: each stops a ns before.
    expect([0, 1, 2].map((ns) => stops.filter((at) => at === ns).length)).toEqual([33, 33, 34]);
    expect(guest.versionSum()).toBe(200);
  });

  it("fails at its end by default, holds still or starts over as asked", () => {
    const failing = world(replay("fail"));
    const run = () => failing.activity.run(failing.guest, 0, 101 * MS);
    expect(run).toThrow(/ended after 100 ms of guest time.*loop or hold/);
    const holding = world(replay("hold"));
    holding.activity.run(holding.guest, 0, 100 * MS);
    const before = versions(holding);
    holding.activity.run(holding.guest, 100 * MS, 900 * MS);
    expect(versions(holding)).toEqual(before);
    const looping = world(replay("loop"));
    looping.activity.run(looping.guest, 0, 300 * MS);
    expect(versions(looping)).toEqual(before.map((count) => 3 * count));
  });

  it("refuses to start behind its end, and a guest that is too small", () => {
    expect(() => world(replay("fail", 100 * MS))).toThrow(/lasts 100 ms.*from 100 ms/);
    const kernels = Kernels.loadSync({ arenaBytes: 1 << 20 });
    const make = () => createActivity(kernels, replay("fail"), { pages: PAGES - 1, seed: 1 });
    expect(make).toThrow(/512 pages and the guest only 511/);
  });
});
