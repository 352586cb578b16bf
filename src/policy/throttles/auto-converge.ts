/**
 * QEMU's auto-converge: when the guest is found too fast (high-dirty-rate.ts) all its VCPUs are
 * put to sleep for 20 % of the time, and for 10 % more each time that it is found so again, up to
 * 99 %. Sources: `mig_throttle_guest_down` of migration/ram.c, defaults of migration/options.c,
 * sleep and periodic reading of softmmu/cpu-throttle.c (7.2) and migration/cpu-throttle.c (10.2).
 * It is never loosened again before the move ends.
 */
import {
  type Brake,
  NO_BRAKE,
  type Throttle,
  type ThrottleFactory,
  type ThrottleStats,
} from "../throttle.js";
import { type HighDirtyRate, HighDirtyRateTest } from "./high-dirty-rate.js";

/** CPU_THROTTLE_DIRTY_SYNC_TIMESLICE_MS: QEMU 10.2 reads the log at least this often. */
export const AUTO_CONVERGE_SYNC_NS = 5_000_000_000;

/** Percentages of QEMU's migration parameters of these names. */
export interface AutoConvergeOptions {
  /** throttle-trigger-threshold */
  readonly threshold: number;
  /** cpu-throttle-initial */
  readonly initial: number;
  /** cpu-throttle-increment */
  readonly increment: number;
  /** max-cpu-throttle */
  readonly max: number;
  /** cpu-throttle-tailslow */
  readonly tailslow: boolean;
}

export const AUTO_CONVERGE_DEFAULTS: AutoConvergeOptions = {
  threshold: 50,
  initial: 20,
  increment: 10,
  max: 99,
  tailslow: false,
};

/** The next throttle percentage, in QEMU's whole numbers; `now` 0 = not throttled yet. */
export function nextThrottlePercent(
  now: number,
  found: HighDirtyRate,
  options: AutoConvergeOptions,
): number {
  if (now === 0) return Math.max(1, Math.min(options.initial, 99));
  let step = options.increment;
  if (options.tailslow) {
    // The share at which the guest would dirty as much as the threshold, if it were proportional.
    const cpuNow = 100 - now;
    const cpuIdeal = Math.floor(cpuNow * (found.thresholdBytes / found.dirtiedBytes));
    step = Math.min(cpuNow - cpuIdeal, options.increment);
  }
  return Math.max(1, Math.min(now + step, options.max, 99));
}

export class AutoConverge implements Throttle {
  readonly name = "auto-converge";
  private percent = 0;
  private readonly test: HighDirtyRateTest;

  constructor(
    private readonly options: AutoConvergeOptions = AUTO_CONVERGE_DEFAULTS,
    readonly periodNs: number = AUTO_CONVERGE_SYNC_NS,
  ) {
    this.test = new HighDirtyRateTest(options.threshold);
  }

  afterSync(stats: ThrottleStats): Brake {
    const found = this.test.judge(stats);
    if (found !== undefined) this.percent = nextThrottlePercent(this.percent, found, this.options);
    // 10 ms of running, then pct / (1 - pct) * 10 ms of sleep: a share of 1 - pct.
    return { ...NO_BRAKE, cpuShare: (100 - this.percent) / 100 };
  }

  describe(): Record<string, number | string> {
    return { "cpu-throttle-percentage": this.percent };
  }
}

const PERCENT = { kind: "integer", min: 1, max: 99 } as const;

export const autoConverge: ThrottleFactory = {
  name: "auto-converge",
  summary: "QEMU's auto-converge: CPU throttled by 20 %, then 10 % more, up to 99 %",
  source: "QEMU migration/ram.c (mig_throttle_guest_down), migration/cpu-throttle.c",
  params: {
    threshold: {
      ...PERCENT,
      max: 100,
      default: AUTO_CONVERGE_DEFAULTS.threshold,
      help: "too fast: dirtied more than so many % of the bytes sent, twice",
    },
    initial: { ...PERCENT, default: AUTO_CONVERGE_DEFAULTS.initial, help: "first throttle, %" },
    increment: { ...PERCENT, default: AUTO_CONVERGE_DEFAULTS.increment, help: "each further, %" },
    max: { ...PERCENT, default: AUTO_CONVERGE_DEFAULTS.max, help: "never throttle more, %" },
    tailslow: { kind: "flag", default: false, help: "smaller steps where they suffice" },
    version: {
      kind: "choice",
      default: "10.2",
      choices: ["10.2", "7.2"],
      help: "QEMU 10.2 also reads the log every 5 s after the first pass",
    },
  },
  create: (params) =>
    new AutoConverge(
      {
        threshold: params.threshold as number,
        initial: params.initial as number,
        increment: params.increment as number,
        max: params.max as number,
        tailslow: params.tailslow as boolean,
      },
      params.version === "7.2" ? 0 : AUTO_CONVERGE_SYNC_NS,
    ),
};
