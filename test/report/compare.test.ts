import { describe, expect, it } from "vitest";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { compareRuns, spreadOf } from "../../src/report/compare.js";
import { comparisonText, comparisonWarnings } from "../../src/report/compare-text.js";
import { migration, resultOf } from "./results.js";

const MS = 1_000_000;

/** A strategy's runs with these downtimes in ms, seeds from 1. */
function runs(
  strategy: string,
  downtimesMs: readonly number[],
  changes: (i: number) => Partial<MigrationResult> = () => ({}),
) {
  const results = downtimesMs.map((ms, i) =>
    resultOf([migration({ name: strategy, downtimeNs: ms * MS, ...changes(i) })], { seed: i + 1 }),
  );
  return { strategy, results };
}

describe("spreadOf", () => {
  it("gives mean, sample deviation and range", () => {
    // Deviations -3, -1, -1, -1, 0, 0, 2, 4: squares 32, over n - 1 = 7.
    const spread = spreadOf([2, 4, 4, 4, 5, 5, 7, 9]);
    expect(spread).toMatchObject({ mean: 5, min: 2, max: 9, runs: 8 });
    expect(spread.sd).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(spreadOf([3]).sd).toBe(0);
  });
});

describe("compareRuns", () => {
  it("takes differences seed by seed", () => {
    const { strategies, seeds } = compareRuns([
      runs("a", [100, 200, 300]),
      runs("b", [90, 180, 270]),
    ]);
    expect(seeds).toEqual([1, 2, 3]);
    expect(strategies[0]?.againstFirst).toBeNull();
    const difference = strategies[1]?.againstFirst?.downtimeNs;
    // -10, -20 and -30 ms.
    expect(difference).toMatchObject({ mean: -20 * MS, sd: 10 * MS, pairs: 3, less: 3, more: 0 });
    expect(difference?.relative).toBeCloseTo(-0.1, 12);
  });

  it("finds a winner that the spread between seeds would hide", () => {
    const { verdicts } = compareRuns([runs("a", [100, 200, 300]), runs("b", [99, 198.9, 299])]);
    const verdict = verdicts.find(({ metric }) => metric === "downtimeNs");
    expect(verdict).toMatchObject({ best: "b", next: "a", clear: true });
  });

  it("calls nobody a winner within two standard errors, or when all is equal", () => {
    const { verdicts } = compareRuns([runs("a", [100, 200]), runs("b", [110, 180])]);
    const clear = Object.fromEntries(verdicts.map((verdict) => [verdict.metric, verdict.clear]));
    expect(clear).toEqual({
      downtimeNs: false,
      totalNs: false,
      bytesSent: false,
      guestSlowdown: false,
      worstStallNs: false,
      exposureNs: false,
    });
  });

  it("gives the ratio to the second best, and none where the best is 0", () => {
    const still = runs("a", [50, 100], () => ({ guestSlowdown: 0 }));
    const { verdicts } = compareRuns([still, runs("b", [100, 400])]);
    const of = (metric: string) => verdicts.find((verdict) => verdict.metric === metric);
    expect(of("downtimeNs")?.ratio).toMatchObject({ mean: 3, min: 2, max: 4 });
    expect(of("guestSlowdown")).toMatchObject({ best: "a", ratio: null, clear: true });
  });

  it("leaves aborted runs out of figures and pairs", () => {
    const aborted = (i: number): Partial<MigrationResult> =>
      i === 1 ? { outcome: "source-runs", stopReason: "timeout", downtimeNs: 0 } : {};
    const { strategies } = compareRuns([runs("a", [10, 20, 30]), runs("b", [5, 999, 25], aborted)]);
    const second = strategies[1];
    expect(second?.completedRuns).toBe(2);
    expect(second?.metrics?.downtimeNs).toMatchObject({ mean: 15 * MS, runs: 2 });
    expect(second?.againstFirst?.downtimeNs).toMatchObject({ pairs: 2, mean: -5 * MS, sd: 0 });
  });

  it("has no figures for a strategy that never completed, and no verdict without a rival", () => {
    const aborted = (): Partial<MigrationResult> => ({ outcome: "source-runs" });
    const comparison = compareRuns([runs("a", [10]), runs("b", [20], aborted)]);
    expect(comparison.strategies[1]).toMatchObject({ metrics: null, againstFirst: null });
    expect(comparison.verdicts).toEqual([]);
  });

  it("adds up bytes of several guests and takes the worst downtime", () => {
    const guests = [
      migration({ bytesSent: 100, downtimeNs: 5 * MS, guestSlowdown: 0.5, exposureNs: 4 }),
      migration({ bytesSent: 200, downtimeNs: 9 * MS, guestSlowdown: 0.1, worstStallNs: 7 * MS }),
    ];
    const { strategies } = compareRuns([
      { strategy: "a", results: [resultOf(guests, { makespanNs: 777 })] },
    ]);
    const [run] = strategies[0]?.runs ?? [];
    expect(run).toMatchObject({
      bytesSent: 300,
      downtimeNs: 9 * MS,
      totalNs: 777,
      guestSlowdown: 0.5,
      // The other guest stood 9 ms.
      worstStallNs: 9 * MS,
      exposureNs: 4,
    });
  });

  it("refuses strategies that ran with other seeds", () => {
    const other = { strategy: "b", results: [resultOf([migration()], { seed: 2 })] };
    expect(() => compareRuns([runs("a", [10]), other])).toThrow(/seeds of the others/);
    expect(() => compareRuns([runs("a", [10]), runs("b", [10, 20])])).toThrow(/seeds/);
  });
});

