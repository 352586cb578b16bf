/** A comparison for people: a block per figure, who is best on it and by how much, warnings. */
import type {
  ComparedMetric,
  Comparison,
  PairedDifference,
  RunFigures,
  Spread,
  StrategySummary,
  Verdict,
} from "./compare.js";
import { COMPARED, METRICS } from "./compare.js";
import { comparisonTable } from "./compare-table.js";
import { type Palette, PLAIN } from "./palette.js";
import { stoppedByLimit } from "./stop-reason.js";
import { alignColumns, bar, inOneUnit, type Quantity, quantity, wrap } from "./text.js";

export interface ComparisonTextOptions {
  readonly title?: string;
  /** The command that repeats the comparison. */
  readonly repeat: string;
  /** Guests that move in each run. */
  readonly guests: number;
  readonly palette?: Palette;
  /** Columns of the terminal. */
  readonly width?: number;
}

interface Figure {
  readonly heading: string;
  /** Within a sentence. */
  readonly noun: string;
  readonly kind: Quantity;
}

const FIGURES: Readonly<Record<ComparedMetric, Figure>> = {
  downtimeNs: { heading: "downtime", noun: "downtime", kind: "duration" },
  totalNs: { heading: "total time", noun: "total time", kind: "duration" },
  bytesSent: { heading: "on the wire", noun: "traffic", kind: "bytes" },
  guestSlowdown: { heading: "guest slowdown", noun: "slowdown", kind: "share" },
  worstStallNs: { heading: "worst stall", noun: "worst stall", kind: "duration" },
  exposureNs: { heading: "exposure to a lost link", noun: "exposure", kind: "duration" },
};

/** The same of several guests together. */
const FIGURES_OF_ALL: Readonly<Record<ComparedMetric, Figure>> = {
  downtimeNs: {
    heading: "worst downtime (of any guest)",
    noun: "worst downtime",
    kind: "duration",
  },
  totalNs: {
    heading: "makespan (from the first start to the last end)",
    noun: "makespan",
    kind: "duration",
  },
  bytesSent: { heading: "on the wire (of all guests)", noun: "traffic", kind: "bytes" },
  guestSlowdown: {
    heading: "worst guest slowdown (of any guest)",
    noun: "worst slowdown",
    kind: "share",
  },
  worstStallNs: { heading: "worst stall (of any guest)", noun: "worst stall", kind: "duration" },
  exposureNs: {
    heading: "longest exposure to a lost link (of any guest)",
    noun: "exposure",
    kind: "duration",
  },
};

function figureOf(metric: ComparedMetric, { guests }: ComparisonTextOptions): Figure {
  return (guests > 1 ? FIGURES_OF_ALL : FIGURES)[metric];
}

const WIDTH_DEFAULT = 100;
/** More strategies than these stand in one table; so many have a block for each figure. */
const BLOCK_STRATEGIES_MAX = 8;
const BAR_CELLS_MAX = 16;

/** The comparison in lines, each ended by a newline. */
export function comparisonText(comparison: Comparison, options: ComparisonTextOptions): string {
  const { title, repeat, palette = PLAIN } = options;
  const lines: string[] = [];
  if (title !== undefined && title !== "") lines.push(palette.bold(title));
  lines.push(runsLine(comparison), "");
  const many = comparison.strategies.length > BLOCK_STRATEGIES_MAX;
  const metrics = shownMetrics(comparison);
  if (many) lines.push(...comparisonTable(comparison, options), "");
  else for (const metric of metrics) lines.push(...figureLines(comparison, metric, options), "");
  // Nobody without post-copy is exposed: least is no merit there.
  const verdicts = comparison.verdicts.filter(
    ({ metric }) => metric !== "exposureNs" && metrics.includes(metric),
  );
  for (const verdict of verdicts) lines.push(...verdictLines(verdict, options));
  if (verdicts.length > 0) lines.push("");
  // The table says it in its rows.
  const warnings = many ? [] : comparisonWarnings(comparison);
  for (const warning of warnings)
    lines.push(...wrapped(`Warning: ${warning}`, options).map(palette.warn));
  if (warnings.length > 0) lines.push("");
  lines.push(`  repeat  ${repeat}`);
  return `${lines.join("\n")}\n`;
}

