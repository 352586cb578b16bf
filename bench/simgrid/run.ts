/**
 * Fluid mode beside SimGrid, in turn in one run: `npm run bench:simgrid`. Opt-in, because it needs
 * g++ and Debian's libsimgrid-dev; without them it says so and ends. SimGrid is timed from the
 * start of its engine to the end; ours with the making of all that it needs. Both must come to the
 * same simulated end.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type SimgridWorld, simulateSimgrid } from "../../src/fluid/index.js";
import { quartiles } from "../statistics.js";

interface BenchCase {
  readonly name: string;
  readonly guests: number;
  readonly pairs: number;
  readonly intensity: number;
  readonly workFlops: number;
  readonly turns: number;
}

const OWN = { intensity: 0.5, workFlops: 1e15, turns: 5 };
const CASES: readonly BenchCase[] = [
  { name: "1,000 at once, own links, 8 rounds", guests: 1_000, pairs: 1_000, ...OWN },
  { name: "10,000 at once, own links, 8 rounds", guests: 10_000, pairs: 10_000, ...OWN },
  {
    name: "10,000 at once, own links, 53 rounds",
    ...{ guests: 10_000, pairs: 10_000, intensity: 0.9, workFlops: 1e15, turns: 3 },
  },
  {
    name: "100 on one link",
    ...{ guests: 100, pairs: 1, intensity: 0.5, workFlops: 1e13, turns: 5 },
  },
  {
    name: "1,000 on one link",
    ...{ guests: 1_000, pairs: 1, intensity: 0.5, workFlops: 1e14, turns: 3 },
  },
];
/** Ratio to reach where migrations run at once on their own links. */
const TARGET = 10;

/** Of SimGrid: no cross traffic, and stacks small enough for 20,000 actors. */
const SETTINGS = [
  "--cfg=network/model:CM02",
  "--cfg=network/crosstraffic:0",
  "--cfg=contexts/stack-size:16",
  "--cfg=contexts/guard-size:0",
  "--log=root.thres:critical",
];

function main(): void {
  const folder = mkdtempSync(join(tmpdir(), "precopy-bench-simgrid-"));
  try {
    const binary = compile(folder);
    if (binary === undefined) return;
    const cpu = cpus()[0]?.model ?? "an unknown CPU";
    console.log(`${availableParallelism()} × ${cpu}, Node ${process.version}\n`);
    console.log("| case | SimGrid | fluid mode | times faster | simulated end |");
    console.log("|---|---|---|---|---|");
    for (const one of CASES) console.log(row(binary, one));
    console.log(`\nMedians, lower to upper quartile. Target on own links: ${TARGET} times faster.`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function compile(folder: string): string | undefined {
  const source = fileURLToPath(new URL("migrations.cc", import.meta.url));
  const binary = join(folder, "migrations");
  try {
    execFileSync("g++", ["-O3", "-march=native", "-std=c++17", source, "-o", binary, "-lsimgrid"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return binary;
  } catch (error) {
    const said = String((error as { stderr?: unknown }).stderr ?? error).split("\n")[0];
    console.log(
      "Left out: SimGrid's program does not compile here. It needs g++ and libsimgrid-dev",
    );
    console.log(`(apt install g++ libsimgrid-dev). The compiler said: ${said}`);
    return undefined;
  }
}

function row(binary: string, one: BenchCase): string {
  const theirs: number[] = [];
  const ours: number[] = [];
  let endSec = 0;
  for (let turn = 0; turn < one.turns; turn++) {
    const { guests, pairs, intensity, workFlops } = one;
    const words = [guests, pairs, intensity, workFlops].map(String);
    const out = execFileSync(binary, [...words, ...SETTINGS], { encoding: "utf8" });
    const [wallSec, simgridEndSec] = out.trim().split(" ").map(Number) as [number, number];
    theirs.push(wallSec);
    const begin = performance.now();
    const results = simulateSimgrid(worldsOf(one));
    ours.push((performance.now() - begin) / 1000);
    endSec = results.reduce((last, all) => Math.max(last, ...all.map((r) => r.endSec)), 0);
    if (Math.abs(endSec - simgridEndSec) > 1e-6 * simgridEndSec) {
      throw new Error(`${one.name}: SimGrid ends at ${simgridEndSec} s, fluid mode at ${endSec} s`);
    }
  }
  const [a, b] = [quartiles(theirs), quartiles(ours)];
  const times = (spread: typeof a) =>
    `${text(spread.median)} (${text(spread.lower)} to ${text(spread.upper)})`;
  const factor = a.median / b.median;
  const missed = one.pairs > 1 && factor < TARGET ? ", target missed" : "";
  return `| ${one.name} | ${times(a)} | ${times(b)} | ${factor.toFixed(0)}${missed} | ${endSec} s |`;
}

function worldsOf({ guests, pairs, intensity, workFlops }: BenchCase): SimgridWorld[] {
  const link = {
    bandwidthBytesPerSec: 125e6,
    latencySec: 0,
    model: "CM02",
    crossTraffic: false,
  } as const;
  const guest = {
    startSec: 0,
    ramBytes: 1e9,
    capBytes: 9e8,
    migrationBytesPerSec: 125e6,
    dirtyIntensity: intensity,
    hostFlopsPerSec: 1e9,
    load: 1,
    workFlops,
  };
  const each = guests / pairs;
  return Array.from({ length: pairs }, () => ({
    link,
    guests: Array.from({ length: each }, () => guest),
  }));
}

function text(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toFixed(1)} ms` : `${seconds.toFixed(2)} s`;
}

main();
