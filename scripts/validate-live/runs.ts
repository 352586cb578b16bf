/**
 * One move of a kept guest to the other process, and the same move in the model: of its recording,
 * over a link of the same rate, with fixed costs that were measured on other moves.
 */

import type { ContentProfileSpec, ZeroMap } from "../../src/guest/content-profile.js";
import { INCOMPRESSIBLE } from "../../src/guest/content-profiles.js";
import type { Trace } from "../../src/guest/trace.js";
import { readTrace } from "../../src/guest/trace-read.js";
import { LiveMigration } from "../../src/live/live-migration.js";
import type { LiveResult } from "../../src/live/live-result.js";
import { nodeCrypto } from "../../src/live/node-crypto.js";
import { PageRecorder } from "../../src/live/page-recorder.js";
import { connectTcp } from "../../src/live/transport/tcp.js";
import { V86Guest } from "../../src/live/v86/index.js";
import type { MigrationReport } from "../../src/migrate/report.js";
import { simulate } from "../../src/model/simulation.js";
import { DEFAULT_COSTS, type HostCosts, type HostSpec } from "../../src/model/spec.js";
import type { Kept } from "./guests.js";

/** A restored guest has to compile its code anew: half a second until it has its speed. */
const SETTLE_MS = 600;
const INTERVAL_NS = 10_000_000;
const RECORD_NS = 6e9;
const LATENCY_NS = 100_000;
/** Between the instants of the recording at which the model's runs begin. */
const OFFSET_NS = 900_000_000;
const DOWNTIME_LIMIT_NS = 300_000_000;
const GIVE_UP_NS = 60e9;

/** The figures that are compared, in the units of the page. */
export interface Figures {
  readonly moved: boolean;
  readonly rounds: number;
  readonly pages: number;
  readonly stopPages: number;
  readonly mib: number;
  readonly totalMs: number;
  readonly downtimeMs: number;
}

export interface LiveFigures extends Figures {
  /** Percent. */
  readonly guestShare: number;
  readonly linkUse: number;
}

function figuresOf(run: MigrationReport): Figures {
  return {
    moved: run.outcome === "target-runs",
    rounds: run.rounds.length,
    pages: run.pagesSent,
    stopPages: run.stopPages,
    mib: (run.bytes.rounds + run.bytes.pause) / 2 ** 20,
    totalMs: run.totalNs / 1e6,
    downtimeMs: run.downtimeNs / 1e6,
  };
}

export interface LiveRun {
  readonly port: number;
  readonly strategy: string;
  readonly bytesPerSec: number;
}

async function awake(kept: Kept): Promise<V86Guest> {
  const guest = await V86Guest.create(kept.options);
  guest.resume();
  await new Promise((wake) => setTimeout(wake, SETTLE_MS));
  return guest;
}

export async function liveRun(kept: Kept, run: LiveRun): Promise<LiveResult> {
  const machine = await awake(kept);
  const { strategy, bytesPerSec, port } = run;
  const migration = await LiveMigration.start({
    ...{ machine, strategy, crypto: nodeCrypto, downtimeLimitNs: DOWNTIME_LIMIT_NS },
    ...{ bandwidthBytesPerSec: bytesPerSec, timeoutNs: GIVE_UP_NS },
    connect: () => connectTcp({ host: "127.0.0.1", port }),
  });
  const result = await migration.ended;
  await machine.destroy();
  return result;
}

export function liveFigures(run: LiveResult): LiveFigures {
  const { guestShare, linkUse } = run.live;
  return { ...figuresOf(run), guestShare: guestShare * 100, linkUse: linkUse * 100 };
}

export interface Recording {
  readonly trace: Trace;
  /** Of its thread, what the guest used: it sleeps for the rest. */
  readonly demand: number;
  readonly zeroPages: Uint8Array;
  /** Millions a second. */
  readonly mips: number;
}

export async function record(kept: Kept): Promise<Recording> {
  const guest = await awake(kept);
  try {
    const { name } = kept.workload;
    const recorder = await PageRecorder.create({
      ...{ guest, intervalNs: INTERVAL_NS, durationNs: RECORD_NS, source: name },
    });
    const ranNs = guest.guestNs();
    const { trace } = await readTrace(recorder.record(), { name });
    const { elapsedNs, instructions } = recorder.recorded;
    const demand = (guest.guestNs() - ranNs) / elapsedNs;
    const mips = (instructions * 1e3) / elapsedNs;
    return { trace, demand, zeroPages: kept.zeroPages, mips };
  } finally {
    await guest.destroy();
  }
}

/** What was measured on other moves than those that are compared. */
export interface Measured {
  readonly costs: Partial<HostCosts>;
  readonly deviceStateBytes: number;
  /** On the connection, of a page that is sent as it is. */
  readonly bytesPerPage: number;
}