/** Without post-copy the worst stall is the pause, and nobody is exposed. */
function shownMetrics({ strategies }: Comparison): readonly ComparedMetric[] {
  const exposed = strategies.some(({ metrics }) => (metrics?.exposureNs.max ?? 0) > 0);
  return exposed ? COMPARED : METRICS;
}

/** Where strategies did not get to their end by themselves, a sentence with the next step. */
export function comparisonWarnings({ strategies }: Comparison): string[] {
  const aborted = warningOn(strategies, (run) => !run.completed);
  const limited = warningOn(
    strategies,
    (run) => run.completed && run.stopReasons.some(stoppedByLimit),
  );
  return [
    ...aborted.map(
      (who) =>
        `${who} ended without a switch and are left out of the figures: allow more time or more bandwidth, or throttle the guest (seed).`,
    ),
    ...limited.map(
      (who) =>
        `${who} paused because of a limit, not because little was left: hold more back (a longer downtime limit and +wsclock), throttle more (as in seed:margin=0.3), or give more bandwidth.`,
    ),
  ];
}

/** "2 of 3 runs of a (timeout) and 1 of 3 runs of b (cancelled)", or nothing. */
function warningOn(
  strategies: readonly StrategySummary[],
  concerns: (run: RunFigures) => boolean,
): string[] {
  const parts = strategies.flatMap(({ strategy, runs }) => {
    const some = runs.filter(concerns);
    if (some.length === 0) return [];
    const reasons = reasonsOf(some.flatMap(({ stopReasons }) => stopReasons));
    const often = runs.length === 1 ? "" : `${some.length} of ${runs.length} runs of `;
    return [`${often}${strategy} (${reasons})`];
  });
  const last = parts.pop();
  if (last === undefined) return [];
  return [parts.length === 0 ? last : `${parts.join(", ")} and ${last}`];
}

function reasonsOf(reasons: readonly string[]): string {
  return [...new Set(reasons)].join(", ");
}

function runsLine({ seeds }: Comparison): string {
  const first = seeds[0];
  if (seeds.length === 1) return `One run each, seed ${first}.`;
  return `${seeds.length} runs each, seeds ${first} to ${seeds.at(-1)}, the same for all (paired).`;
}

function figureLines(
  { strategies }: Comparison,
  metric: ComparedMetric,
  options: ComparisonTextOptions,
): string[] {
  const { palette = PLAIN, width = WIDTH_DEFAULT } = options;
  const { heading: name, kind } = figureOf(metric, options);
  const several = (strategies[0]?.runs.length ?? 0) > 1;
  const most = Math.max(...strategies.map(({ metrics }) => metrics?.[metric].mean ?? 0));
  const baseline = strategies.length > 1 ? `against ${strategies[0]?.strategy}` : "";
  const head = several ? ["", "mean ± σ", "min … max", baseline] : ["", "", "", baseline];
  const rows = strategies.map((entry) => [
    `  ${entry.strategy}`,
    ...spreadCells(entry.metrics?.[metric], kind, several),
    differenceCell(entry, metric, kind, several),
  ]);
  const columns = several ? [0, 1, 2, 3] : [0, 1, 3];
  const pick = (row: readonly string[]) => columns.map((at) => row[at] ?? "");
  const [title = "", ...body] = alignColumns([pick(head), ...rows.map(pick)], ["left"]);
  const room = Math.min(BAR_CELLS_MAX, width - Math.max(...body.map((line) => line.length)) - 2);
  const heading = title.startsWith(" ".repeat(name.length + 1))
    ? [palette.bold(name) + palette.dim(title.slice(name.length))]
    : [palette.bold(name), ...(title === "" ? [] : [palette.dim(title)])];
  const inner = Math.max(...body.map((line) => line.length));
  return [
    ...heading,
    ...body.map((line, i) => {
      const mean = strategies[i]?.metrics?.[metric].mean ?? 0;
      const drawn = room < 4 || most === 0 ? "" : bar(mean / most, room);
      return drawn === "" ? line : `${line.padEnd(inner)}  ${drawn}`;
    }),
  ];
}

