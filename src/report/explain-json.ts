/**
 * What `explain --json` prints: the figures with their lines, plain data with units in the names.
 * The looks of a sampled log are counted, not repeated: passes are made of them.
 */
import type { Explanation } from "../forecast/explain.js";
import type { Replay } from "../forecast/replay.js";

export const EXPLAIN_SCHEMA_VERSION = 1;

export function explainJson(explanation: Explanation, replayed?: Replay): object {
  const { observed, preset, passes, ...rest } = explanation;
  const { samples, passes: _, ...told } = observed;
  return structuredClone({
    schemaVersion: EXPLAIN_SCHEMA_VERSION,
    observed: { ...told, samples: samples.length },
    preset: preset.name,
    passes,
    ...rest,
    ...(replayed && { replay: replayed }),
  });
}
