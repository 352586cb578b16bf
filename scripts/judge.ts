/**
 * Judges the adaptive strategy: on every shipped recording and bandwidth, in classes of equal
 * codecs, is there a strategy that is worse than it on no figure and better on one? Writes the
 * judgement into docs/TECHNIQUES.md, between its marks.
 *
 *     npm run judge                     every case that is not there yet, then the page
 *     npm run judge -- redis gzip       these recordings alone, and no page
 *
 * Cases are kept in build/judge.jsonl as they are done; delete it to judge another version.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Trace } from "../src/guest/trace.js";
import type { MigrationResult } from "../src/model/migration-result.js";
import { simulate } from "../src/model/simulation.js";
import { BANDWIDTHS, RECORDINGS, type Recording, specFor } from "./recordings.js";

const SEEDS = [1];
const OURS = "adaptive";
const LIMIT_NS = 300_000_000;
/** What has not ended after five times what sending all of memory takes at 100 Mbit/s never will. */
const TIMEOUT_NS = 120e9;
const PAGE = "docs/TECHNIQUES.md";
const KEPT = "build/judge.jsonl";

/** Each class has its codecs; `@qemu…` would bring its own, so they are always named. */
const CLASSES = [
  { name: "pages as they are", codecs: "+raw" },
  { name: "zero pages and XBZRLE", codecs: "+zero+xbzrle" },
] as const;

/** `{}` is where the class puts its codecs. The oracle is told the future: no rival, a bound. */
const RIVALS = [
  "suspend{}",
  "pre-copy{}@xen",
  "pre-copy{}@xen-skip",
  "pre-copy{}@xen2005",
  "pre-copy{}@clark-paper",
  "pre-copy{}@qemu72:max-bandwidth=100Gbit/s",
  "pre-copy{}@qemu102:max-bandwidth=100Gbit/s",
  "pre-copy{}@cloud-hypervisor",
  "pre-copy{}@vmotion",
  "pre-copy+sdps{}@vmotion",
  "pre-copy{}@hyper-v",
  "pre-copy+recency{}@xen",
  "pre-copy+aging{}@xen",
  "pre-copy+lru-splay{}@xen",
  "pre-copy+clock{}@xen",
  "pre-copy+wsclock{}@xen",
  "pre-copy+wsclock{}@xen-skip",
  "pre-copy+exact-ws{}@xen",
  "pre-copy+jin{}@xen",
  "pre-copy+no-progress{}@xen",
  "pre-copy+stun-writers{}@xen",
  "pre-copy+auto-converge{}@qemu102:max-bandwidth=100Gbit/s",
  "pre-copy+dirty-limit{}@qemu102:max-bandwidth=100Gbit/s",
  "seed{}",
  "post-copy{}",
  "post-copy:preempt{}",
  "hybrid{}",
  "hybrid{}@qemu102:max-bandwidth=100Gbit/s",
  "adaptive:post-copy{}",
] as const;

/** What is judged, smaller is better in all. */
const FIGURES = {
  "total, s": (m: MigrationResult) => m.totalNs / 1e9,
  "downtime, ms": (m: MigrationResult) => m.downtimeNs / 1e6,
  MiB: (m: MigrationResult) => m.bytesSent / 2 ** 20,
  "slowdown, %": (m: MigrationResult) => m.guestSlowdown * 100,
  "worst stall, ms": (m: MigrationResult) => m.worstStallNs / 1e6,
  "exposure, ms": (m: MigrationResult) => m.exposureNs / 1e6,
} as const;
type Figure = keyof typeof FIGURES;
const NAMES = Object.keys(FIGURES) as Figure[];

interface Row {
  readonly strategy: string;
  /** Every seed ended with the guest at the target. */
  readonly completed: boolean;
  readonly figures: Readonly<Record<Figure, number>>;
}

interface Case {
  readonly recording: string;
  readonly bandwidth: string;
  readonly class: string;
  readonly ours: Row;
  readonly rivals: readonly Row[];
}

