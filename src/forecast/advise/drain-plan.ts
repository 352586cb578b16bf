/**
 * Several guests leave a host over one link: how many at a time, and in which order. Every guest is
 * forecast with its share of the link, for each number at a time; then guests are started shortest
 * first as places become free. Shares are equal and fixed: that the rest speeds up when one ends is
 * left out, so that makespans are upper bounds; one that fits its goals with k at a time does so with
 * fewer beside it.
 */
import { PrecopyError } from "../../base/errors.js";
import { type Forecast, type ForecastInput, forecast } from "../forecast.js";
import { forecastSettings } from "../forecast-settings.js";
import { type Goals, judge, type Verdict, wantedOf } from "./goals.js";
import { askedLimitMs } from "./knobs.js";

export interface DrainGuest {
  readonly name: string;
  /** Its link is that of the plan. */
  readonly input: Omit<ForecastInput, "linkBytesPerSec">;
}

export interface DrainOptions {
  /** At a time, at most. Default 2, KubeVirt's parallelOutboundMigrationsPerNode. */
  readonly atOnceMax?: number;
  readonly goals?: Goals;
}

export interface DrainMove {
  readonly name: string;
  readonly startMs: number;
  /** At the 90 % end; infinite where it does not get over. */
  readonly endMs: number;
  readonly forecast: Forecast;
  readonly verdict: Verdict;
}

/** What `atOnce` at a time come to. */
export interface DrainPlan {
  readonly atOnce: number;
  /** As they are started; those that do not get over are left out. */
  readonly order: readonly DrainMove[];
  /** Guests that do not get over, or not within their goals. */
  readonly failing: readonly DrainMove[];
  /** Of those that get over. */
  readonly makespanMs: number;
  readonly worstDowntimeMs: number;
}

export interface Drain {
  readonly linkBytesPerSec: number;
  readonly guests: number;
  readonly plans: readonly DrainPlan[];
  /** Fewest guests that fail, then the shortest; undefined without guests. */
  readonly recommended: DrainPlan | undefined;
}

/** KubeVirt's parallelOutboundMigrationsPerNode. */
export const AT_ONCE_DEFAULT = 2;
export const DRAIN_GUESTS_MAX = 256;
const AT_ONCE_MAX = 32;
const CIRCUMSTANCES = 3;

/** @throws PrecopyError for too many guests, two of one name, and what is not forecast. */
export function drainPlan(
  guests: readonly DrainGuest[],
  linkBytesPerSec: number,
  { atOnceMax = AT_ONCE_DEFAULT, goals = {} }: DrainOptions = {},
): Drain {
  check(guests, atOnceMax);
  const most = Math.min(guests.length, atOnceMax);
  const plans = Array.from({ length: most }, (_, i) =>
    planFor(i + 1, movesOf(guests, linkBytesPerSec / (i + 1), goals)),
  );
  const [recommended] = [...plans].sort(
    (a, b) =>
      a.failing.length - b.failing.length || a.makespanMs - b.makespanMs || a.atOnce - b.atOnce,
  );
  return { linkBytesPerSec, guests: guests.length, plans, recommended };
}

function check(guests: readonly DrainGuest[], atOnceMax: number): void {
  if (guests.length > DRAIN_GUESTS_MAX) {
    const limit = `${guests.length} guests to drain: the limit is ${DRAIN_GUESTS_MAX}`;
    throw new PrecopyError("limit", `${limit}, drain in parts`);
  }
  if (!Number.isInteger(atOnceMax) || atOnceMax < 1 || atOnceMax > AT_ONCE_MAX) {
    const limit = `give a whole number from 1 to ${AT_ONCE_MAX}`;
    throw new PrecopyError("bad-input", `${atOnceMax} guests at a time: ${limit}`);
  }
  const names = new Set<string>();
  for (const { name } of guests) {
    if (names.has(name)) throw new PrecopyError("bad-input", `two guests are named "${name}"`);
    names.add(name);
  }
}

type Move = Omit<DrainMove, "startMs" | "endMs">;

function movesOf(
  guests: readonly DrainGuest[],
  linkBytesPerSec: number,
  goals: Goals,
): readonly Move[] {
  return guests.map(({ name, input }) => {
    const whole = { circumstances: CIRCUMSTANCES, ...input, linkBytesPerSec };
    const { strategy } = input;
    const settings = typeof strategy === "object" ? strategy : forecastSettings(strategy);
    const made = forecast(whole);
    return {
      name,
      forecast: made,
      verdict: judge(made, wantedOf(goals, askedLimitMs(whole, settings))),
    };
  });
}

/** List scheduling, shortest first: the next guest takes the first place that becomes free. */
function planFor(atOnce: number, moves: readonly Move[]): DrainPlan {
  const free = new Array<number>(atOnce).fill(0);
  const over = moves.filter(({ verdict }) => verdict.moves);
  const shortestFirst = [...over].sort((a, b) => a.forecast.totalMs.high - b.forecast.totalMs.high);
  const order = shortestFirst.map((move): DrainMove => {
    const startMs = Math.min(...free);
    const endMs = startMs + move.forecast.totalMs.high;
    free[free.indexOf(startMs)] = endMs;
    return { ...move, startMs, endMs };
  });
  const never = moves
    .filter(({ verdict }) => !verdict.moves)
    .map((move): DrainMove => ({ ...move, startMs: Number.NaN, endMs: Number.POSITIVE_INFINITY }));
  const high = order.map((move) => move.forecast.downtimeMs.high);
  return {
    ...{ atOnce, order },
    failing: [...never, ...order.filter(({ verdict }) => !verdict.meets)],
    makespanMs: Math.max(0, ...free),
    worstDowntimeMs: Math.max(0, ...high),
  };
}
