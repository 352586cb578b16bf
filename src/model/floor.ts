/**
 * The floor of pre-copy for a migration of a simulation: the same guest, link and fixed costs, the
 * guest running as it would without the migration.
 */
import { mix32 } from "../base/random.js";
import { PAGE_SIZE_BYTES } from "../base/units.js";
import { type PreCopyFloor, preCopyFloor, preCopyFloorArenaBytes } from "../bound/index.js";
import { activityArenaBytes } from "../guest/activity.js";
import { GuestPages, Kernels } from "../kernels/index.js";
import { Registry } from "../migrate/registry.js";
import { ModelGuest } from "./model-guest.js";
import { resolveConfigs } from "./setup.js";
import type { SimulationOptions } from "./simulation.js";
import type { DomainSpec, MigrationSpec, SimulationSpec } from "./spec.js";
import { XenHost } from "./xen-host.js";

export interface MigrationFloor extends PreCopyFloor {
  readonly guest: string;
  /** Stages before the first round, which no strategy of the class can do without. */
  readonly beforeRoundsNs: number;
  /** `beforeRoundsNs` and the floor's own total. */
  readonly migrationTotalNs: number;
}

/** How long a feasible switch is looked for. */
export const FLOOR_HORIZON_NS = 60_000_000_000;

/** The floor for migration number `index`. The link is taken as its own. */
export async function floorOfMigration(
  spec: SimulationSpec,
  index: number,
  options: SimulationOptions & { readonly horizonNs?: number } = {},
): Promise<MigrationFloor> {
  const config = resolveConfigs(spec, options.registry ?? Registry.standard())[index];
  const migration = spec.migrations[index] as MigrationSpec;
  const domainIndex = spec.domains.findIndex((domain) => domain.name === migration.domain);
  const domain = spec.domains[domainIndex] as DomainSpec;
  if (config === undefined) throw new RangeError(`there is no migration ${index}`);
  const { preset } = config;
  const slack = 1 << 20;
  const kernels = await Kernels.load({
    ...options.kernels,
    arenaBytes:
      GuestPages.bytesFor(domain.pages) +
      activityArenaBytes(domain.activity) +
      preCopyFloorArenaBytes(domain.pages) +
      domain.suspendDirtiesPages * 4 +
      slack,
  });
  const guest = new ModelGuest({
    kernels,
    spec: domain,
    seed: mix32(spec.seed ^ mix32(domainIndex + 1)),
    trackReferences: false,
    trackLastUse: false,
    foresees: false,
  });
  const beforeRoundsNs = stagesBeforeRounds(spec, migration, domain);
  const speed = speedWithoutMigration(spec, domain, guest);
  // The guest has run since the simulation began, as it has when a strategy's rounds begin.
  guest.advanceTo(migration.startNs + beforeRoundsNs);
  const floor = preCopyFloor({
    kernels,
    guest: guest.pages,
    activity: guest.activity,
    fromNs: guest.ranNs,
    speed,
    bytesPerPage: PAGE_SIZE_BYTES + preset.stream.perPageBytes,
    bandwidthBytesPerSec: config.linkBytesPerSec,
    downtimeLimitNs: config.downtimeLimitNs,
    fixedNs: config.fixedDowntimeNs,
    horizonNs: options.horizonNs ?? FLOOR_HORIZON_NS,
  });
  return {
    ...floor,
    guest: domain.name,
    beforeRoundsNs,
    migrationTotalNs: beforeRoundsNs + floor.totalNs,
  };
}

function stagesBeforeRounds(
  spec: SimulationSpec,
  migration: MigrationSpec,
  domain: DomainSpec,
): number {
  const source = spec.hosts.find((host) => host.name === domain.host);
  const target = spec.hosts.find((host) => host.name === migration.to);
  return (source?.costs.initialiseNs ?? 0) + (target?.costs.reserveNs ?? 0);
}

/** Puts every guest of the host in its place and asks the scheduler. */
function speedWithoutMigration(
  spec: SimulationSpec,
  domain: DomainSpec,
  guest: ModelGuest,
): number {
  const hostSpec = spec.hosts.find((host) => host.name === domain.host);
  if (hostSpec === undefined) throw new RangeError(`there is no host ${domain.host}`);
  const host = new XenHost(hostSpec);
  for (const other of spec.domains.filter((d) => d.host === domain.host)) {
    host.add(other, other.name === domain.name ? guest : undefined, 0);
  }
  return guest.baselineSpeed;
}
