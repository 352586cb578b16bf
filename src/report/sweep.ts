/**
 * A sweep over parameters: what is varied, what each job gave, and what that says of the
 * parameters. A job is one simulation at one point of the grid; strategies without a parameter
 * that is varied are run once for all of its values.
 */
import type { SimulationResult } from "../model/simulation.js";
import { figuresOf, METRICS, type Metric } from "./compare.js";
import { csv } from "./csv.js";
import { analyseSweep, type SweepEffects, type SweepFactor } from "./sweep-analysis.js";

/** One parameter and the values that it takes. */
export interface SweepAxis {
  /** As given: a field of the scenario, or a parameter of strategies. */
  readonly name: string;
  readonly levels: SweepFactor["levels"];
  /** A parameter of strategies: whether each of them has it. A field concerns all. */
  readonly appliesTo: readonly boolean[];
}

/** The full grid: axes x strategies x seeds. */
export interface SweepSpace {
  readonly axes: readonly SweepAxis[];
  /** As given, without the parameters that are varied. */
  readonly strategies: readonly string[];
  readonly seeds: readonly number[];
}

/** A job by its place in the grid. */
export interface SweepJob {
  /** Index in the space's strategies. */
  readonly strategy: number;
  /** For each axis the index of its level; -1 where the strategy does not have the parameter. */
  readonly at: readonly number[];
  readonly seed: number;
}

/** What a job gave: figures as `compare` has them, or why there are none. */
export type SweepOutcome =
  | (Readonly<Record<Metric, number>> & {
      /** Every guest arrived. */
      readonly completed: boolean;
      readonly stopReasons: readonly string[];
      readonly eventLogHash: string;
    })
  | { readonly error: { readonly code: string; readonly message: string } };

export interface SweepAnalysis {
  /** Null: all strategies together, the strategy being a parameter like the others. */
  readonly strategy: string | null;
  readonly metrics: Readonly<Record<Metric, SweepEffects>>;
}

/** What a simulation counts for in a sweep. */
export function outcomeOf(result: SimulationResult): SweepOutcome {
  const { completed, stopReasons, eventLogHash, ...figures } = figuresOf(result);
  const metrics = forMetrics((metric) => figures[metric]);
  return { completed, stopReasons, ...metrics, eventLogHash };
}

/** Jobs of the strategy at this index. */
export function jobsOfStrategy({ axes, seeds }: SweepSpace, strategy: number): number {
  return axes.reduce(
    (jobs, { levels, appliesTo }) => jobs * (appliesTo[strategy] ? levels.length : 1),
    seeds.length,
  );
}

export function jobCount(space: SweepSpace): number {
  return space.strategies.reduce((sum, _, strategy) => sum + jobsOfStrategy(space, strategy), 0);
}

/** The job with this number, from 0: seeds fastest, then the last axis, strategies slowest. */
export function jobAt(space: SweepSpace, index: number): SweepJob {
  const { axes, seeds } = space;
  let strategy = 0;
  let rest = index;
  for (let jobs = jobsOfStrategy(space, 0); rest >= jobs; ) {
    rest -= jobs;
    strategy++;
    jobs = jobsOfStrategy(space, strategy);
  }
  const seed = seeds[rest % seeds.length] as number;
  rest = Math.floor(rest / seeds.length);
  const at = new Array<number>(axes.length).fill(-1);
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i] as SweepAxis;
    if (!axis.appliesTo[strategy]) continue;
    at[i] = rest % axis.levels.length;
    rest = Math.floor(rest / axis.levels.length);
  }
  return { strategy, at, seed };
}

/** The number of a job; the inverse of {@link jobAt}. */
function indexOf(space: SweepSpace, { strategy, at }: Omit<SweepJob, "seed">): number {
  let index = 0;
  space.axes.forEach(({ levels, appliesTo }, i) => {
    if (appliesTo[strategy]) index = index * levels.length + (at[i] as number);
  });
  let before = 0;
  for (let s = 0; s < strategy; s++) before += jobsOfStrategy(space, s);
  return before + index * space.seeds.length;
}

