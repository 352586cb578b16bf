/**
 * The driver's part from the pause on: the guest is stopped, the target gets permission to run it,
 * and one of the two copies is given up (xl's `migrate_domain`: tools/xl/xl_migrate.c). In
 * post-copy the absent pages follow.
 */
import { AssertionError } from "../base/assert.js";
import type { MigrationChecker } from "../migrate/checker.js";
import type { Command, CommandOf, MigrationEvent, PeerMessage } from "../migrate/messages.js";
import { NO_BRAKE } from "../policy/throttle.js";
import type { Connection } from "./connection.js";
import type { FrameSender } from "./frame-sender.js";
import type { DriverOptions } from "./migration-driver.js";
import type { ModelGuest } from "./model-guest.js";
import type { ModelSource } from "./model-source.js";
import type { ModelTarget } from "./model-target.js";
import { PostCopyTarget } from "./post-copy-target.js";

export interface HandOverParts {
  readonly options: DriverOptions;
  readonly sender: FrameSender;
  readonly connection: Connection;
  readonly given: ModelSource;
  readonly received: ModelTarget;
  readonly checker: MigrationChecker;
  feed(event: MigrationEvent): void;
}

/** How far a guest had come at some instant. */
export interface Standing {
  readonly ranNs: number;
  readonly baselineNs: number;
  readonly faults: number;
  /** Pages that it had given up and waited for, and how long in all. */
  readonly refaults: number;
  readonly refaultStallNs: number;
}

export function standingOf({ ranNs, baselineNs, faults, stalls }: ModelGuest): Standing {
  const { count: refaults = 0, stallNs: refaultStallNs = 0 } = stalls?.local ?? {};
  return { ranNs, baselineNs, faults, refaults, refaultStallNs };
}

export class HandOver {
  /** How far the guest had come when it left the source, or when the attempt was given up. */
  stood: Standing | undefined;
  postCopy: PostCopyTarget | undefined;
  /** The guest has run at the target. */
  targetRan = false;
  private permitted = false;
  private toldComplete = false;

  constructor(private readonly parts: HandOverParts) {}

  execute(command: Command, nowNs: number): void {
    const { source } = this.parts.options;
    const { costs } = source.spec;
    switch (command.kind) {
      case "pause":
        return this.pause(command.id, nowNs + costs.suspendNs);
      case "finish":
        return this.finishImage(command);
      case "commit":
        return this.done(command.id, nowNs + costs.commitNs);
      case "go":
        return this.go();
      case "finish-residual":
        return this.finishResidual();
      case "reconnect":
        return this.reconnect(command.id, nowNs);
      case "release-source":
        source.advanceTo(nowNs);
        return this.parts.given.release();
      case "roll-back":
        return this.rollBack(nowNs);
      case "abandon":
        return this.abandon(nowNs);
      default:
        throw new AssertionError(`${command.kind} belongs to the hand-over`);
    }
  }

  private pause(id: number, atNs: number): void {
    const { guest, source } = this.parts.options;
    this.later(atNs, (nowNs) => {
      if (this.parts.options.engine.ended) return;
      source.advanceTo(nowNs);
      this.stood = standingOf(guest);
      this.parts.given.pause();
      this.parts.checker.sourceRunning(false);
      this.done(id, nowNs);
    });
  }

  private finishImage({ absent }: CommandOf<"finish">): void {
    const { target, guest, world } = this.parts.options;
    if (absent !== undefined) {
      const { kernels } = world;
      this.postCopy = new PostCopyTarget({
        kernels,
        guest,
        host: target,
        received: this.parts.received,
        checker: this.parts.checker,
        absent,
        batchPages: this.parts.options.engine.mover.batchPages,
        later: (atNs, run) => this.later(atNs, run),
        fault: (page, nowNs) => this.requestPage(page, nowNs),
      });
    }
    this.parts.sender.sendControl((arrivedNs) => {
      const receivedNs = arrivedNs + target.spec.costs.restoreNs;
      this.say("image-complete", receivedNs);
    });
  }

  /** A fault at the target reaches the source a latency later; a broken connection drops it. */
  private requestPage(page: number, nowNs: number): void {
    this.parts.connection.fromTarget(nowNs, (atNs) => {
      if (this.parts.sender.connected) this.parts.feed({ kind: "fault", page, atNs });
    });
  }

  /** Permission that is given again counts only if the first one was lost. */
  private go(): void {
    if (this.permitted) return;
    const { target } = this.parts.options;
    const { unpauseNs, attachDevicesNs, announceNs } = target.spec.costs;
    this.parts.sender.sendControl(
      (arrivedNs) => {
        this.later(arrivedNs + unpauseNs, (runningNs) => {
          if (this.parts.options.engine.ended) return;
          this.runTarget(runningNs);
          this.say("running", runningNs);
          const announcedNs = runningNs + attachDevicesNs + announceNs;
          this.later(announcedNs, () => this.say("announced", announcedNs));
        });
      },
      () => {
        this.permitted = true;
      },
    );
  }

  private finishResidual(): void {
    if (this.toldComplete) return;
    const departed = () => {
      this.toldComplete = true;
    };
    this.parts.sender.sendControl((arrivedNs) => this.say("all-received", arrivedNs), departed);
  }

  private reconnect(id: number, nowNs: number): void {
    const { source, latencyNs } = this.parts.options;
    this.later(nowNs + source.spec.costs.initialiseNs + 2 * latencyNs, (atNs) => {
      if (!this.parts.sender.connected) return;
      this.parts.feed({ kind: "done", id, atNs, virtualNs: this.parts.given.virtualNs() });
      this.postCopy?.askAgain(atNs);
    });
  }

  /** The target says something that was true on its side at `receivedNs`. */
  private say(message: PeerMessage, receivedNs: number): void {
    this.parts.connection.fromTarget(receivedNs, (atNs) =>
      this.parts.feed({ kind: "peer", message, atNs, receivedNs }),
    );
  }

  private runTarget(nowNs: number): void {
    const { source, target } = this.parts.options;
    source.advanceTo(nowNs);
    target.advanceTo(nowNs);
    this.parts.checker.targetRunning();
    this.parts.received.run();
    this.targetRan = true;
    this.postCopy?.run(nowNs);
  }

  private rollBack(nowNs: number): void {
    const { given, received, checker, options } = this.parts;
    const { guest, source } = options;
    source.advanceTo(nowNs);
    if (guest.running) this.stood = standingOf(guest);
    given.disableLogDirty();
    given.setBrake(NO_BRAKE);
    if (!guest.running) {
      given.resume();
      checker.sourceRunning(true);
    }
    received.abort();
  }

  private abandon(nowNs: number): void {
    const { target, spec } = this.parts.options;
    target.advanceTo(nowNs);
    this.postCopy?.stop();
    if (!this.targetRan) return;
    this.parts.options.guest.pause();
    target.setPaused(spec.domain, true);
    this.parts.checker.targetStopped();
  }

  private done(id: number, atNs: number): void {
    this.later(atNs, (nowNs) => {
      const virtualNs = this.parts.given.virtualNs();
      this.parts.feed({ kind: "done", id, atNs: nowNs, virtualNs });
    });
  }

  private later(atNs: number, run: (nowNs: number) => void): void {
    this.parts.options.world.queue.schedule(atNs, run);
  }
}
