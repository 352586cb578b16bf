/**
 * Real migrations between two QEMU 7.2.22 processes, set up in the model with nothing fitted: the
 * same guest, the link at the rate that the real first pass had, the same limits. The toolstack
 * costs nothing; codecs cost what they cost by default.
 *
 * Linux guests replay their recording from the state that the real ones started in, bound by the
 * CPU by the instructions that the real ones executed. The bare-metal dirtier writes one word to
 * pages of a region of random bytes at a set rate; all memory around the region is zero.
 */
import { readFileSync } from "node:fs";
import { loadTraceFile } from "../../src/cli/trace-files.js";
import type { ActivitySpec } from "../../src/guest/activity.js";
import type { ContentProfileSpec } from "../../src/guest/content-profile.js";
import { INCOMPRESSIBLE, MEASURED_PROFILES } from "../../src/guest/content-profiles.js";
import type { WorkloadSpec } from "../../src/kernels/index.js";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { simulate } from "../../src/model/simulation.js";
import type { HostCosts, SimulationSpec } from "../../src/model/spec.js";
import { small } from "./specs.js";

interface RealRun {
  readonly id: string;
  readonly downtimeLimitMs: number;
  /** In the first pass. */
  readonly linkBytesPerSec: number;
  readonly completed: boolean;
  readonly totalMs: number;
  /** From the source's STOP to the target's RESUME. */
  readonly blackoutMs: number | null;
  readonly bytes: number;
  /** `dirty-sync-count`. */
  readonly syncs: number;
}

/** A line of fixtures/qemu72-migrations.jsonl. */
export interface LinuxRun extends RealRun {
  readonly workload: string;
  readonly contToMigrateMs: number;
  /** Bound by the CPU: executed before the migration, and each second while it ran. */
  readonly instructionsBefore?: number;
  readonly instructionsPerSec?: number;
}

/** A line of fixtures/qemu72-dirtier-migrations.jsonl. */
export interface DirtierRun extends RealRun {
  readonly strategy: string;
  /** Where QEMU itself kept to a bandwidth: that of its first pass. Its stop phase knows none. */
  readonly maxBandwidthBytesPerSec?: number;
  readonly memoryMb: number;
  readonly regionFirstPage: number;
  readonly regionPages: number;
  readonly fill: "rand" | "zero";
  readonly content: "inc" | "rand" | "zero";
  readonly pattern: "uniform" | "zipf" | "hot";
  readonly pages: number;
  readonly hotPages: number;
  readonly hotPercent: number;
  readonly writesPerSec: number;
  /** Before the migration began. */
  readonly writesBefore: number;
}

/** What the model makes of one, in the same figures. */
export interface ModelledRun {
  readonly completed: boolean;
  readonly totalMs: number;
  readonly blackoutMs: number;
  readonly bytes: number;
  readonly syncs: number;
}

const FREE: HostCosts = {
  initialiseNs: 0,
  reserveNs: 0,
  logDirtyNsPerPage: 0,
  writeFaultNs: 0,
  pmlExitNs: 0,
  suspendNs: 0,
  restoreNs: 0,
  commitNs: 0,
  unpauseNs: 0,
  attachDevicesNs: 0,
  announceNs: 0,
  dom0CpusPerGbit: 0,
};
/** QEMU was given 4 GB/s where the link was to be the limit; loopback carries about as much. */
const UNLIMITED_BYTES_PER_SEC = 4e9;
/** Measured: stack and timer of the bare-metal program, written all the time. */
const PROGRAM = { firstPage: 256, pages: 4, writesPerSec: 4000 };
/** Measured: state of CPU and devices of a machine without devices. */
const DEVICE_STATE_BYTES = 50_000;

export const LINUX_RUNS = readLines<LinuxRun>("qemu72-migrations.jsonl");
export const DIRTIER_RUNS = readLines<DirtierRun>("qemu72-dirtier-migrations.jsonl");

/** Guests whose writes follow the clock, not the speed of the machine. */
export const PACED = ["idle", "zipf", "hotcold", "redis-paced"];

/** Moves the guest of a recording as the real one was moved. */
export async function moveLinux(run: LinuxRun): Promise<ModelledRun> {
  const { instructionsBefore, instructionsPerSec } = run;
  const path = `examples/traces/${run.workload}.wsdt2.gz`;
  const counted = instructionsBefore !== undefined && instructionsPerSec !== undefined;
  const clock = counted
    ? ({ clock: "instructions", instructionsPerSec } as const)
    : ({ clock: "time" } as const);
  const { trace } = await loadTraceFile(path, clock);
  const startMs = counted ? (instructionsBefore / instructionsPerSec) * 1000 : run.contToMigrateMs;
  const content = MEASURED_PROFILES.find(({ name }) => name === run.workload);
  return move(run, {
    pages: trace.pages,
    startNs: Math.round(startMs * 1e6),
    activity: { kind: "replay", trace, startNs: 0, end: "loop" },
    content: content as ContentProfileSpec,
    strategy: `pre-copy@qemu72:max-bandwidth=${UNLIMITED_BYTES_PER_SEC}B/s`,
    timeoutNs: 30_000_000_000,
  });
}

