/**
 * A transport over a medium that carries whole messages and has no back-pressure of its own (a
 * message port, a broadcast channel). Credits bound what is under way, as in credit-based flow
 * control (Kung & Morris, "Credit-Based Flow Control for ATM Networks", IEEE Network 1995;
 * recalled, not verified): the receiver says how many bytes were taken, the sender has never more
 * than a window unanswered.
 *
 * The order of an end is TCP's: either end says `close` behind its last byte, the other delivers,
 * sends what it still holds and says `close` too; then both are gone.
 */
import { assert } from "../../base/assert.js";
import { PrecopyError } from "../../base/errors.js";
import { Inbox } from "./inbox.js";
import type { LinkMessage } from "./link-message.js";
import { RoomWaiters } from "./room-waiters.js";
import {
  BUFFERED_BYTES_MAX,
  byteLength,
  CLOSE_TIMEOUT_MS,
  closedError,
  type Transport,
} from "./transport.js";

/** The medium as its transport sees it: messages arrive in order, or the medium is gone. */
export interface Medium {
  readonly description: string;
  /** Sends a message. The bytes of `data` are the medium's from here on. */
  post(message: LinkMessage): void;
  /** Called once, after the last message: takes listeners off and closes what is to be closed. */
  release(): void;
}

export interface CreditOptions {
  /** Bytes under way without an answer at most. Default {@link BUFFERED_BYTES_MAX}. */
  readonly windowBytes?: number;
  /** Asks the other end for a sign of life this often; 0 (the default) never does. */
  readonly heartbeatMs?: number;
  /** Heartbeats without any message from the other end until it counts as dead. Default 10. */
  readonly silentBeatsMax?: number;
  readonly closeTimeoutMs?: number;
}

