/**
 * The names that exist: strategies, predictors and presets, ours and those that a plug-in adds.
 * Everything that takes a name (YAML, command line, library) asks here.
 */
import { PrecopyError } from "../base/errors.js";
import { type ParamValues, parseParams } from "../base/params.js";
import { ADMISSIONS } from "../policy/admission/index.js";
import type { AdmissionFactory, AdmissionRule } from "../policy/admission.js";
import type { Preset } from "../policy/preset.js";
import { PRESETS } from "../policy/presets/index.js";
import { PREDICTORS, type PredictorFactory } from "../workingset/index.js";
import { preCopy, seed } from "./strategies/pre-copy.js";
import { suspend } from "./strategies/suspend.js";
import type { StrategyFactory } from "./strategy.js";
import { parseStrategyName } from "./strategy-name.js";

/** A name resolved to what it stands for. */
export interface ResolvedStrategy {
  /** As it was written. */
  readonly name: string;
  readonly strategy: StrategyFactory;
  readonly strategyParams: ParamValues;
  readonly predictor: PredictorFactory;
  readonly predictorParams: ParamValues;
  readonly preset: Preset;
}

interface Named {
  readonly name: string;
}

export class Registry {
  private readonly strategies = new Map<string, StrategyFactory>();
  private readonly predictors = new Map<string, PredictorFactory>();
  private readonly presets = new Map<string, Preset>();
  private readonly admissions = new Map<string, AdmissionFactory>();

  /** A registry with everything that this package brings. */
  static standard(): Registry {
    const registry = new Registry();
    for (const strategy of [suspend, preCopy, seed]) registry.addStrategy(strategy);
    for (const predictor of PREDICTORS) registry.addPredictor(predictor);
    for (const preset of PRESETS) registry.addPreset(preset);
    for (const admission of ADMISSIONS) registry.addAdmission(admission);
    return registry;
  }

  addStrategy(strategy: StrategyFactory): void {
    add(this.strategies, "strategy", strategy);
  }

  addPredictor(predictor: PredictorFactory): void {
    add(this.predictors, "predictor", predictor);
  }

  addPreset(preset: Preset): void {
    add(this.presets, "preset", preset);
  }

  addAdmission(admission: AdmissionFactory): void {
    add(this.admissions, "admission rule", admission);
  }

  listStrategies(): readonly StrategyFactory[] {
    return [...this.strategies.values()];
  }

  listPredictors(): readonly PredictorFactory[] {
    return [...this.predictors.values()];
  }

  listPresets(): readonly Preset[] {
    return [...this.presets.values()];
  }

  listAdmissions(): readonly AdmissionFactory[] {
    return [...this.admissions.values()];
  }

  /** Resolves an admission rule's name with its parameters: `lt-rt`, `at-once:2`, `per-host:out=2`. */
  resolveAdmission(text: string): AdmissionRule {
    const at = text.indexOf(":");
    const name = (at < 0 ? text : text.slice(0, at)).trim();
    const given = at < 0 ? "" : text.slice(at + 1).trim();
    const rule = find(this.admissions, "admission rule", name);
    const keyed = rule.positional === undefined || given === "" || given.includes("=");
    return rule.create(
      parseParams(name, keyed ? given : `${rule.positional}=${given}`, rule.params),
    );
  }

  /** Resolves `strategy+predictor:params@preset`. */
  resolve(text: string): ResolvedStrategy {
    const name = parseStrategyName(text);
    const strategy = find(this.strategies, "strategy", name.strategy);
    const predictor = find(
      this.predictors,
      "predictor",
      name.predictor || strategy.defaultPredictor,
    );
    const preset = find(this.presets, "preset", name.preset || strategy.defaultPreset);
    return {
      name: text.trim(),
      strategy,
      strategyParams: parseParams(strategy.name, name.strategyParams, strategy.params),
      predictor,
      predictorParams: parseParams(predictor.name, name.predictorParams, predictor.params),
      preset,
    };
  }
}

function add<T extends Named>(table: Map<string, T>, what: string, entry: T): void {
  if (table.has(entry.name)) {
    throw new PrecopyError("bad-input", `there is a ${what} named "${entry.name}" already`);
  }
  table.set(entry.name, entry);
}

function find<T>(table: ReadonlyMap<string, T>, what: string, name: string): T {
  const found = table.get(name);
  if (found === undefined) {
    throw new PrecopyError(
      "unknown-name",
      `there is no ${what} "${name}": choose one of ${[...table.keys()].join(", ")}`,
    );
  }
  return found;
}
