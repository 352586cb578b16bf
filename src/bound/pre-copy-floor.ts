/**
 * The offline floor of a class: pre-copy of an unthrottled guest at c bytes a page and rate B,
 * with a downtime of at most d. No schedule of that class ends earlier.
 *
 * For a switch at S, page p can be sent once, after its last write before S. Serving the link in
 * the order of those release times is best, so that what is left unsent at S is
 *
 *     unsent(S) = max(0, N - S*mu, max over t of D(t, S) - (S - t)*mu)        mu = B / c
 *
 * with D(t, S) the number of distinct pages written in [t, S). S is feasible iff
 * unsent * c / B + fixed <= d; the earliest feasible S gives the least total time. Feasibility is
 * not monotone in S (a burst ends it), so S is scanned, never bisected.
 *
 * Time is cut into slices. Writes of a slice count as made at its start, and those of the slice in
 * which the switch falls do not count at all: both can only lower the floor, never raise it.
 */
import { assert } from "../base/assert.js";
import type { GuestActivity } from "../guest/activity.js";
import { type GuestPages, type Kernels, PageBitmap, U32Buffer } from "../kernels/index.js";

export interface FloorOptions {
  readonly kernels: Kernels;
  /** A guest that has run up to `fromNs` of its own time; it is run on from there. */
  readonly guest: GuestPages;
  readonly activity: Pick<GuestActivity, "run">;
  readonly fromNs: number;
  /** Guest time per wall time without a migration. */
  readonly speed: number;
  readonly bytesPerPage: number;
  readonly bandwidthBytesPerSec: number;
  readonly downtimeLimitNs: number;
  /** Downtime that no page causes. */
  readonly fixedNs: number;
  /** How long to look for a feasible switch. */
  readonly horizonNs: number;
}

export interface PreCopyFloor {
  /** False: no switch within the horizon keeps the downtime limit. */
  readonly feasible: boolean;
  /** Earliest switch, from the start of the first round. */
  readonly switchNs: number;
  readonly unsentPages: number;
  /** Pause of that switch: the unsent pages and what is fixed. */
  readonly downtimeNs: number;
  /** From the start of the first round to the end of the pause. */
  readonly totalNs: number;
  /** Every page once. */
  readonly bytes: number;
  readonly sliceNs: number;
}

const SLICES_MAX = 20_000;
const SLICE_NS_MIN = 1_000_000;
const CHUNK_PAGES = 4096;
const ROUNDING_PAGES = 1e-6;

export function preCopyFloor(options: FloorOptions): PreCopyFloor {
  const { guest, bytesPerPage, bandwidthBytesPerSec, downtimeLimitNs, fixedNs } = options;
  const pages = guest.dirty.pages;
  const sliceNs = Math.max(SLICE_NS_MIN, Math.ceil(options.horizonNs / SLICES_MAX));
  const pagesPerNs = bandwidthBytesPerSec / bytesPerPage / 1e9;
  const pausePages = ((downtimeLimitNs - fixedNs) * bandwidthBytesPerSec) / bytesPerPage / 1e9;
  // A page that fits but for the rounding of the division fits: the floor must not come out high.
  const unsentMax = Math.floor(pausePages + ROUNDING_PAGES);
  const slices = Math.ceil(options.horizonNs / sliceNs);
  const history = new WriteHistory(options, slices);
  for (let k = 0; k < slices && unsentMax >= 0; k++) {
    const atNs = k * sliceNs;
    // Even with the whole of this slice for sending, is too much left?
    if (!history.leavesMoreThan(unsentMax, atNs + sliceNs, { pages, pagesPerNs, sliceNs })) {
      const unsentPages = Math.ceil(history.unsentAt(atNs, { pages, pagesPerNs, sliceNs }));
      const sendNs = Math.floor(unsentPages / pagesPerNs);
      // Pages over the limit are still sent before the switch, within this slice.
      const lateNs = Math.max(0, Math.floor((unsentPages - unsentMax) / pagesPerNs));
      return {
        feasible: true,
        switchNs: atNs + lateNs,
        unsentPages: Math.min(unsentPages, unsentMax),
        downtimeNs: sendNs - lateNs + fixedNs,
        totalNs: atNs + sendNs + fixedNs,
        bytes: pages * bytesPerPage,
        sliceNs,
      };
    }
    history.runSlice(k, sliceNs);
  }
  return {
    feasible: false,
    switchNs: Number.POSITIVE_INFINITY,
    unsentPages: pages,
    downtimeNs: Number.POSITIVE_INFINITY,
    totalNs: Number.POSITIVE_INFINITY,
    bytes: pages * bytesPerPage,
    sliceNs,
  };
}

