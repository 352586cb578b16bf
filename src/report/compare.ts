/**
 * Strategies compared over the same seeds. Each seed is one workload that every strategy meets,
 * so differences are taken seed by seed (paired) before they are averaged: what the workloads
 * differ in does not blur what the strategies differ in.
 *
 * Of several migrations in a run: bytes are their sum, total time is from the first start to the
 * last end, the others are those of the guest that is worst off.
 */
import { assert } from "../base/assert.js";
import type { Outcome } from "../migrate/messages.js";
import type { SimulationResult } from "../model/simulation.js";
import { stoppedByLimit } from "./stop-reason.js";

export const METRICS = ["downtimeNs", "totalNs", "bytesSent", "guestSlowdown"] as const;
export type Metric = (typeof METRICS)[number];
/** Beside these, what tells strategies apart that let the guest run before its pages are there. */
export const COMPARED = [...METRICS, "worstStallNs", "exposureNs"] as const;
export type ComparedMetric = (typeof COMPARED)[number];

/** The runs of one strategy, seed by seed in the same order for all strategies. */
export interface StrategyRuns {
  readonly strategy: string;
  readonly results: readonly SimulationResult[];
}

export interface Spread {
  readonly mean: number;
  /** Sample standard deviation (n - 1); 0 for one value. */
  readonly sd: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

export interface PairedDifference {
  /** Of the differences, seed by seed; negative means less than the other. */
  readonly mean: number;
  readonly sd: number;
  readonly pairs: number;
  /** Seeds with less, and with more, than the other. */
  readonly less: number;
  readonly more: number;
  /** Mean difference as a share of the other's mean; 0 where that is 0. */
  readonly relative: number;
}

/** One run as the comparison sees it. */
export interface RunFigures extends Readonly<Record<ComparedMetric, number>> {
  readonly seed: number;
  readonly eventLogHash: string;
  readonly completed: boolean;
  /** Of each migration. */
  readonly outcomes: readonly Outcome[];
  readonly stopReasons: readonly string[];
}

export interface StrategySummary {
  readonly strategy: string;
  readonly runs: readonly RunFigures[];
  /** Runs in which every guest arrived; the others are left out of the figures. */
  readonly completedRuns: number;
  /** Completed runs in which the rounds of a guest ended by a limit. */
  readonly limitStops: number;
  /** No figures when no run completed. */
  readonly metrics: Readonly<Record<ComparedMetric, Spread>> | null;
  /** Against the first strategy; null for itself and when no pair completed. */
  readonly againstFirst: Readonly<Record<ComparedMetric, PairedDifference>> | null;
}

export interface Verdict {
  readonly metric: ComparedMetric;
  /** Least mean among the strategies that completed a run. */
  readonly best: string;
  readonly next: string;
  /** Of `best` against `next`. */
  readonly difference: PairedDifference;
  /** next / best, seed by seed; null where best is 0. */
  readonly ratio: Spread | null;
  /** The mean difference is more than two standard errors from 0. */
  readonly clear: boolean;
}

export interface Comparison {
  readonly seeds: readonly number[];
  readonly strategies: readonly StrategySummary[];
  readonly verdicts: readonly Verdict[];
}

/** Compares strategies; each must have run with the same seeds. */
export function compareRuns(all: readonly StrategyRuns[]): Comparison {
  const seeds = all[0]?.results.map(({ seed }) => seed) ?? [];
  for (const { strategy, results } of all) {
    const paired = results.length === seeds.length && results.every((r, i) => r.seed === seeds[i]);
    assert(paired, `${strategy} ran with the seeds of the others`);
  }
  const figures = all.map(({ results }) => results.map(figuresOf));
  const strategies = all.map(({ strategy }, i) =>
    summarise(strategy, figures[i] as RunFigures[], i === 0 ? [] : (figures[0] as RunFigures[])),
  );
  const verdicts = COMPARED.flatMap((metric) => verdictOn(metric, strategies));
  return { seeds, strategies, verdicts };
}

/** Mean, deviation and range of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  assert(values.length > 0, "a spread is of at least one value");
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  return {
    mean,
    sd: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)),
    min: Math.min(...values),
    max: Math.max(...values),
    runs: values.length,
  };
}

/** A run as comparisons and sweeps see it. */
export function figuresOf(result: SimulationResult): RunFigures {
  const { migrations, seed, eventLogHash, makespanNs } = result;
  return {
    seed,
    eventLogHash,
    completed: migrations.length > 0 && migrations.every((m) => m.outcome === "target-runs"),
    outcomes: migrations.map(({ outcome }) => outcome),
    stopReasons: migrations.map(({ stopReason }) => stopReason),
    downtimeNs: Math.max(0, ...migrations.map(({ downtimeNs }) => downtimeNs)),
    totalNs: makespanNs,
    bytesSent: migrations.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
    guestSlowdown: Math.max(0, ...migrations.map(({ guestSlowdown }) => guestSlowdown)),
    worstStallNs: Math.max(0, ...migrations.map(({ worstStallNs }) => worstStallNs)),
    exposureNs: Math.max(0, ...migrations.map(({ exposureNs }) => exposureNs)),
  };
}

function summarise(
  strategy: string,
  runs: readonly RunFigures[],
  first: readonly RunFigures[],
): StrategySummary {
  const completed = runs.filter((run) => run.completed);
  const againstFirst = forMetrics((metric) => pairedDifference(runs, first, metric));
  return {
    strategy,
    runs,
    completedRuns: completed.length,
    limitStops: completed.filter(({ stopReasons }) => stopReasons.some(stoppedByLimit)).length,
    metrics:
      completed.length === 0
        ? null
        : forMetrics((metric) => spreadOf(completed.map((run) => run[metric]))),
    againstFirst: againstFirst.totalNs.pairs === 0 ? null : againstFirst,
  };
}

function forMetrics<T>(of: (metric: ComparedMetric) => T): Record<ComparedMetric, T> {
  return {
    downtimeNs: of("downtimeNs"),
    totalNs: of("totalNs"),
    bytesSent: of("bytesSent"),
    guestSlowdown: of("guestSlowdown"),
    worstStallNs: of("worstStallNs"),
    exposureNs: of("exposureNs"),
  };
}

/** Seeds in which both completed, as [this, other]. */
function pairsOf(
  runs: readonly RunFigures[],
  others: readonly RunFigures[],
  metric: ComparedMetric,
): [number, number][] {
  return runs.flatMap((run, i): [number, number][] => {
    const other = others[i];
    if (other === undefined || !run.completed || !other.completed) return [];
    return [[run[metric], other[metric]]];
  });
}

function pairedDifference(
  runs: readonly RunFigures[],
  others: readonly RunFigures[],
  metric: ComparedMetric,
): PairedDifference {
  const pairs = pairsOf(runs, others, metric);
  if (pairs.length === 0) return { mean: 0, sd: 0, pairs: 0, less: 0, more: 0, relative: 0 };
  const { mean, sd } = spreadOf(pairs.map(([a, b]) => a - b));
  const otherMean = pairs.reduce((sum, [, b]) => sum + b, 0) / pairs.length;
  return {
    mean,
    sd,
    pairs: pairs.length,
    less: pairs.filter(([a, b]) => a < b).length,
    more: pairs.filter(([a, b]) => a > b).length,
    relative: otherMean === 0 ? 0 : mean / otherMean,
  };
}

/** Best against second best; nothing when there is no second, or no seed in which both arrived. */
function verdictOn(metric: ComparedMetric, strategies: readonly StrategySummary[]): Verdict[] {
  const ranked = strategies
    .flatMap((entry) =>
      entry.metrics === null ? [] : [{ entry, mean: entry.metrics[metric].mean }],
    )
    .sort((a, b) => a.mean - b.mean);
  const [best, next] = ranked.map(({ entry }) => entry);
  if (best === undefined || next === undefined) return [];
  const difference = pairedDifference(best.runs, next.runs, metric);
  if (difference.pairs === 0) return [];
  const pairs = pairsOf(best.runs, next.runs, metric);
  const standardError = difference.sd / Math.sqrt(difference.pairs);
  return [
    {
      metric,
      best: best.strategy,
      next: next.strategy,
      difference,
      ratio: pairs.every(([a]) => a > 0) ? spreadOf(pairs.map(([a, b]) => b / a)) : null,
      clear: difference.mean < 0 && -difference.mean > 2 * standardError,
    },
  ];
}
