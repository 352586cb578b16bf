/**
 * Forecasts of migrations between two QEMU processes of this machine, each made before its migration
 * starts and then held against it: pre-copy under max-bandwidth, XBZRLE, auto-converge, post-copy.
 *
 * The guest is described by what it was told to do: pages, rate, fill. What limits the migration is
 * QEMU's own max-bandwidth over loopback, so that a busy machine changes little.
 */
import type { DirtierWorkload } from "../../src/forecast/dirtier-workload.js";
import { QEMU72_COSTS } from "../../src/forecast/loop-costs.js";
import { describedGuest } from "../../src/forecast/qemu-guest.js";
import { parseQemuRun, type QemuActual, type QemuKnown } from "../../src/forecast/qemu-run.js";
import { MULTIFD_PACKETS } from "../../src/forecast/qemu-stream.js";
import { SlotMachine } from "../../src/forecast/slot-machine.js";
import type { SlotOutcome } from "../../src/forecast/slot-outcome.js";
import { AUTO_CONVERGE, type Pace, ThrottleModel } from "../../src/forecast/throttle-model.js";
import { parseTinyReports, type TinyReports } from "../../src/live/guests/tiny-reports.js";
import {
  type RecordedMigration,
  type RunLabels,
  recordMigration,
} from "../../src/live/qemu/migration-recorder.js";
import {
  setCapabilities,
  startMigration,
  startPostCopy,
} from "../../src/live/qemu/qemu-migration.js";
import type { QmpClient } from "../../src/live/qemu/qmp-client.js";
import type { Preset } from "../../src/policy/preset.js";
import { qemu72 } from "../../src/policy/presets/qemu72.js";
import { qemu102 } from "../../src/policy/presets/qemu102.js";
import { guestSecondsPerSecond, MEMORY_KIB, Qemu } from "./qemu.js";

export interface LiveCase {
  readonly id: string;
  readonly pages: number;
  readonly fillPages: number;
  /** By the clock. */
  readonly writesPerSec: number;
  readonly params: Readonly<Record<string, number>>;
  readonly caps: Readonly<Record<string, boolean>>;
  /** Post-copy when the log has been read so often. */
  readonly postCopyAfterSyncs?: number;
}

/** What loopback carries with a tenth of a CPU: a busy machine still keeps it up. */
const MAX_BANDWIDTH = 30_000_000;
const guest = { pages: 10_000, fillPages: 10_000, writesPerSec: 3600 };
const params = { "max-bandwidth": MAX_BANDWIDTH, "downtime-limit": 100 };

export const LIVE_CASES: readonly LiveCase[] = [
  { id: "pre-copy", ...guest, params, caps: {} },
  { id: "xbzrle", ...guest, params, caps: { xbzrle: true } },
  {
    // Writes more than the link carries. At 95 % the guest sleeps 190 ms after every 10: more than
    // it makes up for, and the migration ends before the throttle is raised again.
    id: "auto-converge",
    ...guest,
    writesPerSec: 11_000,
    params: { ...params, "cpu-throttle-initial": 95, "cpu-throttle-increment": 4 },
    caps: { "auto-converge": true },
  },
  { id: "post-copy", ...guest, params, caps: { "postcopy-ram": true }, postCopyAfterSyncs: 2 },
];

export interface LiveVerdict {
  readonly id: string;
  readonly forecast: SlotOutcome;
  readonly actual: QemuActual;
  readonly run: RecordedMigration;
  /** Of both ends, one after the other. */
  readonly reports: TinyReports;
  /** Reports that came at the destination. */
  readonly reportsThere: number;
  /** How long QEMU's threads waited for a CPU meanwhile: what others on this machine took. */
  readonly waitedMs: number;
}

/** Where QEMU refuses what a case needs (userfaultfd, for one). */
export class RefusedCase extends Error {}

/** Where post-copy is refused (a container without userfaultfd). */
export const MULTIFD_CASE: LiveCase = { id: "multifd", ...guest, params, caps: { multifd: true } };

/** One figure of a verdict, and how far it may be off. */
export interface Held {
  readonly what: string;
  readonly forecast: number;
  readonly actual: number;
  readonly bound: number;
  readonly isHeld: boolean;
}

/**
 * Totals within 3 % or two windows: QEMU decides once in 100 ms, and on a busy machine that window
 * is late. Bytes within 1 % or what goes over in two windows. Downtime within 15 % or 20 ms: under
 * QEMU's own limit the pause is a matter of the CPU (2 to 20 ms). Readings within one. Auto-converge
 * judges at a reading a second or more after the last judgement: which one it is may shift by a
 * second, in place of the two windows, and by a reading more.
 *
 * @param lateMs what QEMU's threads waited for a CPU: how late all of it may have been
 */