/** Runs the cases that are not kept yet, of all recordings or of these. */
async function judge(names: readonly string[]): Promise<void> {
  for (const recording of RECORDINGS) {
    if (names.length > 0 && !names.includes(recording.name)) continue;
    const trace = await recording.load();
    for (const { name: bandwidth, bytesPerSec } of BANDWIDTHS) {
      for (const { name, codecs } of CLASSES) {
        const known = { recording: recording.name, bandwidth, class: name };
        if (kept().some((c) => keyOf(c) === keyOf(known))) continue;
        const row = (pattern: string) =>
          measure({ recording, trace, bytesPerSec, pattern, codecs });
        const rivals: Row[] = [];
        for (const rival of RIVALS) rivals.push(await row(rival));
        const done: Case = { ...known, ours: await row(`${OURS}{}`), rivals };
        appendFileSync(KEPT, `${JSON.stringify(done)}\n`);
        process.stderr.write(`${keyOf(known)}\n`);
      }
    }
  }
}

interface Measured {
  readonly recording: Recording;
  readonly trace: Trace;
  readonly bytesPerSec: number;
  readonly pattern: string;
  readonly codecs: string;
}

async function measure({ recording, trace, bytesPerSec, pattern, codecs }: Measured): Promise<Row> {
  const strategy = pattern.replace("{}", codecs);
  const runs: MigrationResult[] = [];
  for (const seed of SEEDS) {
    const { content } = recording;
    const timeoutNs = TIMEOUT_NS;
    const spec = specFor({ trace, bytesPerSec, strategy, seed, content, timeoutNs });
    runs.push((await simulate(spec)).migrations[0] as MigrationResult);
  }
  return meanOf(pattern.replace("{}", ""), runs);
}

const keyOf = (c: Pick<Case, "recording" | "bandwidth" | "class">): string =>
  `${c.recording}, ${c.bandwidth}, ${c.class}`;

/** In the order of the recordings, bandwidths and classes. */
function kept(): Case[] {
  if (!existsSync(KEPT)) return [];
  const lines = readFileSync(KEPT, "utf8").trim().split("\n");
  const cases = lines.map((line) => JSON.parse(line) as Case);
  const place = (c: Case) =>
    RECORDINGS.findIndex(({ name }) => name === c.recording) * 100 +
    BANDWIDTHS.findIndex(({ name }) => name === c.bandwidth) * 10 +
    CLASSES.findIndex(({ name }) => name === c.class);
  return cases.sort((x, y) => place(x) - place(y));
}

function meanOf(strategy: string, runs: readonly MigrationResult[]): Row {
  const mean = (value: (run: MigrationResult) => number) =>
    runs.reduce((sum, run) => sum + value(run), 0) / runs.length;
  const figures = Object.fromEntries(NAMES.map((name) => [name, mean(FIGURES[name])]));
  const completed = runs.every(({ outcome }) => outcome === "target-runs");
  return { strategy, completed, figures: figures as Row["figures"] };
}

/** Worse than `other` on one figure and better on none; what does not complete dominates nobody. */
function isDominatedBy(row: Row, other: Row): boolean {
  if (!other.completed) return false;
  const better = NAMES.some((name) => row.figures[name] < other.figures[name]);
  const worse = NAMES.some((name) => row.figures[name] > other.figures[name]);
  return worse && !better;
}

/** Moved, and within the downtime limit. */
const converges = ({ completed, figures }: Row) =>
  completed && figures["downtime, ms"] <= LIMIT_NS / 1e6;

function summary(cases: readonly Case[]): string {
  const dominated = cases.flatMap((c) =>
    c.rivals.filter((rival) => isDominatedBy(c.ours, rival)).map((rival) => ({ c, rival })),
  );
  const plain = ["pre-copy@xen", "pre-copy@qemu102:max-bandwidth=100Gbit/s"];
  const hard = cases.filter((c) =>
    c.rivals.some((rival) => plain.includes(rival.strategy) && !converges(rival)),
  );
  const reached = hard.filter((c) => converges(c.ours));
  const within = cases.filter((c) => converges(c.ours));
  const lines = [
    `${cases.length} cases (recording, bandwidth, class), ${RIVALS.length} rivals, seed ${SEEDS.join(", ")}.`,
    "",
    `- \`${OURS}\` is dominated in ${new Set(dominated.map(({ c }) => c)).size} cases${dominated.length === 0 ? "" : `: ${dominated.map(({ c, rival }) => `${c.recording} at ${c.bandwidth} (${c.class}) by \`${rival.strategy}\``).join("; ")}`}.`,
    `- It ends within the downtime limit of 300 ms in ${within.length} of ${cases.length}.`,
    `- In ${hard.length} cases plain \`xen\` or \`qemu102\` does not (it is cut off above the limit, or never ends); \`${OURS}\` does in ${reached.length} of these.`,
  ];
  return lines.join("\n");
}

