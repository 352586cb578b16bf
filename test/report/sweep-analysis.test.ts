/** Elasticities and shares of variance on functions whose answers are known by hand. */
import { describe, expect, it } from "vitest";
import { analyseSweep, type SweepFactor, type SweepGrid } from "../../src/report/sweep-analysis.js";

function factor(name: string, values: readonly (number | string)[]): SweepFactor {
  const levels = values.map((value) => ({
    text: String(value),
    value: typeof value === "number" && value > 0 ? value : null,
  }));
  return { name, levels };
}

/** The grid of a function of the levels (as written) and of the seed's number. */
function gridOf(
  factors: readonly SweepFactor[],
  f: (at: readonly string[], seed: number) => number,
  seeds = 1,
): SweepGrid {
  let cells: string[][] = [[]];
  for (const { levels } of factors) {
    cells = cells.flatMap((cell) => levels.map(({ text }) => [...cell, text]));
  }
  const values = cells.flatMap((cell) => Array.from({ length: seeds }, (_, k) => f(cell, k)));
  return { factors, seeds, values };
}

const x = factor("x", [1, 2, 4, 8]);
const z = factor("z", [10, 30, 50]);
const power = (b: number, c: number) => (at: readonly string[]) =>
  7 * Number(at[0]) ** b * Number(at[1]) ** c;

describe("a power law y = 7 x^b z^c", () => {
  const effects = analyseSweep(gridOf([x, z], power(0.75, -2)));

  it("has b and c as elasticities, all on the line, alike between all neighbours", () => {
    expect(effects.scale).toBe("logarithm");
    for (const [i, expected] of [0.75, -2].entries()) {
      const { elasticity, straight, local } = effects.factors[i] ?? {};
      expect(elasticity).toBeCloseTo(expected, 10);
      expect(straight).toBeCloseTo(1, 10);
      expect(local?.min).toBeCloseTo(expected, 10);
      expect(local?.max).toBeCloseTo(expected, 10);
    }
  });

  it("has no interaction, and shares as b^2 var(ln x) to c^2 var(ln z)", () => {
    const variance = (values: number[]) => {
      const logs = values.map(Math.log);
      const mean = logs.reduce((a, b) => a + b) / logs.length;
      return logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / logs.length;
    };
    const parts = [0.75 ** 2 * variance([1, 2, 4, 8]), 4 * variance([10, 30, 50])];
    const total = (parts[0] as number) + (parts[1] as number);
    expect(effects.factors[0]?.share).toBeCloseTo((parts[0] as number) / total, 10);
    expect(effects.factors[1]?.share).toBeCloseTo((parts[1] as number) / total, 10);
    expect(effects.interactions).toEqual([{ names: ["x", "z"], share: expect.closeTo(0, 10) }]);
    expect(effects.restShare).toBeCloseTo(0, 10);
    expect(effects.seedsShare).toBe(0);
  });

  it("gives the level means as they are", () => {
    const means = effects.factors[0]?.levels.map(({ mean }) => mean ?? Number.NaN) ?? [];
    const byHand = [1, 2, 4, 8].map((value) => {
      const all = [10, 30, 50].map((other) => 7 * value ** 0.75 * other ** -2);
      return all.reduce((a, b) => a + b) / 3;
    });
    means.forEach((mean, i) => {
      expect(mean).toBeCloseTo(byHand[i] as number, 12);
    });
    const [low = 0, , , high = 0] = byHand;
    const mean = byHand.reduce((a, b) => a + b) / 4;
    expect(effects.factors[0]?.range).toBeCloseTo((high - low) / mean, 10);
  });
});

describe("interactions", () => {
  const sign = (text: string | undefined) => (text === "a" ? -1 : 1);
  const [a, b, c] = ["p", "q", "r"].map((name) => factor(name, ["a", "b"])) as [
    SweepFactor,
    SweepFactor,
    SweepFactor,
  ];

  it("are told by their share: exp(3p + 4pq) is 9 parts p and 16 parts p x q", () => {
    const effects = analyseSweep(
      gridOf([a, b], ([p, q]) => Math.exp(3 * sign(p) + 4 * sign(p) * sign(q))),
    );
    expect(effects.factors.map(({ share }) => share)).toEqual([
      expect.closeTo(9 / 25, 10),
      expect.closeTo(0, 10),
    ]);
    expect(effects.interactions[0]?.share).toBeCloseTo(16 / 25, 10);
    expect(effects.factors.map(({ elasticity }) => elasticity)).toEqual([null, null]);
  });

  it("of three factors are the rest, and pairs are sorted", () => {
    const y = ([p, q, r]: readonly string[]) =>
      Math.exp(sign(q) * sign(r) * 2 + sign(p) * sign(q) + sign(p) * sign(q) * sign(r) * 2);
    const effects = analyseSweep(gridOf([a, b, c], y));
    expect(effects.interactions.map(({ names }) => names.join())).toEqual(["q,r", "p,q", "p,r"]);
    expect(effects.interactions.map(({ share }) => share)).toEqual(
      [4 / 9, 1 / 9, 0].map((share) => expect.closeTo(share, 10)),
    );
    expect(effects.restShare).toBeCloseTo(4 / 9, 10);
  });

  it("of a sum, which a logarithm does not split, are above 0", () => {
    const effects = analyseSweep(gridOf([x, z], ([p, q]) => Number(p) * 10 + Number(q)));
    expect(effects.interactions[0]?.share).toBeGreaterThan(0.005);
  });
});