export function heldFigures(verdict: LiveVerdict, lateMs = 0): Held[] {
  const { forecast, actual, run } = verdict;
  const isThrottled = run.caps["auto-converge"] === true;
  const windowsMs = isThrottled ? PERIOD_MS : WINDOWS_MS;
  const bytesIn = (ms: number) => (ms / 1000) * run.net.bytes_per_s;
  const off = run.caps.multifd === true ? MULTIFD_OFF : { ms: 0.03, bytes: 0.01 };
  const bytesBound = Math.max(off.bytes * actual.bytes, bytesIn(windowsMs));
  const isPostCopy = run.strategy === "postcopy";
  const downtimeMs = isPostCopy ? forecast.blackoutMs : forecast.downtimeMs;
  const held = (what: string, expected: number, found: number, bound: number): Held => {
    const isHeld = Math.abs(expected - found) <= bound;
    return { what, forecast: expected, actual: found, bound, isHeld };
  };
  const { totalMs, bytes, downtimeMs: downMs, syncs } = actual;
  return [
    held("total, ms", forecast.totalMs, totalMs, Math.max(off.ms * totalMs, windowsMs) + lateMs),
    held("bytes", forecast.bytes, bytes, bytesBound + bytesIn(lateMs)),
    held("downtime, ms", downtimeMs, downMs, Math.max(0.15 * downMs, 20) + lateMs),
    held("readings", forecast.syncs, syncs, (isThrottled ? 2 : 1) + lateMs / LATE_READING_MS),
  ];
}

/** Two windows of QEMU's migration thread; the shortest period that auto-converge judges. */
const WINDOWS_MS = 200;
const PERIOD_MS = 1000;
/** Its two channels send a packet of 512 KiB each past the end of a window of 3 MB. */
const MULTIFD_OFF = { ms: 0.12, bytes: 0.05 };
/** Late by so much, a pass more is sent. */
const LATE_READING_MS = 500;
/** QEMU's threads waited for a CPU more than this share of the time: others were in the way. */
const BUSY_SHARE = 0.02;
const TRIES = 2;

/**
 * A miss on a machine that others keep busy is tried again, and the last time allowed what QEMU's
 * threads waited for a CPU; on a quiet one the first miss counts.
 */
export async function heldCheck(one: LiveCase): Promise<{ verdict: LiveVerdict; held: Held[] }> {
  for (let tries = 1; ; tries++) {
    const verdict = await liveCheck(one);
    const { waitedMs, actual } = verdict;
    const held = heldFigures(verdict);
    const isBusy = waitedMs > BUSY_SHARE * actual.totalMs;
    if (!isBusy || held.every(({ isHeld }) => isHeld)) return { verdict, held };
    if (tries === TRIES) return { verdict, held: heldFigures(verdict, waitedMs) };
  }
}

const WARM_MS = 500;
/** The destination has shown that its guest lives. */
const REPORTS_THERE = 10;

/** Boots, forecasts, migrates, records, ends both. */
export async function liveCheck(one: LiveCase): Promise<LiveVerdict> {
  const ticks = await guestSecondsPerSecond();
  const tiny = {
    pages: one.pages,
    fillPages: one.fillPages,
    writesPerSec: Math.round(one.writesPerSec / ticks),
    scanEveryMs: 0,
  };
  const source = new Qemu({ guest: tiny });
  const target = new Qemu({ guest: tiny, incoming: true });
  try {
    const clients = { source: await source.connect(), target: await target.connect() };
    const first = await source.reported();
    const warmMs = WARM_MS * ticks;
    await source.reported(({ ms }) => ms - first.ms > warmMs);
    const { major } = clients.source.greeting;
    const forecast = forecastCase(one, { qemuMajor: major, ticks });
    const waited = new Map<string, number>();
    const look = () => {
      source.waitedMs(waited);
      target.waitedMs(waited);
    };
    look();
    const before = sumOf(waited);
    const run = await migrate(one, target, clients, look);
    const lastHere = source.lastReport?.n ?? 0;
    await target.reported(({ n }) => n >= lastHere + REPORTS_THERE);
    const { actual } = parseQemuRun({ ...run });
    const reports = parseTinyReports(source.serial + target.serial);
    const reportsThere = parseTinyReports(target.serial).reports.length;
    const waitedMs = sumOf(waited) - before;
    return { id: one.id, forecast, actual, run, reports, reportsThere, waitedMs };
  } finally {
    await Promise.all([source.end(), target.end()]);
  }
}

async function migrate(
  one: LiveCase,
  target: Qemu,
  clients: { readonly source: QmpClient; readonly target: QmpClient },
  look: () => void,
): Promise<RecordedMigration> {
  const capabilities = { ...one.caps, events: true };
  try {
    await setCapabilities(clients.target, capabilities);
  } catch (error) {
    throw new RefusedCase(`QEMU refuses ${Object.keys(one.caps)}: ${String(error)}`);
  }
  const uri = `unix:${target.file("incoming")}`;
  await clients.target.execute("migrate-incoming", { uri });
  const { params: parameters } = one;
  const startedMs = await startMigration(clients.source, { uri, parameters, capabilities });
  let isPostCopy = false;
  return recordMigration(clients.source, {
    labels: labelsOf(one),
    intervalMs: 20,
    startedMs,
    target: clients.target,
    onSample: async ({ syncs, status }) => {
      look();
      const { postCopyAfterSyncs = Number.POSITIVE_INFINITY } = one;
      if (isPostCopy || status !== "active" || syncs < postCopyAfterSyncs) return;
      isPostCopy = true;
      await startPostCopy(clients.source);
    },
  });
}

