/**
 * Replays the page sets of a recorded interval in a seeded order: a log-dirty sample says which
 * pages were written in the interval, not when. Kernel: assembly/trace.ts.
 */
import { assert } from "../base/assert.js";
import { seedState } from "../base/random.js";
import type { GuestPages } from "./guest-pages.js";
import { type Kernels, roundUp } from "./kernels.js";
import type { PageBitmap } from "./page-bitmap.js";
import type { Pointer } from "./raw-exports.js";

const HEADER_BYTES = 64;
const LENGTH_WORD = 4;
const PAGES_WORD = 5;

export class TracePlayer {
  private readonly header: Uint32Array;

  static bytesFor(maxPagesPerInterval: number): number {
    return roundUp(HEADER_BYTES + maxPagesPerInterval * 4, 64);
  }

  /** @param maxPagesPerInterval most pages, written and read together, of one interval */
  static create(kernels: Kernels, maxPagesPerInterval: number): TracePlayer {
    const bytes = TracePlayer.bytesFor(maxPagesPerInterval);
    const ptr = kernels.allocate(bytes, `trace player of ${maxPagesPerInterval} pages`);
    return new TracePlayer(kernels, ptr, maxPagesPerInterval);
  }

  private constructor(
    readonly kernels: Kernels,
    readonly ptr: Pointer,
    readonly maxPagesPerInterval: number,
  ) {
    this.header = kernels.u32(ptr, HEADER_BYTES / 4);
  }

  /** Takes the page numbers of one interval and shuffles its accesses, reads and writes together. */
  load(written: Uint32Array, read: Uint32Array, seed: number): void {
    const length = written.length + read.length;
    assert(
      length <= this.maxPagesPerInterval,
      `${length} pages of an interval are at most ${this.maxPagesPerInterval}`,
    );
    const { memoryWords, raw } = this.kernels;
    const accesses = this.ptr + HEADER_BYTES;
    memoryWords.set(written, accesses / 4);
    memoryWords.set(read, accesses / 4 + written.length);
    const largest = length === 0 ? -1 : raw.listMax(accesses, length) >>> 0;
    assert(largest < 2 ** 31, `page ${largest} is below 2^31`);
    seedState(this.header.subarray(0, 4), seed);
    raw.traceShuffle(this.ptr, written.length, length);
    this.header[PAGES_WORD] = largest + 1;
  }

  /** Accesses of the loaded interval. */
  get length(): number {
    return this.header[LENGTH_WORD] as number;
  }

  /** Applies accesses from .. to - 1 to the guest at time `nowTicks`. */
  apply(guest: GuestPages, from: number, to: number, nowTicks: number): void {
    this.checkSlice(from, to, guest.pages);
    const { raw, batchAccessesMax } = this.kernels;
    for (let at = from; at < to; at += batchAccessesMax) {
      const count = Math.min(to - at, batchAccessesMax);
      raw.guestTouch(guest.ptr, this.access(at), count, nowTicks, 0);
    }
  }

  /**
   * Like {@link apply} up to the first access to an absent page, which does not take effect; returns
   * its index, or `to` when there is none. `guest.fault` then says which page is missing.
   */
  applyUntilAbsent(guest: GuestPages, from: number, to: number, nowTicks: number): number {
    this.checkSlice(from, to, guest.pages);
    guest.checkTracksAbsent();
    const { raw, batchAccessesMax } = this.kernels;
    let at = from;
    while (at < to) {
      const count = Math.min(to - at, batchAccessesMax);
      const made = raw.guestTouchUntilAbsent(guest.ptr, this.access(at), count, nowTicks, 0);
      at += made;
      if (made < count) break;
    }
    return at;
  }

  /** Adds the pages that accesses from .. to - 1 write to `out`, without touching a guest. */
  markWrites(out: PageBitmap, from: number, to: number): void {
    this.checkSlice(from, to, out.pages);
    const { raw, batchAccessesMax } = this.kernels;
    for (let at = from; at < to; at += batchAccessesMax) {
      raw.accessMarkWrites(this.access(at), Math.min(to - at, batchAccessesMax), out.ptr, 0);
    }
  }

  private access(index: number): Pointer {
    return this.ptr + HEADER_BYTES + index * 4;
  }

  private checkSlice(from: number, to: number, pages: number): void {
    assert(from >= 0 && from <= to && to <= this.length, `${from} .. ${to} of ${this.length}`);
    const end = this.header[PAGES_WORD] as number;
    assert(end <= pages, `the interval's pages end at ${end}, within ${pages}`);
  }
}
