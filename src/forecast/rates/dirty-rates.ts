/**
 * Dirty rates as they are measured before a migration: how many distinct pages a guest wrote in a
 * window, told as bytes a second. Nothing is guessed: what the file does not say is absent.
 */
import type { Said } from "../logs/observed-migration.js";
import type { RateFormat } from "./rate-format.js";

/**
 * How QEMU measured: contents of sampled pages compared at both ends of the window, KVM's dirty
 * bitmap, or its dirty rings.
 */
export type MeasureMode = "page-sampling" | "dirty-bitmap" | "dirty-ring";

export interface VcpuDirtyRate {
  readonly id: number;
  readonly bytesPerSec: number;
}

export interface DirtyRateReading {
  readonly line: number;
  /** As the file names it; `namespace/name` in KubeVirt's metric. */
  readonly guest?: string;
  readonly windowSec: number;
  readonly bytesPerSec: number;
  /** Distinct pages of 4 KiB. */
  readonly pagesPerWindow: number;
  /** When it was taken, on a clock of the file's own: of a host since its boot, or Unix time. */
  readonly atSec?: number;
  readonly mode?: MeasureMode;
  readonly samplePagesPerGib?: number;
  /** Told with the dirty ring alone. */
  readonly vcpus?: readonly VcpuDirtyRate[];
  /** The true rate may be higher by up to so much: QEMU tells whole MiB/s, cut. */
  readonly resolutionBytesPerSec?: number;
  /** Of a sample: by how many of its pages were dirty. */
  readonly standardErrorBytesPerSec?: number;
}

export interface DirtyRates {
  readonly format: RateFormat;
  readonly file: string;
  /** In the file's order; of one guest alone where that was asked for. */
  readonly readings: readonly DirtyRateReading[];
  /** All that the file names, in its order. */
  readonly guests: readonly string[];
  /** What this kind of file does not tell, or tells in a way that misleads. */
  readonly notes: readonly string[];
  /** Lines that were left out on request; the first of them with the problem. */
  readonly skipped: {
    readonly count: number;
    readonly first: readonly Said<string>[];
  };
}
