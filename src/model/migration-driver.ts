/**
 * Carries out one migration's commands on modelled machines, in virtual time, and answers with
 * events. The checker watches from here: it sees what was really read, sent and run.
 *
 * A batch is written to the target at the instant its last byte leaves, not a latency later: frames
 * of one flow arrive in order, and nobody looks at the target before the image is whole.
 */
import type { EventHandle, EventQueue } from "../base/event-queue.js";
import type { RunningHash } from "../base/hash.js";
import { type Kernels, U32Buffer } from "../kernels/index.js";
import { MigrationChecker } from "../migrate/checker.js";
import type { Command, CommandOf, MigrationEvent } from "../migrate/messages.js";
import { CONTROL_MESSAGE_BYTES, type Migration } from "../migrate/migration.js";
import { type MigrationResult, slowdown } from "./migration-result.js";
import type { ModelGuest } from "./model-guest.js";
import { ModelTarget } from "./model-target.js";
import type { FlowOptions, Network } from "./network.js";
import type { Flow } from "./network-flow.js";
import type { MigrationSpec } from "./spec.js";
import type { XenHost } from "./xen-host.js";

/** What runs when a frame has left; `departed` at the sender, `arrived` at the receiver. */
export interface FrameTag {
  readonly departed: (nowNs: number) => void;
  readonly arrived?: (nowNs: number) => void;
}

/** What a driver shares with the simulation that it is part of. */
export interface DriverWorld {
  readonly kernels: Kernels;
  readonly queue: EventQueue<(nowNs: number) => void>;
  readonly network: Network<FrameTag>;
  readonly hash: RunningHash;
  readonly repeat: string;
  observe(guest: string, message: Command | MigrationEvent): void;
}

export interface DriverOptions {
  readonly world: DriverWorld;
  readonly spec: MigrationSpec;
  readonly engine: Migration;
  readonly guest: ModelGuest;
  readonly source: XenHost;
  readonly target: XenHost;
  readonly path: FlowOptions["path"];
  readonly latencyNs: number;
  readonly ended: (driver: MigrationDriver, nowNs: number) => void;
}

interface Slot {
  pages: U32Buffer;
  readonly versions: U32Buffer;
}

export class MigrationDriver {
  readonly engine: Migration;
  result: MigrationResult | undefined;
  private readonly received: ModelTarget;
  private readonly checker: MigrationChecker;
  private readonly flow: Flow<FrameTag>;
  private readonly slots: Slot[] = [];
  private readonly timers = new Set<EventHandle>();
  private out: Command[] = [];
  private executing = false;
  private linkBytes = 0;
  private rate = 0;
  private begun = { ranNs: 0, baselineNs: 0, faults: 0 };
  private paused = { ranNs: 0, baselineNs: 0 };

  constructor(private readonly options: DriverOptions) {
    const { world, engine, guest, source, target, path } = options;
    this.engine = engine;
    this.flow = world.network.openFlow({ path });
    const { kernels, repeat } = world;
    this.received = new ModelTarget({ kernels, guest, source, target });
    this.checker = new MigrationChecker(kernels, guest.pages, this.received.memory, repeat);
    const { windowBatches, preset } = engine.config;
    for (let i = 0; i < windowBatches; i++) {
      const versions = U32Buffer.create(world.kernels, preset.batchPages);
      this.slots.push({ pages: versions, versions });
    }
  }

  static arenaBytes(pages: number, windowBatches: number, batchPages: number): number {
    return (
      MigrationChecker.arenaBytes(pages) +
      ModelTarget.arenaBytes(pages) +
      windowBatches * (batchPages * 4 + 256)
    );
  }

  start(nowNs: number): void {
    const { guest, source } = this.options;
    source.advanceTo(nowNs);
    const { ranNs, baselineNs, faults } = guest;
    this.begun = { ranNs, baselineNs, faults };
    this.feed({ kind: "start", atNs: nowNs });
  }

  cancel(nowNs: number, reason: string): void {
    if (!this.engine.ended) this.feed({ kind: "cancel", atNs: nowNs, reason });
  }

  /** Gives the engine an event and carries out what it asks for. */
  private feed(event: MigrationEvent): void {
    const { world, spec } = this.options;
    if (this.engine.ended) return;
    this.hashMessage(event);
    world.observe(spec.domain, event);
    this.engine.handle(event, this.out);
    if (this.executing) return;
    this.executing = true;
    for (let i = 0; i < this.out.length; i++) {
      const command = this.out[i] as Command;
      this.hashMessage(command);
      world.observe(spec.domain, command);
      this.execute(command, event.atNs);
    }
    this.out.length = 0;
    this.executing = false;
  }

