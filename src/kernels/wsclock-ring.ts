/**
 * WSClock (Carr & Hennessy, SOSP 1981; Tanenbaum, Modern Operating Systems 3.4.9): all pages of a
 * guest on a ring with R and M bits and a time of last use. Ticks are u32 of any unit and may wrap,
 * if the ring is asked at least once in 2^31 of them. Kernels: assembly/wsclock*.ts.
 *
 * R is `referenced`: whoever samples the guest ORs accesses or writes into it. M is `modified`, by
 * default a bitmap of the ring's own; for a migration it is the pages still owed.
 */
import { assert } from "../base/assert.js";
import { type Kernels, roundUp } from "./kernels.js";
import { checkPages, PageBitmap } from "./page-bitmap.js";
import type { Pointer } from "./raw-exports.js";
import type { U32Buffer } from "./u32-buffer.js";

const HEADER_BYTES = 64;
const INTERVAL_BUCKETS = 1600;
const NO_LIMIT = 0xffffffff;
const TAU_MAX = 2 ** 30 - 1;
const BINS_MAX = 65536;

const HAND_WORD = 0;
const TAU_WORD = 2;
const ANSWER_WORD = 9;
const ENTRY_HISTORY_BYTES = 1;
const ENTRY_LAST_BYTES = 4;

/** Lists that a sweep fills, and where it ends. */
export interface SweepOptions {
  /** Takes old clean pages (victims); null: they are only counted. */
  readonly clean: U32Buffer | null;
  /** Takes old dirty pages whose write is scheduled; null: they are only counted. */
  readonly dirty: U32Buffer | null;
  /** The sweep stops behind this many victims, at the latest when `clean` is full (default: no). */
  readonly victimsMax?: number;
  /** Most writes to schedule, at most what `dirty` holds; further old dirty pages are passed. */
  readonly writesMax?: number;
}

export interface SweepResult {
  readonly clean: number;
  readonly dirty: number;
  readonly inWorkingSet: number;
  /** The hand came round; false: it stopped behind the last victim, pages of the circle left. */
  readonly full: boolean;
}

export class WsClockRing {
  readonly referenced: PageBitmap;
  readonly resident: PageBitmap;
  private m: PageBitmap;
  private readonly header: Uint32Array;

  static bytesFor(pages: number): number {
    return layout(pages).bytes;
  }

  /** The longest window. */
  static readonly tauTicksMax = TAU_MAX;

  /** All pages on the ring, R = M = 0, never used. */
  static create(kernels: Kernels, pages: number, options: { tauTicks: number }): WsClockRing {
    checkPages(pages, "WSClock ring");
    const ptr = kernels.allocate(layout(pages).bytes, `WSClock ring of ${pages} pages`);
    const ring = new WsClockRing(kernels, ptr, pages);
    ring.tauTicks = options.tauTicks;
    ring.resident.fill();
    kernels.raw.wsclockInit(ptr, 0);
    return ring;
  }

  private constructor(
    readonly kernels: Kernels,
    readonly ptr: Pointer,
    readonly pages: number,
  ) {
    const { referencedAt, residentAt, modifiedAt, lastAt, historyAt, pastAt } = layout(pages);
    this.header = kernels.u32(ptr, HEADER_BYTES / 4);
    this.header.set([0, pages, 0, 0, referencedAt, residentAt, lastAt, historyAt, pastAt]);
    this.referenced = PageBitmap.at(kernels, ptr + referencedAt, pages);
    this.resident = PageBitmap.at(kernels, ptr + residentAt, pages);
    this.m = PageBitmap.at(kernels, ptr + modifiedAt, pages);
  }

  /** A page is in the working set while its age is at most tau. */
  get tauTicks(): number {
    return this.header[TAU_WORD] as number;
  }

  set tauTicks(tauTicks: number) {
    assert(
      Number.isSafeInteger(tauTicks) && tauTicks >= 0 && tauTicks <= TAU_MAX,
      `tau ${tauTicks} is an integer from 0 to ${TAU_MAX} ticks`,
    );
    this.header[TAU_WORD] = tauTicks;
  }

