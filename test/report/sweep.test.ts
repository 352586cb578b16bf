/** The grid of a sweep, its analysis over strategies, and how both are printed. */
import { describe, expect, it } from "vitest";
import {
  analyseOutcomes,
  jobAt,
  jobCount,
  jobsOfStrategy,
  type SweepOutcome,
  type SweepSpace,
  sweepCsv,
} from "../../src/report/sweep.js";
import { sweepText } from "../../src/report/sweep-text.js";

const levels = (...values: number[]) => values.map((value) => ({ text: `${value} units`, value }));

/** `a` has no tau; `b` has. */
const SPACE: SweepSpace = {
  axes: [
    { name: "memory", levels: levels(1, 2, 4), appliesTo: [true, true] },
    { name: "tau", levels: levels(10, 100), appliesTo: [false, true] },
  ],
  strategies: ["a", "b"],
  seeds: [5, 6],
};

interface Point {
  readonly strategy: string;
  readonly memory: number;
  /** Undefined for a strategy without it. */
  readonly tau: number | undefined;
  readonly seed: number;
}

function pointOf(index: number, space = SPACE): Point {
  const { strategy, at, seed } = jobAt(space, index);
  const [memory, tau] = space.axes.map((axis, i) => axis.levels[at[i] as number]?.value);
  return {
    strategy: space.strategies[strategy] ?? "",
    memory: memory ?? 0,
    seed,
    tau: tau ?? undefined,
  };
}

/** Every figure is what `f` gives; slowdown is 0 everywhere. */
function outcomesOf(f: (point: Point) => number, space = SPACE): SweepOutcome[] {
  return Array.from({ length: jobCount(space) }, (_, index) => {
    const y = f(pointOf(index, space));
    if (Number.isNaN(y)) return { error: { code: "limit", message: 'a "limit", passed' } };
    return {
      ...{ completed: true, stopReasons: ["dirty-count"], eventLogHash: "0".repeat(16) },
      ...{ totalNs: y, downtimeNs: y, bytesSent: y, guestSlowdown: 0 },
    };
  });
}

describe("the grid", () => {
  it("has each combination once, without parameters that a strategy does not have", () => {
    expect([jobsOfStrategy(SPACE, 0), jobsOfStrategy(SPACE, 1)]).toEqual([6, 12]);
    expect(jobCount(SPACE)).toBe(18);
    const points = Array.from({ length: 18 }, (_, index) => pointOf(index));
    expect(new Set(points.map((point) => JSON.stringify(point))).size).toBe(18);
    expect(points.filter(({ strategy }) => strategy === "a")).toHaveLength(6);
    expect(points.every(({ strategy, tau }) => (strategy === "a") === (tau === undefined))).toBe(
      true,
    );
    expect(points.slice(0, 3)).toEqual([
      { strategy: "a", memory: 1, seed: 5, tau: undefined },
      { strategy: "a", memory: 1, seed: 6, tau: undefined },
      { strategy: "a", memory: 2, seed: 5, tau: undefined },
    ]);
  });
});

describe("the analysis", () => {
  // a: y = 3 m; b: y = 2 m^2 tau^-0.5
  const law = ({ strategy, memory, tau = 0 }: Point) =>
    strategy === "a" ? 3 * memory : (2 * memory * memory) / Math.sqrt(tau);

  it("is of each strategy over its own parameters", () => {
    const [, a, b] = analyseOutcomes(SPACE, outcomesOf(law));
    expect(a?.strategy).toBe("a");
    expect(a?.metrics.totalNs.factors.map(({ name }) => name)).toEqual(["memory"]);
    expect(a?.metrics.totalNs.factors[0]?.elasticity).toBeCloseTo(1, 10);
    expect(b?.metrics.totalNs.factors.map(({ elasticity }) => elasticity)).toEqual([
      expect.closeTo(2, 10),
      expect.closeTo(-0.5, 10),
    ]);
    expect(b?.metrics.totalNs.interactions[0]?.share).toBeCloseTo(0, 10);
    expect(b?.metrics.guestSlowdown.scale).toBe("same");
  });

  it("is of all strategies together: slopes are means, what differs is an interaction", () => {
    const [all] = analyseOutcomes(SPACE, outcomesOf(law));
    expect(all?.strategy).toBeNull();
    const { factors, interactions } = all?.metrics.totalNs ?? { factors: [], interactions: [] };
    expect(factors.map(({ name }) => name)).toEqual(["strategy", "memory", "tau"]);
    expect(factors[0]?.elasticity).toBeNull();
    expect(factors[1]?.elasticity).toBeCloseTo(1.5, 10);
    expect(factors[2]?.elasticity).toBeCloseTo(-0.25, 10);
    const share = (names: string) =>
      interactions.find((interaction) => interaction.names.join() === names)?.share ?? Number.NaN;
    // Half the slopes' difference against their mean: (0.5 / 1.5)^2 and (0.25 / 0.25)^2.
    expect(share("strategy,memory") / (factors[1]?.share ?? 0)).toBeCloseTo(1 / 9, 10);
    expect(share("strategy,tau") / (factors[2]?.share ?? 0)).toBeCloseTo(1, 10);
    expect(share("memory,tau")).toBeCloseTo(0, 10);
  });

  it("of one strategy is one", () => {
    const one = { ...SPACE, strategies: ["b"], axes: SPACE.axes.slice(0, 1) };
    expect(
      analyseOutcomes(
        one,
        outcomesOf(() => 1, one),
      ),
    ).toHaveLength(1);
  });
});

