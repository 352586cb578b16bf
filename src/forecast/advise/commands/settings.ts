/** What a forecast's input asks of a tool, in no tool's words: each command module takes it from here. */
import { DEFAULT_DOWNTIME_LIMIT_MS, type ForecastInput } from "../../forecast.js";
import { type ForecastSettings, forecastSettings } from "../../forecast-settings.js";
import { AUTO_CONVERGE } from "../../throttle-model.js";
import { askedLimitMs, bandwidthLimit, MIB } from "../knobs.js";

export interface ToolSettings {
  /** Absent: the tool's own. */
  readonly downtimeLimitMs?: number;
  /** Whole MiB/s. Absent: the tool's own, or none. */
  readonly bandwidthMibPerSec?: number;
  readonly autoConverge?: { readonly initialPercent: number; readonly incrementPercent: number };
  readonly xbzrleCacheBytes?: number;
  readonly compression?: "zstd" | "zlib";
  /** Streams of multifd. */
  readonly channels?: number;
  /** `after-precopy`: when the first pass is over; `time-out`: when the manager's has passed. */
  readonly postCopy?: "after-precopy" | "time-out";
  /** Of the manager in the strategy's name, by the names of its parameters there. */
  readonly manager?: ForecastSettings["manager"];
  /** The preset's own time-out, seconds (Cloud Hypervisor). */
  readonly timeoutSec?: number;
  readonly timeoutStrategy?: string;
}

export function toolSettings(input: ForecastInput): ToolSettings {
  const { strategy } = input;
  const settings = typeof strategy === "object" ? strategy : forecastSettings(strategy);
  const { name, manager, autoConverge, xbzrle, compression, channels } = settings;
  const limitMs = askedLimitMs(input, settings);
  const isLimited = name.includes("max-bandwidth=");
  const bandwidth = Math.min(bandwidthLimit(settings), input.linkBytesPerSec);
  const timeOut = /timeout=([^,]+)/.exec(name.split("@")[1] ?? "")?.[1];
  const own = manager?.params;
  const atTimeOut = own?.["post-copy"] === true || own?.action === "postcopy";
  return {
    ...(limitMs !== DEFAULT_DOWNTIME_LIMIT_MS && { downtimeLimitMs: limitMs }),
    ...(isLimited && { bandwidthMibPerSec: Math.ceil(bandwidth / MIB) }),
    ...(autoConverge && {
      autoConverge: {
        initialPercent: autoConverge.initialPercent,
        incrementPercent: autoConverge.incrementPercent,
      },
    }),
    ...(xbzrle && { xbzrleCacheBytes: xbzrle.cacheBytes }),
    ...(compression && { compression: compression.codec === "zstd" ? "zstd" : "zlib" }),
    ...(channels !== undefined && { channels }),
    ...(settings.postCopyAfterSyncs !== undefined && { postCopy: "after-precopy" }),
    ...(atTimeOut && { postCopy: "time-out" }),
    ...(manager && { manager }),
    ...(timeOut !== undefined && { timeoutSec: Number.parseInt(timeOut, 10) }),
  };
}

export const isDefaultThrottle = (one: NonNullable<ToolSettings["autoConverge"]>): boolean =>
  one.initialPercent === AUTO_CONVERGE.initialPercent &&
  one.incrementPercent === AUTO_CONVERGE.incrementPercent;
