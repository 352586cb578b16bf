/**
 * Which parameter moves a figure by how much: elasticities and a functional analysis of variance
 * over a full grid of parameter values, all levels weighing the same.
 *
 * Elasticity is d ln(y) / d ln(x): the slope of a least-squares line through the level means of
 * ln(y). On a full grid the parameters are orthogonal, so that each slope by itself is also the
 * one that a regression on all parameters at once gives.
 *
 * Shares are those of the decomposition y = f0 + sum fi(xi) + sum fij(xi, xj) + … into parts with
 * mean zero (Hoeffding 1948; Sobol', "Sensitivity estimates for nonlinear mathematical models",
 * 1993, recalled, not verified): variance of a part over variance of the whole. They are taken of
 * ln(y), where y = a x^b z^c has no interaction; where some y is 0 there is no logarithm, so the
 * shares are of y itself and no elasticity is given: leaving the zeros out would bend it.
 */
import { assert } from "../base/assert.js";

export interface SweepLevel {
  /** As it was written. */
  readonly text: string;
  /** In a base unit, above 0; null for what is no positive number. */
  readonly value: number | null;
}

export interface SweepFactor {
  readonly name: string;
  readonly levels: readonly SweepLevel[];
}

/** One figure over the whole grid. */
export interface SweepGrid {
  /** At least one level each. */
  readonly factors: readonly SweepFactor[];
  /** Values in each cell. */
  readonly seeds: number;
  /** Cell by cell, the last factor's levels fastest, seeds within a cell; NaN: no value. */
  readonly values: ArrayLike<number>;
}

export interface FactorEffect {
  readonly name: string;
  /** Share of the variance that the factor explains alone, 0 to 1. */
  readonly share: number;
  /** d ln(y) / d ln(x); null for levels that are no positive numbers, and where some y is 0. */
  readonly elasticity: number | null;
  /** How much of the factor's effect lies on the straight line, 0 to 1; null without a line. */
  readonly straight: number | null;
  /** Least and greatest elasticity between neighbouring levels. */
  readonly local: { readonly min: number; readonly max: number } | null;
  /** (Largest - smallest) / mean of the level means of y; 0 where that mean is 0. */
  readonly range: number;
  /** Mean of y; the levels that were left out have none. */
  readonly levels: readonly { readonly text: string; readonly mean: number | null }[];
}

export interface Interaction {
  readonly names: readonly [string, string];
  readonly share: number;
}

export interface SweepEffects {
  /** What the shares are shares of; "same": y is the same everywhere; "none": no value at all. */
  readonly scale: "logarithm" | "value" | "same" | "none";
  /** Cells that the analysis is of, and cells of the grid. */
  readonly cellsUsed: number;
  readonly cells: number;
  /** Cells without a value for each of their seeds. */
  readonly holes: number;
  /** Levels left out so that the rest is a full grid. */
  readonly leftOut: readonly { readonly name: string; readonly text: string }[];
  /** Values that are 0, among those used. */
  readonly zeros: number;
  readonly factors: readonly FactorEffect[];
  /** Of two factors, largest first. */
  readonly interactions: readonly Interaction[];
  /** Share of what differs between seeds within a cell. */
  readonly seedsShare: number;
  /** Share of the interactions of three and more factors. */
  readonly restShare: number;
}

/** Relative variance below which a figure counts as the same everywhere: rounding alone. */
const SAME = 1e-20;

/** Analyses one figure. The values are at least 0. */
export function analyseSweep(grid: SweepGrid): SweepEffects {
  const sizes = grid.factors.map(({ levels }) => levels.length);
  const cells = sizes.reduce((product, size) => product * size, 1);
  assert(grid.values.length === cells * grid.seeds, "the grid has a value for each cell and seed");
  const { kept, holes } = fullSubgrid(grid, sizes, cells);
  const leftOut = grid.factors.flatMap(({ name, levels }, i) =>
    levels
      .filter((_, level) => !(kept[i] as number[]).includes(level))
      .map(({ text }) => ({ name, text })),
  );
  const used = gather(grid, kept, sizes);
  const zeros = used.values.reduce((sum, value) => sum + (value === 0 ? 1 : 0), 0);
  const logs = zeros === 0 ? used.values.map(Math.log) : used.values;
  const base = { cells, holes, leftOut, zeros, cellsUsed: used.values.length / grid.seeds };
  const parts = decompose(logs, used.sizes, grid.seeds);
  const scaleOf = zeros === 0 ? 1 : (parts?.mean ?? 0) * (parts?.mean ?? 0);
  if (parts === null || parts.total <= SAME * scaleOf) {
    const factors = grid.factors.map((factor, i) => ({
      ...effectOf(factor, kept[i] as number[], used, i, 0),
      ...{ elasticity: null, straight: null, local: null },
    }));
    const scale = parts === null ? "none" : "same";
    return { ...base, scale, factors, interactions: [], seedsShare: 0, restShare: 0 };
  }
  const { total } = parts;
  const factors = grid.factors.map((factor, i) => {
    const levels = kept[i] as number[];
    const effect = effectOf(factor, levels, used, i, (parts.mains[i] as number) / total);
    return zeros > 0 ? effect : { ...effect, ...slopeOf(factor, levels, parts.means[i] ?? []) };
  });
  const interactions = parts.pairs
    .map(({ i, j, variance }): Interaction => {
      const names = [grid.factors[i]?.name ?? "", grid.factors[j]?.name ?? ""] as const;
      return { names, share: variance / total };
    })
    .sort((a, b) => b.share - a.share);
  const told = [...factors, ...interactions].reduce((sum, { share }) => sum + share, 0);
  const seedsShare = parts.within / total;
  return {
    ...base,
    scale: zeros === 0 ? "logarithm" : "value",
    factors,
    interactions,
    seedsShare,
    restShare: Math.max(0, 1 - told - seedsShare),
  };
}