/** Moves the bare-metal dirtier. */
export async function moveDirtier(run: DirtierRun): Promise<ModelledRun> {
  const maxBandwidth = run.maxBandwidthBytesPerSec ?? UNLIMITED_BYTES_PER_SEC;
  const pages = run.memoryMb * 256;
  return move(run, {
    pages,
    startNs: Math.round((run.writesBefore / run.writesPerSec) * 1e9),
    activity: dirtierActivity(run),
    content: dirtierContent(run, pages),
    strategy: `${run.strategy}@qemu72:max-bandwidth=${maxBandwidth}B/s`,
    timeoutNs: 25_000_000_000,
  });
}

interface Moved {
  readonly pages: number;
  readonly startNs: number;
  readonly activity: ActivitySpec;
  readonly content: ContentProfileSpec;
  readonly strategy: string;
  readonly timeoutNs: number;
}

async function move(run: RealRun, moved: Moved): Promise<ModelledRun> {
  const { pages, activity, strategy, timeoutNs, startNs, content } = moved;
  const downtimeLimitNs = run.downtimeLimitMs * 1e6;
  const base = small({ pages, activity, strategy, costs: FREE, downtimeLimitNs, timeoutNs });
  const domains = base.domains.map((domain) => ({
    ...domain,
    content,
    deviceStateBytes: DEVICE_STATE_BYTES,
  }));
  const links = base.links.map((link) => ({
    ...link,
    bandwidthBytesPerSec: run.linkBytesPerSec,
    latencyNs: 20_000,
    // The shaper counts payload: a unix socket has no frames.
    frame: { payloadBytes: 65_536, overheadBytes: 0 },
  }));
  const migrations = base.migrations.map((migration) => ({ ...migration, startNs }));
  const spec: SimulationSpec = { ...base, domains, links, migrations };
  const { migrations: results } = await simulate(spec);
  return modelled(results[0] as MigrationResult);
}

/** QEMU counts a reading at set-up, one at each end of a pass, and one in the stop phase. */
function modelled(result: MigrationResult): ModelledRun {
  const readings = result.rounds.filter(({ pagesDirtied }) => pagesDirtied >= 0).length;
  return {
    completed: result.outcome === "target-runs",
    totalMs: result.totalNs / 1e6,
    blackoutMs: result.blackoutNs / 1e6,
    bytes: result.bytesSent,
    syncs: 1 + readings + (result.outcome === "target-runs" ? 1 : 0),
  };
}

function dirtierActivity(run: DirtierRun): ActivitySpec {
  const place = { firstPage: run.regionFirstPage, pages: run.pages };
  const patterns: Record<DirtierRun["pattern"], WorkloadSpec> = {
    uniform: { kind: "uniform", ...place },
    zipf: { kind: "zipf", exponent: 1, ...place },
    hot: {
      kind: "hot-cold",
      ...place,
      hotPages: run.hotPages,
      hotFraction: run.hotPercent / 100,
    },
  };
  const { firstPage, pages, writesPerSec } = PROGRAM;
  return {
    kind: "synthetic",
    components: [
      { pattern: patterns[run.pattern], accessesPerSec: run.writesPerSec },
      { pattern: { kind: "uniform", firstPage, pages }, accessesPerSec: writesPerSec },
    ],
  };
}

/** One word changed is a delta of 5 to 8 bytes: skip, length, the bytes of the word that differ. */
function dirtierContent(run: DirtierRun, pages: number): ContentProfileSpec {
  const { regionFirstPage, regionPages, fill, content } = run;
  const lengths = [0, regionFirstPage, regionPages, pages - regionFirstPage - regionPages];
  const runs = fill === "zero" ? [0, pages] : lengths;
  const zero = fill === "zero" ? pages : pages - regionPages;
  const delta = { ageMs: 0, versions: 1, overflowShare: 0, meanBytes: 5 };
  return {
    ...INCOMPRESSIBLE,
    zeroShare: zero / pages,
    zeroMap: { pages, runs: btoa(String.fromCharCode(...runs.flatMap(leb128))) },
    becameZeroShare: content === "zero" ? 1 : 0,
    deltas: content === "inc" ? [{ ...delta, quantiles: [[0.5, 5]] }] : [],
  };
}

function leb128(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...leb128(Math.floor(value / 128))];
}

function readLines<T>(name: string): T[] {
  const text = readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}
