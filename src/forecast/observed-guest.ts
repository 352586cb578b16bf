/**
 * The guest of an observed migration as far as its passes tell: how many distinct pages it writes
 * in windows as long as its passes were, what the first pass had to send, and what the pause took
 * apart from memory. Whoever has a better curve (from dirty rates, from a trace) hands that on.
 */
import type { DirtyCurve, DirtyPoint } from "../fluid/index.js";
import { tabulatedCurve } from "../fluid/index.js";
import type { Explanation, PassExplanation } from "./explain.js";
import { risingPools } from "./rising-pools.js";

export interface ObservedGuest {
  readonly curve: DirtyCurve;
  /** Distinct pages in the longest window: the writable working set is not known to be larger. */
  readonly writtenPages: number;
  readonly shortestWindowSec: number;
  readonly longestWindowSec: number;
  /** What the first pass owes, without zero pages and holes. */
  readonly firstPages: number;
  /** Pages that suspending the guest dirtied by itself. */
  readonly suspendDirtiesPages: number;
  /** Downtime that no page causes. */
  readonly fixedDowntimeNs: number;
  /** Of a page in the first pass, and of one sent again: less where those are zeros or deltas. */
  readonly bytesPerPage: number;
  readonly resentBytesPerPage: number;
  /** Of the pause where it went faster than the passes: QEMU's max-bandwidth does not hold in it. */
  readonly pauseBytesPerSec?: number;
}

/** Xen's stream and QEMU's add 8 bytes to a page. */
const HEADER_BYTES = 8;

/** @returns undefined with too few passes: one whose dirtied pages and length are known is needed. */
export function observedGuest(explanation: Explanation): ObservedGuest | undefined {
  const { observed, passes, bandwidthBytesPerSec } = explanation;
  const bytesPerPage = observed.pageBytes + HEADER_BYTES;
  const measured = passes.filter(isMeasured);
  const isXen = observed.format === "xl";
  // What Xen counts after the suspend holds the pages that suspending dirtied.
  const beforePause = isXen && measured.length > 1 ? measured.slice(0, -1) : measured;
  if (beforePause.length === 0 || bandwidthBytesPerSec === undefined) return undefined;
  const thresholdBytes = (bandwidthBytesPerSec * explanation.downtimeLimitNs) / 1e9;
  const points = risingPoints(pointsOf(beforePause, { thresholdBytes, ...observed }));
  const curve = tabulatedCurve(points);
  const last = points.at(-1) as DirtyPoint;
  const firstPages = firstPass(explanation, bandwidthBytesPerSec, bytesPerPage);
  if (firstPages === undefined) return undefined;
  const final = isXen && measured.length > 1 ? measured.at(-1) : undefined;
  const suspended = final === undefined ? 0 : final.dirtiedPages - curve(final.durationNs / 1e9);
  return {
    curve,
    writtenPages: last.pages,
    shortestWindowSec: (points[0] as DirtyPoint).windowSec,
    longestWindowSec: last.windowSec,
    firstPages,
    suspendDirtiesPages: Math.max(0, Math.round(suspended)),
    ...pauseOf(explanation, bytesPerPage),
    bytesPerPage,
    resentBytesPerPage: resentBytes(passes) ?? bytesPerPage,
  };
}

/**
 * Over the live passes from the third on, undefined where the log does not count both: QEMU's second
 * pass still walks through the end of the memory, with zero pages that nobody has written.
 */
function resentBytes(passes: readonly PassExplanation[]): number | undefined {
  let [bytes, pages] = [0, 0];
  for (const { number, phase, sentBytes, sentPages } of passes) {
    if (number < 3 || phase !== "live" || sentBytes === undefined) continue;
    if (sentPages === undefined) continue;
    bytes += sentBytes;
    pages += sentPages;
  }
  return pages > 0 && bytes > 0 ? bytes / pages : undefined;
}

type Measured = PassExplanation & { readonly dirtiedPages: number; readonly durationNs: number };

