/**
 * Moves a real machine: carries out the engine's commands in wall time, on a machine in this process
 * and over a connection to the one that receives it. The engine is the one that drives the model;
 * it does not know the difference.
 *
 *   engine ─ commands ─▶ LiveMigration ─▶ machine (log, pages, pause, device state)
 *          ◀─ events ──                ─▶ LiveLink (frames) ⇄ LiveTarget in the other process
 *
 * The commit point is the instant at which `commit` is carried out. From the moment that it is asked
 * for, a cancel is refused: the permission to run may be on its way.
 */
import { AssertionError } from "../base/assert.js";
import { Kernels, type KernelsOptions } from "../kernels/index.js";
import type { Command, CommandOf, MigrationEvent, Outcome } from "../migrate/messages.js";
import { Migration } from "../migrate/migration.js";
import type { MigrationConfig } from "../migrate/migration-config.js";
import type { SourceMachine } from "../migrate/ports.js";
import { DEFAULT_LIMITS, type WireCrypto } from "../wire/index.js";
import { monotonicNs } from "./clock.js";
import { GuestShare, type SharesThread } from "./guest-share.js";
import { type Compressors, createPipeline, selfContained } from "./live-codecs.js";
import { type LiveWishes, liveConfig } from "./live-config.js";
import { LiveLink } from "./live-link.js";
import { type LiveProgress, ProgressMeter } from "./live-progress.js";
import { type LiveResult, liveResult, type Standing, standingOf } from "./live-result.js";
import { PageReader } from "./page-reader.js";
import { SourceHandOver } from "./source-hand-over.js";
import type { Transport } from "./transport/transport.js";

/** A machine that can leave, and may know what it got of its thread. */
export type LiveMachine = SourceMachine<Uint8Array> & Partial<SharesThread>;

export interface LiveMigrationOptions extends LiveWishes {
  readonly machine: LiveMachine;
  /** Opens a connection to the target; called again when one broke after the commit point. */
  connect(): Promise<Transport>;
  readonly crypto: WireCrypto;
  /** Both ends have the same, or none. */
  readonly secret?: Uint8Array;
  readonly compressors?: Compressors;
  /** Compare a digest of all memory before the commit point (counted apart, `verifyNs`). */
  readonly verify?: boolean;
  /** Share of its thread that the guest keeps while it is read and sent. Default 0.5. */
  readonly leastGuestShare?: number;
  /** A target that says nothing for this long is gone. Default 5 s. */
  readonly silenceNs?: number;
  /** Stop it for a moment before the first round to try its device state at the target. Default true. */
  readonly rehearse?: boolean;
  /** How long the guest's speed is measured before anything begins. Default 250 ms. */
  readonly baselineNs?: number;
  /** Made durable before the target may run; a failure gives the attempt up. */
  recordCommit?(epoch: number): Promise<void>;
  /** Sees every message between engine and machines. */
  observe?(message: Command | MigrationEvent): void;
  progress?(progress: LiveProgress): void;
  readonly signal?: AbortSignal;
  readonly kernels?: Omit<KernelsOptions, "arenaBytes">;
}

export const LIVE_DEFAULTS = {
  leastGuestShare: 0.5,
  silenceNs: 5e9,
  baselineNs: 250e6,
  handshakeNs: 10e9,
} as const;

const ARENA_SLACK_BYTES = 2 ** 20;

export class LiveMigration {
  readonly engine: Migration;
  /** How it ended; it never rejects for what can go wrong with a migration. */
  readonly ended: Promise<LiveResult>;
  readonly link: LiveLink;
  readonly share: GuestShare;
  private readonly reader: PageReader;
  private readonly handOver: SourceHandOver;
  private readonly meter: ProgressMeter;
  private readonly aborted = () => void this.cancel();
  private crashed = false;
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();
  private readonly originNs = monotonicNs();
  private out: Command[] = [];
  private executing = false;
  private baseline: Standing | undefined;
  private begun: Standing | undefined;
  private harvestedPages = 0;
  private resolve: (result: LiveResult) => void = () => {};
  private reject: (error: unknown) => void = () => {};

