/**
 * Carries out one migration's commands on modelled machines, in virtual time, and answers with
 * events. The checker watches from here: it sees what was really read, sent and run.
 *
 * A batch is written to the target at the instant its last byte leaves, not a latency later: frames
 * of one flow arrive in order, and nobody looks at the target before the image is whole. Where
 * the target runs already (post-copy), a batch is written when it arrives.
 */
import type { EventHandle, EventQueue } from "../base/event-queue.js";
import type { RunningHash } from "../base/hash.js";
import type { Kernels } from "../kernels/index.js";
import { MigrationChecker } from "../migrate/checker.js";
import type { Command, CommandOf, MigrationEvent, Region } from "../migrate/messages.js";
import type { Migration } from "../migrate/migration.js";
import type { MigrationConfig } from "../migrate/migration-config.js";
import type { MigrationReport } from "../migrate/report.js";
import { Ballooning } from "./ballooning.js";
import { BatchSlots } from "./batch-slots.js";
import { Connection } from "./connection.js";
import { DiskMove } from "./disk-move.js";
import { Dom0Load } from "./dom0-load.js";
import { FrameSender, type FrameTag } from "./frame-sender.js";
import { HandOver, type Standing, standingOf } from "./hand-over.js";
import { hashMessage } from "./message-hash.js";
import { type MigrationResult, resultOf } from "./migration-result.js";
import type { ModelGuest } from "./model-guest.js";
import { ModelSource } from "./model-source.js";
import { ModelTarget } from "./model-target.js";
import type { FlowOptions, Network } from "./network.js";
import { PageEncoder } from "./page-encoder.js";
import { PostCopyTarget } from "./post-copy-target.js";
import { DEFAULT_LINK_TIMEOUT_NS, type MigrationSpec } from "./spec.js";
import type { XenHost } from "./xen-host.js";

/** What a driver shares with the simulation that it is part of. */
export interface DriverWorld {
  readonly kernels: Kernels;
  readonly queue: EventQueue<(nowNs: number) => void>;
  readonly network: Network<FrameTag>;
  readonly hash: RunningHash;
  readonly seed: number;
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

export class MigrationDriver {
  readonly engine: Migration;
  result: MigrationResult | undefined;
  private readonly given: ModelSource;
  private readonly received: ModelTarget;
  private readonly checker: MigrationChecker;
  private readonly encoder: PageEncoder;
  private readonly sender: FrameSender;
  private readonly connection: Connection;
  private readonly handOver: HandOver;
  private readonly batches: BatchSlots;
  private readonly disk: DiskMove | undefined;
  private readonly timers = new Set<EventHandle>();
  private out: Command[] = [];
  private executing = false;
  /** The migration has ended, and the guest is still watched. */
  settling = false;
  private readonly load: Dom0Load;
  private begun: Standing = { ranNs: 0, baselineNs: 0, faults: 0, refaults: 0, refaultStallNs: 0 };
  private readonly ballooning: Ballooning | undefined;

