/**
 * The receiving end of one attempt: does what the session (wire/target-session.ts) decides, on a
 * machine in this process, step by step in order, whatever becomes of the connections that the
 * messages come over. Pages are decoded, compared with the source's checks and written; a guest runs
 * here only when the session says so, once.
 */
import { PrecopyError } from "../base/errors.js";
import type { ZstdModule } from "../codec/index.js";
import { Kernels, type KernelsOptions, PageBitmap, U32Buffer } from "../kernels/index.js";
import type { MachineDescription, TargetMachine } from "../migrate/ports.js";
import {
  equalInConstantTime,
  type FrameChannel,
  type SourceMessage,
  type TargetMessage,
  TargetSession,
  type TargetSessionOptions,
  type TargetStep,
  type WireCrypto,
} from "../wire/index.js";
import { monotonicNs } from "./clock.js";
import { MemoryDigest } from "./memory-digest.js";
import { PageWriter } from "./page-writer.js";
import type { Transport } from "./transport/transport.js";

/** A machine whose guest may run while pages are absent (post-copy). */
export interface FaultingMachine {
  /**
   * From `run` on, an access to one of these pages waits until it has been written; `fault` is
   * called once for each page that is waited for. May be called again for the same pages after a
   * broken connection, to hear the faults that still wait.
   */
  expectPages(missing: PageBitmap, fault: (page: number) => void): void;
  /** Nothing is missing any more. */
  allArrived(): void;
}

export type ArrivalMachine = TargetMachine<Uint8Array> &
  Partial<FaultingMachine> & {
    /** Gives back all that it holds; it was made for one guest, which did not come. */
    destroy?(): void | Promise<void>;
  };

export interface LiveTargetOptions extends TargetSessionOptions {
  readonly crypto: WireCrypto;
  /** An empty machine for this guest; throws a PrecopyError that says why there is none. */
  createMachine(guest: MachineDescription): Promise<ArrivalMachine>;
  readonly zstd?: ZstdModule;
  readonly kernels?: Omit<KernelsOptions, "arenaBytes">;
  /** A source that says nothing for this long is gone. */
  readonly silenceNs: number;
  changed?(target: LiveTarget): void;
}

/** A connection with its handshake behind it. */
export interface SourceConnection {
  readonly transport: Transport;
  readonly channel: FrameChannel<TargetMessage, SourceMessage>;
  readonly early: readonly Uint8Array[];
}

/** What is made when room is reserved. */
interface Room {
  readonly guest: MachineDescription;
  readonly machine: ArrivalMachine;
  readonly kernels: Kernels;
  readonly writer: PageWriter;
  readonly digest: MemoryDigest;
  readonly missing: PageBitmap;
  readonly list: U32Buffer;
}

const PULSES_PER_SILENCE = 4;