  /** Where the hand points. */
  get hand(): number {
    return this.header[HAND_WORD] as number;
  }

  /** M. */
  get modified(): PageBitmap {
    return this.m;
  }

  /** From now on M is the caller's bitmap. */
  setModified(modified: PageBitmap): void {
    assert(
      modified.pages === this.pages && modified.kernels === this.kernels,
      `M has the ring's ${this.pages} pages and lies in its arena`,
    );
    this.m = modified;
  }

  /** Puts a page on the ring as a fault does: R = 1, used now, no history. */
  insert(page: number, nowTicks: number): void {
    this.resident.set(page);
    this.referenced.set(page);
    this.clearEntry(page, nowTicks);
  }

  remove(page: number): void {
    this.resident.clear(page);
    this.referenced.clear(page);
  }

  /** Time of last use in ticks, mod 2^32 (2^30 ago when the page was never used). */
  lastUse(page: number): number {
    assert(page >= 0 && page < this.pages, `page ${page} is below ${this.pages}`);
    return this.kernels.memoryWords[(this.ptr + layout(this.pages).lastAt) / 4 + page] as number;
  }

  /** R at the last eight ticks, the newest in bit 7. */
  history(page: number): number {
    assert(page >= 0 && page < this.pages, `page ${page} is below ${this.pages}`);
    return this.kernels.memoryBytes[this.ptr + layout(this.pages).historyAt + page] as number;
  }

  /** The clock interrupt: R = 1 -> used now, R := 0; the history takes R. Returns how many. */
  tick(nowTicks: number): number {
    return this.kernels.raw.wsclockTick(this.ptr, nowTicks) >>> 0;
  }

  /**
   * The hand goes round once: R = 1 -> R := 0, used now, in the set; age <= tau -> in the set; old
   * and clean -> victim; old and dirty -> its write is scheduled. M is not changed.
   */
  sweep(nowTicks: number, options: SweepOptions): SweepResult {
    return this.runSweep("wsclockSweep", nowTicks, options);
  }

  /**
   * The same by the bullets of the paper in their literal order, which stamps every page with
   * R = 0 before its age is looked at: with tau > 0 no page ever leaves the working set.
   */
  sweepLiteral(nowTicks: number, options: SweepOptions): SweepResult {
    return this.runSweep("wsclockSweepLiteral", nowTicks, options);
  }

  /** out := pages with R = 1 or age <= tau; returns how many. */
  workingSet(nowTicks: number, out: PageBitmap): number {
    this.checkOut(out);
    return this.kernels.raw.wsclockWorkingSet(this.ptr, nowTicks, out.ptr) >>> 0;
  }

  /**
   * out := at most `max` pages of the working set, the hottest: smaller age (R = 1 counts as 0),
   * then more ones in the history, then the lower page number; returns how many.
   */
  hottest(nowTicks: number, max: number, out: PageBitmap): number {
    this.checkOut(out);
    const most = Math.min(limitOf(max), this.pages);
    return this.kernels.raw.wsclockHottest(this.ptr, nowTicks, most, out.ptr) >>> 0;
  }

  /**
   * The page that the replacement form claims (it stays on the ring until removed), the hand behind
   * it; -1 when the ring is empty, or all pages are dirty and a write of the circle has to complete
   * first. `dirty` takes the scheduled writes.
   */
  victim(nowTicks: number, options: { dirty?: U32Buffer; writesMax?: number } = {}): number {
    const { dirty, writesMax } = options;
    const { raw } = this.kernels;
    const most = Math.min(limitOf(writesMax), dirty?.capacity ?? NO_LIMIT);
    const page = raw.wsclockVictim(this.ptr, this.m.ptr, nowTicks, dirty?.ptr ?? 0, most);
    if (dirty !== undefined) dirty.length = this.header[ANSWER_WORD + 1] as number;
    return page;
  }

