/**
 * What the engine is told of a live migration: the strategy by its name, the machine as it describes
 * itself, and what is known of the way and the pause beforehand. What has no meaning on a real
 * machine is refused here, before anything starts.
 */
import { PrecopyError } from "../base/errors.js";
import type { MigrationConfig } from "../migrate/migration-config.js";
import type { MachineDescription } from "../migrate/ports.js";
import { Registry, type ResolvedStrategy } from "../migrate/registry.js";
import { DEFAULT_DOWNTIME_LIMIT_NS } from "../policy/hold-back.js";

/** What is wished of a live migration. */
export interface LiveWishes {
  /** strategy+technique:params@preset, as everywhere. */
  readonly strategy: string;
  readonly registry?: Registry;
  /** Payload a second that the migration may take. Default: no limit. */
  readonly bandwidthBytesPerSec?: number;
  /** Default 300 ms. */
  readonly downtimeLimitNs?: number;
  /** Given up after this long, before the commit point. Default 5 minutes. */
  readonly timeoutNs?: number;
  /** Fencing number of this attempt. Default 1. */
  readonly epoch?: number;
  readonly seed?: number;
}

const DEFAULT_TIMEOUT_NS = 300e9;

/**
 * Downtime that no page causes, before a move has measured it: stopping a v86 guest, saving and
 * restoring its devices and two messages took 5 to 20 ms between two processes (docs/LIVE.md).
 */
const FIXED_DOWNTIME_NS = 15_000_000;

/** A local connection carries about this much; the first round's own measure takes its place. */
const UNKNOWN_LINK_BYTES_PER_SEC = 500e6;

export function liveConfig(guest: MachineDescription, wishes: LiveWishes): MigrationConfig {
  const resolved = (wishes.registry ?? Registry.standard()).resolve(wishes.strategy);
  checkForRealMachines(resolved);
  const {
    bandwidthBytesPerSec = UNKNOWN_LINK_BYTES_PER_SEC,
    downtimeLimitNs = DEFAULT_DOWNTIME_LIMIT_NS,
    timeoutNs = DEFAULT_TIMEOUT_NS,
    epoch = 1,
    seed = 1,
  } = wishes;
  if (!(bandwidthBytesPerSec > 0)) {
    throw new PrecopyError(
      "bad-input",
      `a bandwidth of ${bandwidthBytesPerSec} bytes a second moves nothing: give more than 0`,
    );
  }
  const { name, pages, pageSizeBytes, vcpus, deviceStateBytes } = guest;
  return {
    ...resolved,
    guest: name,
    pages,
    pageSizeBytes,
    vcpus,
    deviceStateBytes,
    freePages: 0,
    cachePages: 0,
    downtimeLimitNs,
    fixedDowntimeNs: FIXED_DOWNTIME_NS,
    suspendPagesNs: 0,
    linkBytesPerSec: Math.min(bandwidthBytesPerSec, UNKNOWN_LINK_BYTES_PER_SEC),
    timeoutNs,
    // One batch is read and encoded while another one leaves.
    windowBatches: Math.max(2, resolved.preset.windowBatches ?? 1),
    epoch,
    seed,
  };
}

/** May it leave pages behind? Then the target has to be able to run without them. */
export function mayPostCopy({ strategy, manager }: ResolvedStrategy): boolean {
  if (strategy.postCopies === true) return true;
  const allowed = Object.entries(manager?.params ?? {});
  return allowed.some(([param, value]) =>
    param.includes("post-copy") ? value === true : value === "postcopy",
  );
}

function checkForRealMachines(resolved: ResolvedStrategy): void {
  const { name, predictor, predictorParams, reclaim, storage } = resolved;
  const evidence = predictor.evidence(predictorParams);
  if (evidence === "last-use" || evidence === "future") {
    throw new PrecopyError(
      "unsupported",
      `${predictor.name} in "${name}" has to be told what no real machine can tell (${evidence}): ` +
        "take wsclock, clock, recency or lru-splay",
    );
  }
  const what = reclaim?.factory.name ?? storage?.factory.name;
  if (what === undefined) return;
  throw new PrecopyError(
    "unsupported",
    `${what} in "${name}" needs a balloon or a disk, and live guests have neither: leave it out`,
  );
}
