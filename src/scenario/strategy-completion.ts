/**
 * What an editor knows of strategy names: one for everything that is registered to choose from, and
 * a pattern that underlines a name that does not exist. Parameters are left to the loader.
 */
import type { Registry } from "../migrate/registry.js";
import { representativeNames } from "../migrate/representatives.js";

export interface StrategyCompletion {
  readonly examples: readonly string[];
  /** A regular expression without flags; names are letters, digits and hyphens. */
  readonly pattern: string;
}

export function strategyCompletion(registry: Registry): StrategyCompletion {
  const named = (...kinds: readonly string[]) => {
    const of = registry.listTechniques().filter(({ kind }) => kinds.includes(kind));
    return `(${of.map(({ factory }) => factory.name).join("|")})(:[^+@]*)?`;
  };
  const apart = ["strategy", "preset", "admission"];
  const techniques = registry.kinds().filter((kind) => !apart.includes(kind));
  return {
    examples: representativeNames(registry),
    pattern: `^\\s*${named("strategy")}(\\+${named(...techniques)})*(@${named("preset")})?\\s*$`,
  };
}