/**
 * What the parameters do, strategy by strategy, and before that over all of them where there are
 * several. `outcomes`: by the number of the job. Jobs that failed, and those in which not every
 * guest arrived, have no figures.
 */
export function analyseOutcomes(
  space: SweepSpace,
  outcomes: readonly SweepOutcome[],
): SweepAnalysis[] {
  const figureAt = (index: number, metric: Metric) => {
    const outcome = outcomes[index];
    if (outcome === undefined || "error" in outcome || !outcome.completed) return Number.NaN;
    return outcome[metric];
  };
  const each = space.strategies.map((strategy, s): SweepAnalysis => {
    const first = indexOf(space, { strategy: s, at: space.axes.map(() => 0) });
    const factors = space.axes.filter(({ appliesTo }) => appliesTo[s]);
    const length = jobsOfStrategy(space, s);
    const metrics = forMetrics((metric) => {
      const values = Float64Array.from({ length }, (_, i) => figureAt(first + i, metric));
      return analyseSweep({ factors, seeds: space.seeds.length, values });
    });
    return { strategy, metrics };
  });
  return space.strategies.length < 2 ? each : [together(space, figureAt), ...each];
}

/** The strategy as one more factor, on the grid in which every strategy has every level. */
function together(
  space: SweepSpace,
  figureAt: (index: number, metric: Metric) => number,
): SweepAnalysis {
  const { axes, strategies, seeds } = space;
  const levels = strategies.map((text) => ({ text, value: null }));
  const factors = [{ name: "strategy", levels }, ...axes];
  const cells = axes.reduce((product, axis) => product * axis.levels.length, 1);
  const metrics = forMetrics((metric) => {
    const values = new Float64Array(strategies.length * cells * seeds.length);
    for (let cell = 0; cell < strategies.length * cells; cell++) {
      const strategy = Math.floor(cell / cells);
      const index = indexOf(space, { strategy, at: levelsAt(axes, cell % cells) });
      for (let seed = 0; seed < seeds.length; seed++) {
        values[cell * seeds.length + seed] = figureAt(index + seed, metric);
      }
    }
    return analyseSweep({ factors, seeds: seeds.length, values });
  });
  return { strategy: null, metrics };
}

function levelsAt(axes: readonly SweepAxis[], cell: number): number[] {
  const at = new Array<number>(axes.length).fill(0);
  let rest = cell;
  for (let i = axes.length - 1; i >= 0; i--) {
    const { length } = (axes[i] as SweepAxis).levels;
    at[i] = rest % length;
    rest = Math.floor(rest / length);
  }
  return at;
}

function forMetrics<T>(of: (metric: Metric) => T): Record<Metric, T> {
  return Object.fromEntries(METRICS.map((metric) => [metric, of(metric)])) as Record<Metric, T>;
}

/** A row for each job (RFC 4180): its values, figures or error. */
export function sweepCsv(
  space: SweepSpace,
  outcomes: readonly (SweepOutcome | undefined)[],
): string {
  interface Row {
    readonly job: SweepJob;
    readonly outcome: SweepOutcome;
  }
  const rows = outcomes.flatMap((outcome, index): Row[] =>
    outcome === undefined ? [] : [{ job: jobAt(space, index), outcome }],
  );
  const given = <T extends number | string>(
    { outcome }: Row,
    of: (outcome: Exclude<SweepOutcome, { error: object }>) => T,
  ) => ("error" in outcome ? "" : of(outcome));
  return csv<Row>(
    [
      ...space.axes.map(
        ({ name, levels }, i) =>
          [name, ({ job }: Row) => levels[job.at[i] ?? -1]?.text ?? ""] as const,
      ),
      ["strategy", ({ job }) => space.strategies[job.strategy] ?? ""],
      ["seed", ({ job }) => job.seed],
      ["completed", (row) => given(row, ({ completed }) => String(completed))],
      ["stopReasons", (row) => given(row, ({ stopReasons }) => stopReasons.join(" "))],
      ...METRICS.map(
        (metric) => [metric, (row: Row) => given(row, (figures) => figures[metric])] as const,
      ),
      ["error", ({ outcome }) => ("error" in outcome ? outcome.error.message : "")],
    ],
    rows,
  );
}