  constructor(private readonly options: DriverOptions) {
    const { world, engine, guest, source, target, path } = options;
    this.engine = engine;
    this.sender = new FrameSender(world.network, path);
    this.load = new Dom0Load(source, target);
    const { kernels, repeat, queue } = world;
    this.connection = new Connection({
      queue,
      latencyNs: options.latencyNs,
      patienceNs:
        options.spec.linkTimeoutNs ?? Math.max(DEFAULT_LINK_TIMEOUT_NS, 2 * options.latencyNs),
      changed: (up, nowNs) => this.connectionChanged(up, nowNs),
    });
    const { disk } = engine.config;
    const diskBlocks = disk?.blocks ?? 0;
    const feed = (event: MigrationEvent) => this.feed(event);
    this.given = new ModelSource({ guest, host: source });
    this.received = new ModelTarget({ kernels, guest, source, target, diskBlocks });
    this.checker = new MigrationChecker(kernels, guest.pages, this.received.memory, repeat);
    const { given, received, checker } = this;
    if (disk !== undefined) {
      this.disk = new DiskMove({ options, shape: disk, given, received, feed });
      this.checker.disk = this.disk.checker;
    }
    this.encoder = new PageEncoder({
      config: engine.config,
      domain: source.domain(options.spec.domain).spec,
      seed: world.seed,
      latencyNs: options.latencyNs,
    });
    const { reclaiming } = engine;
    if (reclaiming !== undefined) {
      this.ballooning = new Ballooning({ kernels, options, reclaiming, received, checker, feed });
    }
    this.handOver = new HandOver({
      options,
      sender: this.sender,
      connection: this.connection,
      given,
      received,
      checker,
      feed,
    });
    const { windowBatches, preset } = engine.config;
    const { batchPages } = preset;
    const shape = { kernels, region: "ram", windowBatches, batchPages } as const;
    this.batches = new BatchSlots({ ...shape, given, received, checker });
  }

  static arenaBytes(pages: number, config: MigrationConfig): number {
    const { windowBatches, preset, disk } = config;
    const { batchPages } = preset;
    return (
      MigrationChecker.arenaBytes(pages) +
      ModelTarget.arenaBytes(pages, disk?.blocks ?? 0) +
      DiskMove.arenaBytes(config) +
      BatchSlots.arenaBytes(windowBatches, batchPages) +
      Ballooning.arenaBytes() +
      PostCopyTarget.arenaBytes(pages, batchPages)
    );
  }

  start(nowNs: number): void {
    this.options.source.advanceTo(nowNs);
    this.begun = standingOf(this.options.guest);
    this.feed({ kind: "start", atNs: nowNs });
  }

  cancel(nowNs: number, reason: string): void {
    if (!this.engine.ended) this.feed({ kind: "cancel", atNs: nowNs, reason });
  }

  /** A link went down or came back: does this migration cross it? */
  linkChanged(link: string, up: boolean, nowNs: number): void {
    if (this.engine.ended || !this.options.path.some((crossed) => nameOf(crossed) === link)) return;
    this.connection.linkChanged(up, nowNs);
    if (!this.engine.ended) this.load.follow(this.sender.rate(), nowNs);
  }

  /** The connection broke (frames under way are lost), or can be made again. */
  private connectionChanged(up: boolean, nowNs: number): void {
    const { sender } = this;
    if (this.engine.ended) return;
    sender.connected = up;
    this.feed({ kind: "link", up, atNs: nowNs });
    if (up || this.engine.ended) return;
    for (const frame of sender.break()) this.sendFailed(frame, nowNs);
  }

  /** Gives the engine an event and carries out what it asks for. */
  private feed(event: MigrationEvent): void {
    const { world, spec } = this.options;
    if (this.engine.ended) return;
    hashMessage(world.hash, event);
    world.observe(spec.domain, event);
    this.engine.handle(event, this.out);
    if (this.executing) return;
    this.executing = true;
    for (let i = 0; i < this.out.length; i++) {
      const command = this.out[i] as Command;
      hashMessage(world.hash, command);
      world.observe(spec.domain, command);
      this.execute(command, event.atNs);
    }
    this.out.length = 0;
    this.executing = false;
  }