  static async start(options: LiveMigrationOptions): Promise<LiveMigration> {
    const config = liveConfig(options.machine.describe(), options);
    const arenaBytes =
      Migration.arenaBytes(config) +
      PageReader.arenaBytes(config.codecs) +
      SourceHandOver.arenaBytes(config.pages) +
      ARENA_SLACK_BYTES;
    const kernels = await Kernels.load({ ...options.kernels, arenaBytes });
    const migration = new LiveMigration(options, config, kernels);
    migration.begin().catch((error) => migration.crash(error));
    return migration;
  }

  private constructor(
    readonly options: LiveMigrationOptions,
    readonly config: MigrationConfig,
    kernels: Kernels,
  ) {
    const { machine, connect, crypto, secret } = options;
    const { leastGuestShare, silenceNs } = { ...LIVE_DEFAULTS, ...options };
    this.ended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.engine = new Migration(config, kernels);
    const sharing = machine.guestNs === undefined ? undefined : (machine as SharesThread);
    this.share = new GuestShare(sharing, leastGuestShare, monotonicNs);
    this.link = new LiveLink({
      connect,
      crypto,
      limits: DEFAULT_LIMITS,
      ...(secret !== undefined && { secret }),
      sessionId: crypto.randomBytes(16),
      epoch: config.epoch,
      now: () => this.now(),
      bandwidthBytesPerSec: options.bandwidthBytesPerSec ?? Number.POSITIVE_INFINITY,
      guestPages: config.pages,
      silenceNs,
      handshakeNs: LIVE_DEFAULTS.handshakeNs,
      heard: (step, heardNs) => this.guarded(() => this.handOver.hear(step, heardNs)),
      down: (reason) => this.guarded(() => this.handOver.linkDown(reason)),
      failed: (error) => this.crash(error),
    });
    const feed = (event: MigrationEvent) => this.feed(event);
    const now = () => this.now();
    this.handOver = new SourceHandOver({
      engine: this.engine,
      kernels,
      machine,
      link: this.link,
      config,
      options,
      now,
      feed,
      attempt: (doing, then) => this.later(doing, then),
    });
    const outside = {
      ...options.compressors,
      ask: (digests: Uint8Array) => this.handOver.ask(digests),
    };
    this.reader = new PageReader({
      kernels,
      machine,
      pipeline: createPipeline(kernels, config.codecs, outside),
      residualPipeline: createPipeline(kernels, selfContained(config.codecs), outside),
      postCopies: () => this.engine.postCopies,
      share: this.share,
      send: (slice, urgent) =>
        this.link.send({ kind: "pages", region: "ram", urgent, ...slice }, { urgent }),
      guestStopped: () => this.handOver.paused,
    });
    this.meter = new ProgressMeter(this.engine, this.link, now);
    options.signal?.addEventListener("abort", this.aborted);
  }

  /** False when it cannot be cancelled any more: the target has, or may have, permission to run. */
  cancel(reason = "cancelled"): boolean {
    if (this.engine.ended || this.handOver.committing) return false;
    this.feed({ kind: "cancel", atNs: this.now(), reason });
    return this.engine.ended;
  }

  progress(): LiveProgress {
    return this.meter.look();
  }

  /** Nanoseconds since the migration was made. */
  private now(): number {
    return monotonicNs() - this.originNs;
  }

  private async begin(): Promise<void> {
    const { machine, signal, baselineNs = LIVE_DEFAULTS.baselineNs } = this.options;
    if (signal?.aborted === true) return this.aborted();
    this.baseline = standingOf(machine, this.now());
    if (baselineNs > 0) await new Promise((resolve) => setTimeout(resolve, baselineNs / 1e6));
    this.begun = standingOf(machine, this.now());
    this.guarded(() => this.feed({ kind: "start", atNs: this.now() }));
  }

  /** Gives the engine an event and carries out what it asks for. */
  private feed(event: MigrationEvent): void {
    if (this.engine.ended || this.crashed) return;
    this.options.observe?.(event);
    this.engine.handle(event, this.out);
    if (this.executing) return;
    this.executing = true;
    for (let i = 0; i < this.out.length; i++) {
      const command = this.out[i] as Command;
      this.options.observe?.(command);
      this.execute(command);
    }
    this.out.length = 0;
    this.executing = false;
    this.options.progress?.(this.meter.look());
  }