describe("comparisonText", () => {
  const options = { repeat: "precopy compare x.yaml --runs 3 --seed 1", guests: 1 };

  it("has mean, deviation, range and paired difference of each strategy", () => {
    const text = comparisonText(
      compareRuns([runs("first", [100, 200, 300]), runs("second", [90, 180, 270])]),
      options,
    );
    expect(text).toContain("3 runs each, seeds 1 to 3");
    expect(text).toMatch(/first +200 ± 100 ms +100 … 300 +█/);
    expect(text).toMatch(/second +180 ± 90 ms +90 … 270 +−20\.0 ± 10\.0 ms \(−10 %\)/);
    expect(text).toContain(options.repeat);
  });

  it("says who wins and by how much", () => {
    const text = comparisonText(
      compareRuns([runs("first", [100, 200]), runs("second", [50, 100])]),
      options,
    );
    expect(text).toMatch(
      /Least downtime: second, 75 ms less than first \(2\.00 ± 0\.00 times less\)/,
    );
    expect(text).toMatch(/in 2\s+of 2 seeds/);
    expect(text).toContain("No clear winner on total time: first and second are equal.");
  });

  it("needs no deviation for one run", () => {
    const text = comparisonText(compareRuns([runs("a", [100]), runs("b", [90])]), options);
    expect(text).toContain("One run each, seed 1.");
    expect(text).not.toContain("±");
    expect(text).toMatch(/b +90 ms +−10\.0 ms \(−10 %\)/);
  });

  it("says what figures of several guests mean", () => {
    const text = comparisonText(compareRuns([runs("a", [100])]), { ...options, guests: 4 });
    expect(text).toContain("worst downtime (of any guest)");
    expect(text).toContain("makespan (from the first start to the last end)");
  });

  it("warns of limits and aborts with the next step", () => {
    const hit = (i: number): Partial<MigrationResult> =>
      i < 2 ? { stopReason: "max-iterations" } : {};
    const late = (i: number): Partial<MigrationResult> =>
      i === 0 ? { outcome: "source-runs", stopReason: "timeout" } : {};
    const comparison = compareRuns([runs("a", [1, 2, 3], hit), runs("b", [1, 2, 3], late)]);
    const [aborts, limits, ...others] = comparisonWarnings(comparison);
    expect(others).toEqual([]);
    expect(limits).toMatch(/^2 of 3 runs of a \(max-iterations\) paused .*: hold more back/);
    expect(aborts).toMatch(/^1 of 3 runs of b \(timeout\) ended .*: allow more time/);
    expect(comparisonText(comparison, options)).toContain("Warning: 2 of 3 runs of a");
  });

  it("names all strategies that hit a limit in one warning", () => {
    const hit = (): Partial<MigrationResult> => ({ stopReason: "max-iterations" });
    const all = ["a", "b", "c"].map((name) => runs(name, [1], hit));
    const [warning, ...others] = comparisonWarnings(compareRuns(all));
    expect(others).toEqual([]);
    expect(warning).toMatch(/^a \(max-iterations\), b \(max-iterations\) and c \(/);
  });

  it("shows worst stall and exposure where a strategy has let the guest go first", () => {
    const exposed = () => ({ exposureNs: 800 * MS, worstStallNs: 4 * MS });
    const text = comparisonText(compareRuns([runs("a", [10]), runs("b", [9], exposed)]), options);
    expect(text).toMatch(/exposure to a lost link\n +against a\n +a +0 ns\n +b +800 ms/);
    expect(text).toMatch(/worst stall.*\n(?: +against a\n)? +a +9 ms.*\n +b +4 ms/);
    expect(text).toContain("Least worst stall: b, 5 ms less than a");
    expect(text).not.toMatch(/[Ll]east exposure|winner on exposure/);
    const plain = comparisonText(compareRuns([runs("a", [10]), runs("b", [9])]), options);
    expect(plain).not.toMatch(/stall|exposure/);
  });

  it.each([80, 100])("keeps to %i columns", (width) => {
    const comparison = compareRuns([runs("first", [100, 200]), runs("second", [51.3, 107])]);
    for (const line of comparisonText(comparison, { ...options, width }).split("\n")) {
      expect(line.length).toBeLessThanOrEqual(width);
    }
  });
});
