/**
 * What `run --json` prints: a result as it is, plain data with units in the names, integer
 * nanoseconds and bytes. Its form changes only with `schemaVersion`; docs/CLI.md has all of it.
 */
import type { SimulationResult } from "../model/simulation.js";

/** The result of a run as data of its own that `JSON.stringify` keeps whole. */
export function toJson(result: SimulationResult): SimulationResult {
  return structuredClone(result);
}