  private execute(command: Command): void {
    const { machine } = this.options;
    switch (command.kind) {
      case "enable-log-dirty":
        machine.enableLogDirty();
        return this.done(command.id);
      case "harvest":
        return this.harvest(command);
      case "peek":
        machine.peek(command.region, command.pages, command.mask);
        return this.done(command.id);
      case "sample":
        return this.seen(command.id, machine.sample(command));
      case "read-batch":
        return this.readBatch(command);
      case "send":
        return this.send(command);
      case "round-ended":
        return this.reader.roundEnded(command.lastStage);
      case "set-timer":
        return this.setTimer(command);
      case "throttle":
        return machine.setBrake(command.brake);
      case "set-bandwidth":
        return this.link.setLimit(command.bytesPerSec);
      case "balloon":
      case "tell-empty":
        throw new AssertionError(`${command.kind} is refused before a live migration starts`);
      case "ended":
        return this.end(command.outcome);
      default:
        return this.handOver.execute(command);
    }
  }

  private harvest({ id, region, into }: CommandOf<"harvest">): void {
    const count = this.options.machine.harvest(region, into);
    this.harvestedPages += count;
    this.seen(id, count);
  }

  private readBatch(command: CommandOf<"read-batch">): void {
    const { id } = command;
    // A page that the guest waits for has a slot of its own.
    const urgent = command.slot >= this.config.windowBatches;
    this.later(this.reader.read(command, urgent), (bytes) => {
      const bodyBytes = bytes - this.config.preset.stream.perBatchBytes;
      this.feed({ kind: "batch-read", id, atNs: this.now(), bodyBytes, headerPages: 0 });
    });
  }

  private send({ id, slot, what }: CommandOf<"send">): void {
    const leaving =
      what === "pages" ? this.reader.leave(slot) : this.handOver.sendState(what === "device-state");
    this.later(leaving, (left) => {
      this.feed({ kind: left ? "sent" : "send-failed", id, atNs: this.now() });
    });
  }

  private setTimer({ id, atNs }: CommandOf<"set-timer">): void {
    const timer = setTimeout(
      () => {
        this.timers.delete(timer);
        const virtualNs = this.options.machine.virtualNs();
        this.guarded(() => this.feed({ kind: "timer", id, atNs: this.now(), virtualNs }));
      },
      Math.max(0, (atNs - this.now()) / 1e6),
    );
    this.timers.add(timer);
  }

  private done(id: number): void {
    this.feed({ kind: "done", id, atNs: this.now(), virtualNs: this.options.machine.virtualNs() });
  }

  private seen(id: number, count: number): void {
    const virtualNs = this.options.machine.virtualNs();
    this.feed({ kind: "harvested", id, atNs: this.now(), count, virtualNs });
  }

  /** What the machine or the link does takes a while; a failure of theirs gives the attempt up. */
  private later<T>(doing: Promise<T>, then: (result: T) => void): void {
    doing.then(
      (result) => this.guarded(() => then(result)),
      (error) => this.guarded(() => this.handOver.failed(error as Error)),
    );
  }

  private guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.crash(error);
    }
  }

  /** A bug of ours ends the migration with its error instead of hanging it. */
  private crash(error: unknown): void {
    if (this.crashed) return;
    this.crashed = true;
    this.stopTimers();
    const reject = () => this.reject(error);
    this.handOver.crash().then(reject, reject);
  }

  private stopTimers(): void {
    this.options.signal?.removeEventListener("abort", this.aborted);
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  private end(outcome: Outcome): void {
    this.stopTimers();
    const ended = () => this.guarded(() => this.resolve(this.result()));
    this.handOver.end(outcome).then(ended, (error) => this.crash(error));
  }

  private result(): LiveResult {
    const stood = this.handOver.stood ?? standingOf(this.options.machine, this.now());
    // Cancelled before it began, it took nothing from the guest.
    const begun = this.begun ?? stood;
    return liveResult(this.engine.report(), {
      baseline: this.baseline ?? begun,
      begun,
      stood,
      linkBytes: this.link.bytesWritten,
      harvestedPages: this.harvestedPages,
      workNs: this.share.workNs,
      bandwidthBytesPerSec: this.options.bandwidthBytesPerSec,
      told: this.handOver.told,
    });
  }
}
