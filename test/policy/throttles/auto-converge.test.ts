import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseParams } from "../../../src/base/params.js";
import {
  AUTO_CONVERGE_DEFAULTS,
  AutoConverge,
  autoConverge,
  nextThrottlePercent,
} from "../../../src/policy/throttles/auto-converge.js";
import { HighDirtyRateTest } from "../../../src/policy/throttles/high-dirty-rate.js";
import { SECOND_NS, throttleStats } from "../throttle-stats.js";

const MB = 1_000_000;

/** Readings two seconds apart, each with so many MB dirtied while 100 MB were sent. */
function shares(dirtiedMb: readonly number[], throttle = new AutoConverge()): number[] {
  return dirtiedMb.map((megabytes, index) => {
    const stats = throttleStats({
      nowNs: (index + 1) * 2 * SECOND_NS,
      periodNs: 2 * SECOND_NS,
      dirtiedBytes: megabytes * MB,
      sentBytes: 100 * MB,
    });
    return throttle.afterSync(stats).cpuShare;
  });
}

describe("when QEMU finds a guest too fast", () => {
  const at = (ms: number, dirtiedBytes: number, sentBytes = 100): Parameters<typeof feed>[1] => ({
    nowNs: ms * 1_000_000,
    dirtiedBytes,
    sentBytes,
  });
  function feed(
    test: HighDirtyRateTest,
    given: { nowNs: number; dirtiedBytes: number; sentBytes: number },
  ): ReturnType<HighDirtyRateTest["judge"]> {
    return test.judge(throttleStats({ ...given, periodNs: 500_000_000 }));
  }

  it("judges more than a second after the last time, over all that came since", () => {
    const test = new HighDirtyRateTest(50);
    // The first period began at 0. At exactly 1000 ms it is not judged yet.
    expect(feed(test, at(500, 60))).toBeUndefined();
    expect(feed(test, at(1000, 60))).toBeUndefined();
    expect(test.highCount).toBe(0);
    // 1500 ms: 180 dirtied, 300 sent, threshold 150.
    expect(feed(test, at(1500, 60))).toBeUndefined();
    expect(test.highCount).toBe(1);
    expect(feed(test, at(2000, 10))).toBeUndefined();
    expect(feed(test, at(2500, 10))).toBeUndefined();
    expect(feed(test, at(3000, 200))).toEqual({ dirtiedBytes: 220, thresholdBytes: 150 });
    expect(test.highCount).toBe(0);
  });

  it("is not too fast at exactly the threshold, and rounds the threshold down", () => {
    const test = new HighDirtyRateTest(50);
    feed(test, at(2000, 50));
    expect(test.highCount).toBe(0);
    feed(test, at(4000, 50, 99));
    expect(test.highCount).toBe(1);
  });
});

describe("auto-converge", () => {
  it("waits for the second time, then 20 %, then 10 % more every second time", () => {
    expect(shares([60, 60, 60, 60, 60, 60])).toEqual([1, 0.8, 0.8, 0.7, 0.7, 0.6]);
  });

  it("counts times that do not follow each other, and never lets go", () => {
    expect(shares([60, 10, 60, 10, 10, 10])).toEqual([1, 1, 0.8, 0.8, 0.8, 0.8]);
  });

  it("goes 20, 30 ... 90, 99 and stays there", () => {
    const found = { dirtiedBytes: 100, thresholdBytes: 50 };
    const seen = [0];
    for (let step = 0; step < 11; step++) {
      seen.push(nextThrottlePercent(seen.at(-1) as number, found, AUTO_CONVERGE_DEFAULTS));
    }
    expect(seen).toEqual([0, 20, 30, 40, 50, 60, 70, 80, 90, 99, 99, 99]);
  });

  it("tailslow takes the smaller of the step and what a proportional guest would need", () => {
    const options = { ...AUTO_CONVERGE_DEFAULTS, tailslow: true };
    const next = (now: number, thresholdBytes: number): number =>
      nextThrottlePercent(now, { dirtiedBytes: 100, thresholdBytes }, options);
    expect(next(50, 90)).toBe(55); // ideal 45 % of 50 %: 5 more
    expect(next(50, 50)).toBe(60); // ideal 25 %: 25 more, at most 10
    expect(next(70, 99)).toBe(71); // ideal 29.7 %, cut to 29: 1 more
    expect(next(0, 99)).toBe(20); // the first step is the initial one
  });

  it("reads the log every 5 s as QEMU 10.2, not as 7.2", () => {
    const create = (text: string): number =>
      autoConverge.create(parseParams("auto-converge", text, autoConverge.params)).periodNs;
    expect([create(""), create("version=10.2"), create("version=7.2")]).toEqual([
      5 * SECOND_NS,
      5 * SECOND_NS,
      0,
    ]);
  });

  it("never loosens, never passes the maximum, whatever the guest does", () => {
    const periods = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 60 });
    fc.assert(
      fc.property(periods, fc.boolean(), (dirtied, tailslow) => {
        const throttle = new AutoConverge({ ...AUTO_CONVERGE_DEFAULTS, tailslow });
        const seen = shares(dirtied, throttle);
        return seen.every(
          (share, index) => share >= 0.01 && share <= (index === 0 ? 1 : (seen[index - 1] ?? 1)),
        );
      }),
    );
  });
});
