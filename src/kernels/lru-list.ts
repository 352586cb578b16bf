/**
 * The `capacity` most recently used pages, in order of use. Kernel: assembly/lru.ts.
 */
import { assert } from "../base/assert.js";
import { type Kernels, roundUp } from "./kernels.js";
import { checkPages, type PageBitmap } from "./page-bitmap.js";
import type { Pointer } from "./raw-exports.js";
import { U32Buffer } from "./u32-buffer.js";

const HEADER_BYTES = 64;
const CHUNK_PAGES = 1024;

export class LruList {
  private readonly chunk: U32Buffer;

  static bytesFor(pages: number): number {
    return roundUp(HEADER_BYTES + (pages + 1) * 8, 64) + U32Buffer.bytesFor(CHUNK_PAGES);
  }

  /** An empty list for pages 0 .. pages - 1. */
  static create(kernels: Kernels, pages: number, capacity: number): LruList {
    checkPages(pages, "LRU list");
    assert(
      Number.isSafeInteger(capacity) && capacity >= 1 && capacity <= pages,
      `LRU capacity ${capacity} is an integer from 1 to ${pages}`,
    );
    const bytes = HEADER_BYTES + (pages + 1) * 8;
    const ptr = kernels.allocate(bytes, `LRU list of ${pages} pages`);
    kernels.u32(ptr, 3).set([0, capacity, pages]);
    kernels.raw.lruInit(ptr);
    return new LruList(kernels, ptr, pages, capacity);
  }

  private constructor(
    readonly kernels: Kernels,
    readonly ptr: Pointer,
    readonly pages: number,
    readonly capacity: number,
  ) {
    this.chunk = U32Buffer.create(kernels, CHUNK_PAGES, "LRU chunk");
  }

  get size(): number {
    return this.kernels.memoryWords[this.ptr / 4] as number;
  }

  /** Uses the page: it moves to the head; true when it was listed. */
  touch(page: number): boolean {
    this.chunk.set([page]);
    return this.touchBatch(this.chunk) === 1;
  }

  /** Uses the pages in order; returns the hits. */
  touchBatch(pages: U32Buffer): number {
    pages.assertBelow(this.pages);
    return this.kernels.raw.lruTouchList(this.ptr, pages.ptr, pages.length) >>> 0;
  }

  /** Uses the pages of the bitmap, ascending; returns the hits. */
  touchBitmap(pages: PageBitmap): number {
    let hits = 0;
    let from = 0;
    while (pages.nextPages(this.chunk, from, CHUNK_PAGES) > 0) {
      from = this.chunk.at(this.chunk.length - 1) + 1;
      hits += this.touchBatch(this.chunk);
    }
    return hits;
  }

  /** Takes the page out; false when it was not listed. */
  remove(page: number): boolean {
    assert(page >= 0 && page < this.pages, `page ${page} is below ${this.pages}`);
    return this.kernels.raw.lruRemove(this.ptr, page) !== 0;
  }

  /** At most `max` pages, the most recent first, into `out`; returns how many. */
  order(out: U32Buffer, max: number): number {
    assert(max >= 0 && max <= out.capacity, `${max} pages fit the list of ${out.capacity}`);
    out.length = this.kernels.raw.lruOrder(this.ptr, out.ptr, max) >>> 0;
    return out.length;
  }

  /** out := the `max` most recent pages; returns how many. */
  hottestInto(out: PageBitmap, max: number): number {
    assert(out.pages === this.pages, `the result has the list's ${this.pages} pages`);
    out.reset();
    return this.kernels.raw.lruHottest(this.ptr, out.ptr, Math.min(max, this.pages)) >>> 0;
  }
}
