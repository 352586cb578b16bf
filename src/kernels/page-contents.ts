/**
 * Contents of 4 KiB pages in the arena: zero, equal, hashed. Kernel: assembly/page.ts.
 */
import { assert } from "../base/assert.js";
import type { Kernels } from "./kernels.js";
import type { Pointer } from "./raw-exports.js";
import type { U32Buffer } from "./u32-buffer.js";

export class PageContents {
  constructor(private readonly kernels: Kernels) {}

  isZero(page: Pointer): boolean {
    return this.kernels.raw.pageIsZero(page) !== 0;
  }

  /** out[i] := 1 if page i of `count` at `pages` is all zero, else 0; returns how many are. */
  zeroMask(pages: Pointer, count: number, out: U32Buffer): number {
    out.length = count;
    return this.kernels.raw.pageZeroMask(pages, count, out.ptr) >>> 0;
  }

  /** XXH64 of the page, seed 0. */
  hash64(page: Pointer): bigint {
    return BigInt.asUintN(64, this.kernels.raw.pageHash64(page));
  }

  /** XXH64 of each of `count` pages, as u64 (little endian) from `outPtr` on. */
  hashMany(pages: Pointer, count: number, outPtr: Pointer): void {
    assert(outPtr % 8 === 0, `pointer ${outPtr} is a multiple of 8`);
    this.kernels.raw.pageHashMany(pages, count, outPtr);
  }

  equal(a: Pointer, b: Pointer): boolean {
    return this.kernels.raw.pageEqual(a, b) !== 0;
  }

  /** out[i] := 1 if page i at `a` differs from page i at `b`, else 0; returns how many do. */
  differing(a: Pointer, b: Pointer, count: number, out: U32Buffer): number {
    out.length = count;
    return this.kernels.raw.pageDiffering(a, b, count, out.ptr) >>> 0;
  }
}