/** Throttled passes are of a slower guest. */
function isMeasured(pass: PassExplanation): pass is Measured {
  const { phase, dirtiedPages, durationNs = 0, throttlePercent = 0 } = pass;
  return phase === "live" && dirtiedPages !== undefined && durationNs > 0 && throttlePercent === 0;
}

/**
 * A count of what is dirty shows no page that was still unsent anyway. If unsent pages are written
 * as often as others of the W written ones, D = seen / (1 - unsent / W). The first pass ends at the
 * end of memory, whose unsent pages are taken for idle ones. QEMU reads the log as soon as less than
 * the threshold is unsent, however much that was at the look before.
 */
function pointsOf(
  passes: readonly Measured[],
  { thresholdBytes, pageBytes }: { thresholdBytes: number; pageBytes: number },
): DirtyPoint[] {
  const plain = passes.map((pass): DirtyPoint & { readonly unsent: number } => {
    // Passes that fell together stand for their mean.
    const times = pass.through - pass.number + 1;
    const leftBytes = pass.number === 1 ? 0 : (pass.leftBytes ?? 0);
    const unsent = Math.min(leftBytes, thresholdBytes) / pageBytes;
    const windowSec = pass.durationNs / 1e9 / times;
    return { windowSec, pages: pass.dirtiedPages / times, unsent };
  });
  const written = Math.max(...plain.map(({ pages, unsent }) => pages + unsent));
  return plain.map(({ windowSec, pages, unsent }) => {
    const seen = 1 - unsent / written;
    return { windowSec, pages: seen > 0 ? Math.min(written, pages / seen) : pages };
  });
}

/** Means of neighbours where a longer window shows fewer pages. */
function risingPoints(points: readonly DirtyPoint[]): DirtyPoint[] {
  return risingPools(points).map(({ windowSec, pages }) => ({ windowSec, pages }));
}

function firstPass(
  { passes, observed }: Explanation,
  bandwidthBytesPerSec: number,
  bytesPerPage: number,
): number | undefined {
  const [first, second] = passes;
  if (first?.number !== 1) return undefined;
  if (first.sentBytes !== undefined) {
    const sent = first.sentBytes / bytesPerPage;
    const left = (first.leftBytes ?? 0) / observed.pageBytes;
    // Sent until the look at the second pass, and owed then, less what was written meanwhile.
    const owed = (second?.owedBytes ?? Number.NaN) / observed.pageBytes;
    const rest = owed - (first.dirtiedPages ?? Number.NaN);
    return Math.round(sent + (Number.isFinite(rest) ? rest : left));
  }
  if (first.bandwidthBytesPerSec !== undefined && first.sentPages !== undefined) {
    return first.sentPages + (first.skippedPages ?? 0);
  }
  // Frames that are holes take next to nothing: what was sent follows from the time.
  const sec = (first.sendingNs ?? first.durationNs ?? 0) / 1e9;
  const pages = Math.round((sec * bandwidthBytesPerSec) / bytesPerPage);
  return pages > 0 ? pages : undefined;
}

/** A pause that took so much less than its bytes would in the passes had another rate. */
const FASTER = 1.5;

function pauseOf(
  explanation: Explanation,
  bytesPerPage: number,
): Pick<ObservedGuest, "fixedDowntimeNs" | "pauseBytesPerSec"> {
  const { observed, passes, bandwidthBytesPerSec = Number.POSITIVE_INFINITY } = explanation;
  const realNs = observed.downtime.realNs?.value;
  if (realNs === undefined) return { fixedDowntimeNs: 0 };
  const pause = passes.find(({ phase }) => phase === "pause");
  const bytes = observed.totals.pauseBytes?.value ?? (pause?.sentPages ?? 0) * bytesPerPage;
  const copyNs = pause?.sendingNs ?? (bytes * 1e9) / bandwidthBytesPerSec;
  if (realNs > 0 && copyNs > realNs * FASTER) {
    return { fixedDowntimeNs: 0, pauseBytesPerSec: (bytes * 1e9) / realNs };
  }
  return { fixedDowntimeNs: Math.max(0, Math.round(realNs - copyNs)) };
}
