/**
 * Advice for people: how the migration goes as asked, then what to change, the cheapest first, what it
 * gives, what it costs, and the lines to paste.
 */
import { formatBytes, formatDuration } from "../base/units.js";
import type { Advice, AdvisedOption, OptionKind, Wanted } from "../forecast/advise/index.js";
import type { Forecast } from "../forecast/forecast.js";
import type { Range } from "../forecast/validation.js";
import { type Palette, PLAIN } from "./palette.js";
import { alignColumns, percent, wrap } from "./text.js";

export interface AdviseTextOptions {
  readonly width?: number;
  readonly palette?: Palette;
  /** Stands at the head. */
  readonly name?: string;
  /** Lines to paste of all options, not of the one that is advised alone. */
  readonly all?: boolean;
}

const LABEL_CHARS = 10;

export const KIND_WORDS: Readonly<Record<OptionKind, string>> = {
  "bandwidth-limit": "bandwidth limit",
  "downtime-limit": "downtime limit",
  timeout: "time-out",
  "auto-converge": "auto-converge",
  xbzrle: "XBZRLE",
  compression: "compression",
  "post-copy": "post-copy",
  link: "faster link",
  "two-changes": "two changes",
};

export function adviseText(advice: Advice, options: AdviseTextOptions = {}): string {
  const { width = 100, palette = PLAIN, name, all = false } = options;
  const { asked, wanted, recommended } = advice;
  const section = (label: string, paragraph: string) => labelled(label, paragraph, width);
  const head = [name, asked.forecast.strategy, `wanted: ${wantedWords(wanted)}`];
  const lines = [palette.bold(head.filter((part) => part !== undefined).join("   ")), ""];
  lines.push(...section("as asked", askedWords(advice)));
  if (asked.verdict.meets) {
    lines.push(...section("change", `nothing: it meets what is wanted${marginWords(advice)}`));
    return `${lines.join("\n")}\n`;
  }
  const words =
    recommended === undefined
      ? palette.bad("nothing that can be set is enough: try another moment, or a quieter guest")
      : palette.good(recommended.what);
  lines.push(...section("change", words), "");
  if (advice.options.length > 0) lines.push(...optionTable(advice, palette), "");
  for (const one of advice.options) {
    lines.push(...section(one === recommended ? "advised" : "", optionWords(one)));
  }
  for (const [i, { kind, whyNot }] of advice.rejected.entries()) {
    lines.push(...section(i === 0 ? "not" : "", `${KIND_WORDS[kind]}: ${whyNot}`));
  }
  const pasted = all ? advice.options : recommended === undefined ? [] : [recommended];
  for (const one of pasted) lines.push("", ...commandLines(one, advice, palette));
  return `${lines.join("\n")}\n`;
}

/** A paragraph behind its label, or indented where it has none. */
export function labelled(label: string, paragraph: string, width: number): string[] {
  return wrap(paragraph.split(" "), width - LABEL_CHARS).map(
    (line, i) => `${(i === 0 ? label : "").padEnd(LABEL_CHARS)}${line}`,
  );
}

export function msText(ms: number): string {
  const rounded = Math.round(ms);
  return rounded === 0 ? "0 s" : formatDuration(rounded * 1e6);
}

/** The middle, and the 90 % end that is judged. */
export function upTo({ middle, high }: Range, format: (value: number) => string): string {
  if (!Number.isFinite(high)) return "never";
  const [usual, most] = [format(middle), format(high)];
  return usual === most ? usual : `${usual} (${most})`;
}

export function wantedWords({ downtimeMs, downtimeSaid, totalMs }: Wanted): string {
  const limit = downtimeSaid ? "" : " (the limit)";
  const total = Number.isFinite(totalMs) ? `, all within ${msText(totalMs)}` : "";
  return `downtime at most ${msText(downtimeMs)}${limit}${total}`;
}

function askedWords({ asked: { forecast, verdict } }: Advice): string {
  const often = `in ${percent(forecast.completesShare)} of the circumstances`;
  if (!verdict.moves) return `${endWords(forecast)}; it gets over ${often}`;
  const figures = `downtime ${upTo(forecast.downtimeMs, msText)}, total ${upTo(forecast.totalMs, msText)}`;
  const missed = [verdict.downtime ? "" : "downtime", verdict.total ? "" : "total time"];
  const what = missed.filter((one) => one !== "").join(" and ");
  const end = forecast.converges === "yes" ? "converges" : endWords(forecast);
  return `${end}: ${figures}${what === "" ? "" : `; too long: ${what}`}`;
}

function endWords({ rule, plateau, converges }: Forecast): string {
  const settle =
    plateau === undefined || converges === "yes"
      ? ""
      : `, passes settle at ${formatBytes(Math.round(plateau.pages) * 4096)} in ` +
        `${msText(plateau.passSec * 1000)}`;
  return `${converges === "yes" ? "converges" : "does not converge"} (ends by ${rule}${settle})`;
}

function marginWords({ asked: { verdict }, wanted }: Advice): string {
  const downtime = `, with ${percent(Math.max(0, verdict.downtimeMargin))} of the downtime to spare`;
  const total = Number.isFinite(wanted.totalMs)
    ? ` and ${percent(Math.max(0, verdict.totalMargin))} of the time`
    : "";
  return downtime + total;
}

function optionTable(advice: Advice, { dim, good }: Palette): string[] {
  const row = (label: string, made: Forecast, meets: boolean): string[] => [
    label,
    meets ? "yes" : "no",
    upTo(made.downtimeMs, msText),
    upTo(made.totalMs, msText),
    Number.isFinite(made.bytes.middle) ? formatBytes(Math.round(made.bytes.middle)) : "",
    made.throttlePercent.high > 0 ? `${made.throttlePercent.high} %` : "",
  ];
  const rows = [
    ["change", "enough", "downtime (90 %)", "total (90 %)", "sent", "throttle"],
    row("none", advice.asked.forecast, false),
    ...advice.options.map((one) => row(KIND_WORDS[one.kind], one.forecast, one.meets)),
  ];
  const [head = "", none = "", ...body] = alignColumns(rows, ["left", "left"]);
  const lines = body.map((line, i) => (advice.options[i]?.meets === true ? good(line) : line));
  return [dim(head), none, ...lines];
}

function optionWords({ what, cost, notes }: AdvisedOption): string {
  return `${[what, ...notes].join("; ")}. Cost: ${cost}.`;
}

function commandLines(one: AdvisedOption, { tool }: Advice, { dim }: Palette): string[] {
  if (one.commands.length === 0) return [dim(`# ${tool} has nothing to set for ${one.what}`)];
  return one.commands.flatMap(({ title, lines }) => {
    const isHereText = title.endsWith("<<'EOF'");
    return isHereText ? [title, ...lines, "EOF"] : [dim(`# ${tool}: ${title}`), ...lines];
  });
}
