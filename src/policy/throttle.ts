/**
 * Slowing the guest so that it dirties less than the link carries. A throttle is asked whenever
 * the log has been read (QEMU: after each `migration_bitmap_sync`), and answers with a brake. It
 * sees counts and the time, nothing else, so the same rule slows a modelled and a real guest.
 */
import type { ParamSpecs, ParamValues } from "../base/params.js";

/** What a throttle sets. */
export interface Brake {
  /** Guest's share of the CPUs it could use, 0 < share <= 1. */
  readonly cpuShare: number;
  /** Standing still after each first write to a logged page, nanoseconds; 0 = none. */
  readonly stallPerFaultNs: number;
  /**
   * A writer (process) with so many write faults since the last reading of the log is not run
   * again until the move ends; 0 = never.
   */
  readonly stunAfterFaults: number;
}

export const NO_BRAKE: Brake = { cpuShare: 1, stallPerFaultNs: 0, stunAfterFaults: 0 };

/** What a throttle sees. `dirtiedBytes` and `sentBytes` are those of the period. */
export interface ThrottleStats {
  readonly nowNs: number;
  /** Since the last call; of the first call, since the first round began. */
  readonly periodNs: number;
  /** Distinct pages that the log showed as written, times the page size. */
  readonly dirtiedBytes: number;
  readonly sentBytes: number;
  /** Owed after this reading of the log. */
  readonly remainingBytes: number;
  /** What the downtime limit has room for at the bandwidth measured. */
  readonly thresholdBytes: number;
  /** Payload rate measured last, bytes a second; 0 = not measured yet. */
  readonly bandwidthBytesPerSec: number;
  readonly memoryBytes: number;
  readonly vcpus: number;
  /** Readings of the log so far, this one included. */
  readonly rounds: number;
}

export interface Throttle {
  readonly name: string;
  /**
   * Asks for a reading of the log at least this often, nanoseconds, once the first pass over the
   * whole memory has ended; 0 = the loop's own readings do.
   */
  readonly periodNs: number;
  afterSync(stats: ThrottleStats): Brake;
  /** State for the report: plain names and figures. */
  describe(): Record<string, number | string>;
}

export interface ThrottleFactory {
  readonly name: string;
  /** One line for help and reports. */
  readonly summary: string;
  readonly source: string;
  readonly params: ParamSpecs;
  create(params: ParamValues): Throttle;
}

/** Bytes of a period as bytes a second; 0 where no time passed. */
export function perSecond(bytes: number, periodNs: number): number {
  return periodNs > 0 ? (bytes * 1e9) / periodNs : 0;
}
