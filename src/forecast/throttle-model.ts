/**
 * QEMU's auto-converge, by the numbers: `migration_trigger_throttle` of migration/ram.c judges at a
 * reading at least 1 s after the last judgement; more dirtied than half of what was sent, twice,
 * slows the guest by 20 %, then by 10 % more each time, to 99 %. The VCPU sleeps p / (1 - p) x 10 ms
 * out of every 10 / (1 - p) ms (softmmu/cpu-throttle.c), and whoever reads the log of a guest in
 * software emulation waits until it is awake (tcg_log_global_after_sync of softmmu/physmem.c).
 */

/** CPU_THROTTLE_TIMESLICE_NS of softmmu/cpu-throttle.c. */
const TIMESLICE_MS = 10;
/** `migration_bitmap_sync` judges periods of at least 1 s. */
const PERIOD_MS = 1000;

export interface AutoConvergeSettings {
  readonly initialPercent: number;
  readonly incrementPercent: number;
  readonly maxPercent: number;
  /** throttle-trigger-threshold. */
  readonly triggerPercent: number;
  /** cpu-throttle-tailslow: no more at once than what the rates ask for. Default false. */
  readonly tailslow?: boolean;
}

/** Defaults of migration/migration.c (7.2) and migration/options.c. */
export const AUTO_CONVERGE: AutoConvergeSettings = {
  initialPercent: 20,
  incrementPercent: 10,
  maxPercent: 99,
  triggerPercent: 50,
};

/** How a guest's writes follow its share of the CPU. */
export type Pace = (share: number, sleepMs: number) => number;

/** Bound by the CPU: in proportion. */
export const cpuBoundPace: Pace = (share) => share;

/**
 * Paced by its clock: makes up for sleeps up to so long; `usual` is what it gets without any. What
 * it does not make up for is the sleep and on average half a tick of its clock.
 */
export function pacedUpTo(sleepMaxMs: number, usual: number, tickMs = 0): Pace {
  const ran = 1 - tickMs / 2 / TIMESLICE_MS;
  return (share, sleepMs) => (sleepMs <= sleepMaxMs ? usual : usual * share * ran);
}

/** Paced, and it makes up for everything, as fast as its CPU goes: so many times its pace. */
export function catchingUp(fastest: number): Pace {
  return (share) => Math.min(1, share * fastest);
}

export class ThrottleModel {
  percent = 0;
  private high = 0;
  private periodMs = 0;
  private dirtiedBytes = 0;
  private sentBefore = 0;
  /** The sleep that began last, and when the next one begins. */
  private sleep = { toMs: 0, nextMs: Number.POSITIVE_INFINITY };

  constructor(
    private readonly settings: AutoConvergeSettings,
    private readonly pace: Pace,
    /** In software emulation a reading waits for the VCPU; hardware's log does not. */
    private readonly emulated = true,
  ) {}

  /** It has not come to its end: what is steady now may not stay so. */
  get mayTighten(): boolean {
    return this.percent < this.settings.maxPercent;
  }

  /** Writes against those of a guest that is not slowed. */
  share(): number {
    const share = 1 - this.percent / 100;
    return this.pace(share, TIMESLICE_MS / share - TIMESLICE_MS);
  }

  /** Until the VCPU is awake (tcg_log_global_after_sync). */
  waitMs(ms: number): number {
    if (!this.emulated) return 0;
    while (ms >= this.sleep.nextMs) this.fallAsleep(this.sleep.nextMs);
    return Math.max(0, this.sleep.toMs - ms);
  }

  private fallAsleep(ms: number): void {
    const share = 1 - this.percent / 100;
    const periodMs = TIMESLICE_MS / share;
    this.sleep = { toMs: ms + periodMs - TIMESLICE_MS, nextMs: ms + periodMs };
  }

  synced(ms: number, dirtiedBytes: number, sentBytes: number): void {
    this.dirtiedBytes += dirtiedBytes;
    if (ms - this.periodMs <= PERIOD_MS) return;
    const { initialPercent, triggerPercent } = this.settings;
    const limit = ((sentBytes - this.sentBefore) * triggerPercent) / 100;
    if (this.dirtiedBytes > limit && ++this.high >= 2) {
      this.high = 0;
      const asleep = this.percent > 0;
      this.percent = asleep ? this.more(limit) : initialPercent;
      if (!asleep) this.fallAsleep(ms);
    }
    this.periodMs = ms;
    this.dirtiedBytes = 0;
    this.sentBefore = sentBytes;
  }

  /** `mig_throttle_guest_down`, in whole per cent as QEMU counts. */
  private more(limitBytes: number): number {
    const { incrementPercent, maxPercent, tailslow } = this.settings;
    const now = 100 - this.percent;
    const ideal = Math.floor((now * limitBytes) / this.dirtiedBytes);
    const step = tailslow === true ? Math.min(now - ideal, incrementPercent) : incrementPercent;
    return Math.min(this.percent + step, maxPercent);
  }
}
