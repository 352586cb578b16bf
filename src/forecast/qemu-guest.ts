/**
 * The guest of a recorded QEMU migration as it is known before the migration starts: by its
 * description, by a recording of its start state, or by its own trace up to then.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { exponential } from "../base/math.js";
import type { Trace } from "../guest/trace.js";
import { onInstructionClock } from "../guest/trace-clock.js";
import { ClassMemory, type PageClass } from "./class-memory.js";
import {
  deltaBytesOf,
  dirtierClasses,
  dirtierRate,
  FIRMWARE_PAGES,
  FIRMWARE_ZERO_SHARE,
} from "./dirtier-memory.js";
import type { DirtierWorkload } from "./dirtier-workload.js";
import type { GuestFacts } from "./guest-facts.js";
import type { QemuKnown } from "./qemu-run.js";
import { xbzrlePlaces } from "./qemu-stream.js";
import type { SlotMemory } from "./slot-memory.js";
import { catchingUp, cpuBoundPace, type Pace, pacedUpTo } from "./throttle-model.js";
import { type TraceDeltas, TraceMemory } from "./trace-memory.js";

/** A guest ready to be forecast again and again. */
export interface QemuGuest {
  readonly pages: number;
  /** Memory at the start of the migration. */
  memory(): SlotMemory;
  readonly guestSec: number;
  /** Seconds of its own time in one of the clock's. */
  readonly speed: number;
  /** Takes a CPU of its own. */
  readonly bound: boolean;
  /** The lowest speed that was seen of it, against `speed`. */
  readonly slowest?: number;
  /** Forgives what it is late with. */
  readonly closedLoop?: boolean;
  /** Of so many seconds that it ran since the log was read, what its writes come to. */
  readonly slowed?: (ranSec: number) => number;
  readonly pace: Pace;
  /** For the baselines: pages of zeros, of the writable working set, writes a second. */
  readonly zeroPages: number;
  readonly writtenPages: number;
  readonly writesPerSec: number;
}

/** The program's clock. */
const TICK_MS = 1;
/** A closed loop forgives what it is late with: while it is migrated it gets this far. */
const CLOSED_LOOP_SHARE = 0.95;
/** How much of the past stands for the future: at least, and as long as it was alike, at most. */
const HISTORY_SEC = { least: 3, most: 8 };
/** Seconds are alike whose writes differ by less than this factor. */
const ALIKE = 1.5;
/** Written with zeros while Linux 6.1 boots in 256 MiB (memory map, page tables): 3,100 pages. */
const BOOT_CLEARED_SHARE = 3100 / 65_536;

/** The guest that is described by its workload. */
export function describedGuest(known: QemuKnown): QemuGuest {
  const { dirtier, memoryPages, ranSec = 0 } = known;
  assert(dirtier !== undefined, "a described guest has a workload");
  const classes = dirtierClasses(dirtier, memoryPages);
  const cachePages = cachePagesOf(known);
  const bytesOf = (writes: number) => deltaBytesOf(dirtier, writes);
  const deltas = cachePages > 0 ? { pages: cachePages, bytesOf } : undefined;
  const pages = memoryPages + FIRMWARE_PAGES;
  const { rate } = dirtier;
  const writing = classes.filter((one) => one.writesPerPageSec > 0);
  const zeros = classes.reduce((sum, one) => sum + one.pages * (one.zeroShare ?? 0), 0);
  return {
    pages,
    memory: () => new ClassMemory({ classes, wroteBeforeSec: ranSec, ...(deltas && { deltas }) }),
    guestSec: 0,
    speed: 1,
    ...(rate === 0 && { slowest: slowestOf(known, dirtierRate(dirtier)) }),
    bound: rate === 0,
    closedLoop: rate > 0 && dirtier.catchup === 0,
    ...(rate === 0 && { slowed: slowedByFirstWrites(writing) }),
    pace: paceOf(dirtier),
    zeroPages: Math.round(zeros),
    writtenPages: writing.reduce((sum, one) => sum + one.pages, 0),
    writesPerSec: writing.reduce((sum, one) => sum + one.pages * one.writesPerPageSec, 0),
  };
}

