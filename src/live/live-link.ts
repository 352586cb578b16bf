/**
 * One migration's way to its target over connections that may break: handshake, frames in order,
 * pages that are waited for first, pacing to a rate, a window of bytes that the target has not taken
 * yet, and a pulse that tells a silent peer from a quiet one.
 *
 *   send() ─▶ urgent │ pages, state, control ─▶ window ─▶ pacer ─▶ channel ─▶ transport
 *
 * A frame is given its sequence number when it is written, so urgent ones may overtake.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import {
  type FrameChannel,
  Handshake,
  type HandshakeResult,
  type Message,
  payloadBytesOf,
  type SourceHandshakeOptions,
  type SourceMessage,
  SourceSession,
  type SourceStep,
  type TargetMessage,
} from "../wire/index.js";
import { PeerClock } from "./clock.js";
import { Pacer } from "./transport/pacing.js";
import { byteLength, type Transport } from "./transport/transport.js";

export interface LiveLinkOptions extends Omit<SourceHandshakeOptions, "resumes"> {
  connect(): Promise<Transport>;
  now(): number;
  readonly bandwidthBytesPerSec: number;
  readonly guestPages: number;
  /** A peer that says nothing for this long is gone. */
  readonly silenceNs: number;
  /** A handshake has to be done in this time. */
  readonly handshakeNs: number;
  /** Of what the target says, that which counts. */
  heard(step: SourceStep, heardNs: number): void;
  /** The connection broke. */
  down(reason: string): void;
  /** A bug of ours. */
  failed(error: unknown): void;
}

interface Outgoing {
  readonly message: SourceMessage;
  readonly left: (bytes: number | undefined) => void;
}

const PINGS_PER_SILENCE = 5;
const PACE_STEP_NS = 100e6;

export class LiveLink {
  readonly clock = new PeerClock();
  isUp = false;
  private transport: Transport | undefined;
  /** Before its handshake is done. */
  private opening: Transport | undefined;
  private bytesBefore = 0;
  private channel: FrameChannel<SourceMessage, TargetMessage> | undefined;
  private readonly urgent: Outgoing[] = [];
  private readonly queue: Outgoing[] = [];
  private writing = false;
  private sessionOf: SourceSession | undefined;
  private windowOpen: () => void = () => {};
  private readonly pacer: Pacer;
  private pulse: ReturnType<typeof setInterval> | undefined;
  /** Beats of the pulse since the target was heard. */
  private silentBeats = 0;
  private closed = false;
  private whenBroken: (() => void)[] = [];

  constructor(private readonly options: LiveLinkOptions) {
    this.pacer = new Pacer(options.bandwidthBytesPerSec, options.now());
  }

  /** What was said and heard; there is one from the first connection on. */
  get session(): SourceSession {
    assert(this.sessionOf !== undefined, "there was a connection");
    return this.sessionOf;
  }

  /** Of all connections, handshakes included. */
  get bytesWritten(): number {
    return this.bytesBefore + (this.transport?.bytesWritten ?? 0);
  }

  /** Pages that were given to it and have not been written. */
  get queuedBytes(): number {
    let bytes = 0;
    for (const { message } of this.queue) {
      if (message.kind === "pages") bytes += payloadBytesOf(message);
    }
    return bytes;
  }

  /** Payload a second from now on, beside the limit that the user gave. */
  setLimit(bytesPerSec: number): void {
    const rate = Math.min(bytesPerSec, this.options.bandwidthBytesPerSec);
    this.pacer.setRate(rate, this.options.now());
  }

  /** Connects and shakes hands; `resumes`: the target knows this migration already. */
  async open(resumes: boolean): Promise<void> {
    const { connect, handshakeNs } = this.options;
    if (this.closed) throw closedError();
    const shake = Handshake.source({ ...this.options, resumes });
    const transport = await connect().catch(notConnected);
    if (this.closed) {
      transport.destroy();
      throw closedError();
    }
    this.opening = transport;
    const { result, early } = await handshake(transport, shake, handshakeNs);
    this.opening = undefined;
    if (this.closed) {
      transport.destroy();
      throw closedError();
    }
    const { authenticated } = result.channel;
    const { epoch, guestPages } = this.options;
    if (resumes) this.session.resumed(authenticated);
    else this.sessionOf = new SourceSession({ epoch, guestPages, authenticated });
    this.transport = transport;
    this.channel = result.channel;
    this.isUp = true;
    this.silentBeats = 0;
    transport.onData((bytes) => this.receive(transport, bytes));
    transport.onClose((error) => this.lost(transport, error?.message ?? "the target closed it"));
    this.startPulse(transport);
    for (const bytes of early) this.receive(transport, bytes);
  }

