/** An explanation of an observed migration for people: passes as a table, then the why in words. */
import { formatBytes, formatDuration, formatRate } from "../base/units.js";
import type { Explanation, PassExplanation } from "../forecast/explain.js";
import type { Replay, Replayed } from "../forecast/replay.js";
import { type Palette, PLAIN } from "./palette.js";
import { alignColumns, count, plural, wrap } from "./text.js";

/** Tables longer than this leave out their middle. */
const PASSES_SHOWN = 24;
const LABEL_CHARS = 10;

export interface ExplainTextOptions {
  readonly width?: number;
  readonly palette?: Palette;
  readonly replayed?: Replay;
}

export function explainText(explanation: Explanation, options: ExplainTextOptions = {}): string {
  const { width = 100, palette = PLAIN, replayed } = options;
  const { observed, end, downtime, next, unknown } = explanation;
  const lines = [palette.bold(headline(explanation)), ""];
  if (observed.passes.length > 0) lines.push(...passTable(explanation, palette), "");
  const section = (label: string, paragraphs: readonly string[]) => {
    for (const [at, paragraph] of paragraphs.entries()) {
      const words = wrap(paragraph.split(" "), width - LABEL_CHARS);
      words.forEach((line, i) => {
        const head = at === 0 && i === 0 ? label : "";
        lines.push(`${head.padEnd(LABEL_CHARS)}${line}`);
      });
    }
  };
  section("passes", [balance(explanation)]);
  section("end", [sentence(end.words, end.rule), ...(end.source ? [`rule: ${end.source}`] : [])]);
  section("downtime", downtime);
  section("next", next);
  section("unknown", unknown);
  const { count: skipped, first } = observed.skipped;
  const left = first.map(({ value, line }) => `line ${line}: ${value}`);
  if (skipped > left.length) left.push(`and ${count(skipped - left.length)} more`);
  section("left out", left);
  if (replayed !== undefined) {
    lines.push("", ...replayTable(explanation, replayed, palette), "");
    section("replay", replayWords(explanation, replayed));
  }
  return `${lines.join("\n")}\n`;
}

function headline({ observed, preset }: Explanation): string {
  const { file, format, guest, memoryBytes, outcome, totals, downtime } = observed;
  const parts = [file, format, guest?.value ?? ""];
  if (memoryBytes !== undefined) parts.push(formatBytes(memoryBytes.value));
  const took =
    totals.totalNs === undefined
      ? ""
      : ` ${OUTCOME_PREPOSITIONS[outcome.value]} ${formatDuration(totals.totalNs.value)}`;
  const down =
    downtime.realNs === undefined ? "" : `, downtime ${formatDuration(downtime.realNs.value)}`;
  parts.push(`${outcome.value}${took}${down}`, `rules of ${preset.name}`);
  return parts.filter((part) => part !== "").join("   ");
}

const OUTCOME_PREPOSITIONS = {
  completed: "in",
  cancelled: "after",
  failed: "after",
  running: "for",
} as const;

function passTable({ passes }: Explanation, { dim }: Palette): string[] {
  // A recorded run keeps all its looks in one line.
  const isOneLine = new Set(passes.map(({ lines }) => lines[0])).size === 1;
  const rows = passes.map((pass) => passRow(pass).slice(0, isOneLine ? -1 : undefined));
  const [head = "", ...body] = alignColumns(
    [
      [
        "pass",
        "sent",
        "time",
        "rate",
        "written",
        "dirty rate",
        "ratio",
        ...(isOneLine ? [] : ["line"]),
      ],
      ...rows,
    ],
    [],
  );
  if (body.length <= PASSES_SHOWN) return [dim(head), ...body];
  const half = PASSES_SHOWN / 2;
  const hidden = `… ${plural(body.length - PASSES_SHOWN, "pass", "passes")} left out …`;
  return [dim(head), ...body.slice(0, half), hidden, ...body.slice(-half)];
}

