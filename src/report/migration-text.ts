/**
 * One migration for people: who moved from where to where, each round, the six stages of Clark et
 * al. (NSDI 2005, section 4.1), what it cost, and what was checked. Modelled or real: it takes a
 * result, and names for the way.
 */
import { formatBytes, formatDuration, formatRate } from "../base/units.js";
import type { Outcome } from "../migrate/messages.js";
import type { RoundReport, StageTimes } from "../migrate/report.js";
import type { MigrationResult } from "../model/migration-result.js";
import { LIMIT_NAMES, type Limits } from "./limits.js";
import { type Palette, PLAIN } from "./palette.js";
import { explainStop, stoppedByLimit } from "./stop-reason.js";
import { stateText, techniqueCosts } from "./technique-costs.js";
import { alignColumns, bar, count, percent, plural, quantity, wrap } from "./text.js";

/** Where a migration goes, in words, and what it was allowed. */
export interface Way {
  readonly source: string;
  readonly target: string;
  /** Rate and latency; empty where there is nothing to say. */
  readonly link: string;
  readonly seed: number;
  readonly downtimeLimitNs: number;
}

export interface TextOptions {
  readonly limits?: Limits;
  readonly palette?: Palette;
  /** Columns of the terminal. */
  readonly width?: number;
}

/** Palette and width with their defaults. */
export interface Style {
  readonly palette: Palette;
  readonly width: number;
}

export const LABEL = (text: string): string => text.padEnd(17);
const LABEL_COLUMNS = 19;
const WIDTH_DEFAULT = 100;
const WIDTH_MIN = 60;
const BAR_CELLS_MAX = 24;
/** Of a long loop the first and the last rounds tell most. */
const ROUNDS_SHOWN_FIRST = 12;
const ROUNDS_SHOWN_LAST = 6;

export function styleOf({ palette = PLAIN, width = WIDTH_DEFAULT }: TextOptions): Style {
  return { palette, width: Math.max(WIDTH_MIN, width) };
}

/** All lines of one migration; `more` are figures that stand before what was checked. */
export function migrationLines(
  migration: MigrationResult,
  way: Way,
  options: TextOptions & { readonly more?: readonly (readonly [label: string, text: string])[] },
): string[] {
  const style = styleOf(options);
  return [
    ...headerLines(migration, way, style),
    "",
    ...roundLines(migration, style),
    ...stageLines(migration.stagesNs, style),
    "",
    ...costLines(migration, way, options, style),
  ];
}

/** The guest, its size, the hosts, the link, the strategy and the seed. */
function headerLines(migration: MigrationResult, way: Way, { palette, width }: Style): string[] {
  const { guest, pages, pageSizeBytes, name } = migration;
  const parts = [
    guest,
    `${formatBytes(pages * pageSizeBytes)}, ${plural(pages, "page")}`,
    `${way.source} → ${way.target}`,
    way.link,
    name,
    `seed ${way.seed}`,
  ].filter((part) => part !== "");
  // Parts stay whole: no line is broken within one.
  const whole = parts.map((part) => part.replaceAll(" ", "\u00a0"));
  const lines = wrap(
    whole.flatMap((part, i) => (i === 0 ? [part] : [`\u00a0\u00a0${part}`])),
    width,
  );
  return lines.map((line) => palette.bold(line.replaceAll("\u00a0", " ")));
}

function roundLines(migration: MigrationResult, style: Style): string[] {
  const { rounds } = migration;
  if (rounds.length === 0) return [...stopLines(migration, style), ""];
  const shown = shownRounds(rounds);
  const all = roundColumns(rounds);
  const widest = roundTable(shown, all);
  const fits = widest.every((line) => line.length <= style.width);
  // Bytes say the same as pages.
  const table = fits
    ? widest
    : roundTable(
        shown,
        all.filter(([title]) => title !== "pages"),
      );
  return [...withBars(table, shown, style), ...stopLines(migration, style), ""];
}

type RoundColumn = readonly [title: string, of: (round: RoundReport) => string];

