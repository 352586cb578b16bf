/**
 * XBZRLE deltas of 4 KiB pages in the arena, in QEMU's format. Kernel: assembly/xbzrle.ts.
 */
import { assert } from "../base/assert.js";
import type { Kernels } from "./kernels.js";
import type { Pointer } from "./raw-exports.js";

const PAGE_BYTES = 4096;

export class Xbzrle {
  /** Arena bytes that a delta is encoded into. */
  static readonly deltaBytesMax = PAGE_BYTES;

  constructor(private readonly kernels: Kernels) {}

  /**
   * Writes the delta from the page at `old` to the page at `fresh` to `out` (4 KiB) and returns its
   * length; 0: the pages are equal; -1: it would be longer than a page (overflow).
   */
  encode(old: Pointer, fresh: Pointer, out: Pointer): number {
    return this.kernels.raw.xbzrleEncode(old, fresh, out);
  }

  /**
   * Applies the delta of `length` bytes to the page; false, and the page as it was, when the delta
   * is malformed (truncated, empty, a run of no bytes, an overlong length, past the page's end).
   */
  decode(delta: Pointer, length: number, page: Pointer): boolean {
    assert(Number.isSafeInteger(length) && length >= 0, `a delta has ${length} bytes`);
    return this.kernels.raw.xbzrleDecode(delta, length, page) >= 0;
  }
}
