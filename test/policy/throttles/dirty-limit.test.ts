import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DIRTY_LIMIT_DEFAULTS,
  DirtyLimit,
  dirtyLimitDone,
  nextThrottleUs,
  ringFullUs,
} from "../../../src/policy/throttles/dirty-limit.js";
import { SECOND_NS, throttleStats } from "../throttle-stats.js";

const MIB = 2 ** 20;

describe("dirty-limit, the formulas of system/dirtylimit.c", () => {
  it("a ring of 4096 pages holds 16 MiB: at 100 MiB/s it fills in 160 ms", () => {
    expect(ringFullUs(16, 100)).toBe(160_000);
    expect(ringFullUs(16, 300)).toBe(53_333);
  });

  it("is done within 25 MB/s of the quota", () => {
    expect([dirtyLimitDone(1, 26), dirtyLimitDone(1, 27), dirtyLimitDone(50, 25)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  // quota, current, sleep so far (us), next sleep; the ring fills in 160,000 us
  const vectors: [string, number, number, number, number][] = [
    ["gap 90 %: 160000 * 90 / 10 more", 10, 100, 0, 1_440_000],
    ["gap 75 %: 160000 * 75 / 25 more", 10, 40, 1_440_000, 1_920_000],
    ["gap 40 %: a tenth more", 60, 100, 1000, 17_000],
    ["gap 50 % is not more than 50: a tenth more", 50, 100, 0, 16_000],
    ["under the quota, gap 60 %: 160000 * 60 / 40 less", 100, 40, 500_000, 260_000],
    ["under the quota, gap 30 %: a tenth less", 100, 70, 500_000, 484_000],
    ["not below 0", 100, 40, 1000, 0],
    ["at most 99 times the time to fill", 1, 100, 15_000_000, 15_840_000],
    ["gap 99 %, from nothing: already the most", 1, 100, 0, 15_840_000],
    ["no writes, no sleep", 10, 0, 500_000, 0],
  ];
  it.each(vectors)("%s", (_name, quota, current, throttleUs, expected) => {
    const ring = { ringFullUs: 160_000 };
    expect(nextThrottleUs({ quota, current, throttleUs, ...ring })).toBe(expected);
  });

  it("stays within its bounds and moves towards the quota", () => {
    const rate = fc.integer({ min: 1, max: 100_000 });
    const ring = fc.integer({ min: 1, max: 10_000_000 });
    fc.assert(
      fc.property(rate, rate, ring, fc.double({ min: 0, max: 1, noNaN: true }), (...given) => {
        const [quota, current, fullUs, part] = given;
        const throttleUs = Math.floor(fullUs * 99 * part);
        const next = nextThrottleUs({ quota, current, throttleUs, ringFullUs: fullUs });
        const towards = quota < current ? next >= throttleUs : next <= throttleUs;
        return next >= 0 && next <= fullUs * 99 && towards;
      }),
    );
  });
});

describe("dirty-limit", () => {
  const stallAfter = (limit: DirtyLimit, second: number, mib: number, vcpus = 1): number =>
    limit.afterSync(
      throttleStats({
        nowNs: second * SECOND_NS,
        periodNs: 2 * SECOND_NS,
        dirtiedBytes: mib * MIB,
        sentBytes: 100 * MIB,
        vcpus,
      }),
    ).stallPerFaultNs;

  it("starts when the guest was found too fast twice, then spreads the sleep over the ring", () => {
    const limit = new DirtyLimit({ ...DIRTY_LIMIT_DEFAULTS, quotaMibPerSec: 10 });
    expect(stallAfter(limit, 2, 200)).toBe(0);
    expect(stallAfter(limit, 4, 200)).toBe(0);
    // 200 MiB in 2 s are 100 MiB/s: 1,440,000 us at each full ring of 4096 pages.
    expect(stallAfter(limit, 6, 200)).toBe(1_440_000_000 / 4096);
    // 80 MiB in 2 s are 40 MiB/s; the ring's time stays that of the highest rate.
    expect(stallAfter(limit, 8, 80)).toBe(1_920_000_000 / 4096);
    // 60 MiB in 2 s are 30 MiB/s, within 25 of the quota: nothing changes.
    expect(stallAfter(limit, 10, 60)).toBe(1_920_000_000 / 4096);
    expect(limit.describe()["dirty-limit-throttle-time-per-round"]).toBe(1_920_000);
  });

  it("counts for each VCPU", () => {
    const limit = new DirtyLimit({ ...DIRTY_LIMIT_DEFAULTS, quotaMibPerSec: 10 });
    stallAfter(limit, 2, 400, 2);
    stallAfter(limit, 4, 400, 2);
    expect(stallAfter(limit, 6, 400, 2)).toBe(1_440_000_000 / 4096);
  });
});
