/** The tables of docs/TECHNIQUES.md from what scripts/techniques.ts measured. */
import type { Pair } from "./technique-pairs.js";
import type { Measured } from "./techniques.js";

/** What is compared, smaller is better in all. A change below `tie` is neither won nor lost. */
const FIGURES = [
  { key: "totalSec", head: "total, %", short: "total", isShare: true, tie: 0.5 },
  { key: "downtimeMs", head: "downtime, %", short: "downtime", isShare: true, tie: 0.5 },
  { key: "mib", head: "bytes, %", short: "bytes", isShare: true, tie: 0.5 },
  { key: "slowdownPercent", head: "slowdown, points", short: "slowdown", isShare: false, tie: 0.1 },
  { key: "worstStallMs", head: "worst stall, ms", short: "stall", isShare: false, tie: 1 },
  { key: "exposureMs", head: "exposure, ms", short: "exposure", isShare: false, tie: 1 },
] as const;
type Figure = (typeof FIGURES)[number];

/** The downtime limit that all were given (recordings.ts). */
const LIMIT_MS = 300;

interface Case {
  readonly ours: Measured;
  readonly plain: Measured;
}

const change = ({ key, isShare }: Figure, { ours, plain }: Case): number =>
  isShare ? (ours[key] / plain[key] - 1) * 100 : ours[key] - plain[key];

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[half] as number;
  return ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
}

function signed(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : 1;
  const text = value.toFixed(digits);
  if (Number(text) === 0) return "0";
  return `${value > 0 ? "+" : ""}${text.replace("-", "−")}`;
}

/** A row for each pair: medians, in how many cases better and worse, the best and the worst case. */
export function measuredTable(pairs: readonly Pair[], found: readonly Measured[]): string {
  const heads = FIGURES.map(({ head }) => head).join(" | ");
  const rows = [
    `| strategy | against | moved | in time | ${heads} | gains most | loses most |`,
    `|---|---|--:|--:|${FIGURES.map(() => "--:").join("|")}|---|---|`,
  ];
  for (const one of pairs) {
    const cases = casesOf(one, found);
    const both = cases.filter(({ ours, plain }) => ours.completed && plain.completed);
    const count = (is: (it: Measured) => boolean) =>
      (["ours", "plain"] as const).map((side) => cases.filter((it) => is(it[side])).length);
    const moved = count(({ completed }) => completed).join(", ");
    const inTime = count((it) => it.completed && it.downtimeMs <= LIMIT_MS).join(", ");
    const cells = FIGURES.map((figure) => cell(figure, both));
    rows.push(
      `| ${shortName(one.strategy)} | ${shortName(one.against)} | ${moved} of ${cases.length} | ${inTime} | ${cells.join(" | ")} | ${extreme(both, -1)} | ${extreme(both, 1)} |`,
    );
  }
  return rows.join("\n");
}

/** Without what only opens the link. */
export const shortName = (strategy: string) =>
  `\`${strategy.replace(":max-bandwidth=100Gbit/s", "")}\``;

function casesOf({ strategy, against, guests }: Pair, found: readonly Measured[]): Case[] {
  const there = found.filter((it) => it.guests === guests);
  return there
    .filter((it) => it.strategy === strategy)
    .map((ours) => {
      const plain = there.find(
        (it) =>
          it.strategy === against &&
          it.recording === ours.recording &&
          it.bandwidth === ours.bandwidth,
      );
      if (plain === undefined) throw new Error(`${against} was not measured: npm run techniques`);
      return { ours, plain };
    });
}

/** Median, and cases won : lost. */
function cell(figure: Figure, cases: readonly Case[]): string {
  const changes = cases.map((one) => change(figure, one));
  const won = changes.filter((value) => value < -figure.tie).length;
  const lost = changes.filter((value) => value > figure.tie).length;
  return won + lost === 0 ? "0" : `${signed(median(changes))} (${won}:${lost})`;
}

/** The largest change down (-1) or up (1) of total, downtime or bytes, and where it was. */
function extreme(cases: readonly Case[], direction: -1 | 1): string {
  let best = { value: 0, text: "–" };
  for (const figure of FIGURES.filter(({ isShare }) => isShare)) {
    for (const one of cases) {
      const value = change(figure, one);
      if (value * direction <= Math.max(figure.tie, best.value * direction)) continue;
      const where = `${one.ours.recording}, ${one.ours.bandwidth}`;
      best = { value, text: `${figure.short} ${signed(value)} %: ${where}` };
    }
  }
  return best.text;
}

const POST_COPY_COLUMNS = [
  { key: "faults", head: "faults", digits: 0 },
  { key: "faultSharePercent", head: "of the working set, %", digits: 1 },
  { key: "pageWaitMs", head: "longest wait for a page, ms", digits: 2 },
  { key: "blocktimeMs", head: "blocked in all, ms", digits: 1 },
  { key: "exposureMs", head: "exposure, ms", digits: 0 },
] as const;

/** What post-copy costs: median and most over the cases in which pages followed the guest. */
export function postCopyTable(found: readonly Measured[]): string {
  const followed = found.filter((it) => it.faults !== undefined && it.completed);
  const rows = [
    `| strategy | cases | ${POST_COPY_COLUMNS.map(({ head }) => head).join(" | ")} |`,
    `|---|--:|${POST_COPY_COLUMNS.map(() => "--:").join("|")}|`,
  ];
  for (const strategy of new Set(followed.map((it) => it.strategy))) {
    const runs = followed.filter((it) => it.strategy === strategy);
    const cells = POST_COPY_COLUMNS.map(({ key, digits }) => {
      const values = runs.map((it) => it[key] as number);
      return `${median(values).toFixed(digits)}, at most ${Math.max(...values).toFixed(digits)}`;
    });
    rows.push(`| \`${strategy}\` | ${runs.length} | ${cells.join(" | ")} |`);
  }
  return rows.join("\n");
}
