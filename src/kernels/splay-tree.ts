/**
 * A splay tree of page numbers (Sleator & Tarjan, JACM 32(3), 1985): every use brings its page to
 * the root. Kernel: assembly/splay.ts.
 */
import { assert } from "../base/assert.js";
import { type Kernels, roundUp } from "./kernels.js";
import { checkPages, type PageBitmap } from "./page-bitmap.js";
import type { Pointer } from "./raw-exports.js";
import { U32Buffer } from "./u32-buffer.js";

const HEADER_BYTES = 64;
const CHUNK_PAGES = 1024;
/** The walk keeps one entry a level in a fixed stack. */
const DEPTH_MAX = 4094;

export class SplayTree {
  private readonly chunk: U32Buffer;

  static bytesFor(pages: number): number {
    return roundUp(HEADER_BYTES + (pages + 1) * 8, 64) + U32Buffer.bytesFor(CHUNK_PAGES);
  }

  /** An empty tree for pages 0 .. pages - 1. */
  static create(kernels: Kernels, pages: number): SplayTree {
    checkPages(pages, "splay tree");
    const bytes = HEADER_BYTES + (pages + 1) * 8;
    const ptr = kernels.allocate(bytes, `splay tree of ${pages} pages`);
    kernels.u32(ptr, 3).set([0, 0, pages]);
    kernels.raw.splayInit(ptr);
    return new SplayTree(kernels, ptr, pages);
  }

  private constructor(
    readonly kernels: Kernels,
    readonly ptr: Pointer,
    readonly pages: number,
  ) {
    this.chunk = U32Buffer.create(kernels, CHUNK_PAGES, "splay chunk");
  }

  get size(): number {
    return this.kernels.memoryWords[this.ptr / 4 + 1] as number;
  }

  /** The page at the root, or -1. */
  get root(): number {
    return (this.kernels.memoryWords[this.ptr / 4] as number) - 1;
  }

  /** Finds or inserts the page and splays it to the root; true when it was there. */
  touch(page: number): boolean {
    this.chunk.set([page]);
    return this.touchBatch(this.chunk) === 1;
  }

  /** Touches the pages in order; returns how many were there. */
  touchBatch(pages: U32Buffer): number {
    pages.assertBelow(this.pages);
    return this.kernels.raw.splayTouchList(this.ptr, pages.ptr, pages.length) >>> 0;
  }

  /** Touches the pages of the bitmap, ascending; returns how many were there. */
  touchBitmap(pages: PageBitmap): number {
    let hits = 0;
    let from = 0;
    while (pages.nextPages(this.chunk, from, CHUNK_PAGES) > 0) {
      from = this.chunk.at(this.chunk.length - 1) + 1;
      hits += this.touchBatch(this.chunk);
    }
    return hits;
  }

  insert(page: number): void {
    this.touch(page);
  }

  /** Takes the page out; false when it was not there. */
  remove(page: number): boolean {
    this.checkPage(page);
    return this.kernels.raw.splayRemove(this.ptr, page) !== 0;
  }

  /** Whether the page is in the tree; nothing moves. */
  has(page: number): boolean {
    this.checkPage(page);
    return this.kernels.raw.splayHas(this.ptr, page) !== 0;
  }

  /** Steps from the root to the page (the root: 0), or -1; nothing moves. */
  depth(page: number): number {
    if (!this.has(page)) return -1;
    return (this.kernels.raw.splayPath(this.ptr, page, 0, 0) >>> 0) - 1;
  }

  /** The pages from the root to `page` into `out` (nothing when it is absent); returns how many. */
  rootPath(page: number, out: U32Buffer): number {
    if (!this.has(page)) {
      out.length = 0;
      return 0;
    }
    const length = this.kernels.raw.splayPath(this.ptr, page, out.ptr, out.capacity) >>> 0;
    assert(length <= out.capacity, `a path of ${length} pages fits the list of ${out.capacity}`);
    out.length = length;
    return length;
  }

  /** out := the pages at depth <= `depth` (at most 4094); returns how many. */
  withinDepth(depth: number, out: PageBitmap): number {
    assert(depth >= 0 && depth <= DEPTH_MAX, `depth ${depth} is from 0 to ${DEPTH_MAX}`);
    assert(out.pages === this.pages, `the result has the tree's ${this.pages} pages`);
    out.reset();
    return this.kernels.raw.splayWithinDepth(this.ptr, depth, out.ptr) >>> 0;
  }

  private checkPage(page: number): void {
    assert(page >= 0 && page < this.pages, `page ${page} is below ${this.pages}`);
  }
}
