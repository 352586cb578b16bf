/**
 * QEMU's dirty-limit: each VCPU may dirty so many MiB a second; one that writes faster sleeps each
 * time that its KVM dirty ring is full, so that only writers are slowed. How long is adjusted once
 * a period from the rate measured. Source: system/dirtylimit.c (8.1 and later); it starts, as
 * auto-converge does, when the guest is found too fast (`migration_dirty_limit_guest` of
 * migration/ram.c). Rates here are whole MiB a second, as in the source, which calls them MB/s.
 *
 * The engine knows first writes to logged pages, not rings: the sleep at a full ring is spread
 * evenly over the ring's entries. QEMU measures rates beside the migration's own bitmap; here each
 * adjustment needs a reading of the log.
 */
import { assert } from "../../base/assert.js";
import {
  type Brake,
  NO_BRAKE,
  perSecond,
  type Throttle,
  type ThrottleFactory,
  type ThrottleStats,
} from "../throttle.js";
import { HighDirtyRateTest } from "./high-dirty-rate.js";

/** DIRTYLIMIT_TOLERANCE_RANGE, MB/s: as near to the quota as this is near enough. */
export const DIRTY_LIMIT_TOLERANCE = 25;
/** DIRTYLIMIT_LINEAR_ADJUSTMENT_PCT: a gap of more than this many % is closed in one step. */
export const DIRTY_LIMIT_LINEAR_PERCENT = 50;
/** DIRTYLIMIT_THROTTLE_PCT_MAX: the sleep is at most so many times the time to fill the ring. */
export const DIRTY_LIMIT_SLEEP_MAX = 99;

const MIB = 2 ** 20;
const PAGE_BYTES = 4096;

/** Microseconds in which a VCPU that dirties `rateMibPerSec` fills its ring. */
export function ringFullUs(ringMib: number, rateMibPerSec: number): number {
  return Math.floor((ringMib * 1_000_000) / rateMibPerSec);
}

/** `dirtylimit_done`: the rate is near enough to the quota; both MiB/s. */
export function dirtyLimitDone(quota: number, current: number): boolean {
  return Math.abs(quota - current) <= DIRTY_LIMIT_TOLERANCE;
}

/** What `dirtylimit_set_throttle` looks at. Rates in whole MiB a second. */
export interface DirtyLimitStep {
  readonly quota: number;
  readonly current: number;
  /** Sleep at a full ring so far, microseconds. */
  readonly throttleUs: number;
  /** {@link ringFullUs} at the highest rate seen. */
  readonly ringFullUs: number;
}

/** The next sleep at a full ring, microseconds. */
export function nextThrottleUs({ quota, current, throttleUs, ...ring }: DirtyLimitStep): number {
  assert(quota > 0, "a dirty limit has a quota");
  if (current === 0) return 0;
  const higher = Math.max(quota, current);
  const gap = Math.abs(quota - current);
  let step = Math.floor(ring.ringFullUs / 10);
  if (Math.floor((gap * 100) / higher) > DIRTY_LIMIT_LINEAR_PERCENT) {
    const percent = Math.floor((gap * 100) / higher);
    step = Math.floor((ring.ringFullUs * percent) / (100 - percent));
  }
  const next = quota < current ? throttleUs + step : throttleUs - step;
  return Math.max(0, Math.min(next, ring.ringFullUs * DIRTY_LIMIT_SLEEP_MAX));
}

/** Options of {@link DirtyLimit}. */
export interface DirtyLimitOptions {
  /** vcpu-dirty-limit, whole MiB a second for each VCPU. */
  readonly quotaMibPerSec: number;
  /** Entries of a VCPU's ring (KVM's dirty-ring-size), one a page. */
  readonly ringEntries: number;
  /** x-vcpu-dirty-limit-period, nanoseconds. */
  readonly periodNs: number;
  /** throttle-trigger-threshold, %. */
  readonly threshold: number;
}

export const DIRTY_LIMIT_DEFAULTS: DirtyLimitOptions = {
  quotaMibPerSec: 1,
  // KVM has none by default; 4096 is what QEMU's documents and tests use (recalled, not verified).
  ringEntries: 4096,
  periodNs: 1_000_000_000,
  threshold: 50,
};

export class DirtyLimit implements Throttle {
  readonly name = "dirty-limit";
  private readonly test: HighDirtyRateTest;
  private inService = false;
  private throttleUs = 0;
  private highestRate = 0;
  private dirtiedBytes = 0;
  private elapsedNs = 0;

  constructor(private readonly options: DirtyLimitOptions = DIRTY_LIMIT_DEFAULTS) {
    this.test = new HighDirtyRateTest(options.threshold);
  }

  get periodNs(): number {
    return this.options.periodNs;
  }

  afterSync(stats: ThrottleStats): Brake {
    if (this.inService) this.regulate(stats);
    else this.inService = this.test.judge(stats) !== undefined;
    const stallPerFaultNs = (this.throttleUs * 1000) / this.options.ringEntries;
    return { ...NO_BRAKE, stallPerFaultNs };
  }

  private regulate(stats: ThrottleStats): void {
    this.dirtiedBytes += stats.dirtiedBytes;
    this.elapsedNs += stats.periodNs;
    if (this.elapsedNs < this.options.periodNs) return;
    // As if each VCPU wrote alike: the log does not tell who wrote.
    const bytesPerSec = perSecond(this.dirtiedBytes, this.elapsedNs) / stats.vcpus;
    const current = Math.floor(bytesPerSec / MIB);
    this.dirtiedBytes = 0;
    this.elapsedNs = 0;
    const quota = this.options.quotaMibPerSec;
    if (dirtyLimitDone(quota, current)) return;
    this.highestRate = Math.max(this.highestRate, current);
    const ringMib = Math.floor((this.options.ringEntries * PAGE_BYTES) / MIB);
    this.throttleUs = nextThrottleUs({
      quota,
      current,
      throttleUs: this.throttleUs,
      ringFullUs: this.highestRate > 0 ? ringFullUs(ringMib, this.highestRate) : 0,
    });
  }

  describe(): Record<string, number | string> {
    return {
      "dirty-limit-throttle-time-per-round": this.throttleUs,
      "in-service": this.inService ? "yes" : "no",
    };
  }
}

export const dirtyLimit: ThrottleFactory = {
  name: "dirty-limit",
  summary: "QEMU's dirty-limit: VCPUs that dirty more than a quota sleep at a full dirty ring",
  source: "QEMU system/dirtylimit.c, migration/ram.c (migration_dirty_limit_guest)",
  params: {
    quota: {
      kind: "bandwidth",
      default: DIRTY_LIMIT_DEFAULTS.quotaMibPerSec * MIB,
      min: MIB,
      max: 2 ** 20 * MIB,
      help: "what each VCPU may dirty, counted in whole MiB/s",
    },
    ring: {
      kind: "integer",
      default: DIRTY_LIMIT_DEFAULTS.ringEntries,
      min: 1024,
      max: 65_536,
      help: "entries of a VCPU's dirty ring",
    },
    period: {
      kind: "duration",
      default: DIRTY_LIMIT_DEFAULTS.periodNs,
      help: "between adjustments",
    },
    threshold: {
      kind: "integer",
      default: DIRTY_LIMIT_DEFAULTS.threshold,
      min: 1,
      max: 100,
      help: "starts when dirtied more than so many % of the bytes sent, twice",
    },
  },
  create: (params) =>
    new DirtyLimit({
      quotaMibPerSec: Math.floor((params.quota as number) / MIB),
      ringEntries: params.ring as number,
      periodNs: params.period as number,
      threshold: params.threshold as number,
    }),
};
