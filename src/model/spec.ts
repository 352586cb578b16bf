/**
 * What a simulation is made of, as plain data (traces apart, which are objects in memory). A
 * scenario file becomes this; code may write it directly. All times are integer nanoseconds, all
 * rates bytes a second unless the name says otherwise.
 */
import type { ActivitySpec } from "../guest/activity.js";
import type { ContentProfileSpec } from "../guest/content-profile.js";
import type { FrameShape } from "./link.js";

/**
 * Fixed costs of the toolstack and the hypervisor. Defaults are this model's own round figures
 * for a server of today unless a source is named; give your own where you have measured them.
 */
export interface HostCosts {
  /** Finding and contacting the target: the initialisation stage without sampling. */
  readonly initialiseNs: number;
  /** Building an empty domain on the target. */
  readonly reserveNs: number;
  /** Turning log-dirty on, and one CLEAN, by pages of the guest (cloud-hypervisor#6987: 36 ms for
   * 64 GiB, that is 2.1 ns a page). The guest stands still meanwhile. */
  readonly logDirtyNsPerPage: number;
  /** First write to a page since the log was read, without PML: a fault into the hypervisor. */
  readonly writeFaultNs: number;
  /** The exit that a full PML buffer causes. */
  readonly pmlExitNs: number;
  /** From the request to the guest standing still. */
  readonly suspendNs: number;
  /** Target: from the last byte to "the image is whole". */
  readonly restoreNs: number;
  /** Source: recording that it gives up the guest. */
  readonly commitNs: number;
  /** Target: from permission to the first instruction. */
  readonly unpauseNs: number;
  /** Target: devices attached again after the first instruction. */
  readonly attachDevicesNs: number;
  /** Target: announcing the address (gratuitous ARP). */
  readonly announceNs: number;
  /** CPUs of Domain-0 that sending (or receiving) one Gbit/s takes. */
  readonly dom0CpusPerGbit: number;
}

export const DEFAULT_COSTS: HostCosts = {
  initialiseNs: 5_000_000,
  reserveNs: 20_000_000,
  logDirtyNsPerPage: 2.1,
  writeFaultNs: 2_000,
  pmlExitNs: 2_500,
  suspendNs: 5_000_000,
  restoreNs: 5_000_000,
  commitNs: 1_000_000,
  unpauseNs: 1_000_000,
  attachDevicesNs: 20_000_000,
  announceNs: 1_000_000,
  dom0CpusPerGbit: 0.2,
};

/** NR_PML_ENTRIES: a VCPU's page-modification log holds 512 entries (Xen, hypervisors of today). */
export const PML_ENTRIES = 512;

export interface HostSpec {
  readonly name: string;
  readonly physicalCpus: number;
  readonly memoryPages: number;
  /** Hardware page-modification logging: one exit for 512 pages instead of one fault a page. */
  readonly pml: boolean;
  readonly dom0: {
    readonly memoryPages: number;
    readonly vcpus: number;
    readonly weight: number;
    /** CPUs that it uses apart from migrations. */
    readonly demandCpus: number;
  };
  readonly costs: HostCosts;
}

export interface LinkSpec {
  readonly name: string;
  /** Hosts or switches. */
  readonly between: readonly [string, string];
  readonly bandwidthBytesPerSec: number;
  readonly latencyNs: number;
  readonly frame?: FrameShape;
  /** When it carries nothing; without `forNs` it never comes back. */
  readonly outages?: readonly { readonly atNs: number; readonly forNs?: number }[];
}

/** Bytes of a disk's block: QEMU's dirty maps have 64 KiB by default (block/dirty-bitmap.c;
 * recalled, not verified). */
export const DISK_BLOCK_BYTES = 65_536;
/** Blocks of the largest disk: 2^24 blocks are 1 TiB. */
export const DISK_BLOCKS_MAX = 2 ** 24;

/** A guest's disk, and what it writes to it: pages of the activity are blocks. */
export interface DiskSpec {
  readonly blocks: number;
  readonly activity: ActivitySpec;
}

export interface DomainSpec {
  readonly name: string;
  readonly host: string;
  readonly pages: number;
  readonly vcpus: number;
  readonly weight: number;
  /** Credit scheduler's cap: 0 none, 100 one physical CPU. */
  readonly cap: number;
  /** CPUs that it would use if it were alone. */
  readonly demandCpus: number;
  readonly activity: ActivitySpec;
  readonly deviceStateBytes: number;
  /** Pages that suspending itself dirties: about 190 measured on Xen 4.17 PV, 260 PVH. */
  readonly suspendDirtiesPages: number;
  /** What its pages hold, for codecs; default: nothing compresses, nothing is equal or zero. */
  readonly content?: ContentProfileSpec;
  /** Moves along with the technique `storage`, is shared by both hosts otherwise. */
  readonly disk?: DiskSpec;
  /** Share of its memory that is free (default: the zero pages of its content), and that is clean
   * page cache (default 0): what it can give up without harm. */
  readonly freeShare?: number;
  readonly pageCacheShare?: number;
  /** Memory activity at a share s of the CPUs that it asks for is s^writeElasticity of the whole:
   * 1 (default) in proportion, below 1 sub-linear as of real guests, 0 unmoved. */
  readonly writeElasticity?: number;
}

export interface MigrationSpec {
  readonly domain: string;
  readonly to: string;
  /** strategy+predictor:params@preset */
  readonly strategy: string;
  readonly startNs: number;
  readonly downtimeLimitNs: number;
  readonly timeoutNs: number;
  /**
   * Longest outage that its connection sits out; if left out, {@link DEFAULT_LINK_TIMEOUT_NS} or
   * the time there and back, whichever is longer.
   */
  readonly linkTimeoutNs?: number;
}

/** Our own: a toolstack gives up far earlier than Linux's TCP would (connection.ts). */
export const DEFAULT_LINK_TIMEOUT_NS = 5_000_000_000;

export interface SimulationSpec {
  readonly seed: number;
  readonly hosts: readonly HostSpec[];
  /** Names that links may end at besides hosts; they carry on what passes through them. */
  readonly switches?: readonly string[];
  readonly links: readonly LinkSpec[];
  readonly domains: readonly DomainSpec[];
  readonly migrations: readonly MigrationSpec[];
  /** How many migrations may run at a time; the rest wait in the order given. */
  readonly atOnce: number;
  /** Admission rule that decides instead of `atOnce`, by its name, as in "lt-rt". */
  readonly admission?: string;
}

/** Pages of the largest guest: 2^24 pages of 4 KiB are 64 GiB. */
export const GUEST_PAGES_MAX = 2 ** 24;
/** A simulation ends here at the latest: 30 days of virtual time. */
export const SIMULATION_NS_MAX = 30 * 86_400 * 1_000_000_000;