describe("the text", () => {
  const text = (f: (point: Point) => number) =>
    sweepText(analyseOutcomes(SPACE, outcomesOf(f)), { title: "T", repeat: "again", seeds: 2 });
  const law = ({ memory, tau = 10, strategy }: Point) =>
    memory * (tau > 10 ? memory : 1) * (strategy === "a" ? 2 : 1);

  it("has a table for all, and one for each strategy", () => {
    const lines = text(law).split("\n");
    expect(lines[0]).toBe("T");
    expect(lines).toContain("all strategies   12 points, 2 seeds each");
    expect(lines).toContain("a   3 points, 2 seeds each");
    expect(lines.find((line) => /^ {2}memory × tau/.test(line))).toMatch(/\d %/);
    expect(lines.find((line) => /^ {2}seeds/.test(line))).toMatch(/0 %/);
    expect(text(law)).toContain("  repeat  again\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it("shows elasticity and share of a figure, and where it is the same", () => {
    const row = text(({ memory }) => memory)
      .split("\n")
      .filter((line) => line.startsWith("  memory"));
    expect(row[1]).toMatch(/^ {2}memory( +\+1\.00 {2}100 %){3} +the same$/);
  });

  it("names what has one value beside the size, not in a row", () => {
    const axes = [...SPACE.axes, { name: "fixed", levels: levels(9), appliesTo: [true, false] }];
    const space = { ...SPACE, axes };
    const lines = sweepText(analyseOutcomes(space, outcomesOf(law, space)), {
      repeat: "again",
      seeds: 2,
    }).split("\n");
    expect(lines).toContain("a   3 points, 2 seeds each, fixed=9 units");
    expect(lines.filter((line) => line.startsWith("  fixed"))).toEqual([]);
  });

  it("marks elasticities that change, and shares without a logarithm", () => {
    expect(text(({ memory }) => (memory === 4 ? 1 : memory))).toMatch(/ {2}memory +~/);
    const zero = text(({ memory }) => memory - 1);
    expect(zero).toContain("total time, downtime, on the wire: 0 at some points");
    expect(zero).toMatch(/ {2}memory +Δ225 % {2}100 %/);
  });

  it("tells what was left out", () => {
    const holes = text((point) => (point.memory === 4 ? Number.NaN : law(point)));
    expect(holes.replace(/\n +/g, " ")).toContain(
      "1 point without a completed migration for each seed: of 3 points, the 2 of the full grid without memory=4 units are analysed",
    );
    expect(text(() => Number.NaN)).toContain("12 points, 2 seeds each: no migration completed");
  });
});

describe("the CSV", () => {
  it("has a row for each job that ran, with empty cells for what there is not", () => {
    const outcomes: (SweepOutcome | undefined)[] = outcomesOf(({ memory }) =>
      memory === 2 ? Number.NaN : memory,
    );
    outcomes[1] = undefined;
    const rows = sweepCsv(SPACE, outcomes).split("\r\n");
    expect(rows).toHaveLength(1 + 17 + 1);
    expect(rows[0]).toBe(
      "memory,tau,strategy,seed,completed,stopReasons,downtimeNs,totalNs,bytesSent,guestSlowdown,error",
    );
    expect(rows[1]).toBe("1 units,,a,5,true,dirty-count,1,1,1,0,");
    expect(rows[2]).toBe('2 units,,a,5,,,,,,,"a ""limit"", passed"');
    expect(rows[6]).toBe("1 units,10 units,b,5,true,dirty-count,1,1,1,0,");
  });
});