/**
 * A program bound by its CPU was counted up to the start, for a second and a half in which both ends
 * start too: against a quiet machine's speed, which is the usual circumstance, the slowest.
 */
function slowestOf({ wrotePages, ranSec }: QemuKnown, quietPerSec: number): number {
  if (wrotePages === undefined || ranSec === undefined) return 1;
  return Math.min(1, Math.max(SLOWEST, wrotePages / ranSec / quietPerSec));
}
const SLOWEST = 0.25;

/**
 * The first write to a page after the log was read leaves the fast path of software emulation: 2 us
 * on a machine where a turn of the spin loop took 4 ns, so less where it takes 2.5.
 */
const FIRST_WRITE_SEC = 1.3e-6;

function slowedByFirstWrites(classes: readonly PageClass[]): (ranSec: number) => number {
  const alike = new Map<number, number>();
  for (const { pages, writesPerPageSec } of classes) {
    alike.set(writesPerPageSec, (alike.get(writesPerPageSec) ?? 0) + pages);
  }
  const costSec = (sec: number) => {
    let written = 0;
    for (const [rate, pages] of alike) written += pages * (1 - exponential(-rate * sec));
    return written * FIRST_WRITE_SEC;
  };
  return (ranSec) => {
    let [least, most] = [0, ranSec];
    for (let step = 0; step < BISECTIONS; step++) {
      const sec = (least + most) / 2;
      if (sec + costSec(sec) > ranSec) most = sec;
      else least = sec;
    }
    return least;
  };
}
const BISECTIONS = 24;

function paceOf(dirtier: DirtierWorkload): Pace {
  const { rate, catchup } = dirtier;
  if (rate === 0) return cpuBoundPace;
  if (catchup !== 0) return catchingUp(dirtierRate({ ...dirtier, rate: 0 }) / rate);
  // The program forgives what exceeds four ticks' writes and four.
  const madeUpMs = ((4 * Math.floor((rate * TICK_MS) / 1000) + 4) / rate) * 1000;
  return pacedUpTo(madeUpMs, CLOSED_LOOP_SHARE, TICK_MS);
}

/** The guest of a recording of its start state, taken in another process (WSDT2). */
export function recordedGuest(known: QemuKnown, trace: Trace, facts: GuestFacts): QemuGuest {
  const { bound, zeros, deltaBytes, becameZeroShare } = facts;
  const played = bound && trace.hasInstructions ? onInstructionClock(trace, facts.timeOf) : trace;
  const deltas = deltaCache(known, deltaBytes);
  const memory = { zeros, becameZeroShare, loaded: true, ...(deltas && { deltas }) };
  // A guest that waits between bursts does its work faster where no recorder slows it.
  const speed = bound ? 1 : facts.dilation;
  return traceGuest(played, memory, { known, bound, speed });
}

/**
 * The guest of a recording of the very process up to `startNs` (WSDT1): its last seconds go on as
 * they were. What was never written is zero, and what boot cleared.
 */
export function bootedGuest(
  known: QemuKnown,
  trace: Trace,
  { startNs, oracle }: { readonly startNs: number; readonly oracle: boolean },
): QemuGuest {
  const fromNs = Math.max(trace.endNs(0), startNs - historySec(trace, startNs) * 1e9);
  if (!(startNs > fromNs)) {
    const what = `the trace of run ${known.id} ends before its migration starts`;
    throw new PrecopyError("bad-trace", what);
  }
  const zeros = zerosSinceBoot(trace, startNs);
  let busy = 0;
  let intervals = 0;
  for (let i = 0; i < trace.intervals && trace.endNs(i) <= startNs; i++) {
    if (trace.endNs(i) <= fromNs) continue;
    intervals++;
    if (trace.written(i).length > 0) busy++;
  }
  const bound = busy > intervals / 2 && !(known.workloadArgs ?? "").includes("rate=");
  const deltas = deltaCache(known, MEAN_DELTA_BYTES);
  // An oracle is shown what came afterwards.
  const stretch = oracle ? { fromNs: startNs, toNs: trace.durationNs } : { fromNs, toNs: startNs };
  const memory = { zeros, ...stretch, ...(deltas && { deltas }) };
  return traceGuest(trace, memory, { known: { ...known, ranSec: 0 }, bound, speed: 1 });
}

