/**
 * Unique-dirty curves D(dt): how many distinct pages a guest writes in a window of dt seconds.
 * D(0) = 0, D grows, ever more slowly, and stays below the writable working set; the average rate
 * D(dt)/dt therefore falls with the window, which is why a geometric series with one dirty rate
 * misjudges the rounds. Pages written independently at rates l_j give D(dt) = sum (1 - e^(-l_j dt)).
 */
import { PrecopyError } from "../base/errors.js";
import { exponential } from "../base/math.js";
import type { SyntheticSpec } from "../guest/synthetic.js";

/** Expected number of distinct pages written in a window of so many seconds of guest time. */
export type DirtyCurve = (windowSec: number) => number;

/** Pages that are written, and writes a second over all of them. */
export interface WriteClass {
  readonly pages: number;
  readonly writesPerSec: number;
}

/** Every page as likely as any other: W (1 - exp(-r dt / W)). */
export function uniformCurve({ pages, writesPerSec }: WriteClass): DirtyCurve {
  checkClass({ pages, writesPerSec });
  return (windowSec) => pages * (1 - exponential((-writesPerSec * windowSec) / pages));
}

/** Page after page, around and around: min(W, r dt). SimGrid's curve too, with W its cap. */
export function sequentialCurve({ pages, writesPerSec }: WriteClass): DirtyCurve {
  checkClass({ pages, writesPerSec });
  return (windowSec) => Math.min(pages, writesPerSec * windowSec);
}

/** Several classes of pages, none in two of them. */
export function sumOfCurves(curves: readonly DirtyCurve[]): DirtyCurve {
  return (windowSec) => {
    let pages = 0;
    for (const curve of curves) pages += curve(windowSec);
    return pages;
  };
}

/** A measured point: in windows of this length so many distinct pages were written. */
export interface DirtyPoint {
  readonly windowSec: number;
  readonly pages: number;
}

const POINTS_MAX = 100_000;

/**
 * Straight lines from (0, 0) through measured points, level after the last one.
 *
 * @throws PrecopyError unless windows rise from above 0 and pages never fall.
 */
export function tabulatedCurve(points: readonly DirtyPoint[]): DirtyCurve {
  if (points.length < 1 || points.length > POINTS_MAX) {
    const limit = `give 1 to ${POINTS_MAX}`;
    throw new PrecopyError("bad-input", `a dirty curve has ${points.length} points: ${limit}`);
  }
  const windows = Float64Array.from([0, ...points.map((point) => point.windowSec)]);
  const counts = Float64Array.from([0, ...points.map((point) => point.pages)]);
  for (let i = 1; i < windows.length; i++) checkPoint(windows, counts, i);
  const last = windows.length - 1;
  return (windowSec) => {
    if (windowSec >= (windows[last] as number)) return counts[last] as number;
    let low = 0;
    let high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((windows[middle] as number) <= windowSec) low = middle;
      else high = middle;
    }
    const [fromSec, from] = [windows[low] as number, counts[low] as number];
    const [toSec, to] = [windows[high] as number, counts[high] as number];
    return from + ((to - from) * (windowSec - fromSec)) / (toSec - fromSec);
  };
}

/**
 * The curve of a synthetic guest of page mode: uniform, hot-cold and sequential patterns, each on
 * pages of its own, all the time.
 *
 * @throws PrecopyError for Zipf patterns, phases and patterns that overlap: measure those.
 */
export function curveOfSynthetic({ components }: SyntheticSpec): DirtyCurve {
  const ordered = [...components].sort((a, b) => a.pattern.firstPage - b.pattern.firstPage);
  let end = 0;
  const curves = ordered.map(({ pattern, accessesPerSec, phase }) => {
    const { kind, firstPage, pages, writeFraction = 1 } = pattern;
    if (kind === "zipf" || phase !== undefined || firstPage < end) {
      const what = kind === "zipf" ? "a zipf pattern" : phase ? "a phase" : "patterns that overlap";
      throw new PrecopyError(
        "unsupported",
        `a formula for the dirty curve of ${what} is not known: measure it and use tabulatedCurve`,
      );
    }
    end = firstPage + pages;
    const writesPerSec = accessesPerSec * writeFraction;
    if (kind === "sequential") return sequentialCurve({ pages, writesPerSec });
    if (kind === "uniform") return uniformCurve({ pages, writesPerSec });
    const hot = { pages: pattern.hotPages, writesPerSec: writesPerSec * pattern.hotFraction };
    if (pattern.hotPages === pages) return uniformCurve({ pages, writesPerSec });
    const cold = {
      pages: pages - pattern.hotPages,
      writesPerSec: writesPerSec * (1 - pattern.hotFraction),
    };
    return sumOfCurves([uniformCurve(hot), uniformCurve(cold)]);
  });
  return sumOfCurves(curves);
}

/** Halvings of the interval that holds a fixed point: more than an f64 has bits. */
const BISECTIONS = 60;

/**
 * The round length at which pre-copy stops making progress: the t > 0 with D(t) c = B t, where
 * the guest writes what the link carries. 0 when rounds shrink without end.
 */
export function plateauSec(
  curve: DirtyCurve,
  {
    pages,
    bytesPerPage,
    bytesPerSec,
  }: {
    readonly pages: number;
    readonly bytesPerPage: number;
    readonly bytesPerSec: number;
  },
): number {
  const roundSec = (windowSec: number) => (curve(windowSec) * bytesPerPage) / bytesPerSec;
  let high = (pages * bytesPerPage) / bytesPerSec;
  // A nanosecond's window tells the rate at the origin, where the curve is steepest.
  let low = 1e-9;
  if (!(roundSec(low) > low)) return 0;
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (roundSec(middle) > middle) low = middle;
    else high = middle;
  }
  return high;
}

function checkClass({ pages, writesPerSec }: WriteClass): void {
  if (pages > 0 && pages <= 2 ** 40 && writesPerSec >= 0 && writesPerSec <= 1e15) return;
  throw new PrecopyError(
    "bad-input",
    `a dirty curve has ${pages} pages and ${writesPerSec} writes a second: ` +
      "give more than 0 pages, at most 2^40, and 0 to 1e15 writes",
  );
}

function checkPoint(windows: Float64Array, counts: Float64Array, at: number): void {
  const [before, windowSec] = [windows[at - 1] as number, windows[at] as number];
  const [fewer, pages] = [counts[at - 1] as number, counts[at] as number];
  if (windowSec > before && pages >= fewer && windowSec <= 1e9 && pages <= 2 ** 40) return;
  throw new PrecopyError(
    "bad-input",
    `point ${at} of a dirty curve is ${windowSec} s, ${pages} pages after ${before} s, ${fewer} ` +
      "pages: windows must rise and pages must not fall",
  );
}
