/**
 * A sweep for people: for each strategy a table of parameters, of interactions that matter and of
 * chance, with elasticity and share of the variance for each figure.
 */
import type { Metric } from "./compare.js";
import { type Palette, PLAIN } from "./palette.js";
import type { SweepAnalysis } from "./sweep.js";
import type { FactorEffect, SweepEffects } from "./sweep-analysis.js";
import { alignColumns, percent, plural, wrap } from "./text.js";

export interface SweepTextOptions {
  readonly title?: string;
  /** The command that repeats the sweep. */
  readonly repeat: string;
  readonly seeds: number;
  readonly palette?: Palette;
  /** Columns of the terminal. */
  readonly width?: number;
}

const WIDTH_DEFAULT = 100;

const HEADINGS: Readonly<Record<Metric, string>> = {
  totalNs: "total time",
  downtimeNs: "downtime",
  bytesSent: "on the wire",
  guestSlowdown: "slowdown",
};
const COLUMNS = Object.keys(HEADINGS) as readonly Metric[];
/** An interaction is told from this share of any figure's variance on, and so many at most. */
const SHARE_TOLD = 0.01;
const INTERACTIONS_MAX = 6;
/** Below this share of a parameter's effect on the line, its elasticity changes on the way. */
const STRAIGHT = 0.9;

const LEGEND = [
  "+0.98  64 %   1 % more of the parameter makes the figure 0.98 % larger; 64 % of the figure's",
  "              variance over the grid comes from this parameter alone",
  "~             the elasticity changes along the parameter; --json has it from value to value",
  "Δ12 %         (largest - smallest) / mean of the figure's means: there is no elasticity, the",
  "              parameter's values being no positive numbers, or the figure being 0 somewhere",
  "a × b         what two parameters do together beyond what each does alone",
];

/** The analysis in lines, each ended by a newline. */
export function sweepText(
  analyses: readonly SweepAnalysis[],
  { title = "", repeat, seeds, palette = PLAIN, width = WIDTH_DEFAULT }: SweepTextOptions,
): string {
  const lines = title === "" ? [] : [palette.bold(title), ""];
  for (const analysis of analyses) {
    lines.push(...tableLines(analysis, seeds, palette));
    for (const remark of remarks(analysis.metrics)) {
      const wrapped = wrap(remark.split(" "), width - 4);
      lines.push(...wrapped.map((line, i) => palette.warn(`${i === 0 ? "  " : "    "}${line}`)));
    }
    lines.push("");
  }
  lines.push(...LEGEND.map((line) => palette.dim(line)), "", `  repeat  ${repeat}`);
  return `${lines.join("\n")}\n`;
}

function tableLines(
  { strategy, metrics }: SweepAnalysis,
  seeds: number,
  palette: Palette,
): string[] {
  const first = metrics.totalNs;
  const told = COLUMNS.filter((metric) => metrics[metric].scale !== "none");
  const name = strategy ?? "all strategies";
  const fixed = first.factors.filter(({ levels }) => levels.length === 1);
  const size = [
    plural(first.cells, "point"),
    ...(seeds > 1 ? [`${seeds} seeds each`] : []),
    ...fixed.map((factor) => `${factor.name}=${factor.levels[0]?.text}`),
  ].join(", ");
  if (told.length === 0) return [palette.bold(name), `  ${size}: no migration completed`];
  const rows = [
    ["", ...COLUMNS.map((metric) => HEADINGS[metric])],
    ...first.factors.flatMap((factor, i) =>
      fixed.includes(factor)
        ? []
        : [[`  ${factor.name}`, ...COLUMNS.map((metric) => factorCell(metrics[metric], i))]],
    ),
    ...interactionRows(metrics),
    ...(seeds > 1 ? [shareRow("  seeds", metrics, ({ seedsShare }) => seedsShare)] : []),
    ...(COLUMNS.some((metric) => metrics[metric].restShare >= SHARE_TOLD)
      ? [shareRow("  three and more at once", metrics, ({ restShare }) => restShare)]
      : []),
  ];
  const [head = "", ...body] = alignColumns(rows, ["left"]);
  return [`${palette.bold(name)}   ${size}`, palette.dim(head), ...body];
}

/** "+0.98  64 %", "Δ12 %  3 %". */
function factorCell({ scale, factors }: SweepEffects, at: number): string {
  if (scale === "none") return "";
  if (scale === "same") return "the same";
  const factor = factors[at] as FactorEffect;
  return `${effect(factor)}  ${shareText(factor.share)}`;
}

function effect({ elasticity, straight, range, share }: FactorEffect): string {
  if (elasticity === null) return `Δ${percent(range)}`;
  const text = Math.abs(elasticity).toFixed(2);
  // What explains nothing has no shape worth a mark.
  const curved = (straight ?? 1) < STRAIGHT && share >= SHARE_TOLD / 2;
  const sign = text === "0.00" ? "" : elasticity < 0 ? "−" : "+";
  return `${curved ? "~" : ""}${sign}${text}`;
}

function shareText(share: number): string {
  const whole = Math.round(share * 100);
  return `${whole === 0 && share > 0.0005 ? "<1" : whole} %`.padStart(5);
}

function interactionRows(metrics: SweepAnalysis["metrics"]): string[][] {
  const largest = new Map<string, { names: readonly string[]; share: number }>();
  for (const metric of COLUMNS) {
    for (const { names, share } of metrics[metric].interactions) {
      const key = names.join(" ");
      if (share > (largest.get(key)?.share ?? 0)) largest.set(key, { names, share });
    }
  }
  return [...largest.values()]
    .filter(({ share }) => share >= SHARE_TOLD)
    .sort((a, b) => b.share - a.share)
    .slice(0, INTERACTIONS_MAX)
    .map(({ names }) =>
      shareRow(
        `  ${names.join(" × ")}`,
        metrics,
        ({ interactions }) =>
          interactions.find((one) => one.names.join(" ") === names.join(" "))?.share ?? 0,
      ),
    );
}

function shareRow(
  name: string,
  metrics: SweepAnalysis["metrics"],
  of: (effects: SweepEffects) => number,
): string[] {
  return [
    name,
    ...COLUMNS.map((metric) => {
      const { scale } = metrics[metric];
      return scale === "none" || scale === "same" ? "" : shareText(of(metrics[metric]));
    }),
  ];
}

/** What was left out, and where a logarithm was not to be had; nothing where no figure is. */
function remarks(metrics: SweepAnalysis["metrics"]): string[] {
  if (metrics.totalNs.scale === "none") return [];
  const { holes, cells, cellsUsed, leftOut } = metrics.totalNs;
  const values = COLUMNS.filter((metric) => metrics[metric].scale === "value");
  const zeros = values.map((metric) => HEADINGS[metric]).join(", ");
  const gone = leftOut.slice(0, 8).map(({ name, text }) => `${name}=${text}`);
  if (leftOut.length > gone.length) gone.push("…");
  return [
    ...(holes === 0
      ? []
      : [
          `${plural(holes, "point")} without a completed migration for each seed: of ${plural(cells, "point")}, the ${cellsUsed} of the full grid without ${gone.join(", ")} are analysed`,
        ]),
    ...(values.length === 0
      ? []
      : [`${zeros}: 0 at some points, so shares are of the value, not of its logarithm`]),
  ];
}