  private execute(command: Command, nowNs: number): void {
    const { guest, source, target, spec, world } = this.options;
    const { costs } = source.spec;
    switch (command.kind) {
      case "connect":
        return this.done(command.id, nowNs + costs.initialiseNs);
      case "enable-log-dirty":
        source.advanceTo(nowNs);
        guest.enableLogDirty();
        return this.afterLogCost(nowNs, (atNs) => this.done(command.id, atNs));
      case "prepare":
        return this.prepare(command);
      case "harvest":
        return this.harvest(command, nowNs);
      case "peek":
        source.advanceTo(nowNs);
        guest.peek(command.region, command.pages, command.mask);
        return this.done(command.id, nowNs);
      case "sample":
        source.advanceTo(nowNs);
        return this.seen(command.id, guest.sample(command), nowNs);
      case "read-batch":
        return this.readBatch(command, nowNs);
      case "send":
        return this.send(command, nowNs);
      case "set-timer":
        return this.setTimer(command);
      case "set-cpu-share":
        source.advanceTo(nowNs);
        return source.setCpuShare(spec.domain, command.share);
      case "set-bandwidth": {
        const { bytesPerSec } = command;
        const cap = Number.isFinite(bytesPerSec) ? bytesPerSec : undefined;
        return world.network.setCap(this.flow, cap);
      }
      case "pause":
        return this.pause(command.id, nowNs + costs.suspendNs);
      case "finish":
        return this.finishImage();
      case "commit":
        return this.done(command.id, nowNs + costs.commitNs);
      case "go":
        return this.go();
      case "release-source":
        source.advanceTo(nowNs);
        return source.remove(spec.domain);
      case "roll-back":
        return this.rollBack(nowNs);
      case "ended":
        source.advanceTo(nowNs);
        target.advanceTo(nowNs);
        return this.end(nowNs);
    }
  }

  private prepare({ id }: CommandOf<"prepare">): void {
    const { target, spec, latencyNs, guest } = this.options;
    this.sendControl((arrivedNs) => {
      const { pages } = guest.describe();
      const doneNs = arrivedNs + target.spec.costs.reserveNs;
      if (this.received.prepare(pages)) {
        this.done(id, doneNs + latencyNs);
        return;
      }
      const reason = `${target.spec.name} has ${target.memory.freePages} free pages of the ${pages} that ${spec.domain} needs`;
      this.later(arrivedNs + latencyNs, (atNs) => this.feed({ kind: "refused", id, atNs, reason }));
    });
  }

  private harvest({ id, region, into }: CommandOf<"harvest">, nowNs: number): void {
    const { guest, source } = this.options;
    source.advanceTo(nowNs);
    const count = guest.harvest(region, into);
    // The engine learns of these pages with the answer; a batch read meanwhile does not undo it.
    const learn = () => this.checker.harvested(into);
    if (!guest.running) return this.seen(id, count, nowNs + this.logCostNs(), learn);
    this.afterLogCost(nowNs, (atNs) => this.seen(id, count, atNs, learn));
  }

  private readBatch({ id, slot, pages }: CommandOf<"read-batch">, nowNs: number): void {
    const { guest, source } = this.options;
    source.advanceTo(nowNs);
    const mine = this.slots[slot] as Slot;
    mine.pages = pages;
    this.received.memory.gatherFrom(guest.pages, pages, mine.versions);
    this.checker.batchRead(pages, mine.versions);
    this.done(id, nowNs);
  }

  private send({ id, what, slot, bytes }: CommandOf<"send">, nowNs: number): void {
    this.flow.enqueue(bytes, {
      departed: (departedNs) => {
        this.linkBytes += bytes;
        if (what === "pages") {
          const { pages, versions } = this.slots[slot] as Slot;
          this.received.writePages("ram", pages, versions);
        }
        this.feed({ kind: "sent", id, atNs: departedNs });
      },
    });
    this.followRate(nowNs);
  }

  private sendControl(arrived: (nowNs: number) => void): void {
    this.flow.enqueue(CONTROL_MESSAGE_BYTES, {
      departed: () => {
        this.linkBytes += CONTROL_MESSAGE_BYTES;
      },
      arrived,
    });
  }

  private setTimer({ id, atNs }: CommandOf<"set-timer">): void {
    const handle = this.options.world.queue.schedule(atNs, (nowNs) => {
      this.timers.delete(handle);
      this.options.source.advanceTo(nowNs);
      const virtualNs = this.options.guest.virtualNs();
      this.feed({ kind: "timer", id, atNs: nowNs, virtualNs });
    });
    this.timers.add(handle);
  }

  private pause(id: number, atNs: number): void {
    const { guest, source, spec } = this.options;
    this.later(atNs, (nowNs) => {
      if (this.engine.ended) return;
      source.advanceTo(nowNs);
      this.paused = { ranNs: guest.ranNs, baselineNs: guest.baselineNs };
      guest.pause();
      source.setPaused(spec.domain, true);
      this.checker.sourceRunning(false);
      this.done(id, nowNs);
    });
  }

  private finishImage(): void {
    const { target, latencyNs } = this.options;
    this.sendControl((arrivedNs) => {
      const receivedNs = arrivedNs + target.spec.costs.restoreNs;
      this.later(receivedNs + latencyNs, (atNs) =>
        this.feed({ kind: "peer", message: "image-complete", atNs, receivedNs }),
      );
    });
  }

