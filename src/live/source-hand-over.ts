/**
 * A live migration's dealings with the target and with the fate of the guest: connection and
 * reservation at the beginning, and from the pause on the last state, the commit point, permission,
 * and what follows from a link that breaks. What the target says is checked by the session
 * (wire/source-session.ts) before it counts.
 */
import { AssertionError } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { type Kernels, type PageBitmap, U32Buffer } from "../kernels/index.js";
import type { Command, MigrationEvent, Outcome } from "../migrate/messages.js";
import type { Migration } from "../migrate/migration.js";
import type { MigrationConfig } from "../migrate/migration-config.js";
import { NO_BRAKE } from "../policy/throttle.js";
import type { SourceMessage, SourceStep } from "../wire/index.js";
import { startsAndLengths } from "./arrival-room.js";
import { codecNames } from "./live-codecs.js";
import { mayPostCopy } from "./live-config.js";
import type { LiveLink } from "./live-link.js";
import type { LiveMachine, LiveMigrationOptions } from "./live-migration.js";
import { type Standing, standingOf, type Told } from "./live-result.js";
import { MemoryDigest } from "./memory-digest.js";
import { Reconnection } from "./reconnection.js";

export interface SourceHandOverParts {
  readonly engine: Migration;
  readonly kernels: Kernels;
  readonly machine: LiveMachine;
  readonly link: LiveLink;
  readonly config: MigrationConfig;
  readonly options: LiveMigrationOptions;
  now(): number;
  feed(event: MigrationEvent): void;
  /** Waits, then goes on; what goes wrong comes back by {@link SourceHandOver.failed}. */
  attempt<T>(doing: Promise<T>, then: (result: T) => void): void;
}

/** A question of hash-dedup that waits for its answer. */
interface Ask {
  resolve(wanted: Uint8Array): void;
  reject(error: PrecopyError): void;
}

export class SourceHandOver {
  paused = false;
  /** Permission to run is being given, or was: nothing can be cancelled any more. */
  committing = false;
  /** How far the guest had come when it left, or when the attempt was given up. */
  stood: Standing | undefined;
  readonly told: Told = {
    verifyNs: 0,
    verified: false,
    checkedPages: 0,
    deviceStateBytes: 0,
    rehearsalNs: 0,
    faults: 0,
  };
  private readonly digest: MemoryDigest | undefined;
  private readonly runs: U32Buffer;
  private prepareId = -1;
  private readonly reconnection: Reconnection;
  private readonly asks: Ask[] = [];
  /** What is being done to the guest: nothing else may be until that is over. */
  private busy: Promise<unknown> = Promise.resolve();
  /** Stopped, or being stopped. */
  private stopped = false;
  /** Rolled back, or released. */
  private left: Promise<void> = Promise.resolve();
  /** What caused the target's next answer: it cannot be true before. */
  private causeNs = 0;
  private goneNs: number | undefined;
  private over = false;

  constructor(private readonly parts: SourceHandOverParts) {
    const { kernels, config, options } = parts;
    this.reconnection = new Reconnection(parts.engine, parts.link);
    this.runs = U32Buffer.create(kernels, config.pages + 2, "runs of absent pages");
    if (options.verify === true) this.digest = new MemoryDigest(kernels);
  }

  static arenaBytes(pages: number): number {
    return MemoryDigest.arenaBytes + U32Buffer.bytesFor(pages + 2);
  }

  execute(command: Command): void {
    switch (command.kind) {
      case "connect":
        return this.attempt(this.connect(), command.id);
      case "prepare":
        this.prepareId = command.id;
        return this.attempt(this.prepare());
      case "pause":
        return this.attempt(this.pause(), command.id);
      case "finish":
        return this.finish(command.absent);
      case "commit":
        return this.attempt(this.commit(command.epoch), command.id);
      case "go":
        // Said again, it may have been done before.
        this.goneNs ??= this.parts.now();
        this.causeNs = Math.max(this.causeNs, this.goneNs);
        return this.say({ kind: "go", epoch: command.epoch });
      case "finish-residual":
        return this.say({ kind: "finish-residual" });
      case "reconnect":
        this.reconnection.owe(this.runs);
        return this.done(command.id);
      case "release-source":
        this.left = this.release();
        return;
      case "roll-back":
        this.left = this.rollBack();
        // It is looked at in the end.
        this.left.catch(() => {});
        return;
      case "abandon":
        return;
      default:
        throw new AssertionError(`${command.kind} belongs to the migration itself`);
    }
  }

