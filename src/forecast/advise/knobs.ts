/** Where a strategy keeps its downtime limit, its bandwidth limit and its time-out, and how to move them. */

import { DEFAULT_DOWNTIME_LIMIT_MS, type ForecastInput } from "../forecast.js";
import { pagesOf } from "../forecast-guest.js";
import type { ForecastSettings } from "../forecast-settings.js";
import { withParams } from "./strategy-edit.js";
import type { Change, Trials } from "./trials.js";

export const MIB = 2 ** 20;
/** QEMU takes no longer downtime limit. */
export const LIMIT_MS_MAX = 2_000_000;
const PAGE_BYTES = 4096;

export function memoryBytesOf({ guest }: ForecastInput): number {
  return pagesOf(guest) * PAGE_BYTES;
}

/** The limit at the end, as it was asked for: a manager that moves the limit has its own. */
export function askedLimitMs(
  { downtimeLimitMs }: ForecastInput,
  settings: ForecastSettings,
): number {
  const { manager } = settings;
  const own = manager && OWN_LIMITS[manager.factory.name];
  if (
    own !== undefined &&
    (own.when === undefined || own.when.some((key) => manager?.params[key]))
  ) {
    return Math.floor((manager?.params[own.key] as number) / 1e6);
  }
  return downtimeLimitMs ?? DEFAULT_DOWNTIME_LIMIT_MS;
}

interface OwnLimit {
  readonly key: string;
  /** With one of these flags alone. */
  readonly when?: readonly string[];
}

/** Proxmox's is where it begins: it doubles it as often as it takes. */
const OWN_LIMITS: Readonly<Record<string, OwnLimit>> = {
  kubevirt: { key: "max-downtime", when: ["ramp", "stall-detector"] },
  nova: { key: "downtime" },
  vdsm: { key: "downtime" },
};

/** A whole number of milliseconds as the limit; undefined where the loop has none. */
export function limitChange({ name, settings }: Trials, ms: number): Change | undefined {
  const { manager, preset } = settings;
  const limit = `${ms}ms`;
  switch (manager?.factory.name) {
    case "kubevirt": {
      const ramp = manager.params["stall-detector"] === true ? undefined : true;
      return { strategy: withParams(name, "kubevirt", { ramp, "max-downtime": limit }) };
    }
    // Doubles it by itself, from wherever it begins.
    case "proxmox":
      return undefined;
    case "nova":
    case "vdsm":
      return { strategy: withParams(name, manager.factory.name, { downtime: limit }) };
  }
  if (preset.loop === "slots" || preset.name === "cloud-hypervisor") return { downtimeLimitMs: ms };
  return undefined;
}

/** What of QEMU's or the manager's bounds the bytes a second; Infinity: nothing does. */
export function bandwidthLimit({ manager, preset }: ForecastSettings): number {
  const own = manager?.params["max-bandwidth"];
  if (typeof own === "number") return own;
  const { slots } = preset;
  return slots === undefined ? Number.POSITIVE_INFINITY : (slots.quotaBytes * 1e9) / slots.slotNs;
}

/** A limit of whole MiB/s, as every tool can be told it. */
export function bandwidthChange({ name, settings }: Trials, bytesPerSec: number): Change {
  const { manager, preset } = settings;
  const owner = manager?.params["max-bandwidth"] === undefined ? preset : manager.factory;
  const text = `${Math.ceil(bytesPerSec / MIB)}MiB/s`;
  return { strategy: withParams(name, owner.name, { "max-bandwidth": text }) };
}