describe("seeds", () => {
  it("explain what differs within cells", () => {
    // ln(y) is ±2 by the factor and ±1 by the seed.
    const y = ([p]: readonly string[], seed: number) =>
      Math.exp((p === "a" ? 2 : -2) + (seed === 0 ? 1 : -1));
    const effects = analyseSweep(gridOf([factor("p", ["a", "b"])], y, 2));
    expect(effects.factors[0]?.share).toBeCloseTo(4 / 5, 10);
    expect(effects.seedsShare).toBeCloseTo(1 / 5, 10);
    expect(effects.restShare).toBeCloseTo(0, 10);
  });
});

describe("what has no logarithm", () => {
  it("zero values: shares of the value, no elasticity", () => {
    const effects = analyseSweep(gridOf([x], ([p]) => (p === "1" ? 0 : Number(p))));
    expect(effects).toMatchObject({ scale: "value", zeros: 1 });
    expect(effects.factors[0]).toMatchObject({ elasticity: null, straight: null, local: null });
    expect(effects.factors[0]?.share).toBeCloseTo(1, 10);
  });

  it("levels that are no positive numbers: a range in place of an elasticity", () => {
    const level = factor("latency", [0, 1, 2]);
    const effects = analyseSweep(gridOf([level], ([p]) => 3 + Number(p)));
    expect(effects.factors[0]?.elasticity).toBeNull();
    expect(effects.factors[0]?.range).toBeCloseTo(0.5, 10);
  });

  it("a value that is the same everywhere", () => {
    for (const same of [0, 5, 1e12 / 3]) {
      const effects = analyseSweep(gridOf([x, z], () => same, 2));
      expect(effects.scale).toBe("same");
      expect(effects.factors.map(({ share }) => share)).toEqual([0, 0]);
      expect(effects.interactions).toEqual([]);
    }
  });
});

describe("holes", () => {
  const law = power(1, -1);

  it("take the level with most of them out, and the rest is exact", () => {
    const grid = gridOf([x, z], (at) => (at[1] === "50" && at[0] !== "1" ? Number.NaN : law(at)));
    const effects = analyseSweep(grid);
    expect(effects).toMatchObject({ cells: 12, holes: 3, cellsUsed: 8 });
    expect(effects.leftOut).toEqual([{ name: "z", text: "50" }]);
    expect(effects.factors.map(({ elasticity }) => elasticity)).toEqual([
      expect.closeTo(1, 10),
      expect.closeTo(-1, 10),
    ]);
    expect(effects.factors[1]?.levels[2]).toEqual({ text: "50", mean: null });
  });

  it("of one seed make the cell a hole", () => {
    const grid = gridOf([x], ([p], seed) => (p === "4" && seed === 1 ? Number.NaN : Number(p)), 2);
    expect(analyseSweep(grid)).toMatchObject({
      holes: 1,
      cellsUsed: 3,
      leftOut: [{ name: "x", text: "4" }],
    });
  });

  it("everywhere leave nothing to tell", () => {
    const effects = analyseSweep(gridOf([x, z], () => Number.NaN));
    expect(effects).toMatchObject({ scale: "none", cellsUsed: 0, holes: 12 });
    expect(effects.factors.every(({ share }) => share === 0)).toBe(true);
  });

  it("in the only level of a factor take levels of others", () => {
    const one = factor("one", [3]);
    const grid = gridOf([one, x], ([, p]) => (p === "8" ? Number.NaN : Number(p)));
    const effects = analyseSweep(grid);
    expect(effects.leftOut).toEqual([{ name: "x", text: "8" }]);
    expect(effects.factors[1]?.elasticity).toBeCloseTo(1, 10);
  });
});
