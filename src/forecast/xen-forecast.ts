/**
 * Forecasts `xl migrate` of Xen today: rounds of all that was written since the round before began
 * (tools/libs/guest/xg_sr_save.c), by the unique-dirty curve of the guest's description. The stop
 * rule is that of the preset `xen`.
 */
import { type DirtyCurve, sequentialCurve, sumOfCurves, uniformCurve } from "../fluid/index.js";
import { XEN_ITERATIONS_MAX, XEN_TARGET_DIRTY_COUNT } from "../policy/presets/xen.js";
import { HOT, type XenKnown } from "./xen-run.js";

/** Measured on Xen 4.17 in software emulation; the same for all runs. */
export interface XenCosts {
  /** What an idle kernel writes all the time, and about once a second (idle runs x01, x13, h01). */
  readonly kernelPages: { readonly always: number; readonly slow: number };
  /** Suspending itself dirties so many pages. */
  readonly suspendPages: number;
  /** From the end of a round to the start of the next: after round 0, after the others, and to the
   * guest's being suspended. What lies in pipes drains meanwhile, and they take that much at once. */
  readonly firstGapSec: number;
  readonly gapSec: number;
  readonly suspendSec: number;
  /** Where there is no cap. */
  readonly uncappedBytesPerSec: number;
  /** Page numbers below 4 GiB, and the time to skip one that holds nothing (PVH). */
  readonly frames: number;
  readonly holeSec: number;
}

export const XEN_COSTS: Readonly<Record<XenKnown["kind"], XenCosts>> = {
  pv: {
    kernelPages: { always: 30, slow: 62 },
    suspendPages: 190,
    firstGapSec: 0.045,
    gapSec: 0.015,
    suspendSec: 0.09,
    uncappedBytesPerSec: 60e6,
    frames: 0,
    holeSec: 0,
  },
  pvh: {
    kernelPages: { always: 53, slow: 64 },
    suspendPages: 260,
    firstGapSec: 0.045,
    gapSec: 0.015,
    suspendSec: 0.09,
    uncappedBytesPerSec: 60e6,
    // 12.04 s for 134.5 MB and 8 bytes a hole at 16 MB/s (h01).
    frames: 1_044_480,
    holeSec: 3.3e-6,
  },
};

export interface XenForecast {
  readonly liveRounds: number;
  readonly stopReason: "dirty-count" | "max-iterations";
  /** Round after round, the last one that of stop-and-copy. */
  readonly pages: readonly number[];
  readonly totalSec: number;
}

/** A page number in the record, and the page. */
const PAGE_BYTES = 4104;
const HOLE_BYTES = 8;

export interface XenOptions {
  /** In place of the cap. */
  readonly bytesPerSec?: number;
}

export function forecastXen(known: XenKnown, options: XenOptions = {}): XenForecast {
  const costs = XEN_COSTS[known.kind];
  const rate = options.bytesPerSec ?? Math.min(known.capBytesPerSec, costs.uncappedBytesPerSec);
  const curve = xenCurve(known, costs);
  const holes = Math.max(0, costs.frames - known.memoryPages);
  const pages = [known.memoryPages + holes];
  let roundSec =
    (known.memoryPages * PAGE_BYTES + holes * HOLE_BYTES) / rate + holes * costs.holeSec;
  let totalSec = roundSec;
  let gapSec = costs.firstGapSec;
  let stopReason: XenForecast["stopReason"] = "max-iterations";
  while (pages.length < XEN_ITERATIONS_MAX) {
    const dirty = curve(roundSec + gapSec);
    pages.push(dirty);
    const bytes = dirty * PAGE_BYTES;
    roundSec = Math.max(bytes / costs.uncappedBytesPerSec, bytes / rate - gapSec);
    totalSec += roundSec + gapSec;
    gapSec = costs.gapSec;
    if (dirty >= XEN_TARGET_DIRTY_COUNT) continue;
    // The small set is sent live, then the guest is suspended.
    stopReason = "dirty-count";
    break;
  }
  const liveRounds = pages.length;
  const last = curve(roundSec + costs.suspendSec) + costs.suspendPages;
  pages.push(last);
  totalSec += costs.suspendSec + (last * PAGE_BYTES) / rate;
  return { liveRounds, stopReason, pages, totalSec };
}

function xenCurve(known: XenKnown, { kernelPages }: XenCosts): DirtyCurve {
  const { mode, writtenPages: pages, hot: hottest = HOT } = known;
  const writesPerSec = pages > 0 ? known.writesPerSec : 0;
  const { always, slow } = kernelPages;
  const curves = [
    uniformCurve({ pages: always, writesPerSec: 1000 * always }),
    uniformCurve({ pages: slow, writesPerSec: slow }),
  ];
  if (writesPerSec > 0 && mode === "seq") curves.push(sequentialCurve({ pages, writesPerSec }));
  if (writesPerSec > 0 && mode === "rand") curves.push(uniformCurve({ pages, writesPerSec }));
  if (writesPerSec > 0 && mode === "hot") {
    const hot = Math.max(1, Math.round(pages * hottest.pages));
    const cold = Math.max(1, pages - hot);
    // What is not aimed at the hot pages falls on all of them.
    const even = (writesPerSec * (1 - hottest.writes)) / (hot + cold);
    const hotWrites = writesPerSec * hottest.writes + even * hot;
    curves.push(uniformCurve({ pages: hot, writesPerSec: hotWrites }));
    curves.push(uniformCurve({ pages: cold, writesPerSec: even * cold }));
  }
  return sumOfCurves(curves);
}

/** Bytes a second of round 0 as it was, without the time that holes took. */
export function measuredXenRate(known: XenKnown, firstRoundSec: number): number {
  const costs = XEN_COSTS[known.kind];
  const holes = Math.max(0, costs.frames - known.memoryPages);
  const bytes = known.memoryPages * PAGE_BYTES + holes * HOLE_BYTES;
  return bytes / Math.max(1e-3, firstRoundSec - holes * costs.holeSec);
}
