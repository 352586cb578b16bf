/**
 * Writes docs/LIVE.md: what moves of a real guest between two processes cost. Each sample is two
 * fresh processes of the command line, `precopy serve` and `precopy migrate`, over loopback; what
 * was measured is kept in build/live-results.jsonl, so that an interrupted run goes on.
 *
 *     npm run results:live [-- SAMPLES]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { createInterface } from "node:readline";
import type { LiveResult } from "../src/live/live-result.js";

const SAMPLES = Number(process.argv[2] ?? 20);
const KEPT = "build/live-results.jsonl";
const CLI = "dist/cli.js";

interface Case {
  readonly table: "downtime" | "strategies";
  readonly workload: string;
  readonly strategy: string;
  readonly memory: string;
  readonly bandwidth?: string;
}

const BUSY = "pattern=zipf pages=2000 rate=3000 fill=8000";

const DOWNTIME: readonly Case[] = [
  "pattern=idle fill=2000",
  "pattern=zipf pages=2000 rate=3000 fill=2000",
  "pattern=uniform pages=2000 rate=3000 fill=2000",
  "pattern=cpu fill=2000",
  "pattern=hot pages=2000 rate=0 fill=2000",
].map((workload) => ({ table: "downtime", workload, strategy: "pre-copy+zero", memory: "128MiB" }));

const STRATEGIES: readonly Case[] = ["200Mbit/s", "1Gbit/s"].flatMap((bandwidth) =>
  [
    ...["suspend+zero", "pre-copy", "pre-copy+zero", "pre-copy+zero@xen-skip"],
    ...["pre-copy+zero@qemu72", "pre-copy+wsclock+zero", "seed+zero", "adaptive+zero"],
    ...["pre-copy+zero+xbzrle@qemu72", "pre-copy+zero+deflate", "post-copy+zero", "hybrid+zero"],
  ].map((strategy) => ({
    table: "strategies" as const,
    workload: BUSY,
    strategy,
    memory: "64MiB",
    bandwidth,
  })),
);

type Sample = Pick<
  LiveResult,
  | ("outcome" | "stopReason" | "downtimeNs" | "blackoutNs" | "totalNs" | "pagesSent")
  | ("stopPages" | "residualPages" | "bytesSent" | "live" | "guestSlowdown")
> & { readonly rounds: number; readonly load: number };

interface Kept {
  readonly key: string;
  readonly sample: Sample;
}

const keyOf = (one: Case) => JSON.stringify(one);

/** One move of a fresh guest from a fresh process to a fresh process. */
async function measure(one: Case): Promise<Sample> {
  const postCopy = /^(post-copy|hybrid|adaptive)/.test(one.strategy) ? ["--post-copy"] : [];
  const serve = spawn(
    process.execPath,
    [CLI, "serve", "--listen", ":0", "--once", "--run-for", "300ms", "--json", ...postCopy],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    const address = await listening(serve);
    const { workload, strategy, memory, bandwidth } = one;
    const paced = bandwidth === undefined ? [] : ["--bandwidth", bandwidth];
    const guest = ["--guest", "tiny", "--memory", memory, "--workload", workload];
    const words = ["migrate", "--to", address, ...guest, "-s", strategy, ...paced, "--json"];
    const migrate = spawn(process.execPath, [CLI, ...words], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    migrate.stdout.on("data", (chunk) => {
      text += chunk;
    });
    await new Promise((resolve) => migrate.on("close", resolve));
    const result = JSON.parse(text).migrations[0] as LiveResult;
    const { rounds, ...rest } = result;
    return { ...rest, rounds: rounds.length, load: loadavg()[0] as number };
  } finally {
    await ended(serve);
  }
}

function listening(serve: ChildProcess): Promise<string> {
  const lines = createInterface({ input: serve.stdout as NodeJS.ReadableStream });
  return new Promise((resolve, reject) => {
    lines.on("line", (line) => {
      const said = JSON.parse(line);
      if (said.event === "listening") resolve(said.address);
    });
    serve.on("close", () => reject(new Error("precopy serve ended before it listened")));
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const late = setTimeout(() => child.kill("SIGKILL"), 5000);
  await new Promise((resolve) => child.on("close", resolve));
  clearTimeout(late);
}

const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);

function median(values: readonly number[]): number {
  const all = sorted(values);
  const half = all.length / 2;
  return ((all[Math.ceil(half) - 1] as number) + (all[Math.floor(half)] as number)) / 2;
}

const ms = (ns: number) => (ns / 1e6).toFixed(1);
const share = (value: number) => `${(value * 100).toFixed(0)} %`;

/** Median, and in brackets the least and the most. */
function spread(samples: readonly Sample[], of: (sample: Sample) => number, text = ms): string {
  const values = sorted(samples.map(of));
  return `${text(median(values))} (${text(values[0] as number)}–${text(values.at(-1) as number)})`;
}

function downtimeRow(one: Case, samples: readonly Sample[]): string {
  const mid = (of: (sample: Sample) => number) => median(samples.map(of));
  const cells = [
    `\`${one.workload}\``,
    spread(samples, ({ downtimeNs }) => downtimeNs),
    spread(samples, ({ blackoutNs }) => blackoutNs),
    mid(({ rounds }) => rounds).toFixed(0),
    mid(({ stopPages }) => stopPages).toFixed(0),
    ms(mid(({ totalNs }) => totalNs)),
    share(mid(({ live }) => live.guestShare)),
    ms(mid(({ live }) => live.rehearsalNs)),
  ];
  return `| ${cells.join(" | ")} |`;
}

function strategyRow(one: Case, samples: readonly Sample[]): string {
  const mid = (of: (sample: Sample) => number) => median(samples.map(of));
  const moved = samples.filter(({ outcome }) => outcome === "target-runs").length;
  const cells = [
    `\`${one.strategy}\``,
    one.bandwidth,
    mid(({ rounds }) => rounds).toFixed(0),
    mid(({ pagesSent }) => pagesSent).toFixed(0),
    (mid(({ bytesSent }) => bytesSent) / 1e6).toFixed(1),
    ms(mid(({ totalNs }) => totalNs)),
    spread(samples, ({ downtimeNs }) => downtimeNs),
    mid(({ stopPages, residualPages }) => stopPages + residualPages).toFixed(0),
    share(mid(({ live }) => live.guestShare)),
    share(mid(({ live }) => live.linkUse)),
    moved === samples.length ? "" : `${moved} of ${samples.length} moved`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function page(samplesOf: (one: Case) => readonly Sample[]): string {
  const rows = (cases: readonly Case[], row: typeof downtimeRow) =>
    cases.filter((one) => samplesOf(one).length > 0).map((one) => row(one, samplesOf(one)));
  const all = [...DOWNTIME, ...STRATEGIES].flatMap(samplesOf);
  const loads = sorted(all.map(({ load }) => load));
  const counts = sorted([...DOWNTIME, ...STRATEGIES].map((one) => samplesOf(one).length));
  return `${[
    "# Moves of a real guest, measured",
    "",
    "Written by `npm run results:live`. Each sample is two fresh processes, `precopy serve` and",
    "`precopy migrate`, on one machine over loopback TCP; the guest is the tiny one, after two",
    "seconds of running. Times are in milliseconds, medians with the least and the most in brackets,",
    `of ${counts[0]} samples a row or more, at most ${counts.at(-1)}; without \`--verify\`. Node ${process.versions.node},`,
    `${availableParallelism()} CPUs; the machine had other work: load average ${loads[0]?.toFixed(1)} to`,
    `${loads.at(-1)?.toFixed(1)}, in the median ${median(loads).toFixed(1)}.`,
    "",
    "## Downtime, no rate limit",
    "",
    "128 MiB, `pre-copy+zero`. Downtime is from the decision to pause to the target's word that the guest",
    "runs; the guest's own pause stands beside it. `rehearsal`: it also stood still for so long before",
    "the first round, for the trial of its device state.",
    "",
    "| guest | downtime | guest's pause | rounds | pages in the pause | total | guest share | rehearsal |",
    "|---|--:|--:|--:|--:|--:|--:|--:|",
    ...rows(DOWNTIME, downtimeRow),
    "",
    "## Strategies",
    "",
    `64 MiB with ${8000 + 2000} pages of data, \`${BUSY}\`. Guest share: of the time until the pause, what the`,
    "guest had of the thread that it shares with its own migration, throttled or not. Link use: bytes of",
    "the rounds by time and rate; scanning zero pages takes time and sends next to nothing. Targets of",
    "post-copy, hybrid and adaptive are `precopy serve --post-copy`.",
    "",
    "| strategy | link | rounds | pages | MB | total | downtime | pages in the pause or after | guest share | link use | |",
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ...rows(STRATEGIES, strategyRow),
  ].join("\n")}\n`;
}

async function main(): Promise<void> {
  mkdirSync("build", { recursive: true });
  const kept: Kept[] = existsSync(KEPT)
    ? readFileSync(KEPT, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line))
    : [];
  const samplesOf = (one: Case) =>
    kept.filter(({ key }) => key === keyOf(one)).map(({ sample }) => sample);
  for (const table of [DOWNTIME, STRATEGIES]) {
    // Round by round, so that a busy spell of the machine does not fall on one row alone.
    for (let round = 0; round < SAMPLES; round++) {
      for (const one of table.filter((candidate) => samplesOf(candidate).length <= round)) {
        const sample = await measure(one);
        kept.push({ key: keyOf(one), sample });
        appendFileSync(KEPT, `${JSON.stringify({ key: keyOf(one), sample })}\n`);
      }
      process.stderr.write(`${round + 1} of ${SAMPLES}\n`);
      writeFileSync("docs/LIVE.md", page(samplesOf));
    }
  }
}

void main();
