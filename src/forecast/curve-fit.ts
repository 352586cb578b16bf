/**
 * The unique-dirty curve of a guest from what operators can measure: how many distinct pages it
 * wrote in windows of one or several lengths (QEMU's calc-dirty-rate and virsh domdirtyrate-calc
 * tell exactly that, as a rate). A curve is a mixture of classes of pages that are written
 * independently at a rate each, D(dt) = sum n (1 - e^(-l dt)): every non-negative mixture is
 * possible and nothing else is, so the sizes n are fitted by least squares of relative errors under
 * n >= 0 over a fixed ladder of rates (coordinate descent, as in Lawson & Hanson's problem NNLS).
 */
import { PrecopyError } from "../base/errors.js";
import { exponential } from "../base/math.js";
import type { DirtyCurve, DirtyPoint } from "../fluid/index.js";

/** Pages that are written at the same rate. */
export interface RateClass {
  readonly pages: number;
  readonly writesPerPageSec: number;
}

export function curveOfClasses(classes: readonly RateClass[]): DirtyCurve {
  return (windowSec) => {
    let pages = 0;
    for (const { pages: n, writesPerPageSec } of classes) {
      pages += n * (1 - exponential(-writesPerPageSec * windowSec));
    }
    return pages;
  };
}

export interface CurveFitOptions {
  /** No guest writes more pages than it has. */
  readonly pagesMax: number;
  /**
   * How far the curve goes on growing beyond the longest window: its slowest class is written so
   * many times in that window. Measurements do not tell it; small = long tail. Default 0.3.
   */
  readonly slowestWrites?: number;
}

const SLOWEST_WRITES = 0.3;
/** A class that is written 20 times in the shortest window is whole in it. */
const FASTEST_WRITES = 20;
const LADDER_STEP = 1.5;
const LADDER_MAX = 64;
const SWEEPS = 400;
const POINTS_MAX = 1000;
/** Classes below this many pages are left out. */
const PAGES_MIN = 1e-3;

/**
 * @param points windows in ascending length; pages may not fall, as D does not
 * @throws PrecopyError for no points, too many, or such that no guest can have
 */
export function fitCurve(points: readonly DirtyPoint[], options: CurveFitOptions): RateClass[] {
  const { pagesMax, slowestWrites = SLOWEST_WRITES } = options;
  check(points, pagesMax);
  const written = points.filter(({ pages }) => pages > 0);
  if (written.length === 0) return [];
  const longest = (points.at(-1) as DirtyPoint).windowSec;
  const shortest = (points[0] as DirtyPoint).windowSec;
  const rates: number[] = [];
  let rate = slowestWrites / longest;
  while (rates.length < LADDER_MAX) {
    rates.push(rate);
    if (rate * shortest >= FASTEST_WRITES) break;
    rate *= LADDER_STEP;
  }
  // A tail so long that it takes more pages than there are: without its slowest class, then.
  let sizes = leastSquares(written, rates);
  while (rates.length > 1 && sizes.reduce((sum, n) => sum + n, 0) > pagesMax) {
    rates.shift();
    sizes = leastSquares(written, rates);
  }
  return rates.flatMap((writesPerPageSec, j) => {
    const pages = Math.min(sizes[j] as number, pagesMax);
    return pages > PAGES_MIN ? { pages, writesPerPageSec } : [];
  });
}

/** Sizes n >= 0 whose mixture is nearest to the points. */
function leastSquares(points: readonly DirtyPoint[], rates: readonly number[]): Float64Array {
  const rows = points.map(({ windowSec, pages }) =>
    Float64Array.from(rates, (rate) => (1 - exponential(-rate * windowSec)) / pages),
  );
  const sizes = new Float64Array(rates.length);
  const left = new Float64Array(points.length).fill(1);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let j = 0; j < rates.length; j++) {
      let along = 0;
      let square = 0;
      for (let i = 0; i < rows.length; i++) {
        const cell = (rows[i] as Float64Array)[j] as number;
        along += cell * (left[i] as number);
        square += cell * cell;
      }
      const before = sizes[j] as number;
      const after = Math.max(0, before + along / square);
      if (after === before) continue;
      for (let i = 0; i < rows.length; i++) {
        const cell = (rows[i] as Float64Array)[j] as number;
        left[i] = (left[i] as number) - cell * (after - before);
      }
      sizes[j] = after;
    }
  }
  return sizes;
}

function check(points: readonly DirtyPoint[], pagesMax: number): void {
  if (points.length < 1 || points.length > POINTS_MAX) {
    const what = `a dirty curve is fitted to ${points.length} windows: give 1 to ${POINTS_MAX}`;
    throw new PrecopyError("bad-input", what);
  }
  let before: DirtyPoint = { windowSec: 0, pages: 0 };
  for (const [i, point] of points.entries()) {
    const { windowSec, pages } = point;
    if (!(windowSec > before.windowSec && pages >= before.pages && pages <= pagesMax)) {
      throw new PrecopyError(
        "bad-input",
        `window ${i + 1} is ${windowSec} s with ${pages} pages after ${before.windowSec} s with ` +
          `${before.pages}: windows must rise, pages may not fall nor exceed ${pagesMax}`,
      );
    }
    before = point;
  }
}
