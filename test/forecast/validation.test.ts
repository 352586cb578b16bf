/** Errors, ranges and bounds from verdicts made by hand; the two halves of the recorded runs. */
import { describe, expect, it } from "vitest";
import {
  groupErrors,
  halfOf,
  missesOf,
  type RunVerdict,
  rangeOf,
} from "../../src/forecast/validation.js";

const NEVER = { totalMs: Number.POSITIVE_INFINITY, downtimeMs: 0, bytes: 0 };

function verdict(totalMs: number, forecastMs: number, borderline = false): RunVerdict {
  const figures = { downtimeMs: 100, bytes: 1e6, syncs: 4, completed: true };
  return {
    id: "x",
    group: "g",
    half: "fit",
    rate: "measured",
    actual: { ...figures, totalMs },
    forecast: { ...figures, syncs: 6, totalMs: forecastMs },
    borderline,
    total: { low: forecastMs - 10, middle: forecastMs, high: forecastMs + 10 },
    downtime: { low: 0, middle: 0, high: 0 },
    baselines: { M0: NEVER, M1: { totalMs: totalMs * 2, downtimeMs: 0, bytes: 0 } },
  };
}

describe("errors over a group", () => {
  const runs = [
    verdict(1000, 1005),
    verdict(1000, 980),
    verdict(1000, 1100),
    verdict(1000, 9000, true),
  ];
  const errors = groupErrors("g", runs);

  it("are relative, over the runs that are not borderline", () => {
    expect(errors.total.median).toBeCloseTo(2, 9);
    expect(errors.total.worst).toBeCloseTo(10, 9);
    expect(errors.borderline).toBe(1);
    expect(errors.syncsWithinOne).toBe(0);
    expect(errors.bytes.worst).toBe(0);
  });

  it("count what ranges hold over all", () => {
    expect(errors.coverage).toBe(0.25);
    expect(errors.width).toBeCloseTo((20 / 1005 + 20 / 980 + 20 / 1100 + 20 / 9000) / 4, 9);
  });

  it("stand beside the formulas', which may never end", () => {
    expect(errors.baselineTotal.M0.median).toBe(Number.POSITIVE_INFINITY);
    expect(errors.baselineTotal.M1.median).toBeCloseTo(100, 9);
  });

  it("miss bounds by name", () => {
    expect(missesOf([errors], { g: { totalMedian: 2.1, totalWorst: 9, syncs: 0.9 } })).toEqual([
      { group: "g", what: "total, worst", value: errors.total.worst, bound: 9 },
      { group: "g", what: "readings within 1, share", value: 0, bound: 0.9 },
    ]);
    expect(missesOf([errors], { other: { totalMedian: 0 } })).toEqual([]);
  });
});

describe("ranges and halves", () => {
  it("take the nearest of the sorted values", () => {
    const values = [11, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1];
    expect(rangeOf(values)).toEqual({ low: 2, middle: 6, high: 10 });
  });

  it("split names about evenly, the same way every time", () => {
    const names = Array.from({ length: 2000 }, (_, i) => `run-${i}`);
    const fit = names.filter((name) => halfOf(name) === "fit").length;
    expect(fit).toBeGreaterThan(900);
    expect(fit).toBeLessThan(1100);
    expect(names.map(halfOf)).toEqual(names.map(halfOf));
  });
});
