/** The search for the smallest value, on predicates whose answer is known. */
import { describe, expect, it } from "vitest";
import { type Depth, smallest } from "../../../src/forecast/advise/smallest.js";

const LADDER = { from: 300, to: 2_000_000, step: 3, round: Math.ceil };

describe("the smallest value", () => {
  it.each([301, 320, 899, 901, 12_345, 1_999_000])(
    "that is at least %i is met closely",
    (least) => {
      const found = smallest(LADDER, (value) => value >= least) as number;
      expect(found).toBeGreaterThanOrEqual(least);
      expect(found).toBeLessThanOrEqual(Math.max(least + 1, least * 1.031));
    },
  );

  it("is not there where no rung holds", () => {
    expect(smallest(LADDER, () => false)).toBeUndefined();
    expect(smallest({ ...LADDER, to: 300 }, () => true)).toBeUndefined();
  });

  it("is raised by what all circumstances want more, and given up at the top", () => {
    const wants: Record<Depth, number> = { usual: 1000, few: 1100, full: 1150 };
    const found = smallest(LADDER, (value, depth) => value >= wants[depth]) as number;
    expect(found).toBeGreaterThanOrEqual(1150);
    expect(found).toBeLessThan(1150 * 1.09);
    expect(smallest(LADDER, (value, depth) => depth !== "full" && value > 500)).toBeUndefined();
  });

  it("takes few looks", () => {
    let looks = 0;
    smallest(LADDER, (value) => {
      looks++;
      return value >= 1_000_000;
    });
    expect(looks).toBeLessThan(20);
  });

  it("comes through a hole: the first rung that holds counts", () => {
    const found = smallest(LADDER, (value) => (value >= 850 && value <= 1000) || value > 50_000);
    expect(found).toBeGreaterThanOrEqual(850);
    expect(found).toBeLessThanOrEqual(1000);
  });
});
