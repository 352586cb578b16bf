import { describe, expect, it } from "vitest";
import { missedLimits } from "../../src/report/limits.js";
import { migration, resultOf } from "./results.js";

const MS = 1_000_000;

describe("missedLimits", () => {
  it("says nothing without limits, or when all are kept", () => {
    const results = [resultOf([migration()])];
    expect(missedLimits(results, {})).toEqual([]);
    const kept = { downtimeNs: 15 * MS, totalNs: 140 * MS, guestSlowdown: 0.02 };
    expect(missedLimits(results, kept)).toEqual([]);
  });

  it("names the worst value, the limit and how often it was missed", () => {
    const results = [15, 40, 30].map((ms) =>
      resultOf([migration({ downtimeNs: ms * MS, guest: `g${ms}` })]),
    );
    const [sentence, ...others] = missedLimits(results, { downtimeNs: 20 * MS });
    expect(others).toEqual([]);
    for (const part of ["g40", "40 ms", "20 ms", "2 of 3"]) expect(sentence).toContain(part);
  });

  it("speaks of each limit on its own", () => {
    const limits = { downtimeNs: 1, totalNs: 1, guestSlowdown: 0.001 };
    const sentences = missedLimits([resultOf([migration()])], limits);
    expect(sentences.map((sentence) => sentence.split(" of ")[0])).toEqual([
      "downtime",
      "total time",
      "guest slowdown",
    ]);
  });

  it("leaves out aborted migrations, which have no downtime to speak of", () => {
    const results = [resultOf([migration({ outcome: "source-runs" })])];
    expect(missedLimits(results, { downtimeNs: 1 })).toEqual([]);
  });
});
