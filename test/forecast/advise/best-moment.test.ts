/** When to migrate: a day of dirty rates whose quiet hours are known. */
import { describe, expect, it } from "vitest";
import { bestMoment } from "../../../src/forecast/advise/index.js";
import type { ForecastInput } from "../../../src/forecast/forecast.js";
import { type DirtyRateReading, dirtyPoints } from "../../../src/forecast/rates/index.js";
import { LINK, OPEN, PAGES } from "./guests.js";

function reading(atSec: number, pages: number): DirtyRateReading {
  return { line: 1, windowSec: 1, pagesPerWindow: pages, bytesPerSec: pages * 4096, atSec };
}

const inputAt = (some: readonly DirtyRateReading[]): ForecastInput => ({
  ...{ ...LINK, strategy: OPEN, circumstances: 1 },
  guest: { kind: "rates", pages: PAGES, dirtied: dirtyPoints(some).points },
});

/** Busy but for hours 2, 3 and 4. */
const DAY = Array.from({ length: 24 }, (_, hour) =>
  reading(hour * 3600, hour >= 2 && hour <= 4 ? 500 : 40_000),
);

describe("the best moment", () => {
  it("is the quiet stretch, the worst a busy one", () => {
    const { best, worst, stretches, moments, notes } = bestMoment(DAY, inputAt);
    expect(moments).toHaveLength(24);
    expect(best).toMatchObject({ fromSec: 7200, toSec: 14_400, moments: 3, meets: true });
    expect(best.margin).toBeGreaterThan(0);
    expect(worst.meets).toBe(false);
    expect(stretches.map((one) => one.moments)).toEqual([2, 3, 19]);
    expect(notes.join()).toContain("spans 23 h");
  });

  it("does not depend on the order of the file", () => {
    expect(bestMoment([...DAY].reverse(), inputAt).best).toEqual(bestMoment(DAY, inputAt).best);
  });

  it("is found in at most 60 moments, and two days are enough for a pattern", () => {
    const days = Array.from({ length: 300 }, (_, i) => reading(i * 1000, 400));
    const { moments, notes } = bestMoment(days, inputAt);
    expect(moments).toHaveLength(60);
    expect(moments.reduce((sum, one) => sum + one.readings, 0)).toBe(300);
    expect(notes).toEqual([]);
  });

  it("of one reading is that one, and says that there is no choice", () => {
    const { best, worst, moments, notes } = bestMoment([reading(5, 400)], inputAt);
    expect(moments).toHaveLength(1);
    expect(best).toEqual(worst);
    expect(notes.join()).toContain("nothing to choose");
  });

  it("wants readings, and all of them with their times", () => {
    expect(() => bestMoment([], inputAt)).toThrow(/series of 0 readings/);
    const { atSec: _, ...timeless } = reading(0, 1);
    expect(() => bestMoment([reading(1, 1), timeless], inputAt)).toThrow(/1 of 2 readings/);
  });
});
