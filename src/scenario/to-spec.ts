/** From a checked scenario file and its recordings to what the model simulates. */
import { PAGE_SIZE_BYTES } from "../base/units.js";
import type { ActivitySpec } from "../guest/activity.js";
import { CONTENT_PROFILES } from "../guest/content-profiles.js";
import type { SyntheticComponent } from "../guest/synthetic.js";
import type { Trace } from "../guest/trace.js";
import { tileTrace } from "../guest/trace-edit.js";
import type { WorkloadSpec } from "../kernels/index.js";
import { ETHERNET_TCP_FRAME } from "../model/link.js";
import {
  DEFAULT_COSTS,
  DISK_BLOCK_BYTES,
  type DiskSpec,
  type DomainSpec,
  type HostCosts,
  type HostSpec,
  type LinkSpec,
  type MigrationSpec,
  type SimulationSpec,
} from "../model/spec.js";
import { pagesOf } from "./checks.js";
import type {
  ComponentFile,
  GuestFile,
  HostFile,
  LinkFile,
  MigrationFile,
  ScenarioFile,
} from "./schema.js";

const PAGES_PER_GIB = 2 ** 30 / PAGE_SIZE_BYTES;
/** IPv4 (20) and TCP with timestamps (32): what a packet holds besides payload. */
const PACKET_HEADERS_BYTES = 52;
/** Copies of a tiled trace are turned alike in every run: runs differ by their own seed alone. */
const TILE_SEED = 1;
/** CPUs of a guest that says nothing about them. */
const BUSY_CPUS = 1;
const IDLE_CPUS = 0.01;

/** `traces`: by name of the guest. */
export function toSpec(file: ScenarioFile, traces: ReadonlyMap<string, Trace>): SimulationSpec {
  const atOnce = file["at-once"];
  return {
    seed: file.seed,
    hosts: Object.entries(file.hosts).map(([name, host]) => toHost(name, host)),
    ...(file.switches.length > 0 && { switches: file.switches }),
    links: file.links.map(toLink),
    domains: Object.entries(file.guests).map(([name, guest]) =>
      toDomain(name, guest, traces.get(name)),
    ),
    migrations: file.migrate.map(toMigration),
    atOnce: atOnce === "all" ? Math.max(1, file.migrate.length) : atOnce,
    ...(file.admission !== undefined && { admission: file.admission }),
  };
}

function toHost(name: string, host: HostFile): HostSpec {
  const { memory, vcpus, weight, cpus } = host.dom0;
  return {
    name,
    physicalCpus: host.cpus,
    memoryPages: Math.floor(host.memory / PAGE_SIZE_BYTES),
    pml: host.pml,
    dom0: { memoryPages: pagesOf(memory), vcpus, weight, demandCpus: cpus },
    costs: toCosts(host.costs),
  };
}

function toCosts(costs: HostFile["costs"]): HostCosts {
  const perGib = costs["log-dirty-per-gib"];
  return {
    initialiseNs: costs.initialise,
    reserveNs: costs.reserve,
    logDirtyNsPerPage:
      perGib === undefined ? DEFAULT_COSTS.logDirtyNsPerPage : perGib / PAGES_PER_GIB,
    writeFaultNs: costs["write-fault"],
    pmlExitNs: costs["pml-exit"],
    suspendNs: costs.suspend,
    restoreNs: costs.restore,
    commitNs: costs.commit,
    unpauseNs: costs.unpause,
    attachDevicesNs: costs["attach-devices"],
    announceNs: costs.announce,
    dom0CpusPerGbit: costs["dom0-cpus-per-gbit"],
  };
}

function toLink({ between, bandwidth, latency, mtu, outages }: LinkFile): LinkSpec {
  return {
    name: between.join(" - "),
    between,
    bandwidthBytesPerSec: bandwidth,
    latencyNs: latency,
    frame: {
      payloadBytes: mtu - PACKET_HEADERS_BYTES,
      overheadBytes: ETHERNET_TCP_FRAME.overheadBytes,
    },
    ...(outages.length > 0 && { outages: outages.map(toOutage) }),
  };
}

