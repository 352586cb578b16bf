/**
 * The guest of a forecast: dirty rates of one window or several, a recorded trace, or classes of
 * pages whose rates are known. Each gives memory that a loop can send (slot-memory.ts) and a curve of
 * distinct pages, once for every set of circumstances.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import {
  type DirtyCurve,
  type DirtyPoint,
  sequentialCurve,
  sumOfCurves,
  tabulatedCurve,
} from "../fluid/index.js";
import type { Trace } from "../guest/trace.js";
import { ClassMemory, type DeltaCache, type PageClass } from "./class-memory.js";
import type { ContentFacts } from "./content-facts.js";
import { curveOfClasses, fitCurve, type RateClass } from "./curve-fit.js";
import type { SlotMemory } from "./slot-memory.js";
import { traceCurve } from "./trace-curve.js";
import { type TraceDeltas, TraceMemory } from "./trace-memory.js";

export type ForecastGuest = RatesGuest | TraceGuest | ClassesGuest;

/** Distinct pages written in windows, as QEMU's calc-dirty-rate measures them. */
export interface RatesGuest {
  readonly kind: "rates";
  /** Pages of 4 KiB. */
  readonly pages: number;
  /** Windows ascending, pages never falling; one is enough, several narrow the range. */
  readonly dirtied: readonly DirtyPoint[];
  /** A tool that cuts off fractions (QEMU: whole MiB/s) left out up to so many pages a second. */
  readonly cutOffPagesPerSec?: number;
  /** Standard error of the pages where they were sampled, against the pages. */
  readonly errorShare?: number;
  /** Where it was measured time and again: how much it wrote then, against the points. */
  readonly levels?: readonly number[];
}

/** A recording of the guest; it goes on as it was, from any instant of it. */
export interface TraceGuest {
  readonly kind: "trace";
  readonly trace: Trace;
  /** Pages of the guest, from the trace's on unwritten. Default those of the trace. */
  readonly pages?: number;
}

/** Pages in the order of their addresses, with what is written how often. */
export interface ClassesGuest {
  readonly kind: "classes";
  readonly classes: readonly PageClass[];
}

/** What of a guest differs between circumstances; both from 0 to 1. */
export interface GuestChance {
  /** Where in its recording, or among its levels, the migration meets the guest. */
  readonly phase: number;
  /** How much of what was cut off it writes in truth; where in the sample's error. */
  readonly cutOff: number;
  /** Which tail the curve has beyond its longest window. */
  readonly tail: number;
}

/** The usual case. */
export const USUAL_CHANCE: GuestChance = { phase: 0, cutOff: 0.5, tail: 0 };

export const PAGES_MAX = 2 ** 34;
/** Tails of a fitted curve, in turn (curve-fit.ts, slowestWrites); the first is the usual one. */
const TAILS = [0.3, 3, 0.05];
/** Windows that a report shows of a guest whose curve is known everywhere. */
const SHOWN_WINDOWS_SEC = [1, 5, 15, 60];
/** Slices of memory over which fitted classes are spread. */
const SLICES = 64;

/** XBZRLE's cache, as both kinds of memory take it. */
export type PreparedDeltas = DeltaCache & TraceDeltas;

/** A guest ready to be moved again and again. */
export interface PreparedGuest {
  readonly pages: number;
  /** What it was seen to write, for reports: windows ascending. */
  readonly dirtied: readonly DirtyPoint[];
  curve(chance: GuestChance): DirtyCurve;
  memory(chance: GuestChance, deltas: PreparedDeltas | undefined): SlotMemory;
  /** Its own time when the migration begins. */
  guestSec(chance: GuestChance): number;
}

/** @throws PrecopyError for a guest that cannot be. */
export function prepareGuest(guest: ForecastGuest, content: ContentFacts): PreparedGuest {
  switch (guest.kind) {
    case "rates":
      return ratesGuest(guest, content);
    case "trace":
      return traceGuest(guest, content);
    case "classes":
      return classesGuest(guest);
  }
}

export function pagesOf(guest: ForecastGuest): number {
  switch (guest.kind) {
    case "rates":
      return guest.pages;
    case "trace":
      return Math.max(guest.pages ?? 0, guest.trace.pages);
    case "classes":
      return guest.classes.reduce((sum, one) => sum + one.pages, 0);
  }
}

function ratesGuest(guest: RatesGuest, { zeroShare }: ContentFacts): PreparedGuest {
  const { pages } = guest;
  checkPages(pages);
  const pagesMax = Math.floor(pages * (1 - zeroShare));
  const fitted = new Map<string, RateClass[]>();
  const memories = new Memories();
  const classes = (chance: GuestChance): RateClass[] => {
    const slowestWrites = TAILS[chance.tail % TAILS.length] as number;
    const points = pointsUnder(guest, chance, pagesMax);
    const key = `${slowestWrites} ${points.map((one) => one.pages).join(" ")}`;
    const found = fitted.get(key) ?? fitCurve(points, { pagesMax, slowestWrites });
    fitted.set(key, found);
    return found;
  };
  return {
    pages,
    dirtied: guest.dirtied,
    curve: (chance) => curveOfClasses(classes(chance)),
    memory: (chance, deltas) => {
      const found = classes(chance);
      return memories.of(found, deltas, () => spread(pages, zeroShare, found));
    },
    guestSec: () => 0,
  };
}

/** Memories begin anew with each migration: of the same classes one is enough. */
class Memories {
  private readonly made = new Map<readonly RateClass[], ClassMemory>();

