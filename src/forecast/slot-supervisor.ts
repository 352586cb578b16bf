/**
 * The manager above QEMU's loop on counts: polls that are due, the limits that it has set, and how
 * it puts an end to the rounds (migrate/supervision.ts does the same over the engine).
 */
import type { Manager, ManagerAction, Progress } from "../policy/manager.js";
import { SteadyPasses } from "./steady-passes.js";

/** How a manager ends the rounds. */
export type ManagedEnd = "pause" | "post-copy" | "cancel";

export interface SupervisorOptions {
  readonly manager: Manager | undefined;
  readonly downtimeLimitMs: number;
  readonly quotaBytes: number;
  readonly slotNs: number;
  readonly timeoutMs: number;
}

/** What the loop shows; time and limits are the supervisor's. */
export type Seen = Omit<Progress, "elapsedNs" | "downtimeLimitNs" | "state">;

export class SlotSupervisor {
  downtimeLimitMs: number;
  /** Of a window of the live phase. */
  quotaBytes: number;
  /** Why the manager put an end to it; empty if it did not. */
  words = "";
  readonly steady = new SteadyPasses();
  private nextPollMs = 0;

  constructor(private readonly options: SupervisorOptions) {
    this.downtimeLimitMs = options.downtimeLimitMs;
    this.quotaBytes = options.quotaBytes;
  }

  /** Polls if it is time to, or if the log was just read and the manager looks then. */
  look(ms: number, synced: boolean, seen: () => Seen): ManagedEnd | undefined {
    const { manager } = this.options;
    if (manager === undefined) return;
    const due = ms >= this.nextPollMs;
    if (!due && !(synced && manager.pollsOnSync === true)) return;
    const actions = manager.poll(this.progress(ms, seen()));
    if (due) this.nextPollMs = ms + manager.pollNs / 1e6;
    return this.act(manager, actions, ms);
  }

  /**
   * Passes have settled: when the manager acts, and how it ends the rounds if it does. Undefined:
   * it never does before the time-out.
   */
  waitThrough(
    seen: Seen,
  ): { readonly ms: number; readonly end: ManagedEnd | undefined } | undefined {
    const { manager, timeoutMs } = this.options;
    if (manager === undefined) return;
    const stretch = { fromMs: this.nextPollMs, untilMs: timeoutMs };
    const found = this.steady.waitFor(manager, this.progress(stretch.fromMs, seen), stretch);
    if (found === undefined) return;
    this.nextPollMs = found.ms + manager.pollNs / 1e6;
    return { ms: found.ms, end: this.act(manager, found.actions, found.ms) };
  }

  private progress(ms: number, seen: Seen): Progress {
    return {
      ...seen,
      elapsedNs: Math.round(ms * 1e6),
      downtimeLimitNs: this.downtimeLimitMs * 1e6,
      state: "pre-copy",
    };
  }

  private act(
    { name }: Manager,
    actions: readonly ManagerAction[],
    ms: number,
  ): ManagedEnd | undefined {
    if (actions.length > 0) this.steady.reset(ms);
    for (const action of actions) {
      switch (action.kind) {
        case "set-downtime-limit":
          this.downtimeLimitMs = action.downtimeLimitNs / 1e6;
          break;
        case "set-bandwidth":
          this.quotaBytes = (action.bytesPerSec * this.options.slotNs) / 1e9;
          break;
        case "pause":
        case "post-copy":
          this.words = `${name}: ${action.kind}`;
          return action.kind;
        case "cancel":
          this.words = `${name}: ${action.reason}`;
          return "cancel";
      }
    }
    return;
  }
}
