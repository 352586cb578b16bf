/**
 * The names that exist: strategies, the techniques that can be combined with them, and presets,
 * ours and those that a plug-in adds. Everything that takes a name (YAML, command line, library)
 * asks here. Names of techniques say nothing of their kind, so no two kinds share one.
 */
import { PrecopyError } from "../base/errors.js";
import { type ParamSpecs, type ParamValues, parseParams } from "../base/params.js";
import { CODECS, type CodecFactory, checkCodecOrder } from "../codec/index.js";
import { ADMISSIONS } from "../policy/admission/index.js";
import type { AdmissionFactory, AdmissionRule } from "../policy/admission.js";
import type { ManagerFactory } from "../policy/manager.js";
import { MANAGERS } from "../policy/managers/index.js";
import type { Preset } from "../policy/preset.js";
import { PRESETS } from "../policy/presets/index.js";
import { RECLAIMS } from "../policy/reclaim/index.js";
import type { ReclaimFactory } from "../policy/reclaim.js";
import { STORAGES, type StorageFactory } from "../policy/storage.js";
import type { ThrottleFactory } from "../policy/throttle.js";
import { THROTTLES } from "../policy/throttles/index.js";
import { PREDICTORS, type PredictorFactory } from "../workingset/index.js";
import { adaptive } from "./strategies/adaptive.js";
import { hybrid } from "./strategies/hybrid.js";
import { postCopy } from "./strategies/post-copy.js";
import { preCopy, seed } from "./strategies/pre-copy.js";
import { suspend } from "./strategies/suspend.js";
import type { StrategyFactory } from "./strategy.js";
import { type NamePart, parseStrategyName } from "./strategy-name.js";

/** A technique with its parameters, as it was chosen. */
export interface Chosen<Factory> {
  readonly factory: Factory;
  readonly params: ParamValues;
}

/** A name resolved to what it stands for. */
export interface ResolvedStrategy {
  /** As it was written. */
  readonly name: string;
  readonly strategy: StrategyFactory;
  readonly strategyParams: ParamValues;
  readonly predictor: PredictorFactory;
  readonly predictorParams: ParamValues;
  readonly throttle: Chosen<ThrottleFactory> | undefined;
  /** In the order in which a page meets them; none = pages go as they are. */
  readonly codecs: readonly Chosen<CodecFactory>[];
  readonly reclaim: Chosen<ReclaimFactory> | undefined;
  /** Left out: storage is shared. */
  readonly storage: Chosen<StorageFactory> | undefined;
  readonly manager: Chosen<ManagerFactory> | undefined;
  readonly preset: Preset;
}

/** Names of what a strategy is combined with beside its predictor, for reports. */
export function techniqueNames({ throttle, codecs, reclaim, manager }: ResolvedStrategy): string[] {
  return [throttle, ...codecs, reclaim, manager].flatMap((chosen) => chosen?.factory.name ?? []);
}

/** What kinds of techniques there are, and how many of each a name may hold. */
const KINDS = { predictor: 1, throttle: 1, codec: 8, reclaim: 1, storage: 1, manager: 1 } as const;
export type TechniqueKind = keyof typeof KINDS;

/** Every kind of name: strategies, what they are combined with, and what is written apart. */
export type NameKind = "strategy" | TechniqueKind | "preset" | "admission";

/** What everything that has a name tells of itself. */
export interface Technique {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  readonly params: ParamSpecs;
}

interface Registered {
  readonly kind: TechniqueKind;
  readonly factory: Technique;
}

/** A name as lists and completions see it; a preset may have no parameters. */
export interface ListedTechnique {
  readonly kind: NameKind;
  readonly factory: Omit<Technique, "params"> & { readonly params?: ParamSpecs };
}

export class Registry {
  private readonly strategies = new Map<string, StrategyFactory>();
  private readonly techniques = new Map<string, Registered>();
  private readonly presets = new Map<string, Preset>();
  private readonly admissions = new Map<string, AdmissionFactory>();

  /** A registry with everything that this package brings. */
  static standard(): Registry {
    const registry = new Registry();
    for (const strategy of [suspend, preCopy, seed, postCopy, hybrid, adaptive]) {
      registry.addStrategy(strategy);
    }
    for (const predictor of PREDICTORS) registry.addPredictor(predictor);
    for (const throttle of THROTTLES) registry.addThrottle(throttle);
    for (const codec of CODECS) registry.addCodec(codec);
    for (const reclaim of RECLAIMS) registry.addReclaim(reclaim);
    for (const storage of STORAGES) registry.addStorage(storage);
    for (const manager of MANAGERS) registry.addManager(manager);
    for (const preset of PRESETS) registry.addPreset(preset);
    for (const admission of ADMISSIONS) registry.addAdmission(admission);
    return registry;
  }

  addStrategy(strategy: StrategyFactory): void {
    add(this.strategies, "strategy", strategy.name, strategy);
  }

  addPredictor(factory: PredictorFactory): void {
    add(this.techniques, "technique", factory.name, { kind: "predictor", factory });
  }

  addThrottle(factory: ThrottleFactory): void {
    add(this.techniques, "technique", factory.name, { kind: "throttle", factory });
  }

