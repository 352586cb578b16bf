import { describe, expect, it } from "vitest";
import { CLARK_REMAINING_PAGES, clarkBeforeRound } from "../../src/policy/presets/clark-paper.js";
import { xen, xenPolicy } from "../../src/policy/presets/xen.js";
import { xen2005, xen2005AfterRound } from "../../src/policy/presets/xen2005.js";
import type { RoundStats } from "../../src/policy/stop-rule.js";
import { roundStats } from "./round-stats.js";

const stats = roundStats;

const reason = (decision: { action: string; reason?: string }): string =>
  decision.reason ?? decision.action;

describe("xen: simple_precopy_policy, step by step", () => {
  // iteration, dirty count, what libxenguest's default policy answers
  const vectors: [number, number, string][] = [
    [0, 32_768, "continue"],
    [1, -1, "continue"],
    [1, 50, "continue"],
    [1, 49, "dirty-count"],
    [1, 0, "dirty-count"],
    [4, -1, "continue"],
    [4, 5_000, "continue"],
    [5, -1, "max-iterations"],
    [5, 49, "dirty-count"],
    [5, 50, "max-iterations"],
    [9, 1_000_000, "max-iterations"],
  ];
  it.each(vectors)("iteration %i with %i dirty pages: %s", (iteration, dirtyCount, expected) => {
    expect(reason(xenPolicy(stats({ iteration, dirtyCount })))).toBe(expected);
  });

  it("gives the same answer before and after a round", () => {
    const rule = xen.createStopRule();
    const five = stats({ iteration: 5 });
    expect(rule.beforeRound(five)).toEqual(rule.afterRound(five));
  });
});

describe("xen2005: the condition for last_iter", () => {
  const vectors: [string, Partial<RoundStats>, string][] = [
    [
      "round 1 never counts as growth",
      { iteration: 1, pagesSentBefore: 0, rateAtMaximum: true },
      "continue",
    ],
    [
      "grew, but the rate can still rise",
      { iteration: 3, pagesSent: 600, pagesSentBefore: 500 },
      "continue",
    ],
    [
      "grew at the maximum rate",
      { iteration: 3, pagesSent: 600, pagesSentBefore: 500, rateAtMaximum: true },
      "no-progress-at-maximum-rate",
    ],
    [
      "the same number at the maximum rate",
      { iteration: 3, pagesSent: 500, pagesSentBefore: 500, rateAtMaximum: true },
      "continue",
    ],
    ["round 28", { iteration: 28 }, "continue"],
    ["round 29", { iteration: 29 }, "max-iterations"],
    ["49 sent", { pagesSent: 49 }, "dirty-count"],
    ["30 sent, 19 skipped", { pagesSent: 30, pagesSkipped: 19 }, "dirty-count"],
    ["30 sent, 20 skipped", { pagesSent: 30, pagesSkipped: 20 }, "continue"],
    ["three times the memory", { totalWritten: 3000 }, "continue"],
    ["one page more than that", { totalWritten: 3001 }, "max-factor"],
  ];
  it.each(vectors)("%s", (_name, given, expected) => {
    expect(reason(xen2005AfterRound(stats(given)))).toBe(expected);
  });

  it("never stops before a round", () => {
    const decision = xen2005.createStopRule().beforeRound(stats({ dirtyCount: 0 }));
    expect(decision.action).toBe("continue");
  });
});

describe("xen2005: the rate, in Mbit/s", () => {
  const mbit = 1e6 / 8;
  it("rises to the dirtying rate + 50, never falls, never passes 500", () => {
    const rate = xen2005.createBandwidth();
    expect(rate.limitBytesPerSec).toBe(100 * mbit);
    const steps: [number, number][] = [
      [40, 100], // below the limit: stays
      [100, 100], // not above it: stays
      [101, 151],
      [60, 151],
      [470, 500],
      [900, 500],
    ];
    for (const [dirtied, limit] of steps) {
      rate.afterRound({ dirtyBytesPerSec: dirtied * mbit });
      expect(rate.limitBytesPerSec / mbit).toBeCloseTo(limit, 9);
    }
    expect(rate.atMaximum).toBe(true);
    expect(rate.stopLimitBytesPerSec).toBe(500 * mbit);
  });
});

describe("clark-paper", () => {
  it("stops below 256 KB, which is 64 pages", () => {
    expect(CLARK_REMAINING_PAGES * 4096).toBe(256 * 1024);
    expect(clarkBeforeRound(stats({ dirtyCount: 64 })).action).toBe("continue");
    expect(reason(clarkBeforeRound(stats({ dirtyCount: 63 })))).toBe("dirty-count");
  });

  it("stops when the rate would have to pass the maximum", () => {
    const given = { dirtyCount: 9_999, rateExceeded: true };
    expect(reason(clarkBeforeRound(stats(given)))).toBe("rate-above-maximum");
  });
});
