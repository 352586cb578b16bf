/**
 * When to migrate: the same migration forecast with the dirty rates of one time after another. A
 * stretch of times is as good as the worst moment in it.
 */
import { PrecopyError } from "../../base/errors.js";
import {
  DEFAULT_DOWNTIME_LIMIT_MS,
  type Forecast,
  type ForecastInput,
  forecast,
} from "../forecast.js";
import { forecastSettings } from "../forecast-settings.js";
import { type DirtyRateReading, dirtyPoints } from "../rates/index.js";
import { type Goals, judge, type Verdict, type Wanted, wantedOf } from "./goals.js";
import { askedLimitMs } from "./knobs.js";

/** Readings of one time after another. */
export interface Moment {
  /** Of its readings, on the file's clock. */
  readonly fromSec: number;
  readonly toSec: number;
  readonly readings: number;
  /** Of the longest window. */
  readonly dirtyBytesPerSec: number;
  readonly forecast: Forecast;
  readonly verdict: Verdict;
}

/** Moments in a row that are alike in meeting the goals or not. */
export interface Stretch {
  readonly fromSec: number;
  readonly toSec: number;
  readonly moments: number;
  readonly meets: boolean;
  /** The worst moment's: how far below what is wanted. */
  readonly margin: number;
}

export interface BestMoment {
  readonly wanted: Wanted;
  readonly moments: readonly Moment[];
  readonly stretches: readonly Stretch[];
  readonly best: Stretch;
  readonly worst: Stretch;
  /** What this series cannot tell. */
  readonly notes: readonly string[];
}

const MOMENTS_MAX = 60;
const READINGS_MAX = 1_000_000;
const CIRCUMSTANCES = 3;
const DAY_SEC = 86_400;
const PAGE_BYTES = 4096;

/**
 * `inputAt`: the migration with a guest of these readings, `{ kind: "rates", … }`.
 *
 * @throws PrecopyError for readings without times, of several guests, or too many
 */
export function bestMoment(
  readings: readonly DirtyRateReading[],
  inputAt: (readings: readonly DirtyRateReading[]) => ForecastInput,
  goals: Goals = {},
): BestMoment {
  const timed = inOrder(readings);
  const first = inputAt(timed.slice(0, 1));
  const { strategy } = first;
  const settings = typeof strategy === "object" ? strategy : forecastSettings(strategy);
  const wanted = wantedOf(goals, askedLimitMs(first, settings) || DEFAULT_DOWNTIME_LIMIT_MS);
  const moments = buckets(timed).map((some): Moment => {
    const made = forecast({ circumstances: CIRCUMSTANCES, ...inputAt(some) });
    const longest = dirtyPoints(some).points.at(-1);
    const { pages = 0, windowSec = 1 } = longest ?? {};
    return {
      fromSec: atSecOf(some[0]),
      toSec: atSecOf(some.at(-1)),
      readings: some.length,
      dirtyBytesPerSec: (pages * PAGE_BYTES) / windowSec,
      forecast: made,
      verdict: judge(made, wanted),
    };
  });
  const stretches = stretchesOf(moments);
  const byMargin = [...stretches].sort((a, b) => b.margin - a.margin || b.moments - a.moments);
  const [best] = byMargin;
  const worst = byMargin.at(-1);
  if (best === undefined || worst === undefined) throw new Error("one reading, one moment");
  return { wanted, moments, stretches, best, worst, notes: notesOf(timed, moments) };
}

const atSecOf = (one: DirtyRateReading | undefined): number => one?.atSec ?? Number.NaN;

function inOrder(readings: readonly DirtyRateReading[]): DirtyRateReading[] {
  if (readings.length === 0 || readings.length > READINGS_MAX) {
    const limit = READINGS_MAX.toLocaleString("en");
    const problem = `a series of ${readings.length} readings: give 1 to ${limit}`;
    throw new PrecopyError(readings.length === 0 ? "bad-input" : "limit", problem);
  }
  const timed = readings.filter((one) => Number.isFinite(one.atSec));
  if (timed.length < readings.length) {
    throw new PrecopyError(
      "bad-input",
      `${readings.length - timed.length} of ${readings.length} readings do not say when they were ` +
        "taken: the best moment wants all of them with their times",
    );
  }
  return timed.sort((a, b) => atSecOf(a) - atSecOf(b));
}

/** Equal times, at most {@link MOMENTS_MAX}; empty ones are left out. */
function buckets(timed: readonly DirtyRateReading[]): DirtyRateReading[][] {
  const from = atSecOf(timed[0]);
  const spanSec = atSecOf(timed.at(-1)) - from;
  const times = new Set(timed.map(atSecOf)).size;
  const count = Math.min(MOMENTS_MAX, times);
  const all: DirtyRateReading[][] = Array.from({ length: count }, () => []);
  for (const one of timed) {
    const at = spanSec > 0 ? Math.floor(((atSecOf(one) - from) / spanSec) * count) : 0;
    all[Math.min(count - 1, at)]?.push(one);
  }
  return all.filter((some) => some.length > 0);
}

function stretchesOf(moments: readonly Moment[]): Stretch[] {
  const found: Stretch[] = [];
  for (const { fromSec, toSec, verdict } of moments) {
    const margin = Math.min(verdict.downtimeMargin, verdict.totalMargin);
    const last = found.at(-1);
    if (last !== undefined && last.meets === verdict.meets) {
      const moved = { toSec, moments: last.moments + 1, margin: Math.min(last.margin, margin) };
      found[found.length - 1] = { ...last, ...moved };
    } else {
      found.push({ fromSec, toSec, moments: 1, meets: verdict.meets, margin });
    }
  }
  return found;
}

/** A pattern of the day wants to be seen twice. */
function notesOf(timed: readonly DirtyRateReading[], moments: readonly Moment[]): string[] {
  const spanSec = atSecOf(timed.at(-1)) - atSecOf(timed[0]);
  const notes: string[] = [];
  if (moments.length === 1) notes.push("all readings are of one time: there is nothing to choose");
  if (spanSec < 2 * DAY_SEC) {
    const hours = Number((spanSec / 3600).toPrecision(2));
    notes.push(
      `the series spans ${hours} h: whether tomorrow is like it takes two days or more to tell`,
    );
  }
  return notes;
}
