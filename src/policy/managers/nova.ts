/**
 * OpenStack Nova: raises the downtime limit in equal steps whose interval grows with the guest's
 * memory, then aborts or forces the move. Source: `downtime_steps`, `update_downtime` and
 * `should_trigger_timeout_action` of nova/virt/libvirt/migration.py; defaults of
 * nova/conf/libvirt.py. Polled every 500 ms (`_live_migration_monitor` of
 * nova/virt/libvirt/driver.py; recalled, not verified). Moves of memory only: no disk counts.
 */
import {
  type Manager,
  type ManagerAction,
  type ManagerContext,
  type ManagerFactory,
  NO_ACTIONS,
  type Progress,
} from "../manager.js";

export const NOVA_POLL_NS = 500_000_000;
/** "with lower bound of a minimum of 2 GiB" */
export const NOVA_GIB_MIN = 2;

/** Options of nova.conf, `live_migration_…`. */
export interface NovaOptions {
  /** downtime, whole milliseconds. */
  readonly downtimeMs: number;
  /** downtime_steps */
  readonly steps: number;
  /** downtime_delay, seconds a GiB. */
  readonly delaySecPerGib: number;
  /** completion_timeout, seconds a GiB; 0 = none. */
  readonly timeoutSecPerGib: number;
  readonly action: "abort" | "force-complete";
  /** permit_post_copy: forced moves switch to post-copy instead of pausing. */
  readonly postCopy: boolean;
}

/** A downtime limit, and after how long it is set. */
export interface NovaStep {
  readonly afterSec: number;
  readonly downtimeMs: number;
}

/** `downtime_steps(data_gb)`: one step more than `steps`, the first at once. */
export function novaDowntimeSteps(
  gib: number,
  { downtimeMs, steps, delaySecPerGib }: NovaOptions,
): readonly NovaStep[] {
  const delaySec = Math.floor(delaySecPerGib * gib);
  const base = downtimeMs / steps;
  const offset = (downtimeMs - base) / steps;
  return Array.from({ length: steps + 1 }, (_, step) => ({
    afterSec: delaySec * step,
    downtimeMs: Math.floor(base + offset * step),
  }));
}

class Nova implements Manager {
  readonly name = "nova";
  readonly pollNs = NOVA_POLL_NS;
  private readonly steps: readonly NovaStep[];
  private readonly timeoutSec: number;
  private downtimeMs = 0;
  private forced = false;

  constructor(
    { memoryBytes }: ManagerContext,
    private readonly options: NovaOptions,
  ) {
    const gib = Math.max(NOVA_GIB_MIN, memoryBytes / 2 ** 30);
    this.steps = novaDowntimeSteps(gib, options);
    this.timeoutSec = Math.floor(options.timeoutSecPerGib * gib);
  }

  poll({ elapsedNs, state }: Progress): readonly ManagerAction[] {
    if (state !== "pre-copy" || this.forced) return NO_ACTIONS;
    const elapsedSec = elapsedNs / 1e9;
    if (this.timeoutSec > 0 && elapsedSec > this.timeoutSec) return [this.timedOut()];
    const due = this.steps.filter(({ afterSec }) => elapsedSec > afterSec).at(-1);
    if (due === undefined || due.downtimeMs === this.downtimeMs) return NO_ACTIONS;
    this.downtimeMs = due.downtimeMs;
    return [{ kind: "set-downtime-limit", downtimeLimitNs: due.downtimeMs * 1_000_000 }];
  }

  private timedOut(): ManagerAction {
    if (this.options.action === "abort") {
      return { kind: "cancel", reason: `not completed after ${this.timeoutSec} s` };
    }
    this.forced = true;
    return this.options.postCopy ? { kind: "post-copy" } : { kind: "pause" };
  }

  describe(): Record<string, number | string> {
    return { downtimeLimitMs: this.downtimeMs, timeoutSec: this.timeoutSec };
  }
}

const SECONDS = { kind: "integer", max: 1_000_000 } as const;

export const nova: ManagerFactory = {
  name: "nova",
  summary: "OpenStack Nova: downtime in 10 steps to 500 ms, abort or force after 800 s/GiB",
  source: "OpenStack nova/virt/libvirt/migration.py, nova/conf/libvirt.py",
  params: {
    downtime: { kind: "duration", default: 500_000_000, help: "the last step's downtime limit" },
    steps: { kind: "integer", default: 10, min: 3, max: 1000, help: "steps to get there" },
    delay: { ...SECONDS, default: 75, min: 3, help: "seconds a GiB between steps" },
    timeout: { ...SECONDS, default: 800, min: 0, help: "seconds a GiB for all; 0 = none" },
    "timeout-action": {
      kind: "choice",
      default: "abort",
      choices: ["abort", "force-complete"],
      help: "when the time-out has passed",
    },
    "post-copy": { kind: "flag", default: false, help: "force by post-copy, not by a pause" },
  },
  create: (context, params) =>
    new Nova(context, {
      // "Will be rounded up to a minimum of 100ms."
      downtimeMs: Math.max(100, Math.floor((params.downtime as number) / 1e6)),
      steps: params.steps as number,
      delaySecPerGib: params.delay as number,
      timeoutSecPerGib: params.timeout as number,
      action: params["timeout-action"] as NovaOptions["action"],
      postCopy: params["post-copy"] as boolean,
    }),
};
