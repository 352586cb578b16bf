/**
 * Measures every technique beside its plain counterpart on the shipped recordings at three
 * bandwidths, and prints what some commands do, into docs/TECHNIQUES.md between its marks.
 *
 *     npm run techniques              everything, a process for each core
 *     npm run techniques -- tables    only the tables, from what was measured last
 *     npm run techniques -- measure, -- commands    only the one or the other
 */
import { fork } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { MigrationResult } from "../src/model/migration-result.js";
import { simulate } from "../src/model/simulation.js";
import type { DiskSpec } from "../src/model/spec.js";
import { between } from "./judge.js";
import { BANDWIDTHS, RECORDINGS, type Recording, specFor } from "./recordings.js";
import { runCommands } from "./technique-commands.js";
import { type Guests, PAIR_KINDS } from "./technique-pairs.js";
import { measuredTable, postCopyTable } from "./technique-tables.js";

const PAGE = "docs/TECHNIQUES.md";
const MEASURED = "build/techniques.json";
const SEED = 1;
/** A move that takes longer is cut off. */
const TIMEOUT_NS = 200e9;
/** Of each guest's memory; recordings do not tell what is page cache. */
const PAGE_CACHE_SHARE = 0.1;
/** 512 MiB of 64 KiB; recordings do not tell what is written to disks either. */
const DISK: DiskSpec = {
  blocks: 8192,
  activity: {
    kind: "synthetic",
    components: [
      {
        pattern: { kind: "hot-cold", firstPage: 0, pages: 8192, hotPages: 800, hotFraction: 0.9 },
        accessesPerSec: 50,
      },
    ],
  },
};

interface Job {
  readonly recording: Recording;
  readonly bandwidth: (typeof BANDWIDTHS)[number];
}
/** One case is left out: it takes as long as all others, and does what it does at 1 Gbit/s. */
const JOBS: readonly Job[] = RECORDINGS.flatMap((recording) =>
  BANDWIDTHS.map((bandwidth) => ({ recording, bandwidth })),
).filter(
  ({ recording, bandwidth }) =>
    recording.name !== "gzip.epochs (tiled)" || bandwidth.name !== "100 Mbit/s",
);

/** One run, in the units of the tables. */
export interface Measured {
  readonly recording: string;
  readonly bandwidth: string;
  readonly guests: Guests;
  readonly strategy: string;
  readonly completed: boolean;
  readonly totalSec: number;
  readonly downtimeMs: number;
  readonly mib: number;
  readonly slowdownPercent: number;
  readonly worstStallMs: number;
  readonly exposureMs: number;
  /** Post-copy alone. */
  readonly faults?: number;
  readonly faultSharePercent?: number;
  readonly pageWaitMs?: number;
  readonly blocktimeMs?: number;
}

/** What has to run for all pairs on these guests, each once. */
function strategiesOn(guests: Guests): string[] {
  const pairs = PAIR_KINDS.flatMap((kind) => kind.pairs).filter((one) => one.guests === guests);
  return [...new Set(pairs.flatMap(({ strategy, against }) => [strategy, against]))];
}

async function measure({ recording, bandwidth }: Job): Promise<Measured[]> {
  const trace = await recording.load();
  const { content } = recording;
  const kinds: Guests[] = ["all", "with-disk"];
  if (content !== undefined) kinds.push("with-content");
  const found: Measured[] = [];
  for (const guests of kinds) {
    for (const strategy of strategiesOn(guests)) {
      const { bytesPerSec } = bandwidth;
      const plain = specFor({ trace, bytesPerSec, strategy, seed: SEED });
      const more = {
        ...(guests === "with-disk" && { disk: DISK }),
        ...(guests === "with-content" &&
          content !== undefined && { content, pageCacheShare: PAGE_CACHE_SHARE }),
      };
      const domains = plain.domains.map((domain) => ({ ...domain, ...more }));
      const migrations = plain.migrations.map((one) => ({ ...one, timeoutNs: TIMEOUT_NS }));
      const [result] = (await simulate({ ...plain, domains, migrations })).migrations;
      const where = { recording: recording.name, bandwidth: bandwidth.name, guests, strategy };
      found.push({ ...where, ...figuresOf(result as MigrationResult) });
    }
  }
  process.stderr.write(`${recording.name}, ${bandwidth.name}\n`);
  return found;
}

function figuresOf(run: MigrationResult) {
  const { postCopy } = run;
  return {
    completed: run.outcome === "target-runs",
    totalSec: run.totalNs / 1e9,
    downtimeMs: run.downtimeNs / 1e6,
    mib: run.bytesSent / 2 ** 20,
    slowdownPercent: run.guestSlowdown * 100,
    worstStallMs: run.worstStallNs / 1e6,
    exposureMs: run.exposureNs / 1e6,
    ...(postCopy !== undefined && {
      faults: postCopy.faults,
      faultSharePercent: postCopy.faultShare * 100,
      pageWaitMs: postCopy.worstStallNs / 1e6,
      blocktimeMs: postCopy.blocktimeNs / 1e6,
    }),
  };
}

/** One job in a process of its own. */
function measureApart(index: number): Promise<Measured[]> {
  return new Promise((done, failed) => {
    const child = fork(fileURLToPath(import.meta.url), ["job", String(index)]);
    let found: Measured[] | undefined;
    child.on("message", (message) => {
      found = message as Measured[];
    });
    child.on("exit", (code) => {
      if (found !== undefined && code === 0) done(found);
      else failed(new Error(`job ${index} ended with code ${code}`));
    });
  });
}

async function measureAll(): Promise<void> {
  const found: Measured[][] = [];
  // The last recording is the longest to run.
  let left = JOBS.length;
  const worker = async () => {
    while (left > 0) {
      const index = --left;
      found[index] = await measureApart(index);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  writeFileSync(MEASURED, `${JSON.stringify(found.flat())}\n`);
}

function writeTables(found: readonly Measured[]): void {
  let page = readFileSync(PAGE, "utf8");
  for (const { kind, pairs } of PAIR_KINDS) {
    page = between(page, `measured ${kind}`, measuredTable(pairs, found));
  }
  page = between(page, "measured post-copy", postCopyTable(found));
  writeFileSync(PAGE, page);
}

async function writeCommands(): Promise<void> {
  for (const [mark, text] of await runCommands()) {
    writeFileSync(PAGE, between(readFileSync(PAGE, "utf8"), mark, text));
  }
}

const [what, index] = process.argv.slice(2);
if (what === "job") {
  const found = await measure(JOBS[Number(index)] as Job);
  process.send?.(found);
} else {
  if (what !== "tables" && what !== "commands") {
    mkdirSync("build", { recursive: true });
    await measureAll();
  }
  if (what !== "tables" && what !== "measure") await writeCommands();
  if (what !== "commands") writeTables(JSON.parse(readFileSync(MEASURED, "utf8")));
}
