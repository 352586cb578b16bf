/**
 * The manager above a migration (KubeVirt, Nova, Proxmox, vdsm): it looks at the progress from
 * time to time, moves limits, or puts an end to it. It sees what an operator's tool sees.
 */
import type { Manager, Progress } from "../policy/manager.js";
import type { MigrationState } from "./migration.js";
import type { PageMover, Requests } from "./page-mover.js";
import { type LiveLimits, type LivePhase, rateLimit } from "./strategy.js";

export interface Supervised {
  readonly requests: Requests;
  readonly mover: PageMover;
  readonly live: LivePhase;
  readonly limits: LiveLimits;
  readonly state: () => MigrationState;
  readonly postCopies: () => boolean;
  readonly cancel: (nowNs: number, reason: string) => void;
}

export class Supervision {
  private startNs = 0;
  private begun = false;
  private leaving = false;
  /** Wanted before there were rounds to leave. */
  private wanted: "stop-and-copy" | "post-copy" | undefined;

  constructor(
    private readonly manager: Manager | undefined,
    private readonly over: Supervised,
  ) {}

  /** The move was asked for: the first poll is now. */
  start(nowNs: number): void {
    this.startNs = nowNs;
    this.look(nowNs);
  }

  /** The rounds begin. */
  roundsBegan(nowNs: number): void {
    this.begun = true;
    if (this.wanted !== undefined) this.leave(nowNs, this.wanted);
  }

  /** A round's end, told while the engine is still at it: looked at when it has done its step. */
  roundEnded(nowNs: number): void {
    const { manager, over } = this;
    if (manager?.pollsOnSync !== true) return;
    over.requests.request({ kind: "set-timer", atNs: nowNs }, (event) => {
      if (this.progressState() !== undefined) this.poll(event.atNs);
    });
  }

  describe(): Record<string, number | string> {
    return this.manager?.describe() ?? {};
  }

  private look(nowNs: number): void {
    const { manager, over } = this;
    if (manager === undefined || this.progressState() === undefined) return;
    this.poll(nowNs);
    if (this.progressState() === undefined) return;
    const atNs = nowNs + manager.pollNs;
    over.requests.request({ kind: "set-timer", atNs }, (event) => this.look(event.atNs));
  }

  private poll(nowNs: number): void {
    for (const action of this.manager?.poll(this.progress(nowNs)) ?? []) {
      switch (action.kind) {
        case "set-downtime-limit":
          this.over.limits.downtimeLimitNs = action.downtimeLimitNs;
          break;
        case "set-bandwidth":
          this.limitBandwidth(action.bytesPerSec);
          break;
        case "post-copy":
          this.leave(nowNs, "post-copy");
          break;
        case "pause":
          this.leave(nowNs, "stop-and-copy");
          break;
        case "cancel":
          return this.over.cancel(nowNs, action.reason);
      }
    }
  }

  /** QEMU's `max-bandwidth`: the stop phase does not keep to it. */
  private limitBandwidth(bandwidthBytesPerSec: number): void {
    const { limits, live, requests } = this.over;
    limits.bandwidthBytesPerSec = bandwidthBytesPerSec;
    if (!this.begun || this.over.state() !== "iterative-pre-copy" || live.pacesItself) return;
    requests.tell({ kind: "set-bandwidth", bytesPerSec: rateLimit(live.bandwidth, limits) });
  }

  private leave(nowNs: number, to: "stop-and-copy" | "post-copy"): void {
    if (!this.begun) this.wanted ??= to;
    if (!this.begun || this.leaving || this.over.state() !== "iterative-pre-copy") return;
    this.leaving = true;
    this.over.live.leaveNow(nowNs, { to, reason: `${this.manager?.name}: ${to}` });
  }

  private progress(nowNs: number): Progress {
    const { mover, live, limits } = this.over;
    return {
      elapsedNs: nowNs - this.startNs,
      memoryBytes: mover.pages * mover.pageSizeBytes,
      remainingBytes: mover.owed.count() * mover.pageSizeBytes,
      sentBytes: mover.totals.bytes,
      iteration: live.rounds.length,
      bandwidthBytesPerSec: live.rounds.at(-1)?.bandwidthBytesPerSec ?? 0,
      downtimeLimitNs: limits.downtimeLimitNs,
      state: this.progressState() ?? "paused",
    };
  }

  /** Left out: it has ended, and there is nothing to supervise. */
  private progressState(): Progress["state"] | undefined {
    switch (this.over.state()) {
      case "initialisation":
      case "reservation":
      case "iterative-pre-copy":
        return "pre-copy";
      case "stop-and-copy":
      case "commitment":
        return "paused";
      case "activation":
      case "residual-push":
        return this.over.postCopies() ? "post-copy" : "paused";
      default:
        return undefined;
    }
  }
}