  /** When the connection that stands is none any more. */
  broken(): Promise<void> {
    if (!this.isUp) return Promise.resolve();
    return new Promise((resolve) => {
      this.whenBroken.push(resolve);
    });
  }

  /** Queues a message; `left` learns its bytes when there is room for another, or that it failed. */
  send(message: SourceMessage, options: { readonly urgent: boolean }): Promise<number | undefined> {
    return new Promise((left) => {
      if (!this.isUp) return left(undefined);
      (options.urgent ? this.urgent : this.queue).push({ message, left });
      if (options.urgent) this.writeUrgent();
      else void this.write();
    });
  }

  /** Permission will not be given; what was said before the commit point means nothing any more. */
  cancel(): void {
    this.sessionOf?.cancel();
  }

  /** What is queued is forgotten, this goes out, and the connection ends, soon in any case. */
  async endWith(message: SourceMessage | undefined): Promise<void> {
    this.closed = true;
    const { transport, channel } = this;
    this.fail();
    this.stop();
    this.opening?.destroy();
    if (transport === undefined || channel === undefined) return;
    const silence = setTimeout(() => transport.destroy(), this.options.silenceNs / 1e6);
    try {
      if (message !== undefined) await transport.write(channel.encode(this.session.say(message)));
      await transport.close();
    } catch {
      transport.destroy();
    }
    clearTimeout(silence);
    this.bytesBefore += transport.bytesWritten;
  }

  /** The connection as it is ends at once; another may be opened. */
  cut(): void {
    const { transport } = this;
    if (transport === undefined) return;
    this.lost(transport, "the connection was given up");
  }

  /** What is queued, one behind the other; what comes over another connection goes on here. */
  private async write(): Promise<void> {
    if (this.writing) return;
    this.writing = true;
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      next.left(await this.writeOne(next.message));
    }
    this.writing = false;
  }

  /** Resolves when the pacer would let the next one go: then it has left, at the rate that is kept. */
  private async writeOne(message: SourceMessage): Promise<number | undefined> {
    const { transport } = this;
    if (transport === undefined) return undefined;
    await this.roomFor(message, transport);
    await this.paced(transport);
    const bytes = await this.put(message, transport);
    await this.paced(transport);
    return transport === this.transport ? bytes : undefined;
  }

  /** Past what waits for room or for the rate; pages as far as the target has room for urgent ones. */
  private writeUrgent(): void {
    for (;;) {
      const { transport } = this;
      const next = this.urgent[0];
      if (transport === undefined || next === undefined || !this.hasRoom(next.message, true))
        return;
      this.urgent.shift();
      void this.put(next.message, transport).then(next.left);
    }
  }

  /** Frames are numbered as they are encoded: that and the write are one step. */
  private async put(message: SourceMessage, transport: Transport): Promise<number | undefined> {
    const { channel } = this;
    if (transport !== this.transport || channel === undefined) return undefined;
    try {
      const parts = channel.encode(this.session.say(message));
      const bytes = byteLength(parts);
      this.pacer.take(bytes, this.options.now());
      await transport.write(parts);
      return bytes;
    } catch (error) {
      if (error instanceof PrecopyError) this.lost(transport, error.message);
      else this.options.failed(error);
      return undefined;
    }
  }

  /** In short steps, as the rate may be raised meanwhile. */
  private async paced(transport: Transport): Promise<void> {
    const { pacer, options } = this;
    for (;;) {
      const waitNs = transport === this.transport ? pacer.waitNs(options.now()) : 0;
      if (waitNs === 0) return;
      await sleepNs(Math.min(waitNs, PACE_STEP_NS));
    }
  }

  /** Flow control: the target has not taken so much yet that this must wait. */
  private async roomFor(message: SourceMessage, transport: Transport): Promise<void> {
    while (transport === this.transport && !this.hasRoom(message, false)) {
      await new Promise<void>((resolve) => {
        this.windowOpen = resolve;
      });
    }
  }

  private hasRoom(message: SourceMessage, urgent: boolean): boolean {
    return message.kind !== "pages" || this.session.hasRoom(payloadBytesOf(message), urgent);
  }

  private receive(transport: Transport, bytes: Uint8Array): void {
    if (transport !== this.transport || this.channel === undefined) return;
    const heardNs = this.options.now();
    this.silentBeats = 0;
    try {
      for (const message of this.channel.receive(bytes)) {
        this.hear(message, heardNs);
        if (transport !== this.transport) return;
      }
    } catch (error) {
      if (!(error instanceof PrecopyError)) throw error;
      this.lost(transport, error.message);
    }
  }

  private hear(message: TargetMessage, heardNs: number): void {
    for (const step of this.session.receive(message)) {
      if (step.kind === "pong") {
        this.clock.pong(step.atNs, step.receivedNs, heardNs);
      } else if (step.kind === "taken") {
        this.windowOpen();
        this.writeUrgent();
      } else {
        this.options.heard(step, heardNs);
      }
    }
  }

  private startPulse(transport: Transport): void {
    const { silenceNs, now } = this.options;
    const ping = () => {
      // Beats, not time: where this thread was held up, what came meanwhile has yet to be read.
      if (this.silentBeats++ > PINGS_PER_SILENCE) {
        this.lost(transport, `the target said nothing for ${Math.round(silenceNs / 1e6)} ms`);
        return;
      }
      // Ahead of all pages: a queue of them must not look like silence.
      void this.put({ kind: "ping", atNs: now() }, transport);
    };
    this.pulse = setInterval(ping, silenceNs / PINGS_PER_SILENCE / 1e6);
    ping();
  }

  private lost(transport: Transport, reason: string): void {
    if (transport !== this.transport) return;
    this.session.connectionLost();
    this.stop();
    this.bytesBefore += transport.bytesWritten;
    transport.destroy();
    this.fail();
    if (!this.closed) this.options.down(reason);
  }

  private stop(): void {
    clearInterval(this.pulse);
    this.isUp = false;
    this.transport = undefined;
    this.channel = undefined;
    this.windowOpen();
    for (const tell of this.whenBroken.splice(0)) tell();
  }

  private fail(): void {
    const unsent = [...this.urgent.splice(0), ...this.queue.splice(0)];
    for (const { left } of unsent) left(undefined);
  }
}