/** Medians of moves of a guest that sleeps. */
export function measuredOn(runs: readonly LiveResult[], bytesPerSec: number): Measured {
  const of = (pick: (run: LiveResult) => number) => median(runs.map(pick));
  const stage = (name: keyof LiveResult["stagesNs"]) => Math.round(of((run) => run.stagesNs[name]));
  const sendNs = (bytes: number) => (bytes / bytesPerSec) * 1e9;
  const restoreNs = of((run) => run.stagesNs.stopAndCopy - sendNs(run.bytes.pause));
  const gbits = (run: LiveResult) => (run.live.roundsBytesPerSec * 8) / 1e9;
  return {
    costs: {
      initialiseNs: stage("initialisation"),
      reserveNs: stage("reservation"),
      suspendNs: 0,
      restoreNs: Math.max(0, Math.round(restoreNs)),
      commitNs: stage("commitment"),
      unpauseNs: stage("activation"),
      attachDevicesNs: 0,
      announceNs: 0,
      // A harvest flushes a TLB; a write that is logged costs a walk that an empty TLB needs anyway.
      logDirtyNsPerPage: 0,
      writeFaultNs: 0,
      dom0CpusPerGbit: of((run) => (1 - run.live.guestShare) / gbits(run)),
    },
    deviceStateBytes: of((run) => run.live.deviceStateBytes),
    bytesPerPage: of(
      (run) => run.bytes.rounds / run.rounds.reduce((sum, r) => sum + r.pagesSent, 0),
    ),
  };
}

export interface ModelRun {
  readonly strategy: string;
  readonly bytesPerSec: number;
  readonly measured: Measured;
  readonly seed: number;
}

/** Of what the stream writes of a page in the model (Xen's), 8 bytes are not the page itself. */
const MODEL_BYTES_PER_PAGE = 4104;

export async function modelRun(recording: Recording, run: ModelRun): Promise<Figures> {
  const { trace, demand, zeroPages } = recording;
  const { bytesPerSec, measured, seed } = run;
  const strategy = inModelTime(run.strategy, recording.mips);
  const host = (name: string): HostSpec => ({
    ...{ name, physicalCpus: 1, memoryPages: 1 << 20, pml: false },
    dom0: { memoryPages: 1 << 16, vcpus: 1, weight: 256, demandCpus: 0 },
    costs: { ...DEFAULT_COSTS, ...measured.costs },
  });
  const overheadBytes = Math.max(0, Math.round(measured.bytesPerPage - MODEL_BYTES_PER_PAGE));
  const { migrations } = await simulate({
    seed,
    hosts: [host("source"), host("target")],
    links: [
      {
        ...{ name: "link", between: ["source", "target"] as const, latencyNs: LATENCY_NS },
        bandwidthBytesPerSec: bytesPerSec,
        frame: { payloadBytes: MODEL_BYTES_PER_PAGE, overheadBytes },
      },
    ],
    domains: [
      {
        ...{ name: "guest", host: "source", pages: trace.pages, vcpus: 1, weight: 256, cap: 0 },
        demandCpus: Math.min(1, Math.max(0.01, demand)),
        activity: { kind: "replay", trace, startNs: (seed - 1) * OFFSET_NS, end: "loop" },
        deviceStateBytes: Math.round(measured.deviceStateBytes),
        suspendDirtiesPages: 0,
        content: contentOf(zeroPages),
      },
    ],
    migrations: [
      {
        ...{ domain: "guest", to: "target", strategy, startNs: 250_000_000 },
        ...{ downtimeLimitNs: DOWNTIME_LIMIT_NS, timeoutNs: GIVE_UP_NS },
      },
    ],
    atOnce: 1,
  });
  const [result] = migrations;
  if (result === undefined) throw new Error("the model moved nothing");
  return figuresOf(result);
}

/** WSClock's default, in the guest's virtual time. */
const TAU_NS = 700e6;
/** The longest window that WSClock's ring takes is 2^30 - 1 microseconds: as good as never. */
const TAU_NS_MAX = 1_000e9;

/**
 * A v86 guest's virtual time is its instructions, at a nanosecond each; a replayed one's is that of
 * the recording, in which it sleeps, too. The same window in the terms of the model.
 */
function inModelTime(strategy: string, mips: number): string {
  const tauMs = Math.round(Math.min(TAU_NS_MAX, (TAU_NS * 1e3) / mips) / 1e6);
  const wsclock = `wsclock:tau=${tauMs}ms`;
  return strategy === "seed" ? `seed+${wsclock}` : strategy.replace("wsclock", wsclock);
}

/** Zero where the guest's memory was, incompressible elsewhere. */
function contentOf(zeroPages: Uint8Array): ContentProfileSpec {
  const zeros = zeroPages.reduce((sum, isZero) => sum + isZero, 0);
  const zeroMap: ZeroMap = { pages: zeroPages.length, runs: runsOf(zeroPages) };
  return { ...INCOMPRESSIBLE, name: "kept", zeroShare: zeros / zeroPages.length, zeroMap };
}

/** Base64 of LEB128 run lengths: not zero, zero, not zero, … from page 0. */
function runsOf(zeroPages: Uint8Array): string {
  const bytes: number[] = [];
  let at = 0;
  for (let value = 0; at < zeroPages.length; value = 1 - value) {
    const from = at;
    while (at < zeroPages.length && zeroPages[at] === value) at++;
    let rest = at - from;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    bytes.push(rest);
  }
  return Buffer.from(bytes).toString("base64");
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] as number;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] as number) + high) / 2;
}