function spreadCells(spread: Spread | undefined, kind: Quantity, several: boolean): string[] {
  if (spread === undefined) return ["none completed", ""];
  if (!several) return [quantity(spread.mean, kind), ""];
  const { texts, unit } = inOneUnit([spread.mean, spread.sd, spread.min, spread.max], kind);
  const [mean, sd, min, max] = texts;
  return [`${mean} ± ${sd} ${unit}`, `${min} … ${max}`];
}

function differenceCell(
  { againstFirst }: StrategySummary,
  metric: ComparedMetric,
  kind: Quantity,
  several: boolean,
): string {
  const difference = againstFirst?.[metric];
  if (difference === undefined) return "";
  return signedText(difference, kind, several);
}

/** "−2.28 ± 0.01 s"; a share of the other where that says more. */
function signedText(
  { mean, sd, relative }: PairedDifference,
  kind: Quantity,
  several: boolean,
): string {
  if (mean === 0 && sd === 0) return "the same";
  const sign = mean < 0 ? "−" : "+";
  const { texts, unit } = inOneUnit([mean, sd], kind);
  const size = (texts[0] as string).replace("-", "");
  const spread = several ? ` ± ${texts[1]}` : "";
  // A share of a share would be read as percentage points.
  if (kind === "share") return `${sign}${size}${spread} points`;
  const part = relative === 0 ? "" : ` (${relativeText(relative)})`;
  return `${sign}${size}${spread} ${unit}${part}`;
}

function relativeText(relative: number): string {
  const value = Math.abs(relative) * 100;
  return `${relative < 0 ? "−" : "+"}${value < 10 ? value.toFixed(1) : value.toFixed(0)} %`;
}

/** hyperfine's closing sentence: who is best, by how much, against whom. */
function verdictLines(verdict: Verdict, options: ComparisonTextOptions): string[] {
  const { palette = PLAIN } = options;
  const { metric, best, next, difference, ratio, clear } = verdict;
  const { noun, kind } = figureOf(metric, options);
  const { mean, pairs, less } = difference;
  if (!clear) {
    const how =
      mean === 0 && difference.sd === 0
        ? "are equal"
        : `differ by ${apartText(mean, kind)}, which is within two standard errors`;
    return wrapped(`No clear winner on ${noun}: ${best} and ${next} ${how}.`, options);
  }
  const seeds = pairs === 1 ? "" : `, in ${less} of ${pairs} seeds`;
  const apart = `${apartText(mean, kind)} less than ${next}`;
  const times = ratio === null ? "" : ` (${timesText(ratio)})`;
  const text = `Least ${noun}: ${best}, ${apart}${times}${seeds}.`;
  return wrapped(text, options).map(palette.good);
}

/** A difference of shares is in percentage points. */
function apartText(mean: number, kind: Quantity): string {
  const text = quantity(Math.abs(mean), kind);
  return kind === "share" ? text.replace("%", "points") : text;
}

function timesText({ mean, sd, runs }: Spread): string {
  const spread = runs < 2 ? "" : ` ± ${sd.toFixed(2)}`;
  return `${mean.toFixed(2)}${spread} times less`;
}

function wrapped(text: string, { width = WIDTH_DEFAULT }: ComparisonTextOptions): string[] {
  return wrap(text.split(" "), width);
}
