/**
 * From readings to the points that a dirty curve is fitted to: one a window, the median of its
 * readings, and a longer window never with fewer pages than a shorter one.
 */
import { PrecopyError } from "../../base/errors.js";
import { PAGE_SIZE_BYTES } from "../../base/units.js";
import type { DirtyPoint } from "../../fluid/index.js";
import { risingPools } from "../rising-pools.js";
import type { DirtyRateReading } from "./dirty-rates.js";

/** All readings of one window. */
export interface DirtyWindow extends DirtyPoint {
  readonly readings: number;
  /** Half of the readings lie between. */
  readonly quartilePages: readonly [number, number];
  readonly rangePages: readonly [number, number];
  /** The true pages may be more by up to so many. */
  readonly resolutionPages: number;
  /** Of one reading, where it is a sample. */
  readonly standardErrorPages?: number;
  /** The median, where it was pooled with that of another window. */
  readonly medianPages: number;
}

export interface DirtyPoints {
  /** For `fitCurve` and `forecast`: windows rise, pages do not fall. */
  readonly points: readonly DirtyPoint[];
  readonly windows: readonly DirtyWindow[];
  readonly notes: readonly string[];
}

const NAMED_MAX = 10;

/** @throws PrecopyError for no readings, and for those of several guests. */
export function dirtyPoints(readings: readonly DirtyRateReading[]): DirtyPoints {
  checkGuest(readings);
  const pools = risingPools(windowsOf(readings));
  // A pool's windows stay apart, level: as a point between them it would move the short ones.
  const windows = pools.flatMap(({ pages, points }) => points.map((one) => ({ ...one, pages })));
  const pooled = pools.filter(({ points }) => fall(points));
  return {
    points: windows.map(({ windowSec, pages }) => ({ windowSec, pages })),
    windows,
    notes: pooled.map(({ points }) => {
      const list = points.map((one) => `${one.windowSec} s`).join(", ");
      return `fewer pages in longer windows, which no guest writes: ${list} have their mean`;
    }),
  };
}

const fall = (points: readonly DirtyPoint[]) =>
  points.some(({ pages }, i) => pages < (points[i - 1]?.pages ?? 0));

function checkGuest(readings: readonly DirtyRateReading[]): void {
  if (readings.length === 0) {
    throw new PrecopyError("bad-input", "there is no reading of a dirty rate: give one or more");
  }
  const guests = [...new Set(readings.map(({ guest }) => guest ?? "one without a name"))];
  if (guests.length === 1) return;
  const more = guests.length > NAMED_MAX ? `, and ${guests.length - NAMED_MAX} more` : "";
  throw new PrecopyError(
    "bad-input",
    `these are dirty rates of ${guests.length} guests; choose one: ` +
      guests.slice(0, NAMED_MAX).join(", ") +
      more,
  );
}

function windowsOf(readings: readonly DirtyRateReading[]): DirtyWindow[] {
  const byMs = new Map<number, DirtyRateReading[]>();
  for (const reading of readings) {
    const ms = Math.round(reading.windowSec * 1000);
    const same = byMs.get(ms);
    if (same === undefined) byMs.set(ms, [reading]);
    else same.push(reading);
  }
  return [...byMs.values()].map(windowOf);
}

function windowOf(readings: readonly DirtyRateReading[]): DirtyWindow {
  const { windowSec } = readings[0] as DirtyRateReading;
  const sorted = readings.map((one) => one.pagesPerWindow).sort((a, b) => a - b);
  const toPages = (bytesPerSec: number) => (bytesPerSec * windowSec) / PAGE_SIZE_BYTES;
  const resolution = readings.reduce((most, one) => {
    return Math.max(most, one.resolutionBytesPerSec ?? 0);
  }, 0);
  const errors = readings.flatMap((one) => one.standardErrorBytesPerSec ?? []);
  const median = quantile(sorted, 0.5);
  const error = quantile(
    errors.sort((a, b) => a - b),
    0.5,
  );
  return {
    windowSec,
    pages: median,
    medianPages: median,
    readings: readings.length,
    quartilePages: [quantile(sorted, 0.25), quantile(sorted, 0.75)],
    rangePages: [quantile(sorted, 0), quantile(sorted, 1)],
    resolutionPages: toPages(resolution),
    ...(errors.length > 0 && { standardErrorPages: toPages(error) }),
  };
}

/** With straight lines between the values, which are in order. */
function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? 0;
  const high = sorted[Math.ceil(at)] ?? 0;
  return low + (high - low) * (at - Math.floor(at));
}
