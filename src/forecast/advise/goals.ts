/**
 * What the user wants of a migration, and whether a forecast keeps it. Every figure is judged at the
 * 90 % end of its range: nine of ten sets of circumstances are no worse.
 */
import { PrecopyError } from "../../base/errors.js";
import type { Forecast } from "../forecast.js";

export interface Goals {
  /** Longest downtime that is accepted. Default: the limit that was asked for, or 300 ms. */
  readonly downtimeMs?: number;
  /** Longest time from the request to the guest's running alone at the target. Default: any. */
  readonly totalMs?: number;
}

export interface Wanted {
  readonly downtimeMs: number;
  /** The user said so; else it is the limit that was asked for. */
  readonly downtimeSaid: boolean;
  /** Infinite: any. */
  readonly totalMs: number;
}

/** How a forecast stands to what is wanted. */
export interface Verdict {
  /** The guest gets over in nine of ten sets of circumstances. */
  readonly moves: boolean;
  readonly downtime: boolean;
  readonly total: boolean;
  readonly meets: boolean;
  /** How far below what is wanted, as a share of it; negative: above. 1 where anything will do. */
  readonly downtimeMargin: number;
  readonly totalMargin: number;
}

/** As the range of a forecast ends: validation.ts, `rangeOf`. */
export const SHARE = 0.9;
/**
 * A downtime limit is for the last pages alone: stopping, devices and resuming come on top. Where the
 * limit stands for what is accepted, so much over it is let pass.
 */
export const LIMIT_SLACK = 1.05;
const MS_MAX = 30 * 86_400_000;

/** @throws PrecopyError for times that nobody can mean. */
export function wantedOf(goals: Goals, limitMs: number): Wanted {
  for (const [name, value] of Object.entries(goals)) {
    if (value === undefined || (value >= 1 && value <= MS_MAX)) continue;
    throw new PrecopyError(
      "bad-input",
      `goals.${name} is ${value}: give milliseconds from 1 to ${MS_MAX.toLocaleString("en")}`,
    );
  }
  return {
    downtimeMs: goals.downtimeMs ?? limitMs,
    downtimeSaid: goals.downtimeMs !== undefined,
    totalMs: goals.totalMs ?? Number.POSITIVE_INFINITY,
  };
}

/** The longest downtime that passes. */
export function downtimeMostMs({ downtimeMs, downtimeSaid }: Wanted): number {
  return downtimeSaid ? downtimeMs : downtimeMs * LIMIT_SLACK;
}

export function judge({ completesShare, downtimeMs, totalMs }: Forecast, wanted: Wanted): Verdict {
  const moves = completesShare >= SHARE;
  const downtime = moves && downtimeMs.high <= downtimeMostMs(wanted);
  const total = moves && totalMs.high <= wanted.totalMs;
  const margin = (value: number, most: number) =>
    Number.isFinite(most) ? 1 - value / most : moves ? 1 : Number.NEGATIVE_INFINITY;
  return {
    ...{ moves, downtime, total, meets: downtime && total },
    downtimeMargin: margin(downtimeMs.high, wanted.downtimeMs),
    totalMargin: margin(totalMs.high, wanted.totalMs),
  };
}
