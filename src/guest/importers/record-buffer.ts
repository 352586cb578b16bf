/**
 * Bytes that have arrived but not yet been read: chunks of any size go in, whole records come out.
 * It grows to the longest record, which the importers limit, plus one chunk.
 */
import { assert } from "../../base/assert.js";

export class RecordBuffer {
  private bytes = new Uint8Array(4096);
  private start = 0;
  private end = 0;
  /** Offset in the file of the next byte to be read. */
  offset = 0;

  /** Bytes waiting to be read. */
  get available(): number {
    return this.end - this.start;
  }

  push(chunk: Uint8Array): void {
    if (this.end + chunk.length > this.bytes.length) this.makeRoom(chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** The next `count` bytes without taking them, as a view that is good until the next push. */
  peek(count: number): Uint8Array {
    assert(count <= this.available, `${count} bytes have arrived`);
    return this.bytes.subarray(this.start, this.start + count);
  }

  /** Takes `count` bytes that have arrived. */
  skip(count: number): void {
    assert(count <= this.available, `${count} bytes have arrived`);
    this.start += count;
    this.offset += count;
  }

  private makeRoom(needed: number): void {
    const kept = this.available;
    let capacity = this.bytes.length;
    while (capacity < kept + needed) capacity *= 2;
    const roomy = capacity === this.bytes.length ? this.bytes : new Uint8Array(capacity);
    roomy.set(this.bytes.subarray(this.start, this.end));
    this.bytes = roomy;
    this.start = 0;
    this.end = kept;
  }
}

/** An unsigned 32-bit integer, little endian. */
export function u32At(bytes: Uint8Array, at: number): number {
  const b = bytes as { readonly [i: number]: number };
  return (
    ((b[at] as number) |
      ((b[at + 1] as number) << 8) |
      ((b[at + 2] as number) << 16) |
      ((b[at + 3] as number) << 24)) >>>
    0
  );
}

/** An unsigned 64-bit integer, little endian. */
export function u64At(bytes: Uint8Array, at: number): bigint {
  return BigInt(u32At(bytes, at)) | (BigInt(u32At(bytes, at + 4)) << 32n);
}
