/**
 * The Wasm side of src/base/random.ts: the same xoshiro128** stream, drawn in batches. It exists so
 * that the two can be compared draw by draw, and for whoever needs many numbers at once.
 */
import { assert } from "../base/assert.js";
import { seedState } from "../base/random.js";
import type { Kernels } from "./kernels.js";
import type { Pointer } from "./raw-exports.js";
import type { U32Buffer } from "./u32-buffer.js";

export class RandomStream {
  static create(kernels: Kernels, seed: number): RandomStream {
    const ptr = kernels.allocate(64, "random stream");
    seedState(kernels.u32(ptr, 4), seed);
    return new RandomStream(kernels, ptr);
  }

  private constructor(
    private readonly kernels: Kernels,
    readonly ptr: Pointer,
  ) {}

  /** The next `count` draws of 32 bits. */
  fill(out: U32Buffer, count: number): void {
    out.length = count;
    this.kernels.raw.randomFill(this.ptr, out.ptr, count);
  }

  /** The next `count` integers 0 .. n - 1, n below 2^32. */
  fillBelow(out: U32Buffer, count: number, n: number): void {
    assert(n >= 1 && n < 2 ** 32, `n ${n} is from 1 to 2^32 - 1`);
    this.fill(out, count);
    this.kernels.raw.randomScale(out.ptr, count, n);
  }
}
