/**
 * What a target (or the checker) holds of each page: one u32 version a page. Two machines agree
 * when no version differs. Kernel: assembly/versions.ts.
 */
import { assert } from "../base/assert.js";
import type { GuestPages } from "./guest-pages.js";
import { type Kernels, roundUp } from "./kernels.js";
import { checkPages } from "./page-bitmap.js";
import type { Pointer } from "./raw-exports.js";
import type { U32Buffer } from "./u32-buffer.js";

export class PageVersions {
  static bytesFor(pages: number): number {
    return roundUp(pages * 4, 64);
  }

  static create(kernels: Kernels, pages: number, what = "page versions"): PageVersions {
    checkPages(pages, what);
    const ptr = kernels.allocate(PageVersions.bytesFor(pages), `${what} of ${pages} pages`);
    return new PageVersions(kernels, ptr, pages);
  }

  private constructor(
    readonly kernels: Kernels,
    readonly ptr: Pointer,
    readonly pages: number,
  ) {}

  version(page: number): number {
    assert(page >= 0 && page < this.pages, `page ${page} is below ${this.pages}`);
    return this.kernels.memoryWords[this.ptr / 4 + page] as number;
  }

  /** out[i] := the version of pages[i]. */
  gather(pages: U32Buffer, out: U32Buffer): void {
    pages.assertBelow(this.pages);
    out.length = pages.length;
    this.kernels.raw.versionsGather(this.ptr, pages.ptr, pages.length, out.ptr);
  }

  /** The version of pages[i] := versions[i], in order. */
  scatter(pages: U32Buffer, versions: U32Buffer): void {
    this.checkPair(pages, versions);
    this.kernels.raw.versionsScatter(this.ptr, pages.ptr, pages.length, versions.ptr);
  }

  /** How many i have version(pages[i]) = versions[i]. */
  countEqualTo(pages: U32Buffer, versions: U32Buffer): number {
    this.checkPair(pages, versions);
    const { raw } = this.kernels;
    return raw.versionsCountEqual(this.ptr, pages.ptr, pages.length, versions.ptr) >>> 0;
  }

  /** How many pages have another version there. */
  countDiffering(other: GuestPages | PageVersions): number {
    this.checkSameSize(other);
    const bytes = PageVersions.bytesFor(this.pages);
    return this.kernels.raw.versionsCountDiffering(this.ptr, versionsOf(other), bytes) >>> 0;
  }

  /** The first page with another version there, or -1. */
  firstDiffering(other: GuestPages | PageVersions): number {
    this.checkSameSize(other);
    const bytes = PageVersions.bytesFor(this.pages);
    return this.kernels.raw.versionsFirstDiffering(this.ptr, versionsOf(other), bytes);
  }

  /** Every page := version. */
  fill(version: number): void {
    this.kernels.raw.versionsFill(this.ptr, this.pages, version);
  }

  private checkSameSize(other: GuestPages | PageVersions): void {
    assert(other.pages === this.pages, `${other.pages} pages are ${this.pages}`);
    assert(other.kernels === this.kernels, "both lie in the same kernels' arena");
  }

  private checkPair(pages: U32Buffer, versions: U32Buffer): void {
    pages.assertBelow(this.pages);
    assert(
      versions.length === pages.length,
      `${versions.length} versions are for ${pages.length} pages`,
    );
  }
}

function versionsOf(holder: GuestPages | PageVersions): Pointer {
  return holder instanceof PageVersions ? holder.ptr : holder.versionsPtr;
}