/** Columns for skipping, holding and throttling only where they happened. */
function roundColumns(rounds: readonly RoundReport[]): readonly RoundColumn[] {
  const where = (happened: (round: RoundReport) => boolean, column: RoundColumn): RoundColumn[] =>
    rounds.some(happened) ? [column] : [];
  return [
    ["round", ({ round }) => count(round)],
    ["sent", ({ bytes }) => formatBytes(bytes)],
    ["pages", ({ pagesSent }) => count(pagesSent)],
    ...where(
      ({ pagesSkipped }) => pagesSkipped > 0,
      ["skipped", ({ pagesSkipped }) => count(pagesSkipped)],
    ),
    ...where(({ pagesHeld }) => pagesHeld > 0, ["held", ({ pagesHeld }) => count(pagesHeld)]),
    ...where(({ cpuShare }) => cpuShare < 1, ["CPU", ({ cpuShare }) => percent(cpuShare)]),
    ["time", ({ durationNs }) => formatDuration(durationNs)],
    ["rate", ({ bytes, bandwidthBytesPerSec: rate }) => (bytes === 0 ? "" : formatRate(rate))],
    ["dirtied", ({ pagesDirtied }) => (pagesDirtied < 0 ? "not read" : count(pagesDirtied))],
  ];
}

function roundTable(rounds: readonly RoundReport[], columns: readonly RoundColumn[]): string[] {
  const titles = columns.map(([title]) => title);
  return alignColumns([titles, ...rounds.map((round) => columns.map(([, of]) => of(round)))], []);
}

/** The table with a bar of the pages dirtied behind every round, and a line for rounds left out. */
function withBars(
  table: readonly string[],
  shown: readonly RoundReport[],
  { palette, width }: Style,
): string[] {
  const [head = "", ...rows] = table;
  const room = width - Math.max(...table.map((line) => line.length)) - 2;
  const cells = Math.min(BAR_CELLS_MAX, room);
  const most = Math.max(1, ...shown.map(({ pagesDirtied }) => pagesDirtied));
  const lines = [palette.dim(head)];
  rows.forEach((row, i) => {
    const { round, pagesDirtied } = shown[i] as RoundReport;
    const before = shown[i - 1]?.round ?? round - 1;
    const hidden = round - before - 1;
    if (hidden > 0) lines.push(palette.dim(`    … ${plural(hidden, "round")} more (see --json)`));
    const drawn = cells < 4 ? "" : bar(pagesDirtied / most, cells);
    lines.push(drawn === "" ? row : `${row}  ${drawn}`);
  });
  return lines;
}

function shownRounds(rounds: readonly RoundReport[]): readonly RoundReport[] {
  if (rounds.length <= ROUNDS_SHOWN_FIRST + ROUNDS_SHOWN_LAST + 1) return rounds;
  return [...rounds.slice(0, ROUNDS_SHOWN_FIRST), ...rounds.slice(-ROUNDS_SHOWN_LAST)];
}

/** What opens the line that tells why a migration did not complete. */
const ENDS: Readonly<Record<Outcome, string>> = {
  "target-runs": "Completed",
  "source-runs": "Aborted",
  "in-doubt": "In doubt",
  lost: "Lost",
};

function stopLines(migration: MigrationResult, { palette, width }: Style): string[] {
  const { outcome, stopReason, stopPages, residualPages, postCopy } = migration;
  const why = explainStop(stopReason);
  const aborted = outcome !== "target-runs";
  let text = `Paused: ${why}, ${plural(stopPages, "page")} left for the pause.`;
  if (postCopy !== undefined) {
    text = `Switched to post-copy: ${why}, ${plural(residualPages, "page")} left to follow.`;
  }
  if (aborted) text = `${ENDS[outcome]}: ${why}.`;
  const limited = stoppedByLimit(stopReason) ? palette.warn : (line: string) => line;
  return wrap(text.split(" "), width).map(aborted ? palette.bad : limited);
}

/** The six stages; the last three together are the downtime. */
function stageLines(stages: StageTimes, { palette }: Style): string[] {
  const downtimeNs = stages.stopAndCopy + stages.commitment + stages.activation;
  const rows: [string, number, string][] = [
    ["initialisation", stages.initialisation, ""],
    ["reservation", stages.reservation, ""],
    ["iterative pre-copy", stages.iterativePreCopy, ""],
    ["stop-and-copy", stages.stopAndCopy, "┐"],
    ["commitment", stages.commitment, `├ downtime ${formatDuration(downtimeNs)}`],
    ["activation", stages.activation, "┘"],
  ];
  if (stages.residualPush > 0) rows.push(["residual push", stages.residualPush, ""]);
  const cells = rows.map(([name, ns, mark]) => [name, formatDuration(ns), mark]);
  const [head = "", ...lines] = alignColumns(
    [["stage", "time"], ...cells],
    ["left", "right", "left"],
  );
  return [palette.dim(head), ...lines];
}

