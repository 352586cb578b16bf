/**
 * The smallest value that works, where more need not be better all the way: a ladder upwards until a
 * rung holds and bisection between the last rung that failed and that one, both under the usual
 * circumstances; then as much more as all circumstances want.
 */

/** `usual`: the usual circumstances alone; `few`: three more; `full`: as the final forecast. */
export type Depth = "usual" | "few" | "full";

export interface Ladder {
  /** Does not work, as far as is known. */
  readonly from: number;
  /** The highest rung. */
  readonly to: number;
  /** From rung to rung. */
  readonly step: number;
  /** Values between which there is none. */
  round(value: number): number;
}

/** Closer is not looked for: forecasts are not that exact. */
const PRECISION = 1.03;
/** All circumstances may want a little more: so much at first, then twice as much each time. */
const MORE = 0.02;
const MORE_TRIES = 8;

export function smallest(
  { from, to, step, round }: Ladder,
  holds: (value: number, depth: Depth) => boolean,
): number | undefined {
  let low = from;
  let high: number | undefined;
  for (let rung = from; rung < to && high === undefined; ) {
    rung = Math.min(to, Math.max(rung + 1e-9, round(rung * step)));
    if (holds(rung, "usual")) high = rung;
    else low = rung;
  }
  if (high === undefined) return undefined;
  while (high / low > PRECISION) {
    const middle = round(Math.sqrt(low * high));
    if (middle <= low || middle >= high) break;
    if (holds(middle, "usual")) high = middle;
    else low = middle;
  }
  let more = MORE;
  for (let tries = 0; tries < MORE_TRIES; tries++) {
    // The few are among all, and cost a third.
    if (holds(high, "few") && holds(high, "full")) return high;
    if (high >= to) return undefined;
    high = Math.min(to, round(high * (1 + more)));
    more *= 2;
  }
  return undefined;
}
