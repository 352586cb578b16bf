/**
 * Writes and reads the fields of messages: little-endian, times and counts that may pass 2^32 as
 * float64. The reader checks each length against what is there before it makes anything of it.
 */
import { assert } from "../base/assert.js";
import { protocolError, REASON_BYTES_MAX } from "./limits.js";

const START_BYTES = 256;

export class ByteWriter {
  private buffer = new Uint8Array(START_BYTES);
  private view = new DataView(this.buffer.buffer);
  private at = 0;

  /** @param reservedBytes left free in front, zero. */
  constructor(reservedBytes = 0) {
    this.room(reservedBytes);
    this.at = reservedBytes;
  }

  get length(): number {
    return this.at;
  }

  u8(value: number): void {
    this.room(1);
    this.buffer[this.at++] = value;
  }

  u16(value: number): void {
    this.room(2);
    this.view.setUint16(this.at, value, true);
    this.at += 2;
  }

  u32(value: number): void {
    this.room(4);
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** A whole number of any size that a float64 holds exactly. */
  integer(value: number): void {
    assert(Number.isSafeInteger(value), `${value} is a whole number`);
    this.room(8);
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  bytes(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Length and UTF-8. */
  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.u32(bytes.length);
    this.bytes(bytes);
  }

  /** As {@link text}, cut to what a reason may take. */
  reason(text: string): void {
    const cut = new Uint8Array(REASON_BYTES_MAX);
    const { written } = new TextEncoder().encodeInto(text, cut);
    this.u32(written);
    this.bytes(cut.subarray(0, written));
  }

  u32s(values: Uint32Array): void {
    this.room(4 * values.length);
    for (let i = 0; i < values.length; i++) {
      this.view.setUint32(this.at + 4 * i, values[i] as number, true);
    }
    this.at += 4 * values.length;
  }

  u64s(values: BigUint64Array): void {
    this.room(8 * values.length);
    for (let i = 0; i < values.length; i++) {
      this.view.setBigUint64(this.at + 8 * i, values[i] as bigint, true);
    }
    this.at += 8 * values.length;
  }

  /** What was written, with what was left free in front. The writer is not used any more. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(0, this.at);
  }

  private room(bytes: number): void {
    const needed = this.at + bytes;
    if (needed <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
    larger.set(this.buffer.subarray(0, this.at));
    this.buffer = larger;
    this.view = new DataView(larger.buffer);
  }
}

/** Reads a message's body; whatever is not as it should be is a `protocol` error. */
export class ByteReader {
  private readonly view: DataView;
  private at = 0;

  /** @param name of the message, for errors. */
  constructor(
    private readonly body: Uint8Array,
    private readonly name: string,
  ) {
    this.view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  }

  get offsetBytes(): number {
    return this.at;
  }

  get left(): number {
    return this.body.length - this.at;
  }

  u8(what: string): number {
    return this.body[this.skip(1, what)] as number;
  }

  u16(what: string): number {
    return this.view.getUint16(this.skip(2, what), true);
  }

  u32(what: string): number {
    return this.view.getUint32(this.skip(4, what), true);
  }

  integer(what: string): number {
    const value = this.view.getFloat64(this.skip(8, what), true);
    if (!Number.isSafeInteger(value)) throw this.wrong(`${what} is ${value}, no whole number`);
    // A zero's sign means nothing.
    return value + 0;
  }

  count(what: string): number {
    const value = this.integer(what);
    if (value < 0) throw this.wrong(`${what} is ${value}, less than nothing`);
    return value;
  }

  flag(what: string): boolean {
    const value = this.u8(what);
    if (value > 1) throw this.wrong(`${what} is ${value}, neither 0 nor 1`);
    return value === 1;
  }

  text(bytesMax: number, what: string): string {
    const length = this.u32(what);
    if (length > bytesMax) throw this.wrong(`${what} has ${length} bytes, at most ${bytesMax}`);
    const bytes = this.take(length, what);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.wrong(`${what} is not UTF-8`);
    }
  }

  u32s(count: number, what: string): Uint32Array {
    const from = this.skip(4 * count, what);
    const values = new Uint32Array(count);
    for (let i = 0; i < count; i++) values[i] = this.view.getUint32(from + 4 * i, true);
    return values;
  }

  u64s(count: number, what: string): BigUint64Array {
    const from = this.skip(8 * count, what);
    const values = new BigUint64Array(count);
    for (let i = 0; i < count; i++) values[i] = this.view.getBigUint64(from + 8 * i, true);
    return values;
  }

  /** A view of the next bytes. */
  take(bytes: number, what: string): Uint8Array {
    const from = this.skip(bytes, what);
    return this.body.subarray(from, from + bytes);
  }

  /** A view of what is left. */
  rest(): Uint8Array {
    return this.take(this.left, "the rest");
  }

  end(): void {
    if (this.left > 0) throw this.wrong(`${this.left} bytes follow its last field`);
  }

  wrong(why: string): Error {
    return protocolError(`a ${this.name} message is malformed at byte ${this.at}: ${why}`);
  }

  /** Where the next bytes begin; goes on behind them. */
  private skip(bytes: number, what: string): number {
    if (bytes > this.left) {
      throw this.wrong(`${what} needs ${bytes} bytes and ${this.left} are left`);
    }
    this.at += bytes;
    return this.at - bytes;
  }
}