/** How many of the cases it wins and by how much, rival by rival, over cases where both end. */
function duels(cases: readonly Case[]): string {
  const head = NAMES.map((name) => name.split(",")[0]).join(" | ");
  const rows = [
    `| rival | both complete | within limit: rival, \`${OURS}\` | ${head} | rival dominated |`,
    `|---|--:|--:|${NAMES.map(() => "--:").join("|")}|--:|`,
  ];
  for (const pattern of RIVALS) {
    const strategy = pattern.replace("{}", "");
    const pairs = cases.map((c) => ({
      ours: c.ours,
      rival: c.rivals.find((rival) => rival.strategy === strategy) as Row,
    }));
    const both = pairs.filter(({ ours, rival }) => ours.completed && rival.completed);
    const cells = NAMES.map((name) => difference(both, name));
    const limit = `${pairs.filter(({ rival }) => converges(rival)).length}, ${pairs.filter(({ ours }) => converges(ours)).length}`;
    const beaten = pairs.filter(({ ours, rival }) => isDominatedBy(rival, ours)).length;
    rows.push(`| \`${strategy}\` | ${both.length} | ${limit} | ${cells.join(" | ")} | ${beaten} |`);
  }
  return rows.join("\n");
}

/** Of what a rival takes: the median of ours against it, in per cent where that has a sense. */
function difference(pairs: readonly { ours: Row; rival: Row }[], name: Figure): string {
  const isShare = name === "total, s" || name === "MiB" || name === "downtime, ms";
  const values = pairs
    .map(({ ours, rival }) =>
      isShare
        ? (ours.figures[name] / rival.figures[name] - 1) * 100
        : ours.figures[name] - rival.figures[name],
    )
    .sort((a, b) => a - b);
  const median = values[Math.floor(values.length / 2)] ?? 0;
  const sign = median > 0 ? "+" : "";
  const text = `${sign}${median.toFixed(1).replace("-", "−")}`;
  return isShare ? `${text} %` : text;
}

function table(cases: readonly Case[]): string {
  const rows = [
    `| recording | bandwidth | class | ${NAMES.join(" | ")} | share of what \`xen\` takes: total, downtime, MiB |`,
    `|---|---|---|${NAMES.map(() => "--:").join("|")}|---|`,
  ];
  for (const { recording, bandwidth, class: name, ours, rivals } of cases) {
    const xen = rivals.find((rival) => rival.strategy === "pre-copy@xen") as Row;
    const share = (figure: Figure) => (ours.figures[figure] / xen.figures[figure]).toFixed(2);
    const figures = NAMES.map((figure) =>
      ours.figures[figure].toFixed(figure === "total, s" ? 2 : 1),
    );
    const shares = [share("total, s"), share("downtime, ms"), share("MiB")].join(", ");
    rows.push(`| ${recording} | ${bandwidth} | ${name} | ${figures.join(" | ")} | ${shares} |`);
  }
  return rows.join("\n");
}

/** Everything that was found, as Markdown. */
function judged(cases: readonly Case[]): string {
  return [
    summary(cases),
    "### Rival by rival",
    "Medians of `adaptive` against the rival over the cases in which both moved the guest: total, downtime and bytes in per cent of the rival's, slowdown in points, the others in milliseconds; negative is better. The last column counts the cases in which `adaptive` is better on a figure and worse on none.",
    duels(cases),
    "### Case by case",
    table(cases),
  ].join("\n\n");
}

/** Puts a text between two marks of a page. */
export function between(page: string, mark: string, text: string): string {
  const [from, to] = [`<!-- ${mark}: begin -->`, `<!-- ${mark}: end -->`];
  const start = page.indexOf(from);
  const end = page.indexOf(to);
  if (start < 0 || end < start) throw new Error(`${PAGE} has no place for ${mark}`);
  return `${page.slice(0, start + from.length)}\n\n${text}\n\n${page.slice(end)}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const names = process.argv.slice(2);
  await judge(names);
  if (names.length === 0) {
    const text = judged(kept());
    writeFileSync(PAGE, between(readFileSync(PAGE, "utf8"), "judge", text));
  }
}
