/**
 * A list of u32 in the arena: page numbers, versions, counts. `length` says how many are valid; it
 * lives on this side of the border and is not part of a snapshot. 64 bytes of padding behind the
 * capacity take the over-writes of the scan kernels (assembly/bitmap-scan.ts).
 */
import { assert } from "../base/assert.js";
import { type Kernels, roundUp } from "./kernels.js";
import type { Pointer } from "./raw-exports.js";

const PADDING_BYTES = 64;

export class U32Buffer {
  private valid = 0;

  static bytesFor(capacity: number): number {
    return roundUp(capacity * 4 + PADDING_BYTES, 64);
  }

  static create(kernels: Kernels, capacity: number, what = "list"): U32Buffer {
    assert(Number.isSafeInteger(capacity) && capacity >= 0, `capacity ${capacity} is a count`);
    const ptr = kernels.allocate(U32Buffer.bytesFor(capacity), `${what} of ${capacity} entries`);
    return new U32Buffer(kernels, ptr, capacity);
  }

  private constructor(
    private readonly kernels: Kernels,
    readonly ptr: Pointer,
    readonly capacity: number,
  ) {}

  /** Valid entries. */
  get length(): number {
    return this.valid;
  }

  set length(length: number) {
    assert(
      length >= 0 && length <= this.capacity,
      `length ${length} is at most the capacity ${this.capacity}`,
    );
    this.valid = length;
  }

  /** The valid entries, live. */
  view(): Uint32Array {
    return this.kernels.u32(this.ptr, this.valid);
  }

  at(index: number): number {
    assert(index >= 0 && index < this.valid, `index ${index} is below the length ${this.valid}`);
    return this.kernels.memoryWords[this.ptr / 4 + index] as number;
  }

  /** One more value behind the last. */
  push(value: number): void {
    const at = this.valid;
    this.length = at + 1;
    this.kernels.memoryWords[this.ptr / 4 + at] = value;
  }

  /** Copies the values in and sets the length. */
  set(values: ArrayLike<number>): void {
    this.length = values.length;
    this.kernels.memoryWords.set(values, this.ptr / 4);
  }

  /** Fails unless every entry is below `limit`: kernels trust the page numbers of a list. */
  assertBelow(limit: number): void {
    if (this.valid === 0) return;
    const max = this.kernels.raw.listMax(this.ptr, this.valid) >>> 0;
    assert(max < limit, `entry ${max} of a list is below ${limit}`);
  }
}
