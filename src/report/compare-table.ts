/**
 * Many strategies in one table: a row each, the mean of each figure, the least of a column marked.
 * One that did not complete has a row that says why.
 */
import type { ComparedMetric, Comparison, RunFigures, StrategySummary } from "./compare.js";
import { type Palette, PLAIN } from "./palette.js";
import { type Quantity, quantity, wrap } from "./text.js";

export interface ComparisonTableOptions {
  readonly palette?: Palette;
  /** Columns of the terminal. */
  readonly width?: number;
}

interface Column {
  readonly metric: ComparedMetric;
  readonly head: string;
  readonly kind: Quantity;
}

const COLUMNS: readonly Column[] = [
  { metric: "downtimeNs", head: "downtime", kind: "duration" },
  { metric: "totalNs", head: "total", kind: "duration" },
  { metric: "bytesSent", head: "bytes", kind: "bytes" },
  { metric: "guestSlowdown", head: "slowdown", kind: "share" },
  { metric: "worstStallNs", head: "stall", kind: "duration" },
  { metric: "exposureNs", head: "exposure", kind: "duration" },
];

const TITLE = "strategy";
const WIDTH_DEFAULT = 100;
const NAME_COLUMNS_MIN = 16;
const NAME_COLUMNS_MAX = 48;
/** What stands before a name. */
const MARK_COLUMNS = 2;
const GAP = "  ";

/** Lines of at most `width` columns, from about 80 on: head, rows, legend. */
export function comparisonTable(
  comparison: Comparison,
  { palette = PLAIN, width = WIDTH_DEFAULT }: ComparisonTableOptions,
): string[] {
  const { strategies } = comparison;
  const partly = strategies.some(isPartly);
  const least = COLUMNS.map((column) => leastOf(strategies, column));
  const heads = [...COLUMNS.map(({ head }) => `${head} `), ...(partly ? ["runs"] : [])];
  const cells = strategies.map((entry) => [
    ...COLUMNS.map((column, at) => cellText(entry, column, least[at])),
    ...(partly ? [isPartly(entry) ? `${entry.completedRuns}/${entry.runs.length}` : ""] : []),
  ]);
  const widths = heads.map((head, at) =>
    Math.max(head.length, ...cells.map((row) => (row[at] as string).length)),
  );
  const figures = widths.reduce((sum, columns) => sum + columns + GAP.length, 0);
  const longest = Math.max(TITLE.length, ...strategies.map(({ strategy }) => strategy.length));
  const room = Math.max(
    NAME_COLUMNS_MIN,
    Math.min(width - MARK_COLUMNS - figures, NAME_COLUMNS_MAX),
  );
  const columns = Math.min(room, longest);
  const inColumns = (row: readonly string[]) =>
    row.map((cell, at) => GAP + cell.padStart(widths[at] as number)).join("");
  const lines = [palette.dim(`  ${TITLE.padEnd(columns)}${inColumns(heads)}`.trimEnd())];
  strategies.forEach((entry, at) => {
    const names = nameLines(entry.strategy, columns);
    const texts =
      entry.metrics === null
        ? wrap(endText(entry.runs).split(" "), figures - GAP.length).map((text) => GAP + text)
        : [inColumns(cells[at] as string[])];
    const paint = entry.metrics === null ? palette.bad : (text: string) => text;
    const mark = entry.limitStops > 0 ? palette.warn("!") : " ";
    for (let i = 0; i < Math.max(names.length, texts.length); i++) {
      const name = (names[i] ?? "").padEnd(columns);
      const line = `${i === 0 ? mark : " "} ${name}${texts[i] ?? ""}`;
      lines.push(paint(line.trimEnd()));
    }
  });
  return [...lines, "", ...legendLines(comparison, partly, width).map(palette.dim)];
}

function isPartly({ completedRuns, runs }: StrategySummary): boolean {
  return completedRuns > 0 && completedRuns < runs.length;
}

/** The least mean of a column, if one strategy alone has it. */
function leastOf(strategies: readonly StrategySummary[], { metric }: Column): number | undefined {
  const means = strategies.flatMap(({ metrics }) =>
    metrics === null ? [] : [metrics[metric].mean],
  );
  const least = Math.min(...means);
  return means.filter((mean) => mean === least).length === 1 ? least : undefined;
}

function cellText(
  { metrics }: StrategySummary,
  { metric, kind }: Column,
  least: number | undefined,
): string {
  if (metrics === null) return "";
  const { mean } = metrics[metric];
  if (metric === "exposureNs" && mean === 0) return "– ";
  return `${quantity(mean, kind)}${mean === least ? "*" : " "}`;
}

/** "aborted: timeout", "guest lost: link lost; aborted: timeout" */
function endText(runs: readonly RunFigures[]): string {
  const words = {
    "target-runs": "",
    "source-runs": "aborted",
    "in-doubt": "in doubt",
    lost: "guest lost",
  };
  const ends = runs.flatMap(({ outcomes, stopReasons }) =>
    outcomes.flatMap((outcome, i) =>
      outcome === "target-runs" ? [] : [`${words[outcome]}: ${stopReasons[i]}`],
    ),
  );
  return ends.length === 0 ? "nothing was migrated" : [...new Set(ends)].join("; ");
}

/** A name in lines, broken before + and @ and behind commas. */
export function nameLines(name: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const part of name.split(/(?=[+@])|(?<=,)/)) {
    if (line !== "" && line.length + part.length > columns) {
      lines.push(line);
      line = "  ";
    }
    line += part;
    while (line.length > columns) {
      lines.push(line.slice(0, columns));
      line = `  ${line.slice(columns)}`;
    }
  }
  return [...lines, line];
}

function legendLines({ strategies, seeds }: Comparison, partly: boolean, width: number): string[] {
  const notes = [
    "* least of its column",
    "stall: longest that a guest stood still at once",
    "exposure: time in which a lost link loses the guest",
  ];
  if (strategies.some(({ limitStops }) => limitStops > 0)) {
    notes.push("! paused because of a limit, not because little was left");
  }
  if (partly) notes.push("runs: how many completed; the figures are theirs");
  if (seeds.length > 1) notes.push("figures are means (deviations: --csv, --json)");
  return wrap(`${notes.join("; ")}.`.split(" "), width);
}