  /** What of the target's words counts. */
  hear(step: SourceStep, heardNs: number): void {
    if (this.over) return;
    const { feed } = this.parts;
    switch (step.kind) {
      case "prepared":
        return this.done(this.prepareId);
      case "refused":
        return feed({ kind: "refused", id: this.prepareId, atNs: heardNs, reason: step.reason });
      case "peer":
        return this.fromPeer(step, heardNs);
      case "fault":
        this.told.faults++;
        return feed({ kind: "fault", page: step.page, atNs: heardNs });
      case "answers":
        return this.asks.shift()?.resolve(step.wanted);
      case "failed":
        return this.targetFailed(step.reason);
      case "standing":
        return this.reconnection.standing(step);
      case "taken":
      case "pong":
        return;
    }
  }

  linkDown(reason: string): void {
    this.refuseAsks();
    if (this.over || this.reconnection.tries) return;
    if (!this.committing) return this.giveUp(reason);
    const { engine, feed, now } = this.parts;
    feed({ kind: "link", up: false, atNs: now() });
    const up = () => feed({ kind: "link", up: true, atNs: now() });
    if (!engine.ended) this.attempt(this.reconnection.reach(up));
  }

  /** Hash-dedup's question; the answer is a bit a digest. */
  async ask(digests: Uint8Array): Promise<Uint8Array> {
    const answer = new Promise<Uint8Array>((resolve, reject) => {
      this.asks.push({ resolve, reject });
    });
    const sent = await this.parts.link.send({ kind: "ask", digests }, { urgent: false });
    if (sent === undefined) this.refuseAsks();
    return await answer;
  }

  /** State of CPUs and devices; the list of absent pages, the other state, goes with `finish`. */
  async sendState(ofDevices: boolean): Promise<boolean> {
    const { link, machine } = this.parts;
    if (!ofDevices) return link.isUp;
    const state = await this.alone(async () => await machine.deviceState());
    this.told.deviceStateBytes = state.length;
    return (await link.send({ kind: "device-state", state }, { urgent: false })) !== undefined;
  }

  /** A call to the machine or the link went wrong. */
  failed(error: Error): void {
    if (!(error instanceof PrecopyError)) throw error;
    this.giveUp(error.message);
  }

  /** Says good-bye, or that it is over, and leaves the guest as the outcome wants it. */
  async end(outcome: Outcome): Promise<void> {
    const { engine, link } = this.parts;
    this.over = true;
    this.refuseAsks();
    if (outcome === "target-runs") await link.endWith({ kind: "bye" });
    else if (outcome === "in-doubt") await link.endWith(undefined);
    else await link.endWith({ kind: "abort", reason: engine.stopReason });
    await this.left;
  }

  /** A bug of ours: the guest goes on here unless it may have been given away. */
  async crash(): Promise<void> {
    const { link } = this.parts;
    this.over = true;
    this.refuseAsks();
    if (!this.committing) await this.rollBack();
    await link.endWith(undefined);
  }

  private async connect(): Promise<void> {
    await this.parts.link.open(false);
  }

  /** The trial state tells early that devices do not fit, and warms both ends for the real one. */
  private async prepare(): Promise<void> {
    const { machine, config, link, now, options } = this.parts;
    let deviceState: Uint8Array | undefined;
    if (options.rehearse !== false) {
      const fromNs = now();
      deviceState = await this.alone(() => this.rehearse());
      this.told.rehearsalNs = now() - fromNs;
    }
    if (this.over) return;
    await link.send(
      {
        kind: "prepare",
        guest: machine.describe(),
        postCopy: mayPostCopy(config),
        codecs: codecNames(config.codecs),
        ...(deviceState !== undefined && { deviceState }),
      },
      { urgent: false },
    );
  }

  private async rehearse(): Promise<Uint8Array> {
    const { machine } = this.parts;
    this.stopped = true;
    await machine.pause();
    try {
      return await machine.deviceState();
    } finally {
      await machine.resume();
      this.stopped = false;
    }
  }

