/**
 * A host and its domains at one moment, as plain data: what `xl list`, `xl vcpu-list`,
 * `xl sched-credit`, `xl info` and `xentop` show (libxl_dominfo, libxl_vcpuinfo, libxl_physinfo
 * and libxl_version_info in tools/libs/light/libxl_types.idl). Reports take nothing but this, so
 * they can describe a model, a recording or a sample of a real host.
 */
import { CREDIT_RATELIMIT_US, CREDIT_TIMESLICE_NS } from "./credit-scheduler.js";

/** Why a domain is shut down, in the order of Xen's SHUTDOWN_* numbers, 0 first. */
export const SHUTDOWN_REASONS = [
  "poweroff",
  "reboot",
  "suspend",
  "crash",
  "watchdog",
  "soft-reset",
] as const;

export type ShutdownReason = (typeof SHUTDOWN_REASONS)[number];

/** The flags of a domain; several may hold. A domain that crashed is shut down for "crash". */
export interface DomainFlags {
  readonly running: boolean;
  readonly blocked: boolean;
  readonly paused: boolean;
  readonly dying: boolean;
  /** Set while the domain is shut down. */
  readonly shutdownReason?: ShutdownReason | undefined;
}

export interface VcpuState {
  readonly online: boolean;
  readonly running: boolean;
  readonly blocked: boolean;
  /** The physical CPU that it runs on, or last ran on. */
  readonly physicalCpu: number;
  readonly cpuTimeNs: number;
  /** Physical CPUs that it may run on, ascending; left out = all. */
  readonly hardAffinity?: readonly number[] | undefined;
  /** Physical CPUs that it prefers, ascending; left out = all. */
  readonly softAffinity?: readonly number[] | undefined;
}

/** A virtual network interface, seen from the domain: what it has sent and received. */
export interface NetworkCounters {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** A virtual block device. */
export interface DiskCounters {
  readonly outOfRequests: number;
  readonly reads: number;
  readonly writes: number;
  readonly sectorsRead: number;
  readonly sectorsWritten: number;
}

export interface DomainState {
  readonly id: number;
  readonly name: string;
  /** Lower-case, 8-4-4-4-12; left out = all zeros, as Domain-0's. */
  readonly uuid?: string | undefined;
  readonly memoryPages: number;
  /** Left out = no limit. */
  readonly maxMemoryPages?: number | undefined;
  readonly vcpus: readonly VcpuState[];
  readonly weight: number;
  /** Percent of one physical CPU, 0 = none. */
  readonly cap: number;
  readonly flags: DomainFlags;
  readonly cpuTimeNs: number;
  readonly networks?: readonly NetworkCounters[] | undefined;
  readonly disks?: readonly DiskCounters[] | undefined;
}

/** What `xl info` says of a host, in its order. Memory in pages of `pageSizeBytes`. */
export interface HostInfo {
  readonly hostName: string;
  readonly release: string;
  readonly version: string;
  readonly machine: string;
  readonly physicalCpus: number;
  readonly maxCpuId: number;
  readonly numaNodes: number;
  readonly coresPerSocket: number;
  readonly threadsPerCore: number;
  readonly cpuKhz: number;
  /** Eight words of 8 hexadecimal digits, joined by colons. */
  readonly hardwareCaps: string;
  /** As in pv, hvm, hap, shadow, gnttab-v1. */
  readonly virtualizationCaps: readonly string[];
  readonly totalPages: number;
  readonly freePages: number;
  readonly sharingFreedPages: number;
  readonly sharingUsedPages: number;
  /** Claimed for domains under construction; not counted as free. */
  readonly outstandingPages: number;
  readonly freeCpus: number;
  readonly xenMajor: number;
  readonly xenMinor: number;
  readonly xenExtra: string;
  readonly xenCaps: string;
  readonly scheduler: "credit" | "credit2";
  readonly pageSizeBytes: number;
  /** The value of virt_start, hexadecimal without 0x. */
  readonly virtualStart: string;
  readonly changeset: string;
  readonly commandLine: string;
  readonly compiler: string;
  readonly compiledBy: string;
  readonly compileDomain: string;
  readonly compileDate: string;
  readonly buildId: string;
  /** What `xl sched-credit` says of the pool. */
  readonly cpuPool: string;
  readonly timesliceMs: number;
  readonly ratelimitUs: number;
  readonly migrationDelayUs: number;
}

/** A domain's processor time at an earlier moment. */
export interface EarlierSample {
  readonly atNs: number;
  readonly domains: readonly { readonly id: number; readonly cpuTimeNs: number }[];
}

/** Everything the reports need: a host at `atNs`, domains in the order of their ids. */
export interface HostView {
  readonly atNs: number;
  readonly host: HostInfo;
  readonly domains: readonly DomainState[];
  /** The sample before, for processor use in between; an earlier HostView will do. */
  readonly previous?: EarlierSample | undefined;
}

/** What a modelled host knows of itself; the rest of {@link HostInfo} says that it is a model. */
export interface ModelledHost {
  readonly hostName: string;
  readonly physicalCpus: number;
  readonly totalPages: number;
  readonly freePages: number;
}

/** The HostInfo of a modelled host: what it knows, and plain placeholders for the rest. */
export function modelledHostInfo(known: ModelledHost): HostInfo {
  return {
    ...known,
    release: "model",
    version: "precopy, virtual time",
    machine: "x86_64",
    maxCpuId: known.physicalCpus - 1,
    numaNodes: 1,
    coresPerSocket: known.physicalCpus,
    threadsPerCore: 1,
    cpuKhz: 2_000_000,
    hardwareCaps: Array(8).fill("00000000").join(":"),
    virtualizationCaps: ["pv", "hvm", "hap"],
    sharingFreedPages: 0,
    sharingUsedPages: 0,
    outstandingPages: 0,
    freeCpus: 0,
    xenMajor: 4,
    xenMinor: 17,
    xenExtra: ".0-model",
    xenCaps: "xen-3.0-x86_64 hvm-3.0-x86_64 ",
    scheduler: "credit",
    pageSizeBytes: 4096,
    virtualStart: "ffff800000000000",
    changeset: "",
    commandLine: "",
    compiler: "",
    compiledBy: "",
    compileDomain: "",
    compileDate: "",
    buildId: "",
    cpuPool: "Pool-0",
    timesliceMs: CREDIT_TIMESLICE_NS / 1_000_000,
    ratelimitUs: CREDIT_RATELIMIT_US,
    migrationDelayUs: 0,
  };
}
