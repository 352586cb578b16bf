/** Readings of one guest's dirty rate as the guest of a forecast. */
import type { RatesGuest } from "../forecast-guest.js";
import { dirtyPoints } from "./dirty-points.js";
import type { DirtyRateReading } from "./dirty-rates.js";

/** From so many readings of one window on, their spread is what the guest does at different times. */
const LEVELS_MIN = 3;

/**
 * @param pages of the guest's memory, 4 KiB each
 * @throws PrecopyError for no readings, and for those of several guests
 */
export function ratesGuest(
  readings: readonly DirtyRateReading[],
  pages: number,
): { readonly guest: RatesGuest; readonly notes: readonly string[] } {
  const { points, windows, notes } = dirtyPoints(readings);
  const cutOffs = windows.map((one) => one.resolutionPages / one.windowSec);
  const errors = windows.flatMap(({ standardErrorPages: error, pages: n, readings: times }) =>
    error === undefined || n === 0 ? [] : error / n / Math.sqrt(times),
  );
  const most = windows.reduce((a, b) => (b.readings > a.readings ? b : a));
  const levels = readings
    .filter(({ windowSec }) => Math.abs(windowSec - most.windowSec) < 1e-3)
    .map((one) => one.pagesPerWindow / most.medianPages)
    .sort((a, b) => a - b);
  const guest: RatesGuest = {
    ...{ kind: "rates", pages, dirtied: points },
    cutOffPagesPerSec: Math.max(0, ...cutOffs),
    ...(errors.length > 0 && { errorShare: Math.max(...errors) }),
    ...(levels.length >= LEVELS_MIN && most.medianPages > 0 && { levels }),
  };
  return { guest, notes };
}