  private go(): void {
    const { target, latencyNs } = this.options;
    const { unpauseNs, attachDevicesNs, announceNs } = target.spec.costs;
    this.sendControl((arrivedNs) => {
      this.later(arrivedNs + unpauseNs, (runningNs) => {
        this.runTarget(runningNs);
        this.later(runningNs + latencyNs, (atNs) =>
          this.feed({ kind: "peer", message: "running", atNs, receivedNs: runningNs }),
        );
        const announcedNs = runningNs + attachDevicesNs + announceNs;
        this.later(announcedNs + latencyNs, (atNs) =>
          this.feed({ kind: "peer", message: "announced", atNs, receivedNs: announcedNs }),
        );
      });
    });
  }

  private runTarget(nowNs: number): void {
    const { source, target } = this.options;
    source.advanceTo(nowNs);
    target.advanceTo(nowNs);
    this.checker.targetRunning();
    this.received.run();
  }

  private rollBack(nowNs: number): void {
    const { guest, source, spec } = this.options;
    source.advanceTo(nowNs);
    if (guest.running) this.paused = { ranNs: guest.ranNs, baselineNs: guest.baselineNs };
    guest.disableLogDirty();
    source.setCpuShare(spec.domain, 1);
    if (!guest.running) {
      guest.resume();
      source.setPaused(spec.domain, false);
      this.checker.sourceRunning(true);
    }
    this.received.abort();
  }

  private end(nowNs: number): void {
    const { world, guest, source, target, spec, engine } = this.options;
    for (const timer of this.timers) world.queue.cancel(timer);
    world.network.close(this.flow);
    source.setMigrationRate(this, 0);
    target.setMigrationRate(this, 0);
    const report = engine.report();
    const completed = report.outcome === "target-runs";
    const verified = this.checker.finish(report, {
      linkBytes: this.linkBytes,
      sourceRunning: !completed && guest.running,
      targetRunning: completed && guest.running,
      sourceReservedPages: source.memory.has(spec.domain) ? source.memory.pagesOf(spec.domain) : 0,
      targetReservedPages: target.memory.has(spec.domain) ? target.memory.pagesOf(spec.domain) : 0,
    });
    const guestRanNs = this.paused.ranNs - this.begun.ranNs;
    const guestBaselineNs = this.paused.baselineNs - this.begun.baselineNs;
    this.result = {
      ...report,
      guestSlowdown: slowdown(guestRanNs, guestBaselineNs),
      guestRanNs,
      guestBaselineNs,
      logDirtyFaults: guest.faults - this.begun.faults,
      unchangedSends: this.checker.unchangedSends,
      endNs: nowNs,
      verified,
    };
    this.options.ended(this, nowNs);
  }

  /** Domain-0 works for what is sent: told when the rate changes. */
  private followRate(nowNs: number): void {
    const { world, source, target } = this.options;
    const rate = world.network.rateOf(this.flow);
    if (rate === this.rate) return;
    this.rate = rate;
    source.advanceTo(nowNs);
    target.advanceTo(nowNs);
    source.setMigrationRate(this, rate);
    target.setMigrationRate(this, rate);
  }

  private logCostNs(): number {
    const { guest, source } = this.options;
    return Math.round(guest.describe().pages * source.spec.costs.logDirtyNsPerPage);
  }

  /** Turning the log on and reading it stop the guest for as long as they take. */
  private afterLogCost(nowNs: number, then: (atNs: number) => void): void {
    const costNs = this.logCostNs();
    this.options.guest.standStill(costNs);
    then(nowNs + costNs);
  }

  private done(id: number, atNs: number): void {
    this.later(atNs, (nowNs) => {
      const virtualNs = this.options.guest.virtualNs();
      this.feed({ kind: "done", id, atNs: nowNs, virtualNs });
    });
  }

  private seen(id: number, count: number, atNs: number, learn?: () => void): void {
    const virtualNs = this.options.guest.virtualNs();
    this.later(atNs, (nowNs) => {
      if (this.engine.ended) return;
      learn?.();
      this.feed({ kind: "harvested", id, atNs: nowNs, count, virtualNs });
    });
  }

  private later(atNs: number, run: (nowNs: number) => void): void {
    this.options.world.queue.schedule(atNs, run);
  }

  private hashMessage(message: Command | MigrationEvent): void {
    const { hash } = this.options.world;
    hash.addText(message.kind);
    if ("atNs" in message) hash.addNumber(message.atNs);
    if ("id" in message) hash.addNumber(message.id);
    if ("count" in message) hash.addNumber(message.count);
    if ("bytes" in message) hash.addNumber(message.bytes);
    if (message.kind === "read-batch") {
      const list = message.pages.view();
      hash.addNumber(list.length);
      hash.addNumber(list[0] ?? 0);
      hash.addNumber(list[list.length - 1] ?? 0);
    }
  }
}
