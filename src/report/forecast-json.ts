/** A forecast for machines: times in integer nanoseconds, names end in their unit. */
import type { Forecast, ForecastInput } from "../forecast/forecast.js";
import { DEFAULT_DOWNTIME_LIMIT_MS } from "../forecast/forecast.js";
import { pagesOf } from "../forecast/forecast-guest.js";
import type { Range } from "../forecast/validation.js";

export const FORECAST_SCHEMA_VERSION = 1;

/** Figures that never come are null. */
export function forecastJson(name: string, input: ForecastInput, said: Forecast): object {
  const ns = (range: Range) => scaled(range, 1e6);
  const { plateau } = said;
  return {
    guest: name,
    strategy: said.strategy,
    pages: pagesOf(input.guest),
    content: input.content ?? {},
    linkBytesPerSec: input.linkBytesPerSec,
    linkKnown: input.linkKnown ?? "nominal",
    downtimeLimitNs: Math.round((input.downtimeLimitMs ?? DEFAULT_DOWNTIME_LIMIT_MS) * 1e6),
    loop: said.loop,
    rate: said.rate,
    converges: said.converges,
    convergesShare: said.convergesShare,
    completesShare: said.completesShare,
    plateau: plateau && { passNs: Math.round(plateau.passSec * 1e9), pages: round(plateau.pages) },
    rule: said.rule,
    rules: said.rules,
    totalNs: ns(said.totalMs),
    downtimeNs: ns(said.downtimeMs),
    bytes: scaled(said.bytes, 1),
    rounds: said.rounds.middle === Infinity ? null : said.rounds,
    throttlePercent: said.throttlePercent,
    finalDowntimeLimitNs: Math.round(said.downtimeLimitMs * 1e6),
    dirtied: said.dirtied.map(({ windowSec, pages }) => ({
      ...{ windowNs: Math.round(windowSec * 1e9), pages: round(pages) },
    })),
    passes: said.passes.map(({ endMs, dirtiedPages, unsentPages }) => ({
      endNs: Math.round(endMs * 1e6),
      ...{ pagesDirtied: round(dirtiedPages), pagesOwed: round(unsentPages) },
    })),
  };
}

const round = (value: number) => Math.round(value);

function scaled({ low, middle, high }: Range, by: number): object {
  const of = (value: number) => (Number.isFinite(value) ? Math.round(value * by) : null);
  return { p10: of(low), median: of(middle), p90: of(high) };
}