  /**
   * bins[i] := re-uses that a tick found after an interval in [i, i + 1) * binTicks since the use
   * before, since creation; all of the list's capacity is filled, longer intervals are left out.
   * Exact for regular ticks; else to the mean of intervals within 1/64 of each other.
   */
  intervals(binTicks: number, bins: U32Buffer): void {
    checkBins(binTicks, bins);
    bins.set(this.kernels.control.wsclockIntervals(this.ptr, binTicks, bins.capacity));
  }

  /** bins[i] := pages whose age is in [i, i + 1) * binTicks; older ones are left out. */
  sizes(nowTicks: number, binTicks: number, bins: U32Buffer): void {
    checkBins(binTicks, bins);
    bins.length = bins.capacity;
    this.kernels.raw.wsclockSizes(this.ptr, nowTicks, binTicks, bins.ptr, bins.capacity);
  }

  private runSweep(
    kernel: "wsclockSweep" | "wsclockSweepLiteral",
    nowTicks: number,
    { clean, dirty, victimsMax, writesMax }: SweepOptions,
  ): SweepResult {
    const victims = Math.min(limitOf(victimsMax), clean?.capacity ?? NO_LIMIT);
    const writes = Math.min(limitOf(writesMax), dirty?.capacity ?? NO_LIMIT);
    assert(victims >= 1, "a sweep looks for at least one victim");
    this.kernels.raw[kernel](
      this.ptr,
      this.m.ptr,
      nowTicks,
      clean?.ptr ?? 0,
      victims,
      dirty?.ptr ?? 0,
      writes,
    );
    const answer = this.header.subarray(ANSWER_WORD, ANSWER_WORD + 4);
    const [cleanCount, dirtyCount, inWorkingSet, full] = answer as unknown as number[];
    if (clean !== null) clean.length = cleanCount as number;
    if (dirty !== null) dirty.length = dirtyCount as number;
    return {
      clean: cleanCount as number,
      dirty: dirtyCount as number,
      inWorkingSet: inWorkingSet as number,
      full: full !== 0,
    };
  }

  private clearEntry(page: number, nowTicks: number): void {
    const { lastAt, historyAt } = layout(this.pages);
    this.kernels.memoryWords[(this.ptr + lastAt) / 4 + page] = nowTicks;
    this.kernels.memoryBytes[this.ptr + historyAt + page] = 0;
  }

  private checkOut(out: PageBitmap): void {
    assert(
      out.pages === this.pages && out.kernels === this.kernels,
      `the result has the ring's ${this.pages} pages and lies in its arena`,
    );
  }
}

interface Layout {
  readonly referencedAt: number;
  readonly residentAt: number;
  readonly modifiedAt: number;
  readonly pastAt: number;
  readonly lastAt: number;
  readonly historyAt: number;
  readonly bytes: number;
}

/** Ages and histories are worked on 64 pages at a time: both arrays are rounded up to that. */
function layout(pages: number): Layout {
  const bitmapBytes = PageBitmap.bytesFor(pages);
  const entries = roundUp(pages, 64);
  const referencedAt = HEADER_BYTES;
  const residentAt = referencedAt + bitmapBytes;
  const modifiedAt = residentAt + bitmapBytes;
  const pastAt = modifiedAt + bitmapBytes;
  const lastAt = pastAt + INTERVAL_BUCKETS * 16;
  const historyAt = lastAt + entries * ENTRY_LAST_BYTES;
  const bytes = historyAt + entries * ENTRY_HISTORY_BYTES;
  return { referencedAt, residentAt, modifiedAt, pastAt, lastAt, historyAt, bytes };
}

/** Undefined and infinity are the largest u32. */
function limitOf(max: number | undefined): number {
  if (max === undefined) return NO_LIMIT;
  assert(max >= 0, `limit ${max} is at least 0`);
  return Math.min(Math.floor(max), NO_LIMIT);
}

function checkBins(binTicks: number, bins: U32Buffer): void {
  assert(
    Number.isSafeInteger(binTicks) && binTicks >= 1 && binTicks < 2 ** 32,
    `a bin of ${binTicks} ticks is a positive integer`,
  );
  assert(bins.capacity <= BINS_MAX, `${bins.capacity} bins are at most ${BINS_MAX}`);
}
