/**
 * A strategy's name as a forecast reads it: which loop, and what of the techniques a forecast on
 * counts can take into account. What it cannot is refused by name; `precopy run` simulates it.
 */
import { PrecopyError } from "../base/errors.js";
import type { ParamValues } from "../base/params.js";
import { type Chosen, Registry, type ResolvedStrategy } from "../migrate/registry.js";
import type { ManagerFactory } from "../policy/manager.js";
import type { Preset } from "../policy/preset.js";
import { AUTO_CONVERGE_SYNC_NS } from "../policy/throttles/auto-converge.js";
import type { AutoConvergeSettings } from "./throttle-model.js";

/** What a name without `@preset` is forecast with. */
export const DEFAULT_FORECAST_PRESET = "qemu102";
export const DEFAULT_FORECAST_STRATEGY = `pre-copy@${DEFAULT_FORECAST_PRESET}`;

export interface ForecastSettings {
  /** Whole, with its preset. */
  readonly name: string;
  readonly preset: Preset;
  readonly autoConverge?: AutoConvergeSettings;
  /** QEMU 10.2 reads the log every 5 s while it may throttle. */
  readonly readLogEveryMs?: number;
  readonly manager?: Chosen<ManagerFactory>;
  readonly xbzrle?: { readonly cacheBytes: number };
  readonly compression?: { readonly codec: "deflate" | "zstd"; readonly pageUs: number };
  /** Parallel streams. */
  readonly channels?: number;
  /** The switch comes when the log has been read so often; 1 = at once. */
  readonly postCopyAfterSyncs?: number;
}

/** Managers that talk to QEMU through libvirt, which asks for no limit where none is given. */
const WITHOUT_LIMIT = ["kubevirt", "nova", "libvirt"];

/** @throws PrecopyError for a name that does not exist, or that no forecast is made of. */
export function forecastSettings(
  text: string = DEFAULT_FORECAST_STRATEGY,
  registry: Registry = Registry.standard(),
): ForecastSettings {
  const name = text.includes("@") ? text.trim() : `${text.trim()}@${DEFAULT_FORECAST_PRESET}`;
  const resolved = registry.resolve(name);
  const { strategy, strategyParams, manager } = resolved;
  refuseOthers(resolved);
  const preset = presetOf(resolved);
  const settings: ForecastSettings = {
    ...{ name, preset },
    ...throttleOf(resolved),
    ...codecsOf(resolved),
    ...(manager !== undefined && { manager }),
    ...(strategy.name === "post-copy" && { postCopyAfterSyncs: 1 }),
    // After so many passes, the first reading is the one that the first pass begins with.
    ...(strategy.name === "hybrid" && {
      postCopyAfterSyncs: (strategyParams.rounds as number) + 1,
    }),
  };
  if (preset.loop !== "slots") refuseOverRounds(settings);
  return settings;
}

function presetOf({ name, preset, manager }: ResolvedStrategy): Preset {
  const unlimited = manager !== undefined && WITHOUT_LIMIT.includes(manager.factory.name);
  if (preset.loop !== "slots" || !unlimited || name.includes("max-bandwidth=")) return preset;
  const defaults = Object.entries(preset.params ?? {}).map(([key, { default: value }]) => [
    key,
    value,
  ]);
  const params = { ...Object.fromEntries(defaults), "max-bandwidth": Number.POSITIVE_INFINITY };
  return preset.configure?.(params as ParamValues) ?? preset;
}

type Throttle = Pick<ForecastSettings, "autoConverge" | "readLogEveryMs">;

function throttleOf({ throttle }: ResolvedStrategy): Throttle {
  if (throttle === undefined) return {};
  const { factory, params } = throttle;
  if (factory.name !== "auto-converge") refuse(`the throttle ${factory.name}`);
  return {
    autoConverge: {
      initialPercent: params.initial as number,
      incrementPercent: params.increment as number,
      maxPercent: params.max as number,
      triggerPercent: params.threshold as number,
      tailslow: params.tailslow as boolean,
    },
    ...(params.version !== "7.2" && { readLogEveryMs: AUTO_CONVERGE_SYNC_NS / 1e6 }),
  };
}

type Codecs = Pick<ForecastSettings, "xbzrle" | "compression" | "channels">;

function codecsOf({ codecs }: ResolvedStrategy): Codecs {
  const channels = codecs.find(({ factory }) => factory.name === "multifd")?.params.channels;
  let found: Codecs = channels === undefined ? {} : { channels: channels as number };
  for (const { factory, params } of codecs) {
    switch (factory.name) {
      case "zero":
      case "raw":
      case "multifd":
        break;
      case "xbzrle":
        found = { ...found, xbzrle: { cacheBytes: params.cache as number } };
        break;
      case "deflate":
      case "zstd": {
        const pageUs = (params.cpu as number) / 1000 / ((channels as number | undefined) ?? 1);
        found = { ...found, compression: { codec: factory.name, pageUs } };
        break;
      }
      default:
        refuse(`the codec ${factory.name}`);
    }
  }
  return found;
}

function refuseOthers({ strategy, predictor, reclaim, storage }: ResolvedStrategy): void {
  if (!["pre-copy", "post-copy", "hybrid"].includes(strategy.name)) {
    refuse(`the strategy ${strategy.name}`);
  }
  if (predictor.name !== "none") refuse(`the predictor ${predictor.name}`);
  if (reclaim !== undefined) refuse(`the technique ${reclaim.factory.name}`);
  if (storage !== undefined) refuse(`the technique ${storage.factory.name}`);
}

function refuseOverRounds(settings: ForecastSettings): void {
  const { preset, autoConverge, manager, xbzrle, compression, channels } = settings;
  const over = `over rounds, as ${preset.name} has them`;
  if (autoConverge !== undefined) refuse(`auto-converge ${over}`);
  if (manager !== undefined) refuse(`the manager ${manager.factory.name} ${over}`);
  if (xbzrle !== undefined || compression !== undefined || channels !== undefined) {
    refuse(`a codec ${over}`);
  }
  if (settings.postCopyAfterSyncs !== undefined) refuse(`post-copy ${over}`);
}

function refuse(what: string): never {
  throw new PrecopyError(
    "unsupported",
    `no forecast is made of ${what}: leave it out, or simulate it page by page with precopy run`,
  );
}
