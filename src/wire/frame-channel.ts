/**
 * One direction's messages as frames and the other's back, over one connection. No I/O: bytes in,
 * bytes out.
 *
 *   ┌────────┬──────┬───────┬──────┬──────────┬─────────┬────────┐ ┌─────────────┬───────┐
 *   │ length │ kind │ flags │ zero │ sequence │ covered │ CRC-32 │ │ body        │ check │
 *   │ u32    │ u8   │ u8    │ u16  │ u64      │ u32     │ u32    │ │ length      │ 4, 16 │
 *   └────────┴──────┴───────┴──────┴──────────┴─────────┴────────┘ └─────────────┴───────┘
 *
 * The header's CRC is of its first 20 bytes, so that a length is believed only when it is what was
 * sent. The check behind the body is a CRC-32 of the header and of the `covered` bytes of the body
 * (all, but of `pages` the table alone: each page has a check of its own), or with a secret
 * HMAC-SHA-256 of header and whole body, truncated to its first 16 bytes (RFC 2104, section 5:
 * not less than half; recalled, not verified). The sequence counts the frames of a direction from 0.
 */
import { PrecopyError } from "../base/errors.js";
import { ByteWriter } from "./bytes.js";
import { crc32 } from "./crc32.js";
import { equalInConstantTime, type WireCrypto } from "./crypto.js";
import { protocolError, type WireLimits } from "./limits.js";
import { kindNumber, kindOf, pagesTableBytes, readBody, writeBody } from "./message-body.js";
import type { Message } from "./messages.js";

export const FRAME_HEADER_BYTES = 24;
const HEADER_CRC_AT = 20;
const CRC_BYTES = 4;
export const TAG_BYTES = 16;
const FLAG_URGENT = 1;

/** Keys of a connection whose ends know a secret, one for each direction. */
export interface ChannelKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
}

export interface ChannelOptions {
  /** Which end this is. */
  readonly end: "source" | "target";
  readonly limits: WireLimits;
  readonly crypto: WireCrypto;
  readonly keys: ChannelKeys | undefined;
}

/** What a header says, once it was found to be as sent. */
interface Header {
  readonly length: number;
  readonly kind: Message["kind"];
  readonly urgent: boolean;
  readonly covered: number;
}

export class FrameChannel<Out extends Message = Message, In extends Message = Message> {
  private sent = 0;
  private received = 0;
  private readonly headerBytes = new Uint8Array(FRAME_HEADER_BYTES);
  private header: Header | undefined;
  /** Body and check of the frame that comes. */
  private body = new Uint8Array(0);
  /** Of the header, or of the body. */
  private filled = 0;
  private failure: PrecopyError | undefined;

  constructor(private readonly options: ChannelOptions) {}

  /** Whether the other end has proved to know the secret. */
  get authenticated(): boolean {
    return this.options.keys !== undefined;
  }

  /**
   * The frame in parts, to be written in this order; large bodies are the message's own bytes.
   * Throws `limit` for a message that is longer than a frame may be, and has sent nothing then.
   */
  encode(message: Out): Uint8Array[] {
    const { frameBytesMax } = this.options.limits;
    const writer = new ByteWriter(FRAME_HEADER_BYTES);
    const blobs = writeBody(message, writer).filter((blob) => blob.length > 0);
    const front = writer.finish();
    const tableBytes = front.length - FRAME_HEADER_BYTES;
    const length = blobs.reduce((sum, blob) => sum + blob.length, tableBytes);
    if (length > frameBytesMax) {
      throw new PrecopyError(
        "limit",
        `a ${message.kind} message of ${length} bytes is longer than a frame's ${frameBytesMax}; ` +
          "send it in smaller parts, or raise the frame limit at both ends",
      );
    }
    const isPages = message.kind === "pages";
    const view = new DataView(front.buffer, front.byteOffset);
    view.setUint32(0, length, true);
    front[4] = kindNumber(message.kind);
    front[5] = isPages && message.urgent ? FLAG_URGENT : 0;
    setSequence(view, 8, this.sent++);
    view.setUint32(16, isPages ? tableBytes : length, true);
    view.setUint32(HEADER_CRC_AT, crc32(front.subarray(0, HEADER_CRC_AT)), true);
    const check = this.checkOf(this.options.keys?.send, isPages ? [front] : [front, ...blobs], [
      front,
      ...blobs,
    ]);
    return [front, ...blobs, check];
  }

