/**
 * Forecasts beside what happened: per run the point forecast, its range and the simple formulas;
 * over groups of runs the errors, and how far they lie from stated bounds. Runs are split into two
 * halves by a hash of their names: constants were looked up in the fit half alone.
 */
import type { BaselineOutcome } from "./baselines.js";

/** What is compared. Times in ms; NaN where a run has none. */
export interface Figures {
  readonly totalMs: number;
  readonly downtimeMs: number;
  readonly bytes: number;
  /** Readings of the log; NaN for a formula. */
  readonly syncs: number;
}

export interface Range {
  /** The 10th, 50th and 90th hundredth of the forecasts under all circumstances. */
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

export interface RunVerdict {
  readonly id: string;
  readonly group: string;
  readonly half: "fit" | "check";
  /** Which rate of the link was used. */
  readonly rate: RateKind;
  readonly actual: Figures & { readonly completed: boolean };
  readonly forecast: Figures & { readonly completed: boolean };
  /** Some circumstances end differently, or several times later. */
  readonly borderline: boolean;
  readonly total: Range;
  readonly downtime: Range;
  readonly baselines: { readonly M0: BaselineOutcome; readonly M1: BaselineOutcome };
}

export type RateKind = "measured" | "nominal" | "oracle-trace" | "calc-dirty-rate";

/** FNV-1a (Fowler, Noll, Vo) of the name: even ones are fit, odd ones check. */
export function halfOf(id: string): "fit" | "check" {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  // The lowest bit of FNV is weak.
  return (((hash >>> 0) ^ (hash >>> 16)) & 1) === 0 ? "fit" : "check";
}

export function rangeOf(values: readonly number[]): Range {
  const sorted = [...values].sort((a, b) => a - b);
  return { low: quantile(sorted, 0.1), middle: quantile(sorted, 0.5), high: quantile(sorted, 0.9) };
}

/** Of sorted values, the nearest one. NaN of none. */
export function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.round((sorted.length - 1) * q)] as number;
}

/** Relative errors, in per cent. */
export interface ErrorSpread {
  readonly median: number;
  readonly p90: number;
  readonly worst: number;
}

export interface GroupErrors {
  readonly group: string;
  readonly runs: number;
  /** Completed as forecast, or not, as forecast. */
  readonly endsAgree: number;
  readonly borderline: number;
  readonly total: ErrorSpread;
  readonly bytes: ErrorSpread;
  readonly downtime: ErrorSpread;
  /** Downtime off by so many ms. */
  readonly downtimeMs: ErrorSpread;
  /** Share of runs with the number of readings right or off by one. */
  readonly syncsWithinOne: number;
  /** Share of total times inside their range, and the range's mean width against its middle. */
  readonly coverage: number;
  readonly width: number;
  readonly baselineTotal: { readonly M0: ErrorSpread; readonly M1: ErrorSpread };
}

/** Errors are those of runs that completed and were forecast to; borderline ones only ranged. */
export function groupErrors(group: string, verdicts: readonly RunVerdict[]): GroupErrors {
  const ended = verdicts.filter(({ actual }) => actual.completed);
  const sure = ended.filter(({ forecast, borderline }) => forecast.completed && !borderline);
  const spread = (of: (one: RunVerdict) => number) =>
    spreadOf(sure.map((one) => of(one)).filter((error) => !Number.isNaN(error)));
  const formula = (name: "M0" | "M1") =>
    spreadOf(ended.map(({ baselines, actual }) => off(baselines[name].totalMs, actual.totalMs)));
  const inside = ended.filter(
    ({ total, actual }) => actual.totalMs >= total.low && actual.totalMs <= total.high,
  );
  const widths = ended
    .map(({ total }) => (total.high - total.low) / total.middle)
    .filter((width) => Number.isFinite(width));
  const close = sure.filter(
    ({ forecast, actual }) => Math.abs(forecast.syncs - actual.syncs) <= 1,
  ).length;
  return {
    group,
    runs: verdicts.length,
    endsAgree: verdicts.filter(endAgrees).length,
    borderline: verdicts.filter(({ borderline }) => borderline).length,
    total: spread(({ forecast, actual }) => off(forecast.totalMs, actual.totalMs)),
    bytes: spread(({ forecast, actual }) => off(forecast.bytes, actual.bytes)),
    downtime: spread(({ forecast, actual }) => off(forecast.downtimeMs, actual.downtimeMs)),
    downtimeMs: spread(({ forecast, actual }) => Math.abs(forecast.downtimeMs - actual.downtimeMs)),
    syncsWithinOne: sure.length === 0 ? Number.NaN : close / sure.length,
    coverage: ended.length === 0 ? Number.NaN : inside.length / ended.length,
    width: widths.reduce((sum, width) => sum + width, 0) / Math.max(1, widths.length),
    baselineTotal: { M0: formula("M0"), M1: formula("M1") },
  };
}

