/**
 * The floor of the class for one migration of a scenario: how early any pre-copy of the same,
 * unthrottled guest could have ended within the same downtime (src/bound). It runs the guest's
 * future once more, alone.
 */

import { PrecopyError } from "../base/errors.js";
import { mix32 } from "../base/random.js";
import { type PreCopyFloor, preCopyFloor, preCopyFloorArenaBytes } from "../bound/index.js";
import { activityArenaBytes, createActivity } from "../guest/activity.js";
import { GuestPages, Kernels } from "../kernels/index.js";
import type { MigrationConfig } from "../migrate/migration.js";
import type { Registry } from "../migrate/registry.js";
import type { MigrationResult } from "../model/migration-driver.js";
import { resolveConfigs } from "../model/setup.js";
import type { DomainSpec, SimulationSpec } from "../model/spec.js";
import { XenHost } from "../model/xen-host.js";

export interface Floor extends PreCopyFloor {
  readonly guest: string;
  readonly downtimeLimitNs: number;
  readonly bandwidthBytesPerSec: number;
  readonly bytesPerPage: number;
  /** False: the guest's trace ended before a feasible switch was found. */
  readonly traceSufficed: boolean;
}

/** How far a migration was from the floor of its class. */
export interface FloorDistance {
  /** From the start of the first round to the end. */
  readonly liveNs: number;
  /** liveNs / floor; null where no switch is feasible. */
  readonly factor: number | null;
  /** Why it may be below the floor: it does not belong to the class. */
  readonly outside: string | null;
}

/** A switch is looked for during so many times what sending the memory once takes. */
const HORIZON_FACTOR = 10;
const ARENA_SLACK_BYTES = 1 << 20;

/** The floor from the instant at which this migration's first round began. */
export async function floorOf(
  spec: SimulationSpec,
  registry: Registry,
  index: number,
  result: MigrationResult,
): Promise<Floor> {
  const config = resolveConfigs(spec, registry)[index] as MigrationConfig;
  const at = spec.domains.findIndex(({ name }) => name === config.guest);
  const domain = spec.domains[at] as DomainSpec;
  const { pages, preset, pageSizeBytes, linkBytesPerSec, downtimeLimitNs } = config;
  const tracked = { trackReferences: false, trackLastUse: false };
  const kernels = await Kernels.load({
    arenaBytes:
      GuestPages.bytesFor(pages, tracked) +
      activityArenaBytes(domain.activity) +
      preCopyFloorArenaBytes(pages) +
      ARENA_SLACK_BYTES,
  });
  const guest = GuestPages.create(kernels, pages, tracked);
  const seed = mix32(spec.seed ^ mix32(at + 1));
  const activity = createActivity(kernels, domain.activity, { pages, seed });
  const speed = speedOf(spec, domain);
  const { startNs, stagesNs } = result;
  const fromNs = Math.floor((startNs + stagesNs.initialisation + stagesNs.reservation) * speed);
  const bytesPerPage = pageSizeBytes + preset.stream.perPageBytes;
  const stated = { downtimeLimitNs, bandwidthBytesPerSec: linkBytesPerSec, bytesPerPage };
  const horizonNs = Math.ceil(((HORIZON_FACTOR * pages * bytesPerPage) / linkBytesPerSec) * 1e9);
  try {
    activity.run(guest, 0, fromNs);
    const options = { ...stated, fixedNs: config.fixedDowntimeNs, horizonNs };
    const floor = preCopyFloor({ kernels, guest, activity, fromNs, speed, ...options });
    return { ...floor, ...stated, guest: config.guest, traceSufficed: true };
  } catch (error) {
    if (!(error instanceof PrecopyError && error.code === "trace-ended")) throw error;
    return { ...NOT_FEASIBLE, ...stated, guest: config.guest, bytes: pages * bytesPerPage };
  }
}

/** Compares a completed migration with the floor of its class. */
export function floorDistance(floor: Floor, result: MigrationResult): FloorDistance {
  const { stagesNs, totalNs, downtimeNs, rounds } = result;
  const liveNs = totalNs - stagesNs.initialisation - stagesNs.reservation;
  return {
    liveNs,
    factor: floor.feasible && floor.totalNs > 0 ? liveNs / floor.totalNs : null,
    outside: outsideOf({
      overBudget: downtimeNs > floor.downtimeLimitNs,
      throttled: rounds.some(({ cpuShare }) => cpuShare < 1),
    }),
  };
}

const NOT_FEASIBLE = {
  feasible: false,
  switchNs: Number.POSITIVE_INFINITY,
  unsentPages: 0,
  downtimeNs: Number.POSITIVE_INFINITY,
  totalNs: Number.POSITIVE_INFINITY,
  sliceNs: 0,
  traceSufficed: false,
} as const;

function outsideOf(how: { overBudget: boolean; throttled: boolean }): string | null {
  if (how.overBudget) return "paused longer than the limit";
  return how.throttled ? "throttled the guest" : null;
}

/** Guest time per wall time before anything migrates. */
function speedOf(spec: SimulationSpec, domain: DomainSpec): number {
  const host = spec.hosts.find(({ name }) => name === domain.host);
  if (host === undefined || domain.demandCpus === 0) return 1;
  const alone = new XenHost(host);
  for (const other of spec.domains) {
    if (other.host === host.name) alone.add(other, undefined, 0);
  }
  return Math.min(1, alone.scheduler.shareOf(domain.name) / domain.demandCpus);
}
