/**
 * Clock, the second-chance algorithm (Corbató 1968), as a cache of `frames` pages. Kernel:
 * assembly/clock.ts. Textbooks differ in whether a page is loaded with R = 1 or 0; so does the
 * result, so it can be chosen.
 */
import { assert } from "../base/assert.js";
import { type Kernels, roundUp } from "./kernels.js";
import { checkPages, type PageBitmap } from "./page-bitmap.js";
import type { Pointer } from "./raw-exports.js";
import { U32Buffer } from "./u32-buffer.js";

const HEADER_BYTES = 64;

export class ClockRing {
  private readonly one: U32Buffer;

  static bytesFor(pages: number, frames: number): number {
    return roundUp(HEADER_BYTES + pages * 4 + frames * 5, 64) + U32Buffer.bytesFor(1);
  }

  /** @param options.loadReferenced R of a page that was just loaded (default true) */
  static create(
    kernels: Kernels,
    pages: number,
    frames: number,
    options: { loadReferenced?: boolean } = {},
  ): ClockRing {
    checkPages(pages, "clock");
    assert(
      Number.isSafeInteger(frames) && frames >= 1 && frames <= pages,
      `${frames} frames is an integer from 1 to ${pages}`,
    );
    const pagesAt = HEADER_BYTES + pages * 4;
    const referencedAt = pagesAt + frames * 4;
    const ptr = kernels.allocate(referencedAt + frames, `clock of ${frames} frames`);
    const loaded = options.loadReferenced === false ? 0 : 1;
    kernels.u32(ptr, 7).set([0, 0, frames, pages, loaded, pagesAt, referencedAt]);
    kernels.raw.clockInit(ptr);
    return new ClockRing(kernels, ptr, pages, frames);
  }

  private constructor(
    readonly kernels: Kernels,
    readonly ptr: Pointer,
    readonly pages: number,
    readonly frames: number,
  ) {
    this.one = U32Buffer.create(kernels, 1, "clock access");
  }

  /** Uses the page; true when it was resident. */
  access(page: number): boolean {
    this.one.set([page]);
    return this.accessBatch(this.one) === 1;
  }

  /** Uses the pages in order; returns the hits. */
  accessBatch(pages: U32Buffer): number {
    pages.assertBelow(this.pages);
    return this.kernels.raw.clockAccessList(this.ptr, pages.ptr, pages.length) >>> 0;
  }

  /** out := the resident pages; returns how many. */
  residentInto(out: PageBitmap): number {
    assert(out.pages === this.pages, `the result has the clock's ${this.pages} pages`);
    out.reset();
    return this.kernels.raw.clockResident(this.ptr, out.ptr) >>> 0;
  }
}