  private execute(command: Command, nowNs: number): void {
    const { source, target } = this.options;
    const { costs } = source.spec;
    switch (command.kind) {
      case "connect":
        return this.done(command.id, nowNs + costs.initialiseNs);
      case "enable-log-dirty":
        source.advanceTo(nowNs);
        this.given.enableLogDirty();
        return this.afterLogCost(nowNs, (atNs) => this.done(command.id, atNs));
      case "prepare":
        return this.prepare(command);
      case "harvest":
        if (command.region !== "ram") return this.disk?.harvest(command, nowNs);
        return this.harvest(command, nowNs);
      case "balloon":
        return this.ballooning?.inflate(command, nowNs);
      case "tell-empty":
        return this.ballooning?.tell(command, nowNs);
      case "peek":
        source.advanceTo(nowNs);
        this.given.peek(command.region, command.pages, command.mask);
        return this.done(command.id, nowNs);
      case "sample":
        source.advanceTo(nowNs);
        return this.seen(command.id, this.given.sample(command), nowNs);
      case "read-batch":
        if (command.region !== "ram") return this.disk?.readBatch(command, nowNs);
        return this.readBatch(command, nowNs);
      case "send":
        return this.send(command, nowNs);
      case "round-ended":
        return this.encoder.roundEnded(command.lastStage);
      case "set-timer":
        return this.setTimer(command);
      case "throttle":
        source.advanceTo(nowNs);
        return this.given.setBrake(command.brake);
      case "set-bandwidth":
        return this.sender.setLimit(command.bytesPerSec);
      case "ended":
        source.advanceTo(nowNs);
        target.advanceTo(nowNs);
        return this.end(nowNs);
      default:
        return this.handOver.execute(command, nowNs);
    }
  }

  private prepare({ id }: CommandOf<"prepare">): void {
    const { target, latencyNs } = this.options;
    this.sender.sendControl((arrivedNs) => {
      // Given up meanwhile: the target must not keep room for it.
      if (this.engine.ended) return;
      const doneNs = arrivedNs + target.spec.costs.reserveNs;
      const reason = this.received.prepare(this.given.describe());
      if (reason === undefined) return this.done(id, doneNs + latencyNs);
      this.later(arrivedNs + latencyNs, (atNs) => this.feed({ kind: "refused", id, atNs, reason }));
    });
  }

  private harvest({ id, region, into }: CommandOf<"harvest">, nowNs: number): void {
    const { guest, source } = this.options;
    source.advanceTo(nowNs);
    const count = this.given.harvest(region, into);
    // The engine learns of these pages with the answer; a batch read meanwhile does not undo it.
    const learn = () => this.checker.harvested(into);
    if (!guest.running) return this.seen(id, count, nowNs + this.logCostNs(), learn);
    this.afterLogCost(nowNs, (atNs) => this.seen(id, count, atNs, learn));
  }

  private readBatch({ id, slot, pages }: CommandOf<"read-batch">, nowNs: number): void {
    if (this.handOver.postCopy === undefined) this.options.source.advanceTo(nowNs);
    const versions = this.batches.read(slot, pages);
    const readyNs = this.encoder.encode(pages, versions, nowNs);
    const { bodyBytes, headerPages } = this.encoder.cost;
    this.later(readyNs, (atNs) =>
      this.feed({ kind: "batch-read", id, atNs, bodyBytes, headerPages }),
    );
  }

  private send(command: CommandOf<"send">, nowNs: number): void {
    const { id, region, what, slot, bytes, urgent } = command;
    if (!this.sender.connected) {
      this.later(nowNs, (atNs) => this.sendFailed(command, atNs));
      return;
    }
    const { postCopy } = this.handOver;
    const batch = what === "pages" && postCopy ? this.batches.copyOf(slot) : undefined;
    const departed = (departedNs: number) => {
      if (what === "pages" && batch === undefined) this.batchesOf(region).write(slot);
      this.feed({ kind: "sent", id, atNs: departedNs });
    };
    const arrived = (atNs: number) => {
      if (batch !== undefined && !this.engine.ended) postCopy?.arrived(batch, atNs);
    };
    const late = batch === undefined ? {} : { arrived };
    this.sender.send({ id, region, slot, bytes, urgent, departed, ...late });
    this.load.follow(this.sender.rate(), nowNs);
  }

  private sendFailed(
    { id, region, slot }: Pick<CommandOf<"send">, "id" | "region" | "slot">,
    nowNs: number,
  ): void {
    if (slot >= 0) this.batchesOf(region).failed(slot);
    this.feed({ kind: "send-failed", id, atNs: nowNs });
  }