/**
 * The levels of each factor that make a full grid: while there are holes, the level with the
 * largest share of them goes. An empty list for each factor when nothing is left.
 */
function fullSubgrid(
  { values, seeds }: SweepGrid,
  sizes: readonly number[],
  cells: number,
): { kept: number[][]; holes: number } {
  const alive = sizes.map((size) => Array.from({ length: size }, () => true));
  let holes: number[] = [];
  for (let cell = 0; cell < cells; cell++) {
    for (let seed = 0; seed < seeds; seed++) {
      if (!Number.isNaN(values[cell * seeds + seed])) continue;
      holes.push(cell);
      break;
    }
  }
  const found = holes.length;
  while (holes.length > 0) {
    const worst = levelWithMostHoles(holes, sizes, alive);
    if (worst === undefined) return { kept: sizes.map(() => []), holes: found };
    for (const { factor, level } of worst) (alive[factor] as boolean[])[level] = false;
    holes = holes.filter((cell) => levelsOf(cell, sizes).every((level, i) => alive[i]?.[level]));
  }
  const kept = alive.map((levels) => levels.flatMap((is, level) => (is ? [level] : [])));
  return { kept, holes: found };
}

/** All levels that are nothing but holes, or the one level with the largest share of them. */
function levelWithMostHoles(
  holes: readonly number[],
  sizes: readonly number[],
  alive: readonly (readonly boolean[])[],
): { factor: number; level: number }[] | undefined {
  const counts = sizes.map((size) => new Array<number>(size).fill(0));
  for (const cell of holes) {
    levelsOf(cell, sizes).forEach((level, i) => {
      (counts[i] as number[])[level] = (counts[i]?.[level] ?? 0) + 1;
    });
  }
  const living = alive.map((levels) => levels.filter((is) => is).length);
  const all = living.reduce((product, count) => product * count, 1);
  if (holes.length === all) return undefined;
  let best: { factor: number; level: number } | undefined;
  let bestShare = 0;
  const hollow: { factor: number; level: number }[] = [];
  for (const [factor, levels] of counts.entries()) {
    const cells = all / (living[factor] as number);
    if (living[factor] === 1) continue;
    for (const [level, count] of levels.entries()) {
      const share = count / cells;
      if (share === 1) hollow.push({ factor, level });
      if (share < bestShare || share === 0) continue;
      if (share === bestShare && best?.factor !== factor) continue;
      bestShare = share;
      best = { factor, level };
    }
  }
  if (hollow.length > 0) return hollow.filter(({ factor }) => factor === hollow[0]?.factor);
  return best === undefined ? undefined : [best];
}

/** Level of each factor in a cell. */
function levelsOf(cell: number, sizes: readonly number[]): number[] {
  const levels = new Array<number>(sizes.length).fill(0);
  let rest = cell;
  for (let i = sizes.length - 1; i >= 0; i--) {
    const size = sizes[i] as number;
    levels[i] = rest % size;
    rest = Math.floor(rest / size);
  }
  return levels;
}

interface Used {
  readonly values: Float64Array;
  readonly sizes: readonly number[];
  readonly seeds: number;
}

/** The values of the kept levels, in the order of the grid. */
function gather(
  { values, seeds }: SweepGrid,
  kept: readonly (readonly number[])[],
  sizes: readonly number[],
): Used {
  const keptSizes = kept.map((levels) => levels.length);
  const cells = keptSizes.reduce((product, size) => product * size, 1);
  const out = new Float64Array(cells * seeds);
  for (let cell = 0; cell < cells; cell++) {
    const levels = levelsOf(cell, keptSizes);
    const from = levels.reduce(
      (at, level, i) => at * (sizes[i] as number) + (kept[i]?.[level] as number),
      0,
    );
    for (let seed = 0; seed < seeds; seed++) {
      out[cell * seeds + seed] = values[from * seeds + seed] as number;
    }
  }
  return { values: out, sizes: keptSizes, seeds };
}