  addCodec(factory: CodecFactory): void {
    add(this.techniques, "technique", factory.name, { kind: "codec", factory });
  }

  addReclaim(factory: ReclaimFactory): void {
    add(this.techniques, "technique", factory.name, { kind: "reclaim", factory });
  }

  addStorage(factory: StorageFactory): void {
    add(this.techniques, "technique", factory.name, { kind: "storage", factory });
  }

  addManager(factory: ManagerFactory): void {
    add(this.techniques, "technique", factory.name, { kind: "manager", factory });
  }

  addPreset(preset: Preset): void {
    add(this.presets, "preset", preset.name, preset);
  }

  addAdmission(admission: AdmissionFactory): void {
    add(this.admissions, "admission rule", admission.name, admission);
  }

  /** Every kind there is, also one without names. */
  kinds(): readonly NameKind[] {
    return ["strategy", ...(Object.keys(KINDS) as TechniqueKind[]), "preset", "admission"];
  }

  /** Every name, kind by kind in the order of {@link kinds}, in a kind as they were added. */
  listTechniques(): readonly ListedTechnique[] {
    const all: ListedTechnique[] = [
      ...this.listStrategies().map((factory) => ({ kind: "strategy" as const, factory })),
      ...this.techniques.values(),
      ...this.listPresets().map((factory) => ({ kind: "preset" as const, factory })),
      ...this.listAdmissions().map((factory) => ({ kind: "admission" as const, factory })),
    ];
    return this.kinds().flatMap((kind) => all.filter((one) => one.kind === kind));
  }

  listStrategies(): readonly StrategyFactory[] {
    return [...this.strategies.values()];
  }

  listPredictors(): readonly PredictorFactory[] {
    return this.list("predictor");
  }

  listThrottles(): readonly ThrottleFactory[] {
    return this.list("throttle");
  }

  listCodecs(): readonly CodecFactory[] {
    return this.list("codec");
  }

  listReclaims(): readonly ReclaimFactory[] {
    return this.list("reclaim");
  }

  listStorages(): readonly StorageFactory[] {
    return this.list("storage");
  }

  listManagers(): readonly ManagerFactory[] {
    return this.list("manager");
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

  /** Resolves `strategy+technique:params@preset`. */
  resolve(text: string): ResolvedStrategy {
    const name = parseStrategyName(text);
    const strategy = find(this.strategies, "strategy", name.strategy.name);
    const chosen = name.techniques.map((part) => this.choose(part));
    const preset = this.resolvePreset(name.preset ?? { name: strategy.defaultPreset, params: "" });
    const codecs = only<CodecFactory>(chosen, "codec");
    if (codecs.length === 0 && preset.defaultCodec !== undefined) {
      codecs.push(this.chosen<CodecFactory>(preset.defaultCodec));
    }
    checkCodecOrder(codecs);
    const [predictor = this.chosen<PredictorFactory>(strategy.defaultPredictor)] =
      only<PredictorFactory>(chosen, "predictor");
    return {
      name: text.trim(),
      strategy,
      strategyParams: parseParams(strategy.name, name.strategy.params, strategy.params),
      predictor: predictor.factory,
      predictorParams: predictor.params,
      throttle: only<ThrottleFactory>(chosen, "throttle")[0],
      codecs,
      reclaim: only<ReclaimFactory>(chosen, "reclaim")[0],
      storage: only<StorageFactory>(chosen, "storage")[0],
      manager: only<ManagerFactory>(chosen, "manager")[0],
      preset,
    };
  }

  private list<F>(kind: TechniqueKind): F[] {
    const found = [...this.techniques.values()].filter((entry) => entry.kind === kind);
    return found.map(({ factory }) => factory as F);
  }

  private choose(part: NamePart): Registered & { readonly params: ParamValues } {
    const found = find(this.techniques, "technique", part.name);
    return { ...found, params: parseParams(part.name, part.params, found.factory.params) };
  }

  private chosen<F>(name: string): Chosen<F> {
    const { factory, params } = this.choose({ name, params: "" });
    return { factory: factory as F, params };
  }

  private resolvePreset({ name, params }: NamePart): Preset {
    const preset = find(this.presets, "preset", name);
    const values = parseParams(name, params, preset.params ?? {});
    return preset.configure?.(values) ?? preset;
  }
}

/** Those of one kind, no more of them than a name may hold. */
function only<F>(
  chosen: readonly (Registered & { readonly params: ParamValues })[],
  kind: TechniqueKind,
): Chosen<F>[] {
  const found = chosen.filter((entry) => entry.kind === kind);
  if (found.length > KINDS[kind]) {
    const names = found.map(({ factory }) => factory.name).join(", ");
    throw new PrecopyError(
      "bad-input",
      `${names} are all ${kind}s, and a strategy has at most ${KINDS[kind]}: leave all but one out`,
    );
  }
  return found.map(({ factory, params }) => ({ factory: factory as F, params }));
}

function add<T>(table: Map<string, T>, what: string, name: string, entry: T): void {
  if (table.has(name)) {
    throw new PrecopyError("bad-input", `there is a ${what} named "${name}" already`);
  }
  table.set(name, entry);
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
