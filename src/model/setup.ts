/**
 * From a specification to what a simulation is built of: names resolved, limits checked, and the
 * size of the arena, which is allotted once and never grows.
 */
import { PrecopyError } from "../base/errors.js";
import { mix32 } from "../base/random.js";
import { PAGE_SIZE_BYTES } from "../base/units.js";
import { Migration } from "../migrate/migration.js";
import type { MigrationConfig } from "../migrate/migration-config.js";
import type { Registry, ResolvedStrategy } from "../migrate/registry.js";
import { ADMISSION_MAX } from "../policy/admission.js";
import { MigrationDriver } from "./migration-driver.js";
import { ModelGuest, type ModelGuestKeeps } from "./model-guest.js";
import { checkOutages } from "./outages.js";
import { type Route, Routes } from "./route.js";
import {
  DISK_BLOCK_BYTES,
  DISK_BLOCKS_MAX,
  type DomainSpec,
  GUEST_PAGES_MAX,
  type HostSpec,
  type MigrationSpec,
  type SimulationSpec,
} from "./spec.js";

/** Room for what is too small to count, such as page lists and buffers. */
const ARENA_SLACK_BYTES = 1 << 20;

/** Checks a specification and resolves every migration's names. */
export function resolveConfigs(spec: SimulationSpec, registry: Registry): MigrationConfig[] {
  checkSpec(spec);
  registry.resolveAdmission(admissionOf(spec));
  const routes = new Routes(spec);
  return spec.migrations.map((migration, i) => {
    const domain = domainNamed(spec, migration.domain);
    const source = sourceOf(spec, i);
    const route = routes.between(source, migration.to);
    checkPatience(migration, route);
    const linkBytesPerSec = route.payloadBytesPerSec;
    const resolved = registry.resolve(migration.strategy);
    return {
      ...resolved,
      windowBatches: windowOf(resolved),
      guest: domain.name,
      pages: domain.pages,
      pageSizeBytes: PAGE_SIZE_BYTES,
      vcpus: domain.vcpus,
      deviceStateBytes: domain.deviceStateBytes,
      ...diskOf(domain, resolved),
      freePages: freePagesOf(domain),
      cachePages: Math.floor((domain.pageCacheShare ?? 0) * domain.pages),
      downtimeLimitNs: migration.downtimeLimitNs,
      ...knownDowntime(spec, { migration, domain, source, route }),
      linkBytesPerSec,
      timeoutNs: migration.timeoutNs,
      epoch: i + 1,
      seed: mix32(spec.seed ^ mix32(0x6d00 + i)),
    };
  });
}

/** One batch is encoded while another one leaves, where pages are encoded at all. */
function windowOf({ preset, codecs }: ResolvedStrategy): number {
  return Math.max(preset.windowBatches ?? 1, codecs.length > 0 ? 2 : 1);
}

/** Arena bytes for everything in the simulation. */
export function arenaFor(spec: SimulationSpec, configs: readonly MigrationConfig[]): number {
  let bytes = ARENA_SLACK_BYTES;
  for (const domain of spec.domains) {
    const moves = configs.filter((config) => config.guest === domain.name);
    if (moves.length === 0) continue;
    bytes += ModelGuest.arenaBytes(domain, guestKeeps(moves));
  }
  for (const config of configs) {
    const { pages } = config;
    bytes += Migration.arenaBytes(config);
    bytes += MigrationDriver.arenaBytes(pages, config);
    bytes += ARENA_SLACK_BYTES / 16;
  }
  return bytes;
}

/** What has to be kept of a guest's memory for these moves of it. */
export function guestKeeps(moves: readonly MigrationConfig[]): ModelGuestKeeps {
  const givesUp = moves.some(({ reclaim }) => reclaim !== undefined);
  const shown = moves.map((config) => config.predictor.evidence(config.predictorParams));
  return {
    trackReferences: shown.includes("references"),
    trackLastUse: shown.includes("last-use") || givesUp,
    foresees: shown.includes("future"),
    trackAbsent:
      givesUp || moves.some(({ strategy, manager }) => strategy.postCopies === true || manager),
    givesUp,
    movesDisk: moves.some(({ disk }) => disk !== undefined),
  };
}

function diskOf(
  { disk }: DomainSpec,
  { storage }: ResolvedStrategy,
): Pick<MigrationConfig, "disk"> {
  if (disk === undefined || storage === undefined) return {};
  return { disk: { blocks: disk.blocks, blockBytes: DISK_BLOCK_BYTES } };
}

/** Pages that hold nothing. */
export function freePagesOf({ freeShare, content, pages }: DomainSpec): number {
  return Math.floor((freeShare ?? content?.zeroShare ?? 0) * pages);
}

/**
 * What is known of the downtime beforehand: that which no page causes (the sum of the pause's fixed
 * costs, state and messages), and the time of the pages that suspending itself dirties.
 */
function knownDowntime(
  spec: SimulationSpec,
  parts: { migration: MigrationSpec; domain: DomainSpec; source: string; route: Route },
): Pick<MigrationConfig, "fixedDowntimeNs" | "suspendPagesNs"> {
  const { migration, domain, route } = parts;
  const source = hostNamed(spec, parts.source).costs;
  const target = hostNamed(spec, migration.to).costs;
  const { payloadBytesPerSec: rate, latencyNs } = route;
  const suspendBytes = domain.suspendDirtiesPages * PAGE_SIZE_BYTES;
  const sendNs = (bytes: number) => (rate > 0 ? (bytes / rate) * 1e9 : 0);
  const fixedDowntimeNs = Math.ceil(
    source.suspendNs +
      source.logDirtyNsPerPage * domain.pages +
      sendNs(domain.deviceStateBytes) +
      target.restoreNs +
      source.commitNs +
      target.unpauseNs +
      target.attachDevicesNs +
      target.announceNs +
      3 * latencyNs,
  );
  return { fixedDowntimeNs, suspendPagesNs: Math.ceil(sendNs(suspendBytes)) };
}