export class LiveTarget {
  readonly session: TargetSession;
  /** Pages that the guest waited for. */
  faults = 0;
  bytesReceived = 0;
  private room: Room | undefined;
  private connection: SourceConnection | undefined;
  private readonly steps: TargetStep[] = [];
  private working: Promise<void> = Promise.resolve();
  private isWorking = false;
  private heardNs = 0;
  private readonly waited = new Set<number>();
  private pulse: ReturnType<typeof setInterval> | undefined;
  private patience: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly options: LiveTargetOptions) {
    this.session = new TargetSession(options);
  }

  get guest(): MachineDescription | undefined {
    return this.room?.guest;
  }

  /** The machine with the guest in it, when it has come. */
  get machine(): ArrivalMachine | undefined {
    return this.room?.machine;
  }

  /** Pages compared with their checks as they arrived. */
  get checkedPages(): number {
    return this.room?.writer.checkedPages ?? 0;
  }

  /** The first connection of the attempt, or one that takes the place of a broken one. */
  attach(connection: SourceConnection, resumes: boolean): void {
    const { transport } = connection;
    const before = this.connection;
    this.connection = undefined;
    before?.transport.destroy();
    if (resumes) {
      // What came over the old connection is applied before anything is said of what is lacking.
      void this.settled().then(() => this.resume(connection));
    } else {
      this.listen(connection);
    }
    transport.onClose(() => this.lost(transport));
  }

  /** Ends what is here without asking: the process goes away. */
  async dispose(reason: string): Promise<void> {
    this.stopTimers();
    if (!this.session.committed) this.take(this.session.failed(reason));
    await this.settled();
    await this.connection?.transport.close();
    this.connection = undefined;
  }

  private resume(connection: SourceConnection): void {
    const { room } = this;
    if (room === undefined) {
      this.take(this.session.resumed(monotonicNs()));
    } else {
      room.missing.runs(room.list);
      const runs = startsAndLengths(room.list.view());
      clearTimeout(this.patience);
      this.connection = connection;
      this.take(this.session.resumed(monotonicNs(), runs));
    }
    this.listen(connection);
    for (const page of this.waited) this.take(this.session.faulted(page));
  }

  private listen(connection: SourceConnection): void {
    const { transport, early } = connection;
    this.connection = connection;
    this.heardNs = monotonicNs();
    clearInterval(this.pulse);
    const { silenceNs } = this.options;
    this.pulse = setInterval(
      () => {
        if (monotonicNs() - this.heardNs > silenceNs) this.lost(transport);
      },
      silenceNs / PULSES_PER_SILENCE / 1e6,
    );
    for (const bytes of early) this.receive(connection, bytes);
    transport.onData((bytes) => this.receive(connection, bytes));
  }

  private receive(connection: SourceConnection, bytes: Uint8Array): void {
    if (connection !== this.connection) return;
    const nowNs = monotonicNs();
    this.heardNs = nowNs;
    this.bytesReceived += bytes.length;
    try {
      for (const message of connection.channel.receive(bytes)) {
        this.take(this.session.handle(message, nowNs));
      }
    } catch (error) {
      if (!(error instanceof PrecopyError)) throw error;
      this.lost(connection.transport);
    }
  }

  private lost(transport: Transport): void {
    if (transport !== this.connection?.transport) return;
    this.connection = undefined;
    clearInterval(this.pulse);
    transport.destroy();
    this.take(this.session.connectionLost(monotonicNs()));
  }

  /** Takes over what the session wants done; an abort goes ahead of what has not been begun. */
  take(steps: readonly TargetStep[]): void {
    for (const step of steps) {
      if (step.kind === "say") {
        // Answers to pings must not wait behind pages that are being decoded.
        if (step.message.kind === "pong") {
          this.say(step.message);
          continue;
        }
      } else if (step.kind === "abort" || step.kind === "abandon") {
        const said = this.steps.filter(({ kind }) => kind === "say" || kind === "close");
        this.steps.splice(0, this.steps.length, ...said);
      }
      this.steps.push(step);
    }
    if (!this.isWorking) this.working = this.work();
    this.options.changed?.(this);
  }

  private async work(): Promise<void> {
    this.isWorking = true;
    for (let step = this.steps.shift(); step !== undefined; step = this.steps.shift()) {
      try {
        await this.carryOut(step);
      } catch (error) {
        if (!(error instanceof PrecopyError)) throw error;
        this.steps.push(...this.session.failed(error.message));
      }
    }
    this.isWorking = false;
    this.options.changed?.(this);
  }

  private async settled(): Promise<void> {
    while (this.isWorking) await this.working;
  }

  private async carryOut(step: TargetStep): Promise<void> {
    const { session } = this;
    switch (step.kind) {
      case "reserve":
        return await this.reserve(step);
      case "apply":
        await this.apply(step.message);
        return this.take(session.applied(step.message));
      case "answer-ask":
        return this.take(session.answered(await this.want(step.digests)));
      case "note-absent":
        return this.noteAbsent(step.runs);
      case "load-device-state":
        return await this.room?.machine.loadDeviceState(step.state);
      case "complete":
        return this.complete(step.digest);
      case "run":
        return await this.run();
      case "check-residual":
        return this.checkResidual();
      case "abort":
      case "abandon":
        return await this.giveUp();
      case "wait":
        return this.wait(step.untilNs);
      case "say":
        return this.say(step.message);
      case "close":
        return this.close(step.error !== undefined);
      case "note-empty":
        // Memory is zero until something is written to it.
        return;
    }
  }

  private async reserve({ prepare }: TargetStep & { kind: "reserve" }): Promise<void> {
    const refusal = await this.makeRoom(prepare).catch((error: unknown) => {
      if (error instanceof PrecopyError) return error.message;
      throw error;
    });
    if (refusal === undefined) return this.take(this.session.prepared(monotonicNs()));
    await this.giveUp();
    this.take(this.session.refused(refusal));
  }

  /** Returns why there is no room. */
  private async makeRoom(
    prepare: Extract<SourceMessage, { kind: "prepare" }>,
  ): Promise<string | undefined> {
    const { guest, postCopy, deviceState, codecs } = prepare;
    const { options } = this;
    const machine = await options.createMachine(guest);
    const { pages } = guest;
    const list = U32Buffer.bytesFor(pages + 2);
    const arenaBytes =
      PageWriter.arenaBytes() + MemoryDigest.arenaBytes + PageBitmap.bytesFor(pages) + list + 65536;
    const kernels = await Kernels.load({ ...options.kernels, arenaBytes });
    this.room = {
      guest,
      machine,
      kernels,
      writer: new PageWriter({ kernels, machine, pages, codecs, zstd: options.zstd }),
      digest: new MemoryDigest(kernels),
      missing: PageBitmap.create(kernels, pages, "absent pages"),
      list: U32Buffer.create(kernels, pages + 2, "runs of absent pages"),
    };
    const refusal = await machine.prepare(guest);
    if (refusal !== undefined) return refusal;
    if (postCopy && machine.expectPages === undefined) {
      return `the machine here cannot run ${guest.name} while pages are absent: take a strategy without post-copy`;
    }
    if (deviceState !== undefined) await machine.loadDeviceState(deviceState);
    return undefined;
  }

  private async apply(message: Extract<SourceMessage, { kind: "pages" }>): Promise<void> {
    const { room } = this;
    if (room === undefined) return;
    await room.writer.apply(message);
    if (room.missing.isEmpty()) return;
    room.list.set(message.pages);
    room.missing.clearBatch(room.list);
    for (const page of message.pages) this.waited.delete(page);
  }

  private async want(digests: Uint8Array): Promise<Uint8Array> {
    const wanted = await this.room?.writer.want(digests);
    if (wanted !== undefined) return wanted;
    throw new PrecopyError("bad-input", "the source asks by digests and did not announce it");
  }

  private noteAbsent(runs: Uint32Array): void {
    const { room } = this;
    if (room === undefined) return;
    const pages: number[] = [];
    for (let i = 0; i < runs.length; i += 2) {
      for (let k = 0; k < (runs[i + 1] as number); k++) pages.push((runs[i] as number) + k);
    }
    room.list.set(pages);
    room.missing.setBatch(room.list);
  }

  private complete(digest: Uint8Array | undefined): void {
    const { room, session } = this;
    if (room === undefined) return;
    const fromNs = monotonicNs();
    if (digest !== undefined) {
      const here = room.digest.of(room.machine, room.guest.pages, this.options.crypto);
      if (!equalInConstantTime(here, digest)) {
        const reason = "the digest of all memory differs from the source's";
        return this.take(session.failed(reason));
      }
    }
    const nowNs = monotonicNs();
    this.take(
      session.completed(nowNs, digest === undefined ? 0 : nowNs - fromNs, this.checkedPages),
    );
  }

  private async run(): Promise<void> {
    const { room, session } = this;
    if (room === undefined) return;
    try {
      if (!room.missing.isEmpty()) {
        room.machine.expectPages?.(room.missing, (page) => this.fault(page));
      }
      await room.machine.run();
    } catch (error) {
      if (!(error instanceof PrecopyError)) throw error;
      return this.take(session.couldNotRun(error.message));
    }
    const nowNs = monotonicNs();
    this.take(session.ran(nowNs));
    this.take(session.announced(nowNs));
  }

  private fault(page: number): void {
    this.faults++;
    this.waited.add(page);
    for (const step of this.session.faulted(page)) {
      if (step.kind === "say") this.say(step.message);
    }
  }

  private checkResidual(): void {
    const { room, session } = this;
    if (room === undefined) return;
    const lacking = room.missing.count();
    if (lacking > 0) {
      return this.take(session.failed(`${lacking} pages are absent and the source sent its last`));
    }
    room.machine.allArrived?.();
    this.take(session.allReceived(monotonicNs()));
  }

  private async giveUp(): Promise<void> {
    const { room } = this;
    this.room = undefined;
    await room?.machine.abort();
    await room?.machine.destroy?.();
  }

  private wait(untilNs: number): void {
    clearTimeout(this.patience);
    const inMs = Math.max(0, (untilNs - monotonicNs()) / 1e6);
    // Timers may fire a little early.
    this.patience = setTimeout(() => this.take(this.session.gaveUp(monotonicNs())), inMs + 1);
  }

  private say(message: TargetMessage): void {
    const { connection } = this;
    if (connection === undefined) return;
    const { channel, transport } = connection;
    transport.write(channel.encode(message)).catch(() => this.lost(transport));
  }

  private close(inError: boolean): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.connection = undefined;
    this.stopTimers();
    void connection.transport.close();
    if (inError) this.take(this.session.connectionLost(monotonicNs()));
  }

  private stopTimers(): void {
    clearInterval(this.pulse);
    clearTimeout(this.patience);
  }
}

/** Runs as first and end (exclusive) to start and length, as the wire has them. */
export function startsAndLengths(runs: Uint32Array): Uint32Array {
  const out = runs.slice();
  for (let i = 1; i < out.length; i += 2) out[i] = (out[i] as number) - (out[i - 1] as number);
  return out;
}
