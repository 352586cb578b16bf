/**
 * A manager stands over a migration as KubeVirt, Nova or Proxmox stand over QEMU: it polls the
 * progress and turns the few knobs that a monitor has. It does not see rounds or pages.
 */
import type { ParamSpecs, ParamValues } from "../base/params.js";

/** What a monitor shows (the figures of `query-migrate`). */
export interface Progress {
  /** Since the move was asked for. */
  readonly elapsedNs: number;
  readonly memoryBytes: number;
  readonly remainingBytes: number;
  readonly sentBytes: number;
  /** Readings of the log so far; QEMU's `dirty-sync-count`. */
  readonly iteration: number;
  /** Measured last; 0 = not measured yet. */
  readonly bandwidthBytesPerSec: number;
  readonly downtimeLimitNs: number;
  readonly state: "pre-copy" | "post-copy" | "paused";
}

export type ManagerAction =
  | { readonly kind: "set-downtime-limit"; readonly downtimeLimitNs: number }
  | { readonly kind: "set-bandwidth"; readonly bytesPerSec: number }
  | { readonly kind: "post-copy" }
  /** Stop the guest now and finish. */
  | { readonly kind: "pause" }
  | { readonly kind: "cancel"; readonly reason: string };

export interface Manager {
  readonly name: string;
  /**
   * When it looks again, nanoseconds; the first time when the move starts, at `elapsedNs` 0. May
   * differ from one poll to the next: read it after each.
   */
  readonly pollNs: number;
  /** Looks besides right after each reading of the log (QEMU's MIGRATION_PASS event). */
  readonly pollsOnSync?: boolean;
  /** Actions in the order in which they are carried out; none = go on. */
  poll(progress: Progress): readonly ManagerAction[];
  /** State for the report: plain names and figures. */
  describe(): Record<string, number | string>;
}

/** What a manager knows before the move starts. */
export interface ManagerContext {
  readonly memoryBytes: number;
  /** The scenario's downtime limit; a manager with a limit of its own goes by that. */
  readonly downtimeLimitNs: number;
}

export interface ManagerFactory {
  readonly name: string;
  /** One line for help and reports. */
  readonly summary: string;
  readonly source: string;
  readonly params: ParamSpecs;
  create(context: ManagerContext, params: ParamValues): Manager;
}

/** QEMU takes no longer downtime limit (`MAX_MIGRATE_DOWNTIME`, 2000 s). */
export const QEMU_DOWNTIME_MAX_NS = 2_000_000_000_000;

export const NO_ACTIONS: readonly ManagerAction[] = [];