function endAgrees({ actual, forecast, borderline }: RunVerdict): boolean {
  return borderline || actual.completed === forecast.completed;
}

const off = (forecast: number, actual: number) => Math.abs(forecast / actual - 1) * 100;

function spreadOf(errors: readonly number[]): ErrorSpread {
  const sorted = [...errors].sort((a, b) => a - b);
  return {
    median: median(sorted),
    p90: quantile(sorted, 0.9),
    worst: sorted.at(-1) ?? Number.NaN,
  };
}

function median(sorted: readonly number[]): number {
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** At most so much, in per cent; `syncs`: at least this share within one. */
export interface Bound {
  readonly totalMedian?: number;
  readonly totalWorst?: number;
  readonly bytesMedian?: number;
  readonly downtimeMedian?: number;
  readonly syncs?: number;
}

/** What is promised of forecasts with the rate of the first pass. */
export const BOUNDS: Readonly<Record<string, Bound>> = {
  "pre-copy, link": {
    totalMedian: 1.5,
    totalWorst: 8,
    bytesMedian: 0.5,
    downtimeMedian: 6,
    syncs: 0.9,
  },
  "pre-copy, max-bandwidth": { totalMedian: 0.5, bytesMedian: 0.3 },
  XBZRLE: { totalMedian: 3, bytesMedian: 3 },
  "auto-converge": { totalMedian: 3, bytesMedian: 3 },
  "post-copy": { totalMedian: 3, bytesMedian: 3 },
  multifd: { totalMedian: 3, bytesMedian: 3 },
  "Linux, paced": { totalMedian: 1, totalWorst: 4, bytesMedian: 0.5, syncs: 1 },
  "Linux, busy": { totalMedian: 3, bytesMedian: 2 },
};

export interface Miss {
  readonly group: string;
  readonly what: string;
  readonly value: number;
  readonly bound: number;
}

export function missesOf(
  groups: readonly GroupErrors[],
  bounds: Readonly<Record<string, Bound>>,
): Miss[] {
  return groups.flatMap((errors) => {
    const bound = bounds[errors.group];
    if (bound === undefined) return [];
    const checks: [string, number, number | undefined][] = [
      ["total, median", errors.total.median, bound.totalMedian],
      ["total, worst", errors.total.worst, bound.totalWorst],
      ["bytes, median", errors.bytes.median, bound.bytesMedian],
      ["downtime, median", errors.downtime.median, bound.downtimeMedian],
    ];
    const misses = checks.flatMap(([what, value, limit]) =>
      limit !== undefined && value > limit
        ? { group: errors.group, what, value, bound: limit }
        : [],
    );
    const { syncsWithinOne: share } = errors;
    if (bound.syncs !== undefined && share < bound.syncs) {
      const what = "readings within 1, share";
      misses.push({ group: errors.group, what, value: share, bound: bound.syncs });
    }
    return misses;
  });
}