  of(
    key: readonly RateClass[],
    deltas: PreparedDeltas | undefined,
    classes: () => readonly PageClass[],
  ): ClassMemory {
    const found = deltas === undefined ? this.made.get(key) : undefined;
    if (found !== undefined) return found;
    const options = { classes: classes(), wroteBeforeSec: 0 };
    const memory = new ClassMemory(deltas === undefined ? options : { ...options, deltas });
    if (deltas === undefined) this.made.set(key, memory);
    return memory;
  }
}

/** An even distribution of this half width has a standard deviation of 1. */
const HALF_WIDTH = 1.7320508075688772;

/** The points as they may be in truth; never more than the memory unless they were given so. */
function pointsUnder(
  { dirtied, cutOffPagesPerSec = 0, errorShare = 0, levels = [] }: RatesGuest,
  { phase, cutOff, tail }: GuestChance,
  pagesMax: number,
): readonly DirtyPoint[] {
  // The usual case is that of the points themselves.
  const level = tail === 0 ? 1 : (levels[Math.floor(phase * levels.length)] ?? 1);
  const scale = Math.max(0, level * (1 + errorShare * HALF_WIDTH * (2 * cutOff - 1)));
  return dirtied.map(({ windowSec, pages }) => {
    const likely = pages * scale + cutOff * cutOffPagesPerSec * windowSec;
    return { windowSec, pages: pages > pagesMax ? pages : Math.min(pagesMax, likely) };
  });
}

/** Where pages of a class lie is not known: some of each in every slice of memory. */
function spread(pages: number, zeroShare: number, curve: readonly RateClass[]): PageClass[] {
  const written = curve.reduce((sum, one) => sum + one.pages, 0);
  const zeros = Math.min(pages - written, pages * zeroShare);
  const slice: PageClass[] = [
    ...curve.map((one) => ({ ...one, pages: one.pages / SLICES })),
    { pages: zeros / SLICES, writesPerPageSec: 0, zeroShare: 1 },
    { pages: Math.max(0, pages - written - zeros) / SLICES, writesPerPageSec: 0 },
  ].filter((one) => one.pages > 0);
  return Array.from({ length: SLICES }, () => slice).flat();
}

/** Traces are held page by page. */
const TRACE_PAGES_MAX = 2 ** 24;

function traceGuest(guest: TraceGuest, { zeroShare }: ContentFacts): PreparedGuest {
  const { trace } = guest;
  const pages = pagesOf(guest);
  checkPages(pages, TRACE_PAGES_MAX);
  if (trace.intervals === 0 || trace.durationNs <= 0) {
    throw new PrecopyError("bad-trace", "a trace without intervals tells nothing of a guest");
  }
  const zeros = zeroPages(trace, zeroShare, pages);
  const untraced = pages - trace.pages;
  const beyond =
    untraced > 0 ? zeros.subarray(trace.pages).reduce((sum, zero) => sum + zero, 0) : 0;
  const dirtied = traceCurve(trace);
  const curve = tabulatedCurve(dirtied);
  return {
    pages,
    dirtied,
    curve: () => curve,
    memory: (_chance, deltas) =>
      new TraceMemory({
        trace,
        zeros: zeros.subarray(0, trace.pages),
        // What the trace does not cover lies behind it, never written.
        firmwarePages: untraced,
        firmwareZeroShare: untraced > 0 ? beyond / untraced : 0,
        loaded: true,
        ...(deltas && { deltas }),
      }),
    guestSec: ({ phase }) => (phase * trace.durationNs) / 1e9,
  };
}

/** Pages that are never written are zero first; which of them follows from their numbers. */
function zeroPages(trace: Trace, zeroShare: number, pages: number): Uint8Array {
  const written = new Uint8Array(pages);
  for (let i = 0; i < trace.intervals; i++) for (const page of trace.written(i)) written[page] = 1;
  const zeros = new Uint8Array(pages);
  let left = Math.round(pages * zeroShare);
  for (const kind of [0, 1]) {
    const candidates = written.reduce((sum, one) => sum + (one === kind ? 1 : 0), 0);
    const take = Math.min(left, candidates);
    // Every (candidates / take)-th of them.
    for (let page = 0, seen = 0; page < pages && take > 0; page++) {
      if (written[page] !== kind) continue;
      if (Math.floor(((seen + 1) * take) / candidates) > Math.floor((seen * take) / candidates)) {
        zeros[page] = 1;
      }
      seen++;
    }
    left -= take;
  }
  assert(left === 0, "a share of the pages is not more than there are");
  return zeros;
}

function classesGuest(guest: ClassesGuest): PreparedGuest {
  const { classes } = guest;
  const pages = pagesOf(guest);
  checkPages(pages);
  const curve = curveOfPages(classes);
  const memories = new Memories();
  return {
    pages,
    dirtied: SHOWN_WINDOWS_SEC.map((windowSec) => ({ windowSec, pages: curve(windowSec) })),
    curve: () => curve,
    memory: (_chance, deltas) => memories.of(classes, deltas, () => classes),
    guestSec: () => 0,
  };
}

function curveOfPages(classes: readonly PageClass[]): DirtyCurve {
  const inTurn = classes.filter((one) => one.sequential === true && one.writesPerPageSec > 0);
  const curves = inTurn.map(({ pages, writesPerPageSec }) =>
    sequentialCurve({ pages, writesPerSec: pages * writesPerPageSec }),
  );
  return sumOfCurves([curveOfClasses(classes.filter((one) => !inTurn.includes(one))), ...curves]);
}

function checkPages(pages: number, most = PAGES_MAX): void {
  if (pages >= 1 && pages <= most) return;
  const limit = `give 1 to ${most.toLocaleString("en")}`;
  throw new PrecopyError("bad-input", `a guest of ${pages} pages cannot be forecast: ${limit}`);
}
