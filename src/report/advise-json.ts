/** What `advise --json` prints: plain data with units in the names; infinite figures are null there. */
import type {
  Advice,
  AdvisedOption,
  BestMoment,
  Drain,
  DrainMove,
} from "../forecast/advise/index.js";
import type { Forecast } from "../forecast/forecast.js";

export const ADVISE_SCHEMA_VERSION = 1;

export interface NamedAdvice {
  readonly name: string;
  readonly advice: Advice;
}

export function adviseJson(all: readonly NamedAdvice[]): object {
  return { schemaVersion: ADVISE_SCHEMA_VERSION, advices: all.map(one) };
}

function one({ name, advice }: NamedAdvice): object {
  const { wanted, tool, asked, options, recommended, rejected, attainable } = advice;
  return {
    ...{ name, wanted, tool, attainable },
    asked: { ...asked.verdict, forecast: figures(asked.forecast) },
    recommended: recommended === undefined ? null : options.indexOf(recommended),
    options: options.map(optionJson),
    rejected,
  };
}

function optionJson(one: AdvisedOption): object {
  const { kind, costRank, cost, what, notes, meets, input, commands } = one;
  return {
    ...{ kind, costRank, cost, what, notes, meets },
    strategy: one.strategy,
    downtimeLimitMs: input.downtimeLimitMs ?? null,
    linkBytesPerSec: input.linkBytesPerSec,
    forecast: figures(one.forecast),
    commands,
  };
}

/** Without passes and windows, which `forecast` tells. */
function figures({ passes, dirtied: _, ...rest }: Forecast): object {
  return { ...rest, passes: passes.length };
}

export function momentJson({ moments, ...rest }: BestMoment): object {
  return {
    schemaVersion: ADVISE_SCHEMA_VERSION,
    ...rest,
    moments: moments.map(({ forecast, ...one }) => ({ ...one, forecast: figures(forecast) })),
  };
}

export function drainJson({ plans, recommended, ...rest }: Drain): object {
  const move = ({ forecast, ...one }: DrainMove) => ({ ...one, forecast: figures(forecast) });
  return {
    schemaVersion: ADVISE_SCHEMA_VERSION,
    ...rest,
    recommended: recommended === undefined ? null : recommended.atOnce,
    plans: plans.map(({ order, failing, ...one }) => ({
      ...one,
      order: order.map(move),
      failing: failing.map(move),
    })),
  };
}