const sumOf = (waits: ReadonlyMap<string, number>) =>
  [...waits.values()].reduce((a, b) => a + b, 0);

/**
 * Page numbers: tables from 2 MiB on, then the written pages, then those that only hold something. A
 * write changes 66 words of a page, each in a line of its own: 6 bytes of XBZRLE's for each, which are
 * 90 of the words of the recorded dirtier.
 */
function workloadOf({ pages, fillPages, writesPerSec }: LiveCase): DirtierWorkload {
  const tablePages = Math.ceil(((pages + fillPages) * 4) / 4096);
  return {
    base_mb: 2,
    region_pages: pages + fillPages + tablePages,
    fill: "rand",
    wss: pages + tablePages,
    rate: writesPerSec,
    dist: "uniform",
    content: "delta",
    dn: 90,
    ...{ hotp: 0, hotn: 1, spin: 0, catchup: 1 },
  };
}

function labelsOf(one: LiveCase): RunLabels & { readonly timeout_s: number } {
  const { postCopyAfterSyncs: pass } = one;
  return {
    id: one.id,
    family: "live-check",
    guest: {
      kind: "baremetal",
      mem_mb: Math.floor(MEMORY_KIB / 1024),
      vcpus: 1,
      workload: { ...workloadOf(one) },
    },
    net: {
      kind: "max-bandwidth",
      bytes_per_s: one.params["max-bandwidth"] ?? MAX_BANDWIDTH,
      transport: "unix",
    },
    params: one.params,
    caps: one.caps,
    postcopy_after: pass === undefined ? null : { pass, ms: 1e9 },
    timeout_s: 60,
  };
}

function knownOf(one: LiveCase): QemuKnown {
  const labels = labelsOf(one);
  const nothing = {
    reported: { total_time_ms: 0, ram: { transferred: 0, "dirty-sync-count": 0 } },
  };
  const line = {
    ...labels,
    ...nothing,
    strategy: one.id,
    outcome: "completed",
    measured: { wall_ms: 0 },
  };
  return parseQemuRun(line).known;
}

/** The guest makes up for 100 ms of its own seconds (CATCH_UP_MS of guests/page-writer.h). */
const MADE_UP_GUEST_MS = 100;

/** @param how the QEMU, and how many seconds the guest counts in one of the clock's */
export function forecastCase(
  one: LiveCase,
  how: { readonly qemuMajor: number; readonly ticks: number },
): SlotOutcome {
  const known = knownOf(one);
  const { ticks } = how;
  const preset: Preset = how.qemuMajor >= 8 ? qemu102 : qemu72;
  const slots = preset.configure?.({
    "max-bandwidth": MAX_BANDWIDTH,
    "switchover-bandwidth": 0,
  }).slots;
  if (slots === undefined) throw new Error("QEMU's presets have slots");
  const throttle = {
    ...AUTO_CONVERGE,
    initialPercent: Number(one.params["cpu-throttle-initial"] ?? AUTO_CONVERGE.initialPercent),
    incrementPercent: Number(
      one.params["cpu-throttle-increment"] ?? AUTO_CONVERGE.incrementPercent,
    ),
  };
  const { postCopyAfterSyncs: syncs } = one;
  return new SlotMachine({
    memory: describedGuest(known).memory(),
    loop: slots,
    costs: COSTS,
    linkBytesPerSec: Number.POSITIVE_INFINITY,
    downtimeLimitMs: Number(one.params["downtime-limit"]),
    timeoutMs: known.timeoutMs,
    guestSec: 0,
    ...(one.caps.multifd === true && { pageWireBytes: MULTIFD_PACKETS.pageWireBytes }),
    ...(one.caps["auto-converge"] === true && {
      throttle: new ThrottleModel(throttle, pace(ticks)),
    }),
    ...(syncs !== undefined && { postCopy: { syncs, afterMs: Number.POSITIVE_INFINITY } }),
  }).run();
}

/**
 * Memory that is no whole run of 64 pages is read page by page: 40 ms the first time, when each is
 * dirty, then 1.2 ms (three runs, MIGRATION_PASS events against STOP).
 */
const COSTS = { ...QEMU72_COSTS, setupMs: 40, syncMs: 1.2 };

/** Of each slice and sleep it makes up for the slice and, of the sleep, for so much. */
const pace =
  (ticks: number): Pace =>
  (_share, sleepMs) => {
    const made = Math.min(sleepMs, MADE_UP_GUEST_MS / ticks);
    return (SLICE_MS + made) / (SLICE_MS + sleepMs);
  };
/** CPU_THROTTLE_TIMESLICE of softmmu/cpu-throttle.c. */
const SLICE_MS = 10;
