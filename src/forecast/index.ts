/** Forecasts of real migrations, and what they are held against. */
export { type BaselineOutcome, geometric, uniquePages } from "./baselines.js";
export { type CurveFitOptions, curveOfClasses, fitCurve, type RateClass } from "./curve-fit.js";
export { type Forecast, type ForecastInput, forecast } from "./forecast.js";
export { type LoopCosts, QEMU72_COSTS } from "./loop-costs.js";
export { SlotMachine, type SlotMachineOptions, type SlotOutcome } from "./slot-machine.js";
export { BOUNDS, type Range, type RunVerdict } from "./validation.js";
export { forecastXen, type XenForecast } from "./xen-forecast.js";
