/**
 * The floor of pre-copy for a migration of a simulation: the same guest, link and fixed costs, the
 * guest running as it would without the migration. Looking at the guest first is no part of the
 * floor: a strategy that samples before its first round pays for it in the distance.
 */
import { PrecopyError } from "../base/errors.js";
import { mix32 } from "../base/random.js";
import { type PreCopyFloor, preCopyFloor, preCopyFloorArenaBytes } from "../bound/index.js";
import { activityArenaBytes, createActivity } from "../guest/activity.js";
import { GuestPages, Kernels } from "../kernels/index.js";
import { Registry } from "../migrate/registry.js";
import { memorySpeedOf } from "./model-guest.js";
import { resolveConfigs } from "./setup.js";
import type { SimulationOptions } from "./simulation.js";
import type { DomainSpec, MigrationSpec, SimulationSpec } from "./spec.js";
import { XenHost } from "./xen-host.js";

export interface MigrationFloor extends PreCopyFloor {
  readonly guest: string;
  /** Stages before the first round, which no strategy of the class can do without. */
  readonly beforeRoundsNs: number;
  /** `beforeRoundsNs` and the floor's own total: what a migration's `totalNs` compares with. */
  readonly migrationTotalNs: number;
  readonly downtimeLimitNs: number;
  readonly bandwidthBytesPerSec: number;
  readonly bytesPerPage: number;
  /** False: the guest's trace ended before a feasible switch was found. */
  readonly traceSufficed: boolean;
}

/** A switch is looked for during so many times what sending the memory once takes. */
const HORIZON_FACTOR = 10;
const ARENA_SLACK_BYTES = 1 << 20;

export interface MigrationFloorOptions extends Pick<SimulationOptions, "registry" | "kernels"> {
  /** When the migration began, if it had to wait for others. */
  readonly startNs?: number;
}

/** The floor for migration number `index`. The link is taken as its own. */
export async function floorOfMigration(
  spec: SimulationSpec,
  index: number,
  options: MigrationFloorOptions = {},
): Promise<MigrationFloor> {
  const config = resolveConfigs(spec, options.registry ?? Registry.standard())[index];
  if (config === undefined) {
    throw new PrecopyError(
      "bad-input",
      `there is no migration ${index}: the simulation has ${spec.migrations.length}`,
    );
  }
  const migration = spec.migrations[index] as MigrationSpec;
  const at = spec.domains.findIndex(({ name }) => name === config.guest);
  const domain = spec.domains[at] as DomainSpec;
  const { pages, preset, pageSizeBytes, linkBytesPerSec, downtimeLimitNs } = config;
  const kernels = await Kernels.load({
    ...options.kernels,
    arenaBytes:
      GuestPages.bytesFor(pages) +
      activityArenaBytes(domain.activity) +
      preCopyFloorArenaBytes(pages) +
      ARENA_SLACK_BYTES,
  });
  const guest = GuestPages.create(kernels, pages);
  const activity = createActivity(kernels, domain.activity, {
    pages,
    seed: mix32(spec.seed ^ mix32(at + 1)),
  });
  const speed = memorySpeedOf(domain, undisturbedSpeed(spec, domain));
  const beforeRoundsNs = stagesBeforeRounds(spec, migration, domain);
  const fromNs = Math.floor(((options.startNs ?? migration.startNs) + beforeRoundsNs) * speed);
  const bytesPerPage = pageSizeBytes + preset.stream.perPageBytes;
  const stated = { downtimeLimitNs, bandwidthBytesPerSec: linkBytesPerSec, bytesPerPage };
  const sendOnceNs = ((pages * bytesPerPage) / linkBytesPerSec) * 1e9;
  const horizonNs = Math.ceil(HORIZON_FACTOR * Math.min(sendOnceNs, Number.MAX_SAFE_INTEGER / 100));
  const known = { ...stated, guest: config.guest, beforeRoundsNs };
  try {
    activity.run(guest, 0, fromNs);
    const fixedNs = config.fixedDowntimeNs;
    const where = { kernels, guest, activity, fromNs, speed, fixedNs, horizonNs };
    const floor = preCopyFloor({ ...stated, ...where });
    const migrationTotalNs = beforeRoundsNs + floor.totalNs;
    return { ...floor, ...known, migrationTotalNs, traceSufficed: true };
  } catch (error) {
    if (!(error instanceof PrecopyError && error.code === "trace-ended")) throw error;
    return { ...TRACE_ENDED, ...known, bytes: pages * bytesPerPage };
  }
}

const TRACE_ENDED = {
  feasible: false,
  switchNs: Number.POSITIVE_INFINITY,
  unsentPages: 0,
  downtimeNs: Number.POSITIVE_INFINITY,
  totalNs: Number.POSITIVE_INFINITY,
  migrationTotalNs: Number.POSITIVE_INFINITY,
  sliceNs: 0,
  traceSufficed: false,
} as const;

function stagesBeforeRounds(
  spec: SimulationSpec,
  migration: MigrationSpec,
  domain: DomainSpec,
): number {
  const source = spec.hosts.find((host) => host.name === domain.host);
  const target = spec.hosts.find((host) => host.name === migration.to);
  return (source?.costs.initialiseNs ?? 0) + (target?.costs.reserveNs ?? 0);
}

/** Guest time per wall time before anything migrates. */
function undisturbedSpeed(spec: SimulationSpec, domain: DomainSpec): number {
  const host = spec.hosts.find(({ name }) => name === domain.host);
  if (host === undefined || domain.demandCpus === 0) return 1;
  const alone = new XenHost(host);
  for (const other of spec.domains) {
    if (other.host === host.name) alone.add(other, undefined, 0);
  }
  return Math.min(1, alone.scheduler.shareOf(domain.name) / domain.demandCpus);
}