function costLines(
  migration: MigrationResult,
  { downtimeLimitNs }: Way,
  options: Parameters<typeof migrationLines>[2],
  style: Style,
): string[] {
  const { limits = {}, more = [] } = options;
  const { outcome, blackoutNs, clientOutageNs, downtimeNs } = migration;
  const overBudget = downtimeNs > downtimeLimitNs;
  const pause = [
    `guest stood still ${formatDuration(blackoutNs)}`,
    `clients waited ${formatDuration(clientOutageNs)}`,
    `${overBudget ? "over the budget of" : "budget"} ${formatDuration(downtimeLimitNs)}`,
  ];
  const completed = outcome === "target-runs";
  return [
    ...costLine(migration, "downtimeNs", limits, style, {
      details: completed ? pause : [WHO_RUNS[outcome]],
      doubtful: overBudget,
    }),
    ...costLine(migration, "totalNs", limits, style, { details: [] }),
    ...labelled("on the wire", wireText(migration), style),
    ...costLine(migration, "guestSlowdown", limits, style, { details: ["while it ran"] }),
    ...(migration.predictor === "none" ? [] : labelled("held back", heldText(migration), style)),
    ...techniqueCosts(migration).flatMap(([label, text]) => labelled(label, text, style)),
    ...more.flatMap(([label, text]) => labelled(label, text, style)),
    ...labelled("checked", checkedText([migration]), style),
  ];
}

const WHO_RUNS: Readonly<Record<Outcome, string>> = {
  "target-runs": "the target runs",
  "source-runs": "the source runs on",
  "in-doubt": "the source does not run",
  lost: "the guest is lost",
};

/** ✓ or ✗ where a limit was given, ! where the scenario's own budget was passed; the value. */
function costLine(
  migration: MigrationResult,
  key: keyof typeof LIMIT_NAMES,
  limits: Limits,
  style: Style,
  { details, doubtful = false }: { details: readonly string[]; doubtful?: boolean },
): string[] {
  const { palette } = style;
  const { words, kind } = LIMIT_NAMES[key];
  const limit = limits[key];
  const stated = limit === undefined ? [] : [`limit ${quantity(limit, kind)}`];
  const all = [...stated, ...details].join(", ");
  const value = quantity(migration[key], kind);
  let mark = doubtful ? palette.warn("!") : " ";
  if (limit !== undefined) mark = migration[key] <= limit ? palette.good("✓") : palette.bad("✗");
  return labelled(words, all === "" ? value : `${value} (${all})`, style, mark);
}

/** A label and its text, which goes on under itself. */
function labelled(label: string, text: string, { width }: Style, mark = " "): string[] {
  return wrap(text.split(" "), width - LABEL_COLUMNS).map((line, i) =>
    i === 0 ? `${mark} ${LABEL(label)}${line}` : `${" ".repeat(LABEL_COLUMNS)}${line}`,
  );
}

function wireText({ bytes, pages, pageSizeBytes }: MigrationResult): string {
  const factor = (bytes.total / (pages * pageSizeBytes)).toFixed(2);
  const parts = [
    `rounds ${formatBytes(bytes.rounds)}`,
    `pause ${formatBytes(bytes.pause)}`,
    `control ${formatBytes(bytes.control)}`,
  ];
  if (bytes.storage > 0) parts.push(`storage ${formatBytes(bytes.storage)}`);
  if (bytes.residual > 0) parts.push(`residual ${formatBytes(bytes.residual)}`);
  return `${formatBytes(bytes.total)}, ${factor} × memory (${parts.join(", ")})`;
}

function heldText({ heldPages, heldCapPages, predictor, predictorState }: MigrationResult): string {
  const state = stateText(predictorState);
  const detail = state === "" ? predictor : `${predictor}, ${state}`;
  return `${plural(heldPages, "page")} of at most ${count(heldCapPages)} (${detail})`;
}

/** The checks that held for any of these: "targetEqualsSource" → "target equals source". */
export function checkedText(migrations: readonly MigrationResult[]): string {
  const names = new Set(migrations.flatMap(({ verified }) => Object.keys(verified)));
  const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return [...names].map(words).join(", ");
}
