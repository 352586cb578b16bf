/**
 * One guest's per-page state: log-dirty bits, referenced (accessed) bits, version and time of last
 * use. A write to a page sets its dirty bit (0 -> 1 is counted: the write fault that a log-dirty
 * guest takes), its referenced bit, adds 1 to its version and stamps the time; a read only does the
 * referenced bit and the time. Pages can be absent (not arrived yet, or taken away): a run in
 * faulting mode stops before the first access to one. Kernel: assembly/guest.ts.
 */
import { assert } from "../base/assert.js";
import { type Kernels, roundUp } from "./kernels.js";
import { checkPages, PageBitmap } from "./page-bitmap.js";
import type { Pointer } from "./raw-exports.js";
import type { U32Buffer } from "./u32-buffer.js";

const HEADER_BYTES = 64;
const WRITE = 0x80000000;
const FAULT_WORD = 9;
const AGE_CAP = 2 ** 30;

export interface GuestPagesOptions {
  /** Keep accessed bits (default true). */
  readonly trackReferences?: boolean;
  /** Keep the time of last use (default true). */
  readonly trackLastUse?: boolean;
  /** Keep which pages are absent, and which were touched by runs that can fault (default false). */
  readonly trackAbsent?: boolean;
}

/** The access that a faulting run stopped before. */
export interface PageFault {
  readonly page: number;
  readonly write: boolean;
}

interface Layout {
  readonly dirtyAt: number;
  readonly referencedAt: number;
  readonly versionsAt: number;
  readonly lastUseAt: number;
  readonly absentAt: number;
  readonly touchedAt: number;
  readonly bytes: number;
}

export class GuestPages {
  readonly dirty: PageBitmap;
  readonly referenced: PageBitmap | undefined;
  /** Pages that are not here; who keeps the guest sets and clears them. */
  readonly absent: PageBitmap | undefined;
  /** Do runs stop at absent pages? Needs `trackAbsent`; false at first. */
  faulting = false;
  /** Pages used by faulting runs since it was last reset. */
  readonly touched: PageBitmap | undefined;
  readonly versionsPtr: Pointer;
  /** 0 when the time of last use is not kept. */
  readonly lastUsePtr: Pointer;

  static bytesFor(pages: number, options: GuestPagesOptions = {}): number {
    return layout(pages, options).bytes;
  }

  static create(kernels: Kernels, pages: number, options: GuestPagesOptions = {}): GuestPages {
    checkPages(pages, "guest");
    const parts = layout(pages, options);
    const ptr = kernels.allocate(parts.bytes, `guest of ${pages} pages`);
    const header = kernels.u32(ptr, HEADER_BYTES / 4);
    const { dirtyAt, referencedAt, versionsAt, lastUseAt, absentAt, touchedAt } = parts;
    header.set([0, pages, dirtyAt, referencedAt, versionsAt, lastUseAt, 0, absentAt, touchedAt]);
    // Never used: older than any working set, from the first tick on.
    if (lastUseAt !== 0) kernels.u32(ptr + lastUseAt, pages).fill(-AGE_CAP >>> 0);
    return new GuestPages(kernels, ptr, pages, parts);
  }

  private constructor(
    readonly kernels: Kernels,
    readonly ptr: Pointer,
    readonly pages: number,
    parts: Layout,
  ) {
    const bitmap = (at: number) => (at === 0 ? undefined : PageBitmap.at(kernels, ptr + at, pages));
    this.dirty = PageBitmap.at(kernels, ptr + parts.dirtyAt, pages);
    this.referenced = bitmap(parts.referencedAt);
    this.absent = bitmap(parts.absentAt);
    this.touched = bitmap(parts.touchedAt);
    this.versionsPtr = ptr + parts.versionsAt;
    this.lastUsePtr = parts.lastUseAt === 0 ? 0 : ptr + parts.lastUseAt;
  }

  /** Dirty bits that went from 0 to 1 since the last {@link takeNewlyDirty}. */
  get newlyDirty(): number {
    return this.kernels.memoryWords[this.ptr / 4] as number;
  }

  /** Reads {@link newlyDirty} and starts it again from 0. */
  takeNewlyDirty(): number {
    const count = this.newlyDirty;
    this.kernels.memoryWords[this.ptr / 4] = 0;
    return count;
  }

  /** What the last faulting run stopped before; means nothing unless it did. */
  get fault(): PageFault {
    const access = this.kernels.memoryWords[this.ptr / 4 + FAULT_WORD] as number;
    return { page: access % WRITE, write: access >= WRITE };
  }

  /** @internal Kernels that look for absent pages trust that their bitmap is there. */
  checkTracksAbsent(): void {
    assert(this.absent !== undefined, "absent pages are tracked for who runs into them");
  }

  /** Writes each page of the list, in order, at time `nowTicks` (mod 2^32). */
  touchWrites(pages: U32Buffer, nowTicks: number): void {
    pages.assertBelow(this.pages);
    this.kernels.raw.guestTouch(this.ptr, pages.ptr, pages.length, nowTicks, WRITE);
  }

  /** Reads each page of the list at time `nowTicks` (mod 2^32). */
  touchReads(pages: U32Buffer, nowTicks: number): void {
    pages.assertBelow(this.pages);
    this.kernels.raw.guestTouch(this.ptr, pages.ptr, pages.length, nowTicks, 0);
  }

  /** How often the page was written, mod 2^32. */
  version(page: number): number {
    assert(page >= 0 && page < this.pages, `page ${page} is below ${this.pages}`);
    return this.kernels.memoryWords[this.versionsPtr / 4 + page] as number;
  }

  /** out[i] := the version of pages[i]. */
  gather(pages: U32Buffer, out: U32Buffer): void {
    pages.assertBelow(this.pages);
    out.length = pages.length;
    this.kernels.raw.versionsGather(this.versionsPtr, pages.ptr, pages.length, out.ptr);
  }

  /** All writes so far (while no page has been written 2^32 times). */
  versionSum(): number {
    return this.kernels.raw.versionsSum(this.versionsPtr, this.pages);
  }
}

/** Parts start at multiples of 256 bytes: the age kernel reads 64 words at a time. */
function layout(pages: number, options: GuestPagesOptions): Layout {
  const bitmapBytes = roundUp(PageBitmap.bytesFor(pages), 256);
  const arrayBytes = roundUp(pages * 4, 256);
  const dirtyAt = HEADER_BYTES;
  let end = dirtyAt + bitmapBytes;
  const referencedAt = options.trackReferences === false ? 0 : end;
  if (referencedAt !== 0) end += bitmapBytes;
  const versionsAt = end;
  end += arrayBytes;
  const lastUseAt = options.trackLastUse === false ? 0 : end;
  if (lastUseAt !== 0) end += arrayBytes;
  const absentAt = options.trackAbsent === true ? end : 0;
  const touchedAt = absentAt === 0 ? 0 : absentAt + bitmapBytes;
  if (absentAt !== 0) end += 2 * bitmapBytes;
  const bytes = end;
  return { dirtyAt, referencedAt, versionsAt, lastUseAt, absentAt, touchedAt, bytes };
}
