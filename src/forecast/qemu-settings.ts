/**
 * The settings of a QEMU migration that change what it does, with the defaults and names of QEMU
 * 7.2 (migration/migration.c, qapi/migration.json). What is not read here changes nothing that is
 * forecast: levels of compression, names of TLS, announcements.
 */
import { QEMU_MAX_BANDWIDTH } from "../policy/presets/qemu72.js";
import type { RecordedFields } from "./recorded-fields.js";
import { AUTO_CONVERGE, type AutoConvergeSettings } from "./throttle-model.js";

export interface QemuSettings {
  readonly maxBandwidthBytesPerSec: number;
  /** Once post-copy goes; Infinity: no limit, which QEMU writes as 0. */
  readonly maxPostCopyBytesPerSec: number;
  readonly downtimeLimitMs: number;
  readonly throttle: AutoConvergeSettings;
  readonly xbzrleCacheBytes: number;
  readonly compressThreads: number;
  readonly multifdChannels: number;
  readonly multifdCompression: "none" | "zlib" | "zstd";
}

/** Defaults of migration/migration.c, 7.2. */
const DOWNTIME_LIMIT_MS = 300;
const XBZRLE_CACHE_BYTES = 2 ** 26;
const COMPRESS_THREADS = 8;
const MULTIFD_CHANNELS = 2;

/** @throws PrecopyError naming the parameter that QEMU would refuse too. */
export function qemuSettings(params: RecordedFields): QemuSettings {
  const percent = (name: string, otherwise: number, least = 1) =>
    params.number(name, { least, most: name === "max-cpu-throttle" ? 99 : 100, otherwise });
  const count = (name: string, otherwise: number) =>
    params.number(name, { least: 1, most: 255, otherwise });
  const postCopy = params.number("max-postcopy-bandwidth", { otherwise: 0 });
  return {
    maxBandwidthBytesPerSec: params.number("max-bandwidth", {
      least: 1000,
      otherwise: QEMU_MAX_BANDWIDTH,
    }),
    maxPostCopyBytesPerSec: postCopy === 0 ? Number.POSITIVE_INFINITY : postCopy,
    downtimeLimitMs: params.number("downtime-limit", {
      most: 2_000_000,
      otherwise: DOWNTIME_LIMIT_MS,
    }),
    throttle: {
      initialPercent: Math.min(99, percent("cpu-throttle-initial", AUTO_CONVERGE.initialPercent)),
      incrementPercent: percent("cpu-throttle-increment", AUTO_CONVERGE.incrementPercent),
      maxPercent: percent("max-cpu-throttle", AUTO_CONVERGE.maxPercent),
      triggerPercent: percent("throttle-trigger-threshold", AUTO_CONVERGE.triggerPercent),
      tailslow: params.flag("cpu-throttle-tailslow"),
    },
    xbzrleCacheBytes: params.number("xbzrle-cache-size", {
      least: 4096,
      otherwise: XBZRLE_CACHE_BYTES,
    }),
    compressThreads: count("compress-threads", COMPRESS_THREADS),
    multifdChannels: count("multifd-channels", MULTIFD_CHANNELS),
    multifdCompression: params.word("multifd-compression", ["none", "zlib", "zstd"]),
  };
}
