/**
 * `precopy/forecast`: migrations of real hypervisors before they start and after they have ended.
 * {@link forecast} says how one will go, {@link readDirtyRates} reads what operators measure
 * beforehand, {@link readMigrationLog} and {@link explain} say what happened in one. Imports nothing that
 * has to be installed and nothing of Node: traces come from `precopy`.
 *
 * Times of forecasts are milliseconds, rates bytes a second, memory pages of 4 KiB.
 */
export { PrecopyError } from "./base/errors.js";
export { type Explanation, explain } from "./forecast/explain.js";
export { forecastInputs, type NamedForecast } from "./forecast/forecast-spec.js";
export * from "./forecast/index.js";
export {
  detectLog,
  LOG_IMPORTERS,
  type LogFormat,
  type ObservedMigration,
  readMigrationLog,
} from "./forecast/logs/index.js";
export {
  type DirtyRateReading,
  type DirtyRates,
  dirtyPoints,
  parseRatePoints,
  readDirtyRates,
} from "./forecast/rates/index.js";
export { type Replay, type ReplaySettings, replay } from "./forecast/replay.js";