/** Small enough that several are under way in a window. */
const CHUNK_BYTES_MAX = 256 * 1024;
/** What an end without a data handler keeps before it takes the sender's window for broken. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;
const SILENT_BEATS_MAX = 10;

export class CreditTransport implements Transport {
  private readonly inbox: Inbox;
  private readonly room = new RoomWaiters();
  private readonly windowBytes: number;
  private readonly silentBeatsMax: number;
  private readonly closeTimeoutMs: number;
  private queue: Uint8Array<ArrayBuffer>[] = [];
  private queuedBytes = 0;
  private underWayBytes = 0;
  private writtenBytes = 0;
  private isClosing = false;
  private isCloseSent = false;
  private isCloseReceived = false;
  /** Why it takes no more bytes, once it has ended. */
  private endedWhy: string | undefined;
  private whenEnded: (() => void)[] = [];
  private heartbeat: ReturnType<typeof setInterval> | undefined;
  private closeTimer: ReturnType<typeof setTimeout> | undefined;
  private silentBeats = 0;

  constructor(
    private readonly medium: Medium,
    options: CreditOptions = {},
  ) {
    this.windowBytes = options.windowBytes ?? BUFFERED_BYTES_MAX;
    this.silentBeatsMax = options.silentBeatsMax ?? SILENT_BEATS_MAX;
    this.closeTimeoutMs = options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS;
    assert(this.windowBytes >= 1, "a window holds at least a byte");
    this.inbox = new Inbox({
      taken: (bytes) => this.answerTaken(bytes),
      failed: (error) => this.fail(error),
    });
    const heartbeatMs = options.heartbeatMs ?? 0;
    if (heartbeatMs > 0) this.heartbeat = setInterval(() => this.beat(), heartbeatMs);
    letProcessEnd(this.heartbeat);
  }

  get description(): string {
    return this.medium.description;
  }

  get bufferedBytes(): number {
    return this.queuedBytes + this.underWayBytes;
  }

  get bytesWritten(): number {
    return this.writtenBytes;
  }

  get bytesRead(): number {
    return this.inbox.receivedBytes;
  }

  write(parts: readonly Uint8Array[]): Promise<void> {
    const why = this.whyClosed();
    if (why !== undefined) return Promise.reject(closedError(this.description, why));
    for (const chunk of copyInChunks(parts)) {
      this.queue.push(chunk);
      this.queuedBytes += chunk.length;
      this.writtenBytes += chunk.length;
    }
    this.pump();
    if (this.endedWhy !== undefined) {
      return Promise.reject(closedError(this.description, this.endedWhy));
    }
    return this.bufferedBytes < this.windowBytes ? Promise.resolve() : this.room.wait();
  }

  onData(handler: (bytes: Uint8Array) => void): void {
    this.inbox.onData(handler);
  }

  onClose(handler: (error: Error | undefined) => void): void {
    this.inbox.onClose(handler);
  }

  close(): Promise<void> {
    if (this.endedWhy !== undefined) return Promise.resolve();
    const ended = new Promise<void>((resolve) => {
      this.whenEnded.push(resolve);
    });
    if (!this.isClosing) {
      this.isClosing = true;
      this.closeTimer = setTimeout(() => this.fail(this.closeTimeout()), this.closeTimeoutMs);
      this.pump();
    }
    return ended;
  }

  destroy(): void {
    if (this.endedWhy !== undefined) return;
    this.tryPost({ kind: "destroy" });
    this.finish("it was destroyed at this end", undefined, true);
  }

  /** A message from the other end, in order. What is not ours to understand is left alone. */
  receive(message: LinkMessage): void {
    if (this.endedWhy !== undefined) return;
    this.silentBeats = 0;
    switch (message.kind) {
      case "data":
        return this.receiveData(message.bytes);
      case "taken":
        return this.receiveTaken(message.bytes);
      case "close":
        this.isCloseReceived = true;
        return this.pump();
      case "destroy":
        return this.mediumLost("the other end broke it off");
      case "ping":
        return this.tryPost({ kind: "pong" });
      case "pong":
        return;
    }
  }

  /** The medium is gone without a farewell. */
  mediumLost(why: string): void {
    if (this.endedWhy !== undefined) return;
    const error = new PrecopyError(
      "aborted",
      `the ${this.description} ended: ${why}; see whether the other end still runs, and connect again`,
    );
    this.finish(why, error, false);
  }

  private receiveData(bytes: Uint8Array): void {
    if (this.inbox.keptBytes + bytes.length > KEPT_BYTES_MAX) {
      this.fail(this.broken(`sent over ${KEPT_BYTES_MAX} bytes that nobody had asked for`));
      return;
    }
    this.inbox.put(bytes);
  }

  private receiveTaken(bytes: number): void {
    if (!(bytes >= 0 && bytes <= this.underWayBytes)) {
      this.fail(this.broken(`took ${bytes} of ${this.underWayBytes} bytes under way`));
      return;
    }
    this.underWayBytes -= bytes;
    this.pump();
    if (this.bufferedBytes < this.windowBytes) this.room.wake();
  }

  private answerTaken(bytes: number): void {
    if (this.endedWhy === undefined) this.tryPost({ kind: "taken", bytes });
  }

  /** Sends what the window allows, and the close behind it. */
  private pump(): void {
    while (this.queue.length > 0 && this.underWayBytes < this.windowBytes) {
      const bytes = this.queue.shift() as Uint8Array<ArrayBuffer>;
      this.queuedBytes -= bytes.length;
      this.underWayBytes += bytes.length;
      this.tryPost({ kind: "data", bytes });
      if (this.endedWhy !== undefined) return;
    }
    if (this.queue.length === 0 && (this.isClosing || this.isCloseReceived) && !this.isCloseSent) {
      this.isCloseSent = true;
      this.tryPost({ kind: "close" });
    }
    if (this.isCloseSent && this.isCloseReceived) this.finish("it was closed", undefined, false);
  }

  private beat(): void {
    if (this.silentBeats >= this.silentBeatsMax) {
      this.mediumLost(`nothing was heard from the other end for ${this.silentBeats} heartbeats`);
      return;
    }
    this.silentBeats++;
    this.tryPost({ kind: "ping" });
  }

  private tryPost(message: LinkMessage): void {
    try {
      this.medium.post(message);
    } catch (thrown) {
      this.mediumLost(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  private fail(error: Error): void {
    if (this.endedWhy !== undefined) return;
    this.tryPost({ kind: "destroy" });
    this.finish(error.message, error, true);
  }

  private finish(why: string, error: Error | undefined, discard: boolean): void {
    if (this.endedWhy !== undefined) return;
    this.endedWhy = why;
    clearInterval(this.heartbeat);
    clearTimeout(this.closeTimer);
    this.queue = [];
    this.queuedBytes = 0;
    this.underWayBytes = 0;
    this.medium.release();
    this.inbox.close(error, discard);
    if (error === undefined && !discard) this.room.wake();
    else this.room.refuse(this.description, why);
    for (const resolve of this.whenEnded.splice(0)) resolve();
  }

  private whyClosed(): string | undefined {
    if (this.endedWhy !== undefined) return this.endedWhy;
    if (this.isClosing) return "it was closed at this end";
    return this.isCloseReceived ? "the other end has closed it" : undefined;
  }

  private closeTimeout(): PrecopyError {
    const left = this.bufferedBytes;
    return new PrecopyError(
      "aborted",
      `the ${this.description} was to close and the other end did not answer within ${this.closeTimeoutMs} ms, ${left} bytes not taken; it was broken off`,
    );
  }

  private broken(what: string): PrecopyError {
    return new PrecopyError(
      "aborted",
      `the other end of the ${this.description} ${what}; run the same version at both ends`,
    );
  }
}

/** Lets a Node process end though the timer still runs; browsers have no such thing. */
export function letProcessEnd(timer: unknown): void {
  (timer as { unref?: () => void } | undefined)?.unref?.();
}

/** The bytes of all parts in new buffers of at most {@link CHUNK_BYTES_MAX} bytes. */
function copyInChunks(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer>[] {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let leftBytes = byteLength(parts);
  let chunk: Uint8Array<ArrayBuffer> | undefined;
  let filled = 0;
  for (const part of parts) {
    for (let from = 0; from < part.length; ) {
      if (chunk === undefined || filled === chunk.length) {
        chunk = new Uint8Array(Math.min(leftBytes, CHUNK_BYTES_MAX));
        chunks.push(chunk);
        filled = 0;
      }
      const bytes = Math.min(part.length - from, chunk.length - filled);
      chunk.set(part.subarray(from, from + bytes), filled);
      filled += bytes;
      from += bytes;
      leftBytes -= bytes;
    }
  }
  return chunks;
}