  private async pause(): Promise<void> {
    const { machine, now } = this.parts;
    this.stopped = true;
    await this.alone(async () => await machine.pause());
    this.paused = true;
    this.stood = standingOf(machine, now());
  }

  private finish(absent: PageBitmap | undefined): void {
    const { machine, config, link, options, now } = this.parts;
    if (absent !== undefined) {
      absent.runs(this.runs);
      this.say({ kind: "absent", region: "ram", runs: startsAndLengths(this.runs.view()) });
    }
    const fromNs = now();
    const digest =
      absent === undefined ? this.digest?.of(machine, config.pages, options.crypto) : undefined;
    this.told.verifyNs = now() - fromNs;
    this.causeNs = now();
    const epoch = config.epoch;
    void link.send(
      { kind: "finish", epoch, ...(digest !== undefined && { digest }) },
      { urgent: false },
    );
  }

  private async commit(epoch: number): Promise<void> {
    this.committing = true;
    const { link } = this.parts;
    try {
      await this.parts.options.recordCommit?.(epoch);
    } catch (error) {
      // Nothing was recorded, and nobody was permitted anything.
      this.committing = false;
      throw new PrecopyError(
        "aborted",
        `the commit of epoch ${epoch} could not be recorded: ${(error as Error).message}`,
      );
    }
    // Given up while it was being recorded: the target cannot have been permitted.
    if (this.over || !link.session.permit(epoch))
      throw new PrecopyError("aborted", "the link was lost");
  }

  /** Before the commit point, or when the target will never run: the guest goes on here. */
  private async rollBack(): Promise<void> {
    const { machine, link, now } = this.parts;
    this.over = true;
    this.committing = false;
    link.cancel();
    this.stood ??= standingOf(machine, now());
    machine.disableLogDirty();
    machine.setBrake(NO_BRAKE);
    // A guest that is being stopped is stopped first, or it would stay so.
    await this.busy;
    if (this.stopped) await machine.resume();
    this.stopped = false;
    this.paused = false;
  }

  /** Memory that cannot be given back does not change who runs. */
  private async release(): Promise<void> {
    try {
      await this.parts.machine.release();
    } catch (error) {
      if (!(error instanceof PrecopyError)) throw error;
    }
  }

  private alone<T>(act: () => Promise<T>): Promise<T> {
    const doing = act();
    this.busy = doing.catch(() => {});
    return doing;
  }

  private refuseAsks(): void {
    const broken = new PrecopyError("aborted", "the link broke before an answer");
    for (const { reject } of this.asks.splice(0)) reject(broken);
  }

  private fromPeer({ message, said }: SourceStep & { kind: "peer" }, heardNs: number): void {
    const { engine, link, feed } = this.parts;
    if (said.kind === "refused-to-run") {
      this.committing = false;
      return feed({ kind: "peer", message, receivedNs: heardNs, atNs: heardNs });
    }
    if (said.kind === "image-complete") {
      this.told.verifyNs += said.verifyNs;
      this.told.checkedPages = said.checkedPages;
      // What is absent cannot be compared.
      this.told.verified = this.digest !== undefined && !engine.postCopies;
    }
    const receivedNs = link.clock.toOurs(said.atNs, { causedNs: this.causeNs, heardNs });
    this.causeNs = receivedNs;
    feed({ kind: "peer", message, receivedNs, atNs: heardNs });
  }

  /** In post-copy after GO there is no way back: the guest is lost with what it lacks. */
  private targetFailed(reason: string): void {
    if (!this.committing) return this.giveUp(`the target failed: ${reason}`);
    this.parts.link.cut();
  }

  private giveUp(reason: string): void {
    const { feed, now } = this.parts;
    feed({ kind: "cancel", reason, atNs: now() });
  }

  private say(message: SourceMessage): void {
    void this.parts.link.send(message, { urgent: false });
  }

  private done(id: number): void {
    const { machine, now, feed } = this.parts;
    feed({ kind: "done", id, atNs: now(), virtualNs: machine.virtualNs() });
  }

  private attempt(doing: Promise<void>, id?: number): void {
    this.parts.attempt(doing, () => {
      if (id !== undefined) this.done(id);
    });
  }
}
