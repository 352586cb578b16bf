/**
 * A set of pages: one bit a page, in the arena. Kernels: assembly/bitmap.ts (algebra and counts),
 * bitmap-scan.ts (page numbers), bitmap-list.ts (batches). Bits past the last page are always 0.
 */
import { assert } from "../base/assert.js";
import { type Kernels, roundUp } from "./kernels.js";
import type { Pointer } from "./raw-exports.js";
import type { U32Buffer } from "./u32-buffer.js";

/** 2^28 pages are 1 TiB of guest memory. */
export const PAGES_MAX = 2 ** 28;

export class PageBitmap {
  /** 64-bit words that hold pages; the storage is rounded up to 64 bytes. */
  readonly words64: number;
  private readonly blockBytes: number;

  static bytesFor(pages: number): number {
    return roundUp(pages / 8, 64);
  }

  static create(kernels: Kernels, pages: number, what = "bitmap"): PageBitmap {
    checkPages(pages, what);
    const ptr = kernels.allocate(PageBitmap.bytesFor(pages), `${what} of ${pages} pages`);
    return new PageBitmap(kernels, ptr, pages);
  }

  /** The bitmap that lies at `ptr` as part of another object; its storage is as `bytesFor` says. */
  static at(kernels: Kernels, ptr: Pointer, pages: number): PageBitmap {
    return new PageBitmap(kernels, ptr, pages);
  }

  private constructor(
    readonly kernels: Kernels,
    readonly ptr: Pointer,
    readonly pages: number,
  ) {
    this.words64 = 2 * Math.ceil(pages / 128);
    this.blockBytes = PageBitmap.bytesFor(pages);
  }

  set(page: number): void {
    const at = this.byteOf(page);
    const bytes = this.kernels.memoryBytes;
    bytes[at] = (bytes[at] as number) | (1 << (page & 7));
  }

  clear(page: number): void {
    const at = this.byteOf(page);
    const bytes = this.kernels.memoryBytes;
    bytes[at] = (bytes[at] as number) & ~(1 << (page & 7));
  }

  has(page: number): boolean {
    return (((this.kernels.memoryBytes[this.byteOf(page)] as number) >> (page & 7)) & 1) === 1;
  }

  /** Every page. */
  fill(): void {
    this.setRange(0, this.pages);
  }

  /** No page. */
  reset(): void {
    this.kernels.bytes(this.ptr, this.blockBytes).fill(0);
  }

  setRange(first: number, count: number): void {
    assert(
      first >= 0 && count >= 0 && first + count <= this.pages,
      `pages ${first} + ${count} are within ${this.pages}`,
    );
    this.kernels.raw.bitmapSetRange(this.ptr, first, count);
  }

  count(): number {
    return this.kernels.raw.bitmapCount(this.ptr, this.blockBytes) >>> 0;
  }

  isEmpty(): boolean {
    return this.nextSet(0) === -1;
  }

  copyFrom(other: PageBitmap): void {
    this.checkSameSize(other);
    this.kernels.memoryBytes.copyWithin(this.ptr, other.ptr, other.ptr + this.blockBytes);
  }

  /** In place, as are `and` and `andNot`; returns the new count. */
  or(other: PageBitmap): number {
    return this.assignOr(this, other);
  }

  and(other: PageBitmap): number {
    return this.assignAnd(this, other);
  }

  andNot(other: PageBitmap): number {
    return this.assignAndNot(this, other);
  }

  /** This := a ∪ b; returns the count. */
  assignOr(a: PageBitmap, b: PageBitmap): number {
    this.checkSameSize(a, b);
    return this.kernels.raw.bitmapOr(this.ptr, a.ptr, b.ptr, this.blockBytes) >>> 0;
  }

  /** This := a ∩ b; returns the count. */
  assignAnd(a: PageBitmap, b: PageBitmap): number {
    this.checkSameSize(a, b);
    return this.kernels.raw.bitmapAnd(this.ptr, a.ptr, b.ptr, this.blockBytes) >>> 0;
  }

  /** This := a \ b; returns the count. */
  assignAndNot(a: PageBitmap, b: PageBitmap): number {
    this.checkSameSize(a, b);
    return this.kernels.raw.bitmapAndNot(this.ptr, a.ptr, b.ptr, this.blockBytes) >>> 0;
  }

  countAnd(other: PageBitmap): number {
    this.checkSameSize(other);
    return this.kernels.raw.bitmapCountAnd(this.ptr, other.ptr, this.blockBytes) >>> 0;
  }

  countAndNot(other: PageBitmap): number {
    this.checkSameSize(other);
    return this.kernels.raw.bitmapCountAndNot(this.ptr, other.ptr, this.blockBytes) >>> 0;
  }

  isSubsetOf(other: PageBitmap): boolean {
    this.checkSameSize(other);
    return this.kernels.raw.bitmapIsSubset(this.ptr, other.ptr, this.blockBytes) !== 0;
  }

  equals(other: PageBitmap): boolean {
    return this.isSubsetOf(other) && other.isSubsetOf(this);
  }

  /** shadow := this, this := ∅, in one pass (the CLEAN of a dirty log); returns the count. */
  harvestInto(shadow: PageBitmap): number {
    this.checkSameSize(shadow);
    assert(shadow.ptr !== this.ptr, "a dirty log is harvested into another bitmap");
    return this.kernels.raw.bitmapHarvest(this.ptr, shadow.ptr, this.blockBytes) >>> 0;
  }

  /** The first page >= from, or -1. */
  nextSet(from: number): number {
    assert(from >= 0, `page ${from} is at least 0`);
    if (from >= this.pages) return -1;
    return this.kernels.raw.bitmapNextSet(this.ptr, this.blockBytes, from);
  }