/** Where contents were not looked at: between redis (1.5 KB) and gzip (3.5 KB) at 1 s. */
const MEAN_DELTA_BYTES = 2000;

type TraceMemoryOptions = ConstructorParameters<typeof TraceMemory>[0];

function traceGuest(
  trace: Trace,
  memory: Omit<TraceMemoryOptions, "trace" | "firmwarePages" | "firmwareZeroShare">,
  { known, bound, speed }: Pick<QemuGuest, "bound" | "speed"> & { readonly known: QemuKnown },
): QemuGuest {
  const guestSec = (known.ranSec ?? 0) * speed;
  const options = { trace, firmwarePages: FIRMWARE_PAGES, firmwareZeroShare: FIRMWARE_ZERO_SHARE };
  const {
    fromNs = guestSec * 1e9,
    toNs = Math.min(trace.durationNs, fromNs + HISTORY_SEC.least * 1e9),
  } = memory;
  const { distinct, perSec } = writesOf(trace, fromNs, toNs);
  return {
    pages: trace.pages + FIRMWARE_PAGES,
    memory: () => new TraceMemory({ ...options, ...memory }),
    guestSec,
    speed,
    bound,
    pace: cpuBoundPace,
    zeroPages: memory.zeros.reduce((sum, zero) => sum + zero, 0),
    writtenPages: distinct,
    writesPerSec: perSec,
  };
}

function writesOf(
  trace: Trace,
  fromNs: number,
  toNs: number,
): { distinct: number; perSec: number } {
  const seen = new Set<number>();
  let writes = 0;
  for (let i = 0; i < trace.intervals && trace.endNs(i) <= toNs; i++) {
    if (trace.endNs(i) <= fromNs) continue;
    writes += trace.written(i).length;
    for (const page of trace.written(i)) seen.add(page);
  }
  return { distinct: seen.size, perSec: writes / Math.max(1e-3, (toNs - fromNs) / 1e9) };
}

function historySec(trace: Trace, startNs: number): number {
  const { least, most } = HISTORY_SEC;
  const perSec = (fromSec: number, toSec: number) =>
    writesOf(trace, startNs - fromSec * 1e9, startNs - toSec * 1e9).perSec + 1;
  const usual = perSec(least, 0);
  let sec = least;
  while (sec < most && startNs > (sec + 1) * 1e9) {
    const ratio = perSec(sec + 1, sec) / usual;
    if (ratio > ALIKE || ratio < 1 / ALIKE) break;
    sec++;
  }
  return sec;
}

function zerosSinceBoot(trace: Trace, startNs: number): Uint8Array {
  const zeros = new Uint8Array(trace.pages).fill(1);
  const last = new Int32Array(trace.pages);
  // The first interval holds every page: the recorder starts so.
  for (let i = 1; i < trace.intervals && trace.endNs(i) <= startNs; i++) {
    for (const page of trace.written(i)) {
      zeros[page] = 0;
      last[page] = i;
    }
  }
  const oldest = [...last.keys()].filter((page) => zeros[page] === 0);
  oldest.sort((a, b) => (last[a] as number) - (last[b] as number) || a - b);
  const cleared = Math.round(trace.pages * BOOT_CLEARED_SHARE);
  for (const page of oldest.slice(0, cleared)) zeros[page] = 1;
  return zeros;
}

function deltaCache(known: QemuKnown, deltaBytes: number): TraceDeltas | undefined {
  const pages = cachePagesOf(known);
  return pages > 0 ? { pages, deltaBytes } : undefined;
}

/** XBZRLE's cache, rounded down to a power of two; 0: it is off. */
function cachePagesOf({ caps, settings }: QemuKnown): number {
  return caps.has("xbzrle") ? xbzrlePlaces(settings.xbzrleCacheBytes) : 0;
}