/** The admission rule that decides, by its name. */
export function admissionOf({ admission, atOnce }: SimulationSpec): string {
  return admission ?? `at-once:${Math.min(atOnce, ADMISSION_MAX)}`;
}

/** Where a domain stands when its n-th migration begins: where the one before left it. */
export function sourceOf(spec: SimulationSpec, index: number): string {
  const { domain } = spec.migrations[index] as MigrationSpec;
  const before = spec.migrations.slice(0, index).filter((m) => m.domain === domain);
  return before.at(-1)?.to ?? domainNamed(spec, domain).host;
}

function checkSpec(spec: SimulationSpec): void {
  unique("host", spec.hosts);
  unique("guest", spec.domains);
  unique("link", spec.links);
  const switches = new Set(spec.switches);
  for (const name of switches) {
    if (!spec.hosts.some((host) => host.name === name)) continue;
    throw new PrecopyError("bad-input", `"${name}" is a host and a switch: rename one`);
  }
  for (const link of spec.links) {
    checkOutages(link);
    for (const end of link.between) if (!switches.has(end)) hostNamed(spec, end);
  }
  for (const domain of spec.domains) checkDomain(spec, domain);
  if (!(Number.isInteger(spec.atOnce) && spec.atOnce >= 1)) {
    throw new PrecopyError("bad-input", `${spec.atOnce} migrations at once: it must be 1 or more`);
  }
  spec.migrations.forEach((migration, i) => {
    hostNamed(spec, migration.to);
    const from = sourceOf(spec, i);
    if (from === migration.to) {
      throw new PrecopyError("bad-input", `${migration.domain} stands on ${from} already`);
    }
    positive(`${migration.domain}'s timeout`, migration.timeoutNs);
  });
}

function checkDomain(spec: SimulationSpec, domain: DomainSpec): void {
  hostNamed(spec, domain.host);
  if (!(Number.isInteger(domain.pages) && domain.pages >= 1 && domain.pages <= GUEST_PAGES_MAX)) {
    throw new PrecopyError(
      "limit",
      `${domain.name} has ${domain.pages} pages: a guest has from 1 to ${GUEST_PAGES_MAX} (64 GiB)`,
    );
  }
  if (domain.demandCpus > domain.vcpus) {
    throw new PrecopyError(
      "bad-input",
      `${domain.name} wants ${domain.demandCpus} CPUs and has ${domain.vcpus} VCPUs`,
    );
  }
  const { blocks = 1 } = domain.disk ?? {};
  if (!(Number.isInteger(blocks) && blocks >= 1 && blocks <= DISK_BLOCKS_MAX)) {
    throw new PrecopyError(
      "limit",
      `${domain.name}'s disk has ${blocks} blocks: a disk has from 1 to ${DISK_BLOCKS_MAX} (1 TiB)`,
    );
  }
  const { freeShare = domain.content?.zeroShare ?? 0, pageCacheShare = 0 } = domain;
  if (!(freeShare >= 0 && pageCacheShare >= 0 && freeShare + pageCacheShare <= 1)) {
    throw new PrecopyError(
      "bad-input",
      `${domain.name}'s shares of free memory and page cache are ${freeShare} and ${pageCacheShare}: give two from 0 to 1 that are at most 1 together`,
    );
  }
  const { writeElasticity = 1 } = domain;
  if (!(writeElasticity >= 0 && writeElasticity <= 1)) {
    throw new PrecopyError(
      "bad-input",
      `${domain.name}'s write elasticity is ${writeElasticity}: it must be from 0 to 1`,
    );
  }
}

/** A connection that gives up before an answer can have come would break by itself. */
function checkPatience({ domain, linkTimeoutNs }: MigrationSpec, { latencyNs }: Route): void {
  if (linkTimeoutNs === undefined) return;
  positive(`${domain}'s link timeout`, linkTimeoutNs);
  if (Number.isSafeInteger(linkTimeoutNs) && linkTimeoutNs >= 2 * latencyNs) return;
  throw new PrecopyError(
    "bad-input",
    `${domain}'s link timeout is ${linkTimeoutNs} ns: give whole nanoseconds, at least the ${2 * latencyNs} ns of the way there and back`,
  );
}

function positive(what: string, value: number): void {
  if (value > 0 && Number.isFinite(value)) return;
  throw new PrecopyError("bad-input", `${what} is ${value} ns: it must be above 0 and finite`);
}

function unique(what: string, named: readonly { readonly name: string }[]): void {
  const seen = new Set<string>();
  for (const { name } of named) {
    if (seen.has(name)) throw new PrecopyError("bad-input", `two ${what}s are named "${name}"`);
    seen.add(name);
  }
}

function hostNamed(spec: SimulationSpec, name: string): HostSpec {
  const found = spec.hosts.find((host) => host.name === name);
  if (found !== undefined) return found;
  throw new PrecopyError(
    "unknown-name",
    `there is no host "${name}": the hosts are ${spec.hosts.map((host) => host.name).join(", ")}`,
  );
}

function domainNamed(spec: SimulationSpec, name: string): DomainSpec {
  const found = spec.domains.find((domain) => domain.name === name);
  if (found !== undefined) return found;
  throw new PrecopyError(
    "unknown-name",
    `there is no guest "${name}": the guests are ${spec.domains.map((d) => d.name).join(", ")}`,
  );
}
