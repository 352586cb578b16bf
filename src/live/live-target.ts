/**
 * The receiving end of one attempt: does what the session (wire/target-session.ts) decides, on a
 * machine in this process, step by step in order, whatever becomes of the connections that the
 * messages come over. Pages are decoded, compared with the source's checks and written; a guest runs
 * here only when the session says so, once.
 */
import { PrecopyError } from "../base/errors.js";
import type { MachineDescription } from "../migrate/ports.js";
import {
  type FrameChannel,
  type PagesMessage,
  type PrepareMessage,
  type SourceMessage,
  type TargetMessage,
  TargetSession,
  type TargetSessionOptions,
  type TargetStep,
} from "../wire/index.js";
import { type ArrivalMachine, ArrivalRoom, type ArrivalRoomOptions } from "./arrival-room.js";
import { monotonicNs } from "./clock.js";
import type { Transport } from "./transport/transport.js";

export interface LiveTargetOptions extends TargetSessionOptions, ArrivalRoomOptions {
  /** A source that says nothing for this long is gone. */
  readonly silenceNs: number;
  changed?(target: LiveTarget): void;
  /** The machine here went wrong in a way that nobody foresaw; the attempt fails. */
  failed?(error: unknown): void;
}

/** A connection with its handshake behind it. */
export interface SourceConnection {
  readonly transport: Transport;
  readonly channel: FrameChannel<TargetMessage, SourceMessage>;
  readonly early: readonly Uint8Array[];
}

const PULSES_PER_SILENCE = 4;

export class LiveTarget {
  readonly session: TargetSession;
  /** Pages that the guest waited for. */
  faults = 0;
  bytesReceived = 0;
  private room: ArrivalRoom | undefined;
  /** What is kept of the room when the guest has come: not its memory. */
  private past: Pick<ArrivalRoom, "guest" | "checkedPages"> | undefined;
  private connection: SourceConnection | undefined;
  private readonly steps: TargetStep[] = [];
  private working: Promise<void> = Promise.resolve();
  private isWorking = false;
  /** Beats of the pulse since the source was heard. */
  private silentBeats = 0;
  private readonly waited = new Set<number>();
  private pulse: ReturnType<typeof setInterval> | undefined;
  private patience: ReturnType<typeof setTimeout> | undefined;

  /** @param session of an attempt that is settled, whose target was forgotten. */
  constructor(
    readonly options: LiveTargetOptions,
    session?: TargetSession,
  ) {
    this.session = session ?? new TargetSession(options);
  }

  /** Nothing more will become of it, and nobody is connected. */
  get isDone(): boolean {
    return this.session.settled && this.connection === undefined && !this.isWorking;
  }

  get guest(): MachineDescription | undefined {
    return this.room?.guest ?? this.past?.guest;
  }

  /** The connection that stands, in words. */
  get from(): string | undefined {
    return this.connection?.transport.description;
  }

  /** The machine that the guest comes to, until all is said: then it belongs to who made it. */
  get machine(): ArrivalMachine | undefined {
    return this.room?.machine;
  }

  /** Pages compared with their checks as they arrived. */
  get checkedPages(): number {
    return this.room?.checkedPages ?? this.past?.checkedPages ?? 0;
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
    this.take(this.lastSteps(reason));
    await this.settled();
    const { connection } = this;
    this.connection = undefined;
    this.stopTimers();
    await connection?.transport.close();
  }

  /** Who waits for pages here waits for ever, unless it is told that none will come. */
  private lastSteps(reason: string): TargetStep[] {
    const { session } = this;
    if (!session.committed) return session.failed(reason);
    if (this.connection === undefined) return session.gaveUp(Number.POSITIVE_INFINITY);
    return session.handle({ kind: "abort", reason }, monotonicNs());
  }

  private resume(connection: SourceConnection): void {
    const { room } = this;
    clearTimeout(this.patience);
    // Another one may have come while this one waited.
    this.connection?.transport.destroy();
    this.connection = connection;
    this.take(this.session.resumed(monotonicNs(), room?.absentRuns()));
    this.listen(connection);
    for (const page of this.waited) this.take(this.session.faulted(page));
  }

  private listen(connection: SourceConnection): void {
    const { transport, early } = connection;
    this.connection = connection;
    this.silentBeats = 0;
    clearInterval(this.pulse);
    const { silenceNs } = this.options;
    this.pulse = setInterval(
      () => {
        // Beats, not time: where this thread was held up, what came meanwhile has yet to be read.
        if (this.silentBeats++ > PULSES_PER_SILENCE) this.lost(transport);
      },
      silenceNs / PULSES_PER_SILENCE / 1e6,
    );
    for (const bytes of early) this.receive(connection, bytes);
    transport.onData((bytes) => this.receive(connection, bytes));
  }

  private receive(connection: SourceConnection, bytes: Uint8Array): void {
    if (connection !== this.connection) return;
    const nowNs = monotonicNs();
    this.silentBeats = 0;
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
        if (!(error instanceof PrecopyError)) this.options.failed?.(error);
        this.take(this.session.failed(messageOf(error)));
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
        await this.apply(step.message, step.residual);
        return this.take(session.applied(step.message));
      case "answer-ask":
        return this.take(session.answered(await this.want(step.digests)));
      case "note-absent":
        return this.room?.noteAbsent(step.runs);
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
      if (!(error instanceof PrecopyError)) this.options.failed?.(error);
      return messageOf(error);
    });
    if (refusal === undefined) return this.take(this.session.prepared(monotonicNs()));
    await this.giveUp();
    this.take(this.session.refused(refusal));
  }

  /** Returns why there is no room. */
  private async makeRoom(prepare: PrepareMessage): Promise<string | undefined> {
    this.room = await ArrivalRoom.make(prepare, this.options);
    return await this.room.prepare(prepare);
  }

  private async apply(message: PagesMessage, residual: boolean): Promise<void> {
    await this.room?.apply(message, residual);
    for (const page of message.pages) this.waited.delete(page);
  }

  private async want(digests: Uint8Array): Promise<Uint8Array> {
    const wanted = await this.room?.want(digests);
    if (wanted !== undefined) return wanted;
    throw new PrecopyError("bad-input", "the source asks by digests and did not announce it");
  }

  private complete(digest: Uint8Array | undefined): void {
    const { room, session } = this;
    if (room === undefined) return;
    const fromNs = monotonicNs();
    if (digest !== undefined && !room.hasDigest(digest)) {
      return this.take(session.failed("the digest of all memory differs from the source's"));
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
    await room?.free();
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
    if (inError) return this.take(this.session.connectionLost(monotonicNs()));
    const { room } = this;
    if (room === undefined || !this.session.settled) return;
    this.past = { guest: room.guest, checkedPages: room.checkedPages };
    this.room = undefined;
  }

  private stopTimers(): void {
    clearInterval(this.pulse);
    clearTimeout(this.patience);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
