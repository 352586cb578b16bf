/**
 * What a trace amounts to: sizes of the sets, rates, and the unique-dirty curve D(t) = different
 * pages written in a window of length t, which decides how a pre-copy converges (the "dirty page
 * rate" of a guest is no one number: D bends).
 */
import { type Nanoseconds, NS_PER_MS, NS_PER_SEC } from "../base/units.js";
import type { Trace } from "./trace.js";

/** Figures of the written, or of the read sets. */
export interface SetStats {
  /** Different pages in the whole trace. */
  readonly distinctPages: number;
  /** Sum over intervals of the pages in each. */
  readonly entries: number;
  readonly meanPagesPerInterval: number;
  readonly maxPagesPerInterval: number;
  /** End of the interval with the most pages (the first such). */
  readonly maxAtNs: Nanoseconds;
  /** `entries` a second of replay time. */
  readonly pagesPerSec: number;
}

/** D at one window length. */
export interface DirtyCurvePoint {
  readonly windowNs: Nanoseconds;
  /** Whole windows of this length in the trace, side by side from its start. */
  readonly windows: number;
  readonly meanPages: number;
  readonly maxPages: number;
}

export interface TraceStats {
  readonly intervals: number;
  readonly durationNs: Nanoseconds;
  readonly meanIntervalNs: number;
  readonly shortestIntervalNs: Nanoseconds;
  readonly longestIntervalNs: Nanoseconds;
  readonly written: SetStats;
  readonly read: SetStats;
  /** Different pages read or written. */
  readonly touchedPages: number;
  readonly dirtyCurve: readonly DirtyCurvePoint[];
  /** Instructions a second of replay time, where they were counted. */
  readonly instructionsPerSec?: number;
}

/** Windows at which D is given unless others are asked for; those that fit the trace are used. */
export const DEFAULT_WINDOWS_NS: readonly Nanoseconds[] = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000,
].map((ms) => ms * NS_PER_MS);

export function traceStats(
  trace: Trace,
  windowsNs: readonly Nanoseconds[] = DEFAULT_WINDOWS_NS,
): TraceStats {
  const touched = new Uint8Array(trace.pages);
  const { columns } = trace;
  const written = setStats(trace, columns.writtenPages, columns.writtenOffsets, touched);
  const read = setStats(trace, columns.readPages, columns.readOffsets, touched);
  const meanIntervalNs = trace.durationNs / trace.intervals;
  const fitting = windowsNs.filter((ns) => ns >= meanIntervalNs && ns <= trace.durationNs);
  let shortestIntervalNs = trace.durationNs;
  let longestIntervalNs = 0;
  for (let i = 0; i < trace.intervals; i++) {
    const lengthNs = trace.endNs(i) - (i === 0 ? 0 : trace.endNs(i - 1));
    shortestIntervalNs = Math.min(shortestIntervalNs, lengthNs);
    longestIntervalNs = Math.max(longestIntervalNs, lengthNs);
  }
  const stats = {
    intervals: trace.intervals,
    durationNs: trace.durationNs,
    meanIntervalNs,
    shortestIntervalNs,
    longestIntervalNs,
    written,
    read,
    touchedPages: touched.reduce((sum, seen) => sum + seen, 0),
    dirtyCurve: fitting.map((windowNs) => uniqueDirty(trace, windowNs)),
  };
  const executed = trace.instructions(trace.intervals - 1);
  if (executed === undefined) return stats;
  return { ...stats, instructionsPerSec: (executed / trace.durationNs) * NS_PER_SEC };
}

/**
 * D at one window length, from whole windows side by side. An interval belongs to the window in
 * which it ends. With no whole window all figures are 0.
 */
export function uniqueDirty(trace: Trace, windowNs: Nanoseconds): DirtyCurvePoint {
  const windows = Math.floor(trace.durationNs / windowNs);
  /** For each page, the last window in which it was written, as a count of windows with an end. */
  const lastSeen = new Uint32Array(trace.pages);
  let total = 0;
  let inWindow = 0;
  let maxPages = 0;
  let current = -1;
  let seen = 0;
  for (let i = 0; i < trace.intervals; i++) {
    const window = Math.floor((trace.endNs(i) - 1) / windowNs);
    if (window >= windows) break;
    if (window !== current) {
      current = window;
      seen++;
      inWindow = 0;
    }
    for (const page of trace.written(i)) {
      if (lastSeen[page] === seen) continue;
      lastSeen[page] = seen;
      inWindow++;
      total++;
    }
    maxPages = Math.max(maxPages, inWindow);
  }
  return { windowNs, windows, meanPages: windows === 0 ? 0 : total / windows, maxPages };
}

function setStats(
  trace: Trace,
  pages: Uint32Array,
  offsets: Uint32Array,
  touched: Uint8Array,
): SetStats {
  const seen = new Uint8Array(trace.pages);
  let distinctPages = 0;
  for (const page of pages) {
    touched[page] = 1;
    distinctPages += 1 - (seen[page] as number);
    seen[page] = 1;
  }
  let maxPagesPerInterval = 0;
  let maxAtNs = 0;
  for (let i = 0; i < trace.intervals; i++) {
    const count = (offsets[i + 1] as number) - (offsets[i] as number);
    if (count <= maxPagesPerInterval) continue;
    maxPagesPerInterval = count;
    maxAtNs = trace.endNs(i);
  }
  return {
    distinctPages,
    entries: pages.length,
    meanPagesPerInterval: pages.length / trace.intervals,
    maxPagesPerInterval,
    maxAtNs,
    pagesPerSec: (pages.length / trace.durationNs) * NS_PER_SEC,
  };
}
