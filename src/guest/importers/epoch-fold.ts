/**
 * Folds single accesses to pages of a sparse address space into the page sets of epochs, and
 * renumbers the pages at the end: 0 .. n - 1 in order of address, so that neighbours stay
 * neighbours and the memory is as large as what occurs.
 */
import { PrecopyError } from "../../base/errors.js";
import {
  checkTraceHeader,
  MAX_TRACE_ENTRIES,
  MAX_TRACE_INTERVALS,
  MAX_TRACE_PAGES,
  Trace,
} from "../trace.js";
import { PageList } from "../trace-pages.js";

/** Most different pages of a text trace: 32 GiB touched (a Map holds no more than 2^24 keys). */
export const MAX_SPARSE_PAGES = 2 ** 23;
/** Highest page number: addresses of 64 bits, pages of 4 KiB. */
export const MAX_PAGE_NUMBER = 2 ** 52 - 1;

export const READ = 1;
export const WRITTEN = 2;

export class EpochFold {
  /** Page number → index of first occurrence; the trace's page numbers are given at the end. */
  private readonly indexOf = new Map<number, number>();
  private readonly pageNumbers: number[] = [];
  private flags = new Uint8Array(1024);
  private readonly touched = new PageList();
  private readonly written = new PageList();
  private readonly writtenOffsets: number[] = [0];
  private readonly read = new PageList();
  private readonly readOffsets: number[] = [0];
  private readonly endsNs: number[] = [];
  private lastPage = -1;
  private lastIndex = -1;

  constructor(private readonly file: string) {}

  /** Epochs ended so far. */
  get epochs(): number {
    return this.endsNs.length;
  }

  /** Notes an access ({@link READ}, {@link WRITTEN} or both) to page number `page` in this epoch. */
  touch(page: number, access: number): void {
    if (page !== this.lastPage) {
      this.lastIndex = this.indexOf.get(page) ?? this.add(page);
      this.lastPage = page;
    }
    const index = this.lastIndex;
    const before = this.flags[index] as number;
    if (before === 0 && access !== 0) this.touched.push(index);
    this.flags[index] = before | access;
  }

  /** Ends the epoch at `endNs`, which is after the end before it. */
  endEpoch(endNs: number): void {
    if (this.endsNs.length >= MAX_TRACE_INTERVALS) {
      this.refuse(`has over ${MAX_TRACE_INTERVALS} epochs; make them longer`);
    }
    for (const index of this.touched.view()) {
      const access = this.flags[index] as number;
      if ((access & READ) !== 0) this.read.push(index);
      if ((access & WRITTEN) !== 0) this.written.push(index);
      this.flags[index] = 0;
    }
    this.touched.clear();
    if (this.read.length > MAX_TRACE_ENTRIES || this.written.length > MAX_TRACE_ENTRIES) {
      this.refuse(`has over ${MAX_TRACE_ENTRIES} pages in its epochs; make them longer`);
    }
    this.endsNs.push(endNs);
    this.readOffsets.push(this.read.length);
    this.writtenOffsets.push(this.written.length);
  }

  /** The trace; `hasReads` is what the recorder could see, not whether any page was read. */
  finish(o: {
    hasReads: boolean;
    pageSizeBytes: number;
    addresses: "compact" | "keep";
    pages: number | undefined;
  }): Trace {
    const { file } = this;
    if (this.endsNs.length === 0 || this.pageNumbers.length === 0) {
      this.refuse("holds no access: a trace needs at least one");
    }
    const newNumbers = o.addresses === "keep" ? this.kept() : this.compacted();
    const needed = newNumbers.highest + 1;
    const pages = o.pages ?? needed;
    if (pages < needed) {
      this.refuse(`needs ${needed} pages; ${pages} were given`);
    }
    const header = {
      pageSizeBytes: o.pageSizeBytes,
      pages,
      hasReads: o.hasReads,
      clock: "time" as const,
      source: file,
    };
    checkTraceHeader(header);
    return new Trace(header, {
      writtenPages: renumber(this.written, this.writtenOffsets, newNumbers.byIndex),
      writtenOffsets: Uint32Array.from(this.writtenOffsets),
      readPages: renumber(this.read, this.readOffsets, newNumbers.byIndex),
      readOffsets: Uint32Array.from(this.readOffsets),
      endsNs: Float64Array.from(this.endsNs),
    });
  }

  private add(page: number): number {
    const index = this.pageNumbers.length;
    if (index >= MAX_SPARSE_PAGES) {
      this.refuse(`touches over ${MAX_SPARSE_PAGES} different pages; use larger pages`);
    }
    if (index === this.flags.length) {
      const larger = new Uint8Array(2 * index);
      larger.set(this.flags);
      this.flags = larger;
    }
    this.indexOf.set(page, index);
    this.pageNumbers.push(page);
    return index;
  }

  private compacted(): { byIndex: Uint32Array; highest: number } {
    const ascending = Float64Array.from(this.pageNumbers).sort();
    const byIndex = new Uint32Array(ascending.length);
    for (let i = 0; i < ascending.length; i++) {
      byIndex[this.indexOf.get(ascending[i] as number) as number] = i;
    }
    return { byIndex, highest: ascending.length - 1 };
  }

  private kept(): { byIndex: Uint32Array; highest: number } {
    let highest = 0;
    for (const page of this.pageNumbers) highest = Math.max(highest, page);
    if (highest >= MAX_TRACE_PAGES) {
      const limit = `the limit is ${MAX_TRACE_PAGES - 1} when addresses are kept`;
      this.refuse(`touches page ${highest}; ${limit}, so let them be compacted`);
    }
    return { byIndex: Uint32Array.from(this.pageNumbers), highest };
  }

  private refuse(problem: string): never {
    throw new PrecopyError("bad-trace", problem, { file: this.file });
  }
}

/** Replaces indices by page numbers and sorts each epoch. */
function renumber(list: PageList, offsets: readonly number[], byIndex: Uint32Array): Uint32Array {
  const pages = list.toArray();
  for (let i = 0; i < pages.length; i++) pages[i] = byIndex[pages[i] as number] as number;
  for (let e = 1; e < offsets.length; e++) pages.subarray(offsets[e - 1], offsets[e]).sort();
  return pages;
}