interface Parts {
  readonly mean: number;
  /** Variance of all values, and of the values within their cells. */
  readonly total: number;
  readonly within: number;
  /** Level means of each factor, and the variance of each factor's part. */
  readonly means: readonly (readonly number[])[];
  readonly mains: readonly number[];
  readonly pairs: readonly { i: number; j: number; variance: number }[];
}

/** Null when there is no value. */
function decompose(values: Float64Array, sizes: readonly number[], seeds: number): Parts | null {
  if (values.length === 0) return null;
  const cellMeans = new Float64Array(values.length / seeds);
  for (let at = 0; at < values.length; at++) {
    const cell = Math.floor(at / seeds);
    cellMeans[cell] = (cellMeans[cell] as number) + (values[at] as number) / seeds;
  }
  const mean = average(cellMeans);
  const means = sizes.map((_, i) => marginal(cellMeans, sizes, [i]));
  const mains = means.map((level) => meanSquare(level.map((value) => value - mean)));
  const pairs: { i: number; j: number; variance: number }[] = [];
  for (let i = 0; i < sizes.length; i++) {
    for (let j = i + 1; j < sizes.length; j++) {
      const columns = sizes[j] as number;
      const both = marginal(cellMeans, sizes, [i, j]);
      const parts = both.map((value, at) => {
        const alone = (means[i]?.[Math.floor(at / columns)] ?? 0) + (means[j]?.[at % columns] ?? 0);
        return value - alone + mean;
      });
      pairs.push({ i, j, variance: meanSquare(parts) });
    }
  }
  let total = 0;
  let within = 0;
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    const inner = value - (cellMeans[Math.floor(at / seeds)] as number);
    total += ((value - mean) * (value - mean)) / values.length;
    within += (inner * inner) / values.length;
  }
  return { mean, total, within, means, mains, pairs };
}

/** Means at each combination of levels of some factors, the last one's fastest. */
function marginal(
  cells: ArrayLike<number>,
  sizes: readonly number[],
  factors: readonly number[],
): number[] {
  const strides = factors.map((at) => sizes.slice(at + 1).reduce((a, b) => a * b, 1));
  const counts = factors.map((at) => sizes[at] as number);
  const bins = counts.reduce((a, b) => a * b, 1);
  const sums = new Array<number>(bins).fill(0);
  for (let cell = 0; cell < cells.length; cell++) {
    let bin = 0;
    for (let k = 0; k < strides.length; k++) {
      const count = counts[k] as number;
      bin = bin * count + (Math.floor(cell / (strides[k] as number)) % count);
    }
    sums[bin] = (sums[bin] as number) + (cells[cell] as number);
  }
  return sums.map((sum) => (sum * bins) / cells.length);
}

/** What holds on every scale: share, level means and their range. */
function effectOf(
  factor: SweepFactor,
  kept: readonly number[],
  { values, sizes, seeds }: Used,
  at: number,
  share: number,
): FactorEffect {
  const spread = [...sizes, seeds];
  const means = kept.length === 0 ? [] : marginal(values, spread, [at]);
  const mean = average(means);
  const range = mean > 0 ? (Math.max(...means) - Math.min(...means)) / mean : 0;
  const levels = factor.levels.map(({ text }, level) => ({
    text,
    mean: means[kept.indexOf(level)] ?? null,
  }));
  return { name: factor.name, share, elasticity: null, straight: null, local: null, range, levels };
}

/** The line through the level means of ln(y) over ln(x). */
function slopeOf(
  factor: SweepFactor,
  kept: readonly number[],
  means: readonly number[],
): Partial<FactorEffect> {
  const points = kept
    .map((level, at) => ({ x: factor.levels[level]?.value ?? 0, y: means[at] as number }))
    .sort((a, b) => a.x - b.x);
  if (points.some(({ x }) => !(x > 0)) || !distinct(points)) return {};
  const xs = points.map(({ x }) => Math.log(x));
  const xMean = average(xs);
  const yMean = average(means);
  const dx = xs.map((x) => x - xMean);
  const dy = points.map(({ y }) => y - yMean);
  const xx = meanSquare(dx);
  const slope = average(dx.map((d, i) => d * (dy[i] as number))) / xx;
  const yy = meanSquare(dy);
  const arcs = points.slice(1).map(({ y }, i) => {
    return (y - (points[i]?.y as number)) / ((xs[i + 1] as number) - (xs[i] as number));
  });
  return {
    elasticity: slope,
    straight: yy <= SAME ? 1 : Math.min(1, (slope * slope * xx) / yy),
    local: { min: Math.min(...arcs), max: Math.max(...arcs) },
  };
}

/** At least two values, and none twice; `points` are sorted. */
function distinct(points: readonly { x: number }[]): boolean {
  return points.length > 1 && points.every(({ x }, i) => i === 0 || x > (points[i - 1]?.x ?? 0));
}

function average(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return values.length === 0 ? 0 : sum / values.length;
}

function meanSquare(values: readonly number[]): number {
  return average(values.map((value) => value * value));
}
