/** A forecast for people: what is known of the guest, whether it converges, what it will take. */
import { formatBytes, formatDuration, formatRate, PAGE_SIZE_BYTES } from "../base/units.js";
import type { ContentFacts } from "../forecast/content-facts.js";
import {
  DEFAULT_DOWNTIME_LIMIT_MS,
  type Forecast,
  type ForecastInput,
} from "../forecast/forecast.js";
import { pagesOf } from "../forecast/forecast-guest.js";
import type { Range } from "../forecast/validation.js";
import { type Palette, PLAIN } from "./palette.js";
import { explainStop } from "./stop-reason.js";
import { alignColumns, count, plural, wrap } from "./text.js";

export interface ForecastTextOptions {
  readonly width?: number;
  readonly palette?: Palette;
}

const ms = (value: number) => formatDuration(value * 1e6);

const LABEL_CHARS = 12;
/** Tables longer than this leave out their middle. */
const PASSES_SHOWN = 12;
const POINTS_SHOWN = 8;

export function forecastText(
  name: string,
  input: ForecastInput,
  said: Forecast,
  { width = 100, palette = PLAIN }: ForecastTextOptions = {},
): string {
  const lines = [palette.bold(headline(name, input, said)), ""];
  const section = (label: string, words: string, tone = (text: string) => text) => {
    const wrapped = wrap(words.split(" "), width - LABEL_CHARS);
    wrapped.forEach((line, i) => {
      lines.push(tone(`${(i === 0 ? label : "").padEnd(LABEL_CHARS)}${line}`));
    });
  };
  const tones = { yes: palette.good, borderline: palette.warn, no: palette.bad };
  section("converges", convergence(said), tones[said.converges]);
  section("ends by", said.rules.map(ruleWords).join("; "));
  section("writes", writes(said));
  if (said.rate.by === "max-bandwidth") {
    const limit = `${formatRate(said.rate.bytesPerSec)} at most: QEMU's max-bandwidth, not the link`;
    section("rate", `${limit} (libvirt and what stands on it set none)`);
  }
  lines.push("", ...figures(said), "");
  if (said.passes.length > 0) lines.push(...passTable(said, palette));
  return `${lines.join("\n").trimEnd()}\n`;
}

function headline(name: string, input: ForecastInput, said: Forecast): string {
  const { linkBytesPerSec, linkKnown = "nominal", content } = input;
  const limitMs = input.downtimeLimitMs ?? DEFAULT_DOWNTIME_LIMIT_MS;
  const memory = formatBytes(pagesOf(input.guest) * PAGE_SIZE_BYTES);
  const moved = said.downtimeLimitMs === limitMs ? "" : ` → ${ms(said.downtimeLimitMs)}`;
  return [
    name,
    `${memory}${zeros(content)}`,
    `${formatRate(linkBytesPerSec)} ${linkKnown === "nominal" ? "at best" : "measured"}`,
    `limit ${ms(limitMs)}${moved}`,
    said.strategy,
  ].join("   ");
}

function zeros(content: Partial<ContentFacts> | undefined): string {
  const share = content?.zeroShare ?? 0;
  return share === 0 ? "" : `, ${(share * 100).toFixed(0)} % zero`;
}

function convergence({ converges, convergesShare, completesShare, plateau }: Forecast): string {
  const settle =
    plateau === undefined
      ? ""
      : `: passes settle at ${formatDuration(plateau.passSec * 1e9)}, in which ` +
        `${formatBytes(plateau.pages * PAGE_SIZE_BYTES)} are written again`;
  const forced =
    completesShare > convergesShare
      ? `; the guest moves in ${share(completesShare)} all the same`
      : "";
  switch (converges) {
    case "yes":
      return plateau === undefined ? "yes" : "yes, although without help passes would not shrink";
    case "borderline":
      return `borderline, under ${share(convergesShare)} of the circumstances${settle}${forced}`;
    case "no":
      return `no${settle}${forced}`;
  }
}

const share = (value: number) => `${(value * 100).toFixed(0)} %`;

function ruleWords({ rule, share: of }: Forecast["rules"][number], at: number): string {
  const words = explainStop(rule);
  return at === 0 && of === 1 ? words : `${words}, ${share(of)}`;
}

function writes({ dirtied }: Forecast): string {
  const step = Math.max(1, Math.ceil(dirtied.length / POINTS_SHOWN));
  const shown = dirtied.filter((_, i) => (dirtied.length - 1 - i) % step === 0);
  if (shown.every(({ pages }) => pages === 0)) return "nothing";
  const parts = shown.map(({ windowSec, pages }) => {
    const bytes = formatBytes(Math.round(pages) * PAGE_SIZE_BYTES);
    return `${bytes} in ${formatDuration(windowSec * 1e9)}`;
  });
  return `${parts.join(", ")} (distinct pages)`;
}

function figures(said: Forecast): string[] {
  const { loop, totalMs, downtimeMs, bytes, rounds, throttlePercent } = said;
  const row = (label: string, range: Range, text: (value: number) => string) => [
    label,
    text(range.middle),
    Number.isFinite(range.low) ? `${text(range.low)} to ${text(range.high)}` : "",
  ];
  const rows = [
    ["", "median", "10 % to 90 %"],
    row("total time", totalMs, ms),
    row("downtime", downtimeMs, ms),
    row("on the wire", bytes, (value) => (Number.isFinite(value) ? formatBytes(value) : "never")),
    row(loop === "slots" ? "log readings" : "rounds", rounds, (value) =>
      Number.isFinite(value) ? count(value) : "never",
    ),
  ];
  if (throttlePercent.high > 0) rows.push(row("throttle", throttlePercent, (v) => `${v} %`));
  return alignColumns(rows, ["left"]).map((line) => `  ${line}`);
}

function passTable({ passes }: Forecast, { dim }: Palette): string[] {
  const head = ["pass", "ends after", "took", "written meanwhile", "owed then"];
  const size = (pages: number) =>
    pages < 0 ? "not read" : formatBytes(Math.round(pages) * PAGE_SIZE_BYTES);
  const rows = passes.map(({ endMs, dirtiedPages, unsentPages }, i) => [
    String(i + 1),
    formatDuration(endMs * 1e6),
    formatDuration((endMs - (passes[i - 1]?.endMs ?? 0)) * 1e6),
    size(dirtiedPages),
    size(unsentPages),
  ]);
  const [first = "", ...body] = alignColumns([head, ...rows], []);
  if (body.length <= PASSES_SHOWN) return [dim(first), ...body];
  const left = body.length - PASSES_SHOWN;
  const half = PASSES_SHOWN / 2;
  const gap = dim(`  … ${plural(left, "pass", "passes")}`);
  return [dim(first), ...body.slice(0, half), gap, ...body.slice(-half)];
}
