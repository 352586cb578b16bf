/** Several migrations summed up, on results made by hand. */
import { describe, expect, it } from "vitest";
import { batchFigures, batchLines } from "../../src/report/batch.js";
import { migration, resultOf } from "./results.js";

const MS = 1_000_000;

const FOUR = resultOf(
  [
    migration({ guest: "a", startNs: 0, totalNs: 100 * MS, downtimeNs: 7 * MS, bytesSent: 1 }),
    migration({ guest: "b", startNs: 0, totalNs: 50 * MS, downtimeNs: 1 * MS, bytesSent: 2 }),
    migration({ guest: "c", startNs: 50 * MS, totalNs: 50 * MS, downtimeNs: 9 * MS, bytesSent: 4 }),
    migration({
      guest: "d",
      startNs: 100 * MS,
      totalNs: 100 * MS,
      downtimeNs: 4 * MS,
      bytesSent: 8,
      outcome: "source-runs",
    }),
  ],
  { makespanNs: 200 * MS },
);

describe("batchFigures", () => {
  it("takes worst, median and sum of the pauses, and who ran at the same time", () => {
    expect(batchFigures(FOUR)).toEqual({
      migrations: 4,
      completed: 3,
      makespanNs: 200 * MS,
      downtimeWorstNs: 9 * MS,
      worstGuest: "c",
      downtimeMedianNs: 5.5 * MS,
      downtimeSumNs: 21 * MS,
      atOnceMax: 2,
      bytesSent: 15,
    });
  });

  it("has the one in the middle of an odd number as the median", () => {
    const { migrations } = FOUR;
    expect(batchFigures(resultOf(migrations.slice(0, 3))).downtimeMedianNs).toBe(7 * MS);
    expect(batchFigures(resultOf(migrations.slice(3))).atOnceMax).toBe(1);
  });
});

describe("batchLines", () => {
  const lines = (width: number) =>
    batchLines(FOUR, { width, routes: ["x → y", "x → z", "x → z", "x → y"], dim: (t) => t });

  it("draw what ran when on one axis", () => {
    const bars = lines(100)
      .filter((line) => line.includes("→"))
      .map((line) => line.slice(line.search(/ms {2}[ █]+$/) + 4));
    const half = "█".repeat(20);
    expect(bars).toEqual([
      half,
      "█".repeat(10),
      " ".repeat(10) + "█".repeat(10),
      " ".repeat(20) + half,
    ]);
  });

  it("leave the bars out where there is no room", () => {
    const narrow = lines(40);
    expect(narrow.join("\n")).not.toContain("█");
    expect(narrow.find((line) => line.startsWith("d"))).toMatch(/x → y +100 ms +100 ms +4 ms$/);
  });
});