  /**
   * Up to `max` pages >= from, ascending, into `out`; returns how many. Resume from the last + 1.
   */
  nextPages(out: U32Buffer, from: number, max: number): number {
    assert(max >= 0 && max <= out.capacity, `${max} pages fit the list of ${out.capacity}`);
    assert(from >= 0, `page ${from} is at least 0`);
    out.length =
      from >= this.pages
        ? 0
        : this.kernels.raw.bitmapNextPages(this.ptr, this.blockBytes, from, max, out.ptr);
    return out.length;
  }

  /** The last page <= from (-1: none), or -1. */
  prevSet(from: number): number {
    assert(from >= -1 && from < this.pages, `page ${from} is from -1 to ${this.pages - 1}`);
    return from < 0 ? -1 : this.kernels.raw.bitmapPrevSet(this.ptr, from);
  }

  /** Up to `max` pages <= from, descending, into `out`; returns how many. Resume from the last - 1. */
  previousPages(out: U32Buffer, from: number, max: number): number {
    assert(max >= 0 && max <= out.capacity, `${max} pages fit the list of ${out.capacity}`);
    assert(from >= -1 && from < this.pages, `page ${from} is from -1 to ${this.pages - 1}`);
    out.length = from < 0 ? 0 : this.kernels.raw.bitmapPreviousPages(this.ptr, from, max, out.ptr);
    return out.length;
  }

  /**
   * Up to `max` pages in the pseudo-random scan order of Clark et al. (steps 0 .. pages - 1),
   * starting at `fromStep`; returns the step to resume from, `pages` when the scan is over.
   */
  nextPagesPermuted(out: U32Buffer, fromStep: number, max: number): number {
    assert(max >= 0 && max <= out.capacity, `${max} pages fit the list of ${out.capacity}`);
    assert(fromStep >= 0 && fromStep <= this.pages, `step ${fromStep} is at most ${this.pages}`);
    // The kernel answers {pages written, next step} in the list's own padding.
    const answer = out.ptr + out.capacity * 4 + 32;
    const { raw, memoryWords } = this.kernels;
    raw.bitmapNextPermuted(this.ptr, this.pages, fromStep, max, out.ptr, answer);
    out.length = memoryWords[answer / 4] as number;
    return memoryWords[answer / 4 + 1] as number;
  }

  /** All pages, ascending, into `out`; returns how many. */
  toPages(out: U32Buffer): number {
    if (out.capacity < this.pages) {
      const count = this.count();
      assert(count <= out.capacity, `${count} pages fit the list of ${out.capacity}`);
    }
    out.length = this.kernels.raw.bitmapToPages(this.ptr, this.blockBytes, out.ptr) >>> 0;
    return out.length;
  }

  /** The runs as pairs first, end (exclusive), into `out`; returns the number of runs. */
  runs(out: U32Buffer): number {
    const { raw } = this.kernels;
    if (out.capacity < this.pages + 1) {
      const count = raw.bitmapRunCount(this.ptr, this.blockBytes) >>> 0;
      assert(2 * count <= out.capacity, `${count} runs fit the list of ${out.capacity}`);
    }
    const count = raw.bitmapRuns(this.ptr, this.blockBytes, out.ptr) >>> 0;
    out.length = 2 * count;
    return count;
  }

  /** How many runs of consecutive pages there are. */
  runCount(): number {
    return this.kernels.raw.bitmapRunCount(this.ptr, this.blockBytes) >>> 0;
  }

  /** mask[i] := 1 if pages[i] is here, else 0; returns the number of ones. */
  maskOf(pages: U32Buffer, mask: U32Buffer): number {
    pages.assertBelow(this.pages);
    mask.length = pages.length;
    return this.kernels.raw.bitmapMask(this.ptr, pages.ptr, pages.length, mask.ptr) >>> 0;
  }

  /** Adds the pages; returns how many are new. */
  setBatch(pages: U32Buffer): number {
    pages.assertBelow(this.pages);
    return this.kernels.raw.bitmapSetList(this.ptr, pages.ptr, pages.length) >>> 0;
  }

  /** Takes the pages out; returns how many were here. */
  clearBatch(pages: U32Buffer): number {
    pages.assertBelow(this.pages);
    return this.kernels.raw.bitmapClearList(this.ptr, pages.ptr, pages.length) >>> 0;
  }

  /** Drops from the list, in place and in order, the pages that are here; returns what remains. */
  removeSet(pages: U32Buffer): number {
    pages.assertBelow(this.pages);
    pages.length = this.kernels.raw.bitmapRemoveSet(this.ptr, pages.ptr, pages.length) >>> 0;
    return pages.length;
  }

  private byteOf(page: number): number {
    assert(page >= 0 && page < this.pages, `page ${page} is below ${this.pages}`);
    return this.ptr + (page >>> 3);
  }

  /** Fails unless the other one has as many pages and lies in the same arena. */
  private checkSameSize(a: PageBitmap, b: PageBitmap = a): void {
    assert(
      a.pages === this.pages && b.pages === this.pages,
      `bitmaps of ${this.pages}, ${a.pages} and ${b.pages} pages have one size`,
    );
    assert(
      a.kernels === this.kernels && b.kernels === this.kernels,
      "bitmaps lie in the same kernels' arena",
    );
  }
}

/** A guest has at least one page and at most 2^28. */
export function checkPages(pages: number, what: string): void {
  assert(
    Number.isSafeInteger(pages) && pages >= 1 && pages <= PAGES_MAX,
    `${what}: ${pages} pages is an integer from 1 to ${PAGES_MAX}`,
  );
}
