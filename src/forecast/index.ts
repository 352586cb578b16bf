/** Forecasts of real migrations, and what they are held against. */
export { type BaselineOutcome, geometric, uniquePages } from "./baselines.js";
export { type ContentFacts, contentOfProfile, UNKNOWN_CONTENT } from "./content-facts.js";
export { type CurveFitOptions, curveOfClasses, fitCurve, type RateClass } from "./curve-fit.js";
export { type Forecast, type ForecastInput, forecast, type RuleShare } from "./forecast.js";
export { forecastCosts } from "./forecast-costs.js";
export type { ClassesGuest, ForecastGuest, RatesGuest, TraceGuest } from "./forecast-guest.js";
export {
  DEFAULT_FORECAST_STRATEGY,
  type ForecastSettings,
  forecastSettings,
} from "./forecast-settings.js";
export { type LoopCosts, QEMU72_COSTS } from "./loop-costs.js";
export { SlotMachine, type SlotMachineOptions } from "./slot-machine.js";
export type { SlotOutcome } from "./slot-outcome.js";
export { BOUNDS, type Range, type RunVerdict } from "./validation.js";
export { forecastXen, type XenForecast } from "./xen-forecast.js";