function toOutage({ at, for: lasts }: LinkFile["outages"][number]) {
  return { atNs: at, ...(lasts !== undefined && { forNs: lasts }) };
}

function toDomain(name: string, guest: GuestFile, trace: Trace | undefined): DomainSpec {
  const pages = guest.memory === undefined ? (trace?.pages ?? 0) : pagesOf(guest.memory);
  const activity = toActivity(guest, pages, trace);
  return {
    name,
    host: guest.on,
    pages,
    vcpus: guest.vcpus,
    weight: guest.weight,
    cap: guest.cap,
    demandCpus: guest.cpus ?? (activity.kind === "idle" ? IDLE_CPUS : BUSY_CPUS),
    activity,
    deviceStateBytes: guest["device-state"],
    suspendDirtiesPages: Math.min(guest["suspend-dirties"], pages),
    ...contentOf(guest),
    ...(guest.disk !== undefined && { disk: toDisk(guest.disk) }),
    ...(guest.free !== undefined && { freeShare: guest.free }),
    ...(guest["page-cache"] > 0 && { pageCacheShare: guest["page-cache"] }),
    ...(guest["write-elasticity"] !== 1 && { writeElasticity: guest["write-elasticity"] }),
  };
}

function contentOf({ content }: GuestFile): Pick<DomainSpec, "content"> {
  const profile = CONTENT_PROFILES.find(({ name }) => name === content);
  return profile === undefined || profile.name === "incompressible" ? {} : { content: profile };
}

function toActivity(guest: GuestFile, pages: number, trace: Trace | undefined): ActivitySpec {
  if (guest.trace !== undefined && trace !== undefined) {
    const tiled = guest.trace.tile && pages >= 2 * trace.pages;
    return {
      kind: "replay",
      trace: tiled ? tileTrace(trace, { pages, seed: TILE_SEED }) : trace,
      startNs: guest.trace.start,
      end: guest.trace.end,
    };
  }
  return toPatterns(guest.workload, pages);
}

function toDisk({ size, writes }: NonNullable<GuestFile["disk"]>): DiskSpec {
  const blocks = Math.ceil(size / DISK_BLOCK_BYTES);
  return { blocks, activity: toPatterns(writes, blocks) };
}

function toPatterns(patterns: readonly ComponentFile[] | undefined, pages: number): ActivitySpec {
  if (patterns === undefined || patterns.length === 0) return { kind: "idle" };
  return { kind: "synthetic", components: patterns.map((it) => toComponent(it, pages)) };
}

function toComponent(component: ComponentFile, guestPages: number): SyntheticComponent {
  const firstPage = component["first-page"];
  const pages = component.pages ?? guestPages - firstPage;
  const part = { firstPage, pages, writeFraction: component["write-fraction"] };
  return {
    pattern: toPattern(component, part),
    accessesPerSec: component.rate,
    ...(component.during !== undefined && { phase: component.during }),
  };
}

function toPattern(
  component: ComponentFile,
  part: { firstPage: number; pages: number; writeFraction: number },
): WorkloadSpec {
  switch (component.pattern) {
    case "hot-cold":
      return {
        kind: "hot-cold",
        hotPages: component["hot-pages"] ?? Math.max(1, Math.floor(part.pages / 10)),
        hotFraction: component["hot-fraction"],
        ...part,
      };
    case "zipf":
      return { kind: "zipf", exponent: component.exponent, ...part };
    default:
      return { kind: component.pattern, ...part };
  }
}

/** Of a migration or a plan; left out, the model has a default. */
export function linkTimeoutOf(moves: Pick<MigrationFile, "link-timeout">) {
  const linkTimeoutNs = moves["link-timeout"];
  return linkTimeoutNs === undefined ? {} : { linkTimeoutNs };
}

function toMigration(migration: MigrationFile): MigrationSpec {
  return {
    domain: migration.guest,
    to: migration.to,
    strategy: migration.strategy,
    startNs: migration.at,
    downtimeLimitNs: migration["downtime-limit"],
    timeoutNs: migration.timeout,
    ...linkTimeoutOf(migration),
  };
}