/** Shakes hands over a fresh connection; destroys it when that fails or takes too long. */
export function handshake<Out extends Message, In extends Message>(
  transport: Transport,
  shake: Handshake<Out, In>,
  limitNs: number,
): Promise<Shaken<Out, In>> {
  return new Promise((resolve, reject) => {
    const early: Uint8Array[] = [];
    let done = false;
    const fail = (error: Error) => {
      done = true;
      clearTimeout(timer);
      transport.destroy();
      reject(error);
    };
    const flush = () => {
      const parts = shake.output.splice(0);
      return parts.length > 0 ? transport.write(parts) : Promise.resolve();
    };
    const limitMs = Math.round(limitNs / 1e6);
    const late = `the ${transport.description} did not finish the handshake in ${limitMs} ms`;
    const timer = setTimeout(() => fail(new PrecopyError("aborted", late)), limitMs);
    transport.onClose((error) => {
      if (!done) fail(error ?? closedError());
    });
    transport.onData((bytes) => {
      if (done) return early.push(bytes);
      try {
        const result = shake.receive(bytes);
        flush().catch(fail);
        if (result === undefined) return;
        done = true;
        clearTimeout(timer);
        if (result.rest.length > 0) early.push(result.rest);
        resolve({ result, early });
      } catch (error) {
        // What there is to say to the other end is said before the connection ends.
        done = true;
        clearTimeout(timer);
        const leave = () => transport.close().then(() => reject(error));
        flush().then(leave, () => fail(error as Error));
      }
    });
    flush().catch(fail);
  });
}

/** A handshake's result, and what came behind it before anybody listened. */
export interface Shaken<Out extends Message, In extends Message> {
  readonly result: HandshakeResult<Out, In>;
  readonly early: Uint8Array[];
}

export function sleepNs(ns: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ns / 1e6));
}

function notConnected(error: unknown): never {
  if (error instanceof PrecopyError) throw error;
  const why = error instanceof Error ? error.message : String(error);
  throw new PrecopyError("aborted", `the target could not be connected to: ${why}`);
}

function closedError(): PrecopyError {
  return new PrecopyError("aborted", "the connection was closed before the migration could begin");
}