/** Arena bytes that the floor needs besides the guest and its activity. */
export function preCopyFloorArenaBytes(pages: number): number {
  return PageBitmap.bytesFor(pages) + CHUNK_PAGES * 4 + 256;
}

interface Service {
  readonly pages: number;
  readonly pagesPerNs: number;
  readonly sliceNs: number;
}

/** Of each page the slice of its last write, and how many pages have each slice as theirs. */
class WriteHistory {
  private readonly lastSlice: Int32Array;
  private readonly pagesOfSlice: Uint32Array;
  private readonly written: PageBitmap;
  private readonly chunk: U32Buffer;
  private slicesRun = 0;
  private pagesWritten = 0;
  private virtualNs: number;

  constructor(
    private readonly options: FloorOptions,
    slices: number,
  ) {
    const { kernels, guest, fromNs } = options;
    this.lastSlice = new Int32Array(guest.dirty.pages).fill(-1);
    this.pagesOfSlice = new Uint32Array(slices);
    this.written = PageBitmap.create(kernels, guest.dirty.pages, "floor, one slice");
    this.chunk = U32Buffer.create(kernels, CHUNK_PAGES);
    this.virtualNs = fromNs;
    guest.dirty.reset();
  }

  runSlice(k: number, sliceNs: number): void {
    const { guest, activity, speed } = this.options;
    assert(k === this.slicesRun, "slices run in order");
    const untilNs = this.virtualNs + Math.round(sliceNs * speed);
    activity.run(guest, this.virtualNs, untilNs);
    this.virtualNs = untilNs;
    guest.dirty.harvestInto(this.written);
    for (let from = 0; ; ) {
      const got = this.written.nextPages(this.chunk, from, CHUNK_PAGES);
      if (got === 0) break;
      const list = this.chunk.view();
      for (let i = 0; i < got; i++) this.moveTo(list[i] as number, k);
      from = (list[got - 1] as number) + 1;
    }
    this.slicesRun = k + 1;
  }

  /** Is more than `limit` unsent at `atNs`, whatever the schedule? */
  leavesMoreThan(limit: number, atNs: number, service: Service): boolean {
    return this.unsentAt(atNs, service, limit) > limit;
  }

  /**
   * Pages that no schedule can have sent by `atNs`, given the writes of the slices run so far; once
   * that is more than `enough` it need not be known how many more.
   */
  unsentAt(atNs: number, service: Service, enough = Number.POSITIVE_INFINITY): number {
    const { pages, pagesPerNs, sliceNs } = service;
    let most = Math.max(0, pages - atNs * pagesPerNs);
    let since = 0;
    for (let j = this.slicesRun - 1; j >= 0 && since < this.pagesWritten && most <= enough; j--) {
      since += this.pagesOfSlice[j] as number;
      const unsent = since - (atNs - j * sliceNs) * pagesPerNs;
      if (unsent > most) most = unsent;
    }
    return most;
  }

  private moveTo(page: number, slice: number): void {
    const before = this.lastSlice[page] as number;
    if (before >= 0) this.pagesOfSlice[before] = (this.pagesOfSlice[before] as number) - 1;
    else this.pagesWritten++;
    this.pagesOfSlice[slice] = (this.pagesOfSlice[slice] as number) + 1;
    this.lastSlice[page] = slice;
  }
}
