/**
 * oVirt's vdsm: a schedule of downtime limits that grow exponentially, one a reading of the log,
 * and an abort when the guest has been at it for too long. Source: `exponential_downtime`,
 * `_legacy_convergence_schedule` and `MonitorThread` of lib/vdsm/virt/migration.py. A step is
 * taken when the number of readings since the first poll is above its limit, one at a poll: limits
 * 1, 2, 3 ... for the downtimes, 42 for the last one again, and then the abort. Polled every 10 s
 * (migration_monitor_interval; recalled, not verified).
 */
import { assert } from "../../base/assert.js";
import {
  type Manager,
  type ManagerAction,
  type ManagerFactory,
  NO_ACTIONS,
  type Progress,
} from "../manager.js";

/** Readings of the log after which the last downtime is set once more; the abort comes next. */
export const VDSM_LAST_LIMIT = 42;
export const VDSM_POLL_NS = 10_000_000_000;

/**
 * `exponential_downtime(downtime, steps)`, whole milliseconds: offset + base^i, cut. The last one
 * is the downtime itself, where Python's float power may come out 1 ms short.
 */
export function vdsmDowntimesMs(downtimeMs: number, steps: number): readonly number[] {
  assert(steps >= 1, "a schedule has steps");
  if (steps === 1) return [downtimeMs];
  const offset = downtimeMs / steps;
  const base = root(downtimeMs - offset, steps - 1);
  const downtimes = Array.from({ length: steps }, (_, i) => Math.floor(offset + power(base, i)));
  downtimes[steps - 1] = downtimeMs;
  return downtimes;
}

/** x^(1/n) for x >= 0, by bisection to neighbouring numbers: engines differ in Math.pow. */
function root(x: number, n: number): number {
  let low = 0;
  let high = Math.max(1, x);
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (power(middle, n) <= x) low = middle;
    else high = middle;
  }
  return x - power(low, n) <= power(high, n) - x ? low : high;
}

function power(x: number, n: number): number {
  let product = 1;
  for (let i = 0; i < n; i++) product *= x;
  return product;
}

/** A step of the schedule: taken when more than `limit` readings have been seen. */
export interface VdsmStep {
  readonly limit: number;
  /** The abort has none. */
  readonly downtimeMs: number | undefined;
}

/** `_legacy_convergence_schedule`: the first downtime is set at the start and not in here. */
export function vdsmSchedule(downtimesMs: readonly number[]): readonly VdsmStep[] {
  const steps = downtimesMs.slice(1).map((downtimeMs, i) => ({ downtimeMs, limit: i + 1 }));
  return [
    ...steps,
    { downtimeMs: downtimesMs.at(-1), limit: VDSM_LAST_LIMIT },
    { downtimeMs: undefined, limit: -1 },
  ];
}

class Vdsm implements Manager {
  readonly name = "vdsm";
  readonly pollNs = VDSM_POLL_NS;
  private readonly schedule: VdsmStep[];
  private started = false;
  /** As the first poll after the start found it: readings before that do not count. */
  private firstIteration = -1;
  private lastIteration = -1;

  constructor(
    private downtimeMs: number,
    downtimesMs: readonly number[],
    private readonly bandwidthBytesPerSec: number,
  ) {
    this.schedule = [...vdsmSchedule(downtimesMs)];
  }

  poll({ iteration, state }: Progress): readonly ManagerAction[] {
    if (!this.started) {
      this.started = true;
      return [
        { kind: "set-bandwidth", bytesPerSec: this.bandwidthBytesPerSec },
        { kind: "set-downtime-limit", downtimeLimitNs: this.downtimeMs * 1_000_000 },
      ];
    }
    if (this.firstIteration < 0) {
      this.firstIteration = iteration;
      this.lastIteration = iteration;
    }
    if (state !== "pre-copy" || iteration <= this.lastIteration) return NO_ACTIONS;
    this.lastIteration = iteration;
    const head = this.schedule[0];
    const readings = iteration - this.firstIteration;
    if (head === undefined || readings <= head.limit) return NO_ACTIONS;
    this.schedule.shift();
    if (head.downtimeMs === undefined) {
      return [{ kind: "cancel", reason: `not converged after ${readings} iterations` }];
    }
    this.downtimeMs = head.downtimeMs;
    return [{ kind: "set-downtime-limit", downtimeLimitNs: head.downtimeMs * 1_000_000 }];
  }

  describe(): Record<string, number | string> {
    return { downtimeLimitMs: this.downtimeMs, stepsLeft: this.schedule.length };
  }
}

export const vdsm: ManagerFactory = {
  name: "vdsm",
  summary: "oVirt vdsm: downtime in 5 exponential steps to 500 ms, abort after 43 iterations",
  source: "oVirt vdsm lib/vdsm/virt/migration.py",
  params: {
    downtime: { kind: "duration", default: 500_000_000, help: "the last step's downtime limit" },
    steps: { kind: "integer", default: 5, min: 1, max: 1000, help: "steps to get there" },
    "max-bandwidth": {
      kind: "bandwidth",
      default: 52 * 2 ** 20,
      min: 1000,
      max: Number.POSITIVE_INFINITY,
      help: "limit of the live phase",
    },
  },
  create: (_context, params) => {
    const downtimeMs = Math.max(1, Math.floor((params.downtime as number) / 1e6));
    const downtimesMs = vdsmDowntimesMs(downtimeMs, params.steps as number);
    return new Vdsm(downtimesMs[0] as number, downtimesMs, params["max-bandwidth"] as number);
  },
};