function passRow(pass: PassExplanation): string[] {
  const { number, through, phase, sentBytes, sentPages, durationNs, lines } = pass;
  const name = through > number ? `${number}-${through}` : String(number);
  const text = (value: number | undefined, format: (value: number) => string) =>
    value === undefined ? "" : format(Math.round(value));
  const bytes = sentBytes === undefined ? text(sentPages, plainPages) : formatBytes(sentBytes);
  return [
    phase === "live" ? name : phase,
    bytes,
    text(durationNs, formatDuration),
    text(pass.bandwidthBytesPerSec, formatRate),
    text(pass.dirtiedPages, count),
    text(pass.dirtyBytesPerSec, formatRate),
    pass.ratio === undefined ? "" : pass.ratio.toFixed(2),
    String(lines[0]),
  ];
}

const plainPages = (pages: number) => plural(pages, "page");

function balance({ convergence, ratio, bandwidthBytesPerSec }: Explanation): string {
  const rate =
    bandwidthBytesPerSec === undefined ? "" : ` (${formatRate(Math.round(bandwidthBytesPerSec))})`;
  const times = `the guest wrote ${ratio?.toFixed(2)} times as fast as the link carried${rate}`;
  if (convergence === "unknown") {
    return "whether passes get smaller is not known: the log does not tell the dirty rate against the bandwidth";
  }
  if (convergence === "converging") return `${times}: each pass is smaller than the one before`;
  if (convergence === "diverging") return `${times}: passes do not get smaller`;
  return `${times}: borderline, small changes of guest or link decide`;
}

function replayTable(
  { observed, downtimeLimitNs, bandwidthBytesPerSec, passes, end }: Explanation,
  { own, changed }: Replay,
  { dim }: Palette,
): string[] {
  const { totals, downtime } = observed;
  const said = (value: number | undefined, format: (value: number) => string) =>
    value === undefined ? "" : format(Math.round(value));
  const live = passes.filter(({ phase }) => phase === "live").at(-1)?.through;
  const log = [
    said(downtimeLimitNs, formatDuration),
    said(bandwidthBytesPerSec, formatRate),
    said(totals.totalNs?.value, formatDuration),
    said(downtime.realNs?.value, formatDuration),
    said(totals.sentBytes?.value, formatBytes),
    said(live, count),
    end.rule ?? "",
  ];
  const [head = "", ...body] = alignColumns(
    [
      ["replay", "limit", "link", "total", "downtime", "sent", "passes", "ends by"],
      ["the log", ...log],
      ["its settings", ...replayRow(own)],
      ["changed", ...replayRow(changed)],
    ],
    ["left", "right", "right", "right", "right", "right", "right", "left"],
  );
  return [dim(head), ...body];
}

function replayRow(one: Replayed): string[] {
  const { downtimeLimitNs, bandwidthBytesPerSec, ends, atBest } = one;
  const settings = [formatDuration(downtimeLimitNs), formatRate(Math.round(bandwidthBytesPerSec))];
  if (!ends) return [...settings, "", "", "", count(one.passes), "does not end in an hour"];
  return [
    ...settings,
    formatDuration(one.totalNs),
    formatDuration(one.downtimeNs),
    formatBytes(one.sentBytes),
    count(one.passes),
    `${one.rule}${atBest ? ", at best" : ""}`,
  ];
}

function replayWords({ observed }: Explanation, { own, changed }: Replay): string[] {
  const words = [
    "times are from the first page on; throttling, compression and post-copy are left out; how far " +
      "the second row is from the first is how much to trust the third",
  ];
  if (observed.outcome.value === "completed" && !own.ends) {
    words.push(
      "with its own settings the replay does not end, although the migration did: what is written " +
        "and what is carried are so close that chance decides",
    );
  }
  if (own.atBest || changed.atBest) {
    words.push(
      "at best: its passes are shorter or longer than any in the log, and the guest is assumed to " +
        "write in them as little as the log allows",
    );
  }
  return words;
}

function sentence(words: string, rule: string | undefined): string {
  return rule === undefined || words.includes(`(${rule})`) ? words : `${words} (${rule})`;
}