  private batchesOf(region: Region): BatchSlots {
    return region === "ram" ? this.batches : (this.disk as DiskMove).batches;
  }

  private setTimer({ id, atNs }: CommandOf<"set-timer">): void {
    const handle = this.options.world.queue.schedule(atNs, (nowNs) => {
      this.timers.delete(handle);
      if (this.handOver.postCopy === undefined) this.options.source.advanceTo(nowNs);
      const virtualNs = this.given.virtualNs();
      this.feed({ kind: "timer", id, atNs: nowNs, virtualNs });
    });
    this.timers.add(handle);
  }

  private end(nowNs: number): void {
    const { world, guest, source, target, spec, engine } = this.options;
    for (const timer of this.timers) world.queue.cancel(timer);
    this.sender.close();
    this.connection.close();
    this.load.end();
    const report = engine.report();
    const { targetRan } = this.handOver;
    const verified = this.checker.finish(report, {
      linkBytes: this.sender.linkBytes,
      sourceRunning: !targetRan && guest.running,
      targetRunning: targetRan && guest.running,
      sourceReservedPages: source.memory.has(spec.domain) ? source.memory.pagesOf(spec.domain) : 0,
      targetReservedPages: target.memory.has(spec.domain) ? target.memory.pagesOf(spec.domain) : 0,
    });
    this.result = this.toResult(report, { nowNs, verified });
    const { ballooning } = this;
    if (ballooning !== undefined && report.outcome === "target-runs") {
      this.settling = true;
      ballooning.watch(nowNs, nowNs, () => this.settle());
    }
    this.options.ended(this, nowNs);
  }

  /** What the move costs the guest is known now, or has to be because it moves on. */
  settle(): void {
    if (!this.settling || this.result === undefined) return;
    this.settling = false;
    this.result = this.toResult(this.result, { ...this.result, nowNs: this.result.endNs });
  }

  private toResult(
    report: MigrationReport,
    { nowNs, verified }: Pick<MigrationResult, "verified"> & { readonly nowNs: number },
  ): MigrationResult {
    const { begun, checker, encoder, handOver, ballooning } = this;
    const { postCopy, stood: paused = begun } = handOver;
    const moved = ballooning !== undefined && report.outcome === "target-runs";
    const watched = postCopy !== undefined || moved;
    const settled = watched ? standingOf(this.options.guest) : paused;
    return resultOf(report, {
      begun,
      settled,
      postCopy: postCopy?.report(),
      reclaim: ballooning?.report({ begun, stood: paused, settled }),
      unchangedSends: checker.unchangedSends,
      codecState: encoder.describe(),
      endNs: nowNs,
      verified,
    });
  }

  private logCostNs(): number {
    const { guest, source } = this.options;
    return Math.round(guest.pages.pages * source.spec.costs.logDirtyNsPerPage);
  }

  /** Turning the log on and reading it stop the guest for as long as they take. */
  private afterLogCost(nowNs: number, then: (atNs: number) => void): void {
    const costNs = this.logCostNs();
    this.options.guest.standStill(costNs);
    then(nowNs + costNs);
  }

  private done(id: number, atNs: number): void {
    this.later(atNs, (nowNs) => {
      const virtualNs = this.given.virtualNs();
      this.feed({ kind: "done", id, atNs: nowNs, virtualNs });
    });
  }

  private seen(id: number, count: number, atNs: number, learn?: () => void): void {
    const virtualNs = this.given.virtualNs();
    this.later(atNs, (nowNs) => {
      if (this.engine.ended) return;
      learn?.();
      this.feed({ kind: "harvested", id, atNs: nowNs, count, virtualNs });
    });
  }

  private later(atNs: number, run: (nowNs: number) => void): void {
    this.options.world.queue.schedule(atNs, run);
  }
}

function nameOf(crossed: FlowOptions["path"][number]): string {
  return typeof crossed === "string" ? crossed : crossed.link;
}
