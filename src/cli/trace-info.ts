/** The text of `precopy trace info`: a trace at a glance, aligned, without colour. */
import { formatBytes, formatDuration, formatRate, NS_PER_SEC } from "../base/units.js";
import type { Trace } from "../guest/trace.js";
import type { SetStats, TraceStats } from "../guest/trace-stats.js";

export interface TraceInfo {
  readonly file: string;
  readonly format: string;
  readonly trace: Trace;
  readonly skipped: number;
  readonly stats: TraceStats;
}

const BAR_CELLS = 24;
const TIMELINE_CELLS = 60;
const LEVELS = "▁▂▃▄▅▆▇█";

export function infoText(info: TraceInfo): string {
  const { file, format, trace, skipped, stats } = info;
  const lines = [`${file}  (${format})`];
  const row = (label: string, text: string) => lines.push(`  ${label.padEnd(10)}${text}`);
  if (!file.endsWith(trace.source)) row("source", trace.source);
  row("memory", `${pageCount(trace.pages, trace)} of ${formatBytes(trace.pageSizeBytes)}`);
  row("time", timeText(stats));
  row("clock", clockText(trace, stats));
  if (skipped > 0) row("skipped", `${count(skipped)} bad lines`);

  lines.push("", `${" ".repeat(12)}${columns("distinct", "mean", "most", "at", "a second")}`);
  lines.push(`  ${"written".padEnd(10)}${setText(stats.written)}`);
  lines.push(`  ${"read".padEnd(10)}${trace.hasReads ? setText(stats.read) : "  not recorded"}`);
  row(
    "touched",
    `${pageCount(stats.touchedPages, trace)}, ${share(stats.touchedPages, trace.pages)} of memory`,
  );

  lines.push("", "  Pages written, over time (the highest column is the busiest stretch)");
  lines.push(`  ${timeline(trace)}`);
  lines.push(
    "",
    "  Different pages written in a window, and the bandwidth to send them in that time",
  );
  for (const point of stats.dirtyCurve) {
    const bytes = point.meanPages * trace.pageSizeBytes;
    const rate = formatRate((bytes / point.windowNs) * NS_PER_SEC);
    const window = formatDuration(point.windowNs).padStart(8);
    const mean = count(Math.round(point.meanPages)).padStart(9);
    const most = `most ${count(point.maxPages)}`.padEnd(16);
    const bar = barText(point.meanPages / Math.max(1, stats.written.distinctPages));
    lines.push(`  ${window}${mean}  ${most}${rate.padStart(12)}  ${bar}`.trimEnd());
  }
  if (stats.dirtyCurve.length === 0) lines.push("  the trace is too short for one");
  return `${lines.join("\n")}\n`;
}

function timeText(stats: TraceStats): string {
  const lengths = [stats.shortestIntervalNs, stats.longestIntervalNs].map(formatDuration);
  const spread = lengths[0] === lengths[1] ? "" : ` (${lengths.join(" to ")})`;
  const mean = formatDuration(Math.round(stats.meanIntervalNs));
  return `${formatDuration(stats.durationNs)} in ${count(stats.intervals)} intervals of ${mean}${spread}`;
}

function clockText(trace: Trace, stats: TraceStats): string {
  const perSec = stats.instructionsPerSec;
  if (perSec === undefined) return trace.clock;
  const rate = `${Number((perSec / 1e6).toPrecision(4))} million instructions a second`;
  return `${trace.clock}, ${rate}`;
}

function setText(set: SetStats): string {
  return columns(
    count(set.distinctPages),
    set.meanPagesPerInterval.toFixed(1),
    count(set.maxPagesPerInterval),
    formatDuration(set.maxAtNs),
    count(Math.round(set.pagesPerSec)),
  );
}

function columns(...cells: string[]): string {
  return cells.map((cell) => cell.padStart(11)).join("");
}

/** Page-writes in equal stretches of the replay clock, an interval counted where it ends. */
function timeline(trace: Trace): string {
  const cells = new Float64Array(Math.min(TIMELINE_CELLS, trace.intervals));
  for (let i = 0; i < trace.intervals; i++) {
    const at = Math.floor(((trace.endNs(i) - 1) / trace.durationNs) * cells.length);
    cells[at] = (cells[at] as number) + trace.written(i).length;
  }
  const highest = Math.max(1, ...cells);
  return Array.from(cells, (sum) =>
    sum === 0 ? " " : LEVELS[Math.ceil((sum / highest) * LEVELS.length) - 1],
  ).join("");
}

function barText(part: number): string {
  return "█".repeat(Math.round(part * BAR_CELLS));
}

function pageCount(pages: number, trace: Trace): string {
  const unit = pages === 1 ? "page" : "pages";
  return `${count(pages)} ${unit} (${formatBytes(pages * trace.pageSizeBytes)})`;
}

function share(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}

/** 65536 → "65,536", alike in every locale. */
function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
