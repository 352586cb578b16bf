import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { preCopyFloor } from "../../src/bound/index.js";
import type { GuestActivity } from "../../src/guest/activity.js";
import { GuestPages, Kernels, U32Buffer } from "../../src/kernels/index.js";
import { floorOfMigration } from "../../src/model/floor.js";
import { simulate } from "../../src/model/simulation.js";
import { hotCold, type SmallOptions, small } from "../support/specs.js";

const MS = 1_000_000;

/** Four pages a pause at three a millisecond: the division gives 3.9999999. */
const ROUNDED = { pages: 7, perSlice: 3, pausePages: 4, seeds: [[], [], [], [], []] };

/** A guest that writes the given pages in the given milliseconds. */
class Script implements Pick<GuestActivity, "run"> {
  private readonly buffer: U32Buffer;

  constructor(
    kernels: Kernels,
    private readonly writes: readonly (readonly number[])[],
  ) {
    this.buffer = U32Buffer.create(kernels, 64);
  }

  run(guest: GuestPages, fromNs: number, toNs: number): void {
    expect(toNs - fromNs).toBe(MS);
    const pages = this.writes[Math.floor(fromNs / MS)] ?? [];
    if (pages.length === 0) return;
    this.buffer.set(pages);
    guest.touchWrites(this.buffer, 0);
  }
}

interface Case {
  readonly pages: number;
  readonly writes: readonly (readonly number[])[];
  /** Pages that the link carries in a millisecond, and that the pause may carry. */
  readonly perSlice: number;
  readonly pausePages: number;
}

function floorOf({ pages, writes, perSlice, pausePages }: Case) {
  const kernels = Kernels.loadSync({ arenaBytes: 4 << 20 });
  return preCopyFloor({
    kernels,
    guest: GuestPages.create(kernels, pages),
    activity: new Script(kernels, writes),
    fromNs: 0,
    speed: 1,
    bytesPerPage: 1000,
    bandwidthBytesPerSec: perSlice * 1000 * 1000,
    downtimeLimitNs: (pausePages / perSlice) * MS + 5 * MS,
    fixedNs: 5 * MS,
    horizonNs: writes.length * MS,
  });
}

/**
 * The slow way: for every switch at the end of a slice, serve the link page by page in the order
 * of release. Writes are released when their slice begins, as in the floor's own convention; those
 * of the slice of the switch do not count.
 */
function earliestSlice({ pages, writes, perSlice, pausePages }: Case): number {
  for (let k = 0; k < writes.length; k++) {
    const release = new Array<number>(pages).fill(0);
    for (let j = 0; j < k; j++) for (const page of writes[j]!) release[page] = j;
    const order = [...release].sort((a, b) => a - b);
    const end = k + 1;
    let clock = 0;
    let sent = 0;
    for (const at of order) {
      const start = Math.max(clock, at);
      if (start + 1 / perSlice > end + 1e-9) break;
      clock = start + 1 / perSlice;
      sent++;
    }
    if (pages - sent <= pausePages) return k;
  }
  return -1;
}

describe("the floor of pre-copy", () => {
  it("an idle guest: everything once, the last pages in the pause", () => {
    const floor = floorOf({ pages: 100, writes: Array(50).fill([]), perSlice: 4, pausePages: 8 });
    // 100 pages at 4 a millisecond take 25 ms; 8 of them may travel in the pause.
    expect(floor).toMatchObject({ feasible: true, totalNs: 30 * MS, unsentPages: 8 });
    expect(floor.switchNs).toBe(23 * MS);
    expect(floor.downtimeNs).toBe(7 * MS);
  });

  it("a guest that writes everything all the time is never done", () => {
    const all = [...Array(50).keys()];
    const floor = floorOf({ pages: 50, writes: Array(60).fill(all), perSlice: 4, pausePages: 8 });
    expect(floor.feasible).toBe(false);
  });

  it("feasibility comes and goes: a burst ends it, quiet brings it back", () => {
    const burst = [...Array(40).keys()];
    const writes = Array.from({ length: 60 }, (_, i) => (i < 30 ? burst : []));
    const floor = floorOf({ pages: 50, writes, perSlice: 4, pausePages: 4 });
    // From 29 ms on, 40 pages are owed; 36 of them need 9 ms more of link.
    expect(floor.feasible).toBe(true);
    expect(floor.switchNs).toBeGreaterThanOrEqual(37 * MS);
    expect(floor.switchNs).toBeLessThanOrEqual(38 * MS);
  });

  it("agrees with serving the link page by page, for any guest", () => {
    const cases = fc.record({
      pages: fc.integer({ min: 1, max: 40 }),
      perSlice: fc.integer({ min: 1, max: 4 }),
      pausePages: fc.integer({ min: 0, max: 6 }),
      seeds: fc.array(fc.array(fc.nat(39), { maxLength: 8 }), { minLength: 5, maxLength: 40 }),
    });
    fc.assert(
      fc.property(cases, ({ seeds, ...rest }) => {
        const writes = seeds.map((slice) => [...new Set(slice.map((page) => page % rest.pages))]);
        const slow = earliestSlice({ ...rest, writes });
        const floor = floorOf({ ...rest, writes });
        expect(floor.feasible).toBe(slow >= 0);
        if (slow >= 0) expect(Math.floor(floor.switchNs / MS)).toBeGreaterThanOrEqual(slow);
        if (slow >= 0) expect(floor.switchNs).toBeLessThanOrEqual((slow + 1) * MS);
      }),
      { numRuns: 200, examples: [[ROUNDED]] },
    );
  });

  it("no pre-copy that keeps the limit beats it", async () => {
    const strategies = [
      "pre-copy",
      "pre-copy@xen-skip",
      "pre-copy+oracle",
      "pre-copy+wsclock:warmup=0",
    ];
    for (const rate of [100, 2000, 20_000]) {
      // Without the cost of faults the guest writes as it would without a migration.
      const options: SmallOptions = {
        pages: 8192,
        activity: hotCold(8192, rate),
        costs: { writeFaultNs: 0, logDirtyNsPerPage: 0 },
      };
      const floor = await floorOfMigration(small(options), 0);
      for (const strategy of strategies) {
        const report = (await simulate(small({ ...options, strategy }))).migrations[0]!;
        if (report.downtimeNs > 300_000_000) continue;
        expect([strategy, report.totalNs >= floor.migrationTotalNs]).toEqual([strategy, true]);
      }
    }
  });
});