  /**
   * Takes what has come, cut anywhere, and returns the messages that are whole. Their bytes are
   * theirs: `bytes` may be used again. Throws `protocol` at what is not as it was sent or not as it
   * may be; what came whole before it in the same call is dropped with it, as if the connection
   * had broken a little earlier, and so is whatever comes later.
   */
  receive(bytes: Uint8Array): In[] {
    if (this.failure !== undefined) throw this.failure;
    const messages: In[] = [];
    try {
      let at = 0;
      while (at < bytes.length) {
        at += this.fill(bytes, at);
        if (this.header === undefined) {
          if (this.filled === FRAME_HEADER_BYTES) this.begin(this.readHeader());
        } else if (this.filled === this.body.length) {
          messages.push(this.end(this.header) as In);
        }
      }
    } catch (error) {
      if (error instanceof PrecopyError) this.failure = error;
      throw error;
    }
    return messages;
  }

  /** Copies what the header or the body still lacks; returns how much that was. */
  private fill(bytes: Uint8Array, at: number): number {
    const into = this.header === undefined ? this.headerBytes : this.body;
    const count = Math.min(into.length - this.filled, bytes.length - at);
    into.set(bytes.subarray(at, at + count), this.filled);
    this.filled += count;
    return count;
  }

  private begin(header: Header): void {
    const checkBytes = this.authenticated ? TAG_BYTES : CRC_BYTES;
    this.header = header;
    this.body = new Uint8Array(header.length + checkBytes);
    this.filled = 0;
  }

  private end(header: Header): Message {
    const { length, covered, kind } = header;
    const body = this.body.subarray(0, length);
    const check = this.checkOf(
      this.options.keys?.receive,
      [this.headerBytes, body.subarray(0, covered)],
      [this.headerBytes, body],
    );
    if (!equalInConstantTime(check, this.body.subarray(length))) {
      throw protocolError(
        `the check of frame ${this.received}, a ${kind} message of ${length} bytes, is wrong`,
        "it was changed on its way or is not the other end's: close the connection, try again",
      );
    }
    const message = readBody(kind, header.urgent, body);
    const coverable =
      message.kind === "pages"
        ? pagesTableBytes(message.pages.length, message.packets.length)
        : length;
    if (covered !== coverable) {
      throw protocolError(`a ${kind} message has ${covered} bytes checked instead of ${coverable}`);
    }
    this.received++;
    this.header = undefined;
    this.body = new Uint8Array(0);
    this.filled = 0;
    return message;
  }

  private readHeader(): Header {
    const { end, limits } = this.options;
    const { headerBytes: bytes, received } = this;
    const view = new DataView(bytes.buffer);
    if (crc32(bytes.subarray(0, HEADER_CRC_AT)) !== view.getUint32(HEADER_CRC_AT, true)) {
      throw protocolError(
        `the header of frame ${received} is damaged`,
        "close the connection, try again; if it stays so, look for what changes bytes on the way",
      );
    }
    const sequence = view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
    if (sequence !== received) {
      throw protocolError(
        `a frame with number ${sequence} came where ${received} was due`,
        "frames were lost, repeated or exchanged: close the connection, try again",
      );
    }
    const length = view.getUint32(0, true);
    const other = end === "source" ? "target" : "source";
    const number = bytes[4] as number;
    const kind = kindOf(number, other);
    if (kind === undefined) {
      throw protocolError(
        `the ${other} says something of kind ${number}, which is not known`,
        "install the same version at both ends",
      );
    }
    if (length > limits.frameBytesMax) {
      throw protocolError(
        `a ${kind} message has ${length} bytes, at most ${limits.frameBytesMax}`,
        "raise the frame limit here if that is meant to be",
      );
    }
    const covered = view.getUint32(16, true);
    const flags = bytes[5] as number;
    const urgent = kind === "pages" && flags === FLAG_URGENT;
    if ((flags !== 0 && !urgent) || view.getUint16(6, true) !== 0 || covered > length) {
      throw protocolError(
        `the header of a ${kind} message has flags ${flags}, ${covered} bytes checked`,
      );
    }
    return { length, kind, urgent, covered };
  }

  /** The check of a frame: of all its parts with a key, of what is covered without. */
  private checkOf(
    key: Uint8Array | undefined,
    covered: readonly Uint8Array[],
    all: readonly Uint8Array[],
  ): Uint8Array {
    if (key !== undefined) {
      return this.options.crypto.hmacSha256(key, ...all).subarray(0, TAG_BYTES);
    }
    const check = new Uint8Array(CRC_BYTES);
    let crc = 0;
    for (const part of covered) crc = crc32(part, crc);
    new DataView(check.buffer).setUint32(0, crc, true);
    return check;
  }
}

function setSequence(view: DataView, at: number, sequence: number): void {
  view.setUint32(at, sequence % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(sequence / 2 ** 32), true);
}
