/**
 * Which page of the target holds a content, by its digest of 64 bits: an open-addressing table with
 * linear probing over arrays that are made once.
 *
 * A page that got another content leaves its old entry behind, stale; stale entries are found out by
 * what the page holds now, and overwritten. Live ones are at most as many as pages, half the table.
 */
import { assert } from "../base/assert.js";

const EMPTY = 0xffffffff;
/** Steps before a put overwrites what it met first: a forgotten content is sent once more. */
const PROBES_MAX = 32;

export class DigestIndex {
  private readonly places: Uint32Array;
  private readonly mask: number;
  private readonly lows: Uint32Array;
  private readonly highs: Uint32Array;
  private readonly known: Uint8Array;

  constructor(readonly pages: number) {
    assert(pages >= 1 && pages <= 2 ** 24, `${pages} pages are from 1 to 2^24`);
    let size = 64;
    while (size < 2 * pages) size *= 2;
    this.places = new Uint32Array(size).fill(EMPTY);
    this.mask = size - 1;
    this.lows = new Uint32Array(pages);
    this.highs = new Uint32Array(pages);
    this.known = new Uint8Array(pages);
  }

  /** A page that holds this content, or -1. */
  find(low: number, high: number): number {
    for (let i = 0, at = low & this.mask; i < PROBES_MAX; i++, at = (at + 1) & this.mask) {
      const page = this.places[at] as number;
      if (page === EMPTY) return -1;
      if (this.holds(page, low, high)) return page;
    }
    return -1;
  }

  /** From now on the page holds this content. */
  put(page: number, low: number, high: number): void {
    if (this.holds(page, low, high)) return;
    const isHeldElsewhere = this.find(low, high) >= 0;
    this.lows[page] = low;
    this.highs[page] = high;
    this.known[page] = 1;
    if (!isHeldElsewhere) this.places[this.placeFor(low)] = page;
  }

  /** The page's content is no longer known. */
  forget(page: number): void {
    this.known[page] = 0;
  }

  private holds(page: number, low: number, high: number): boolean {
    return this.known[page] === 1 && this.lows[page] === low && this.highs[page] === high;
  }

  /** Free, or stale: its page no longer hashes to within reach of it. */
  private placeFor(low: number): number {
    const home = low & this.mask;
    for (let i = 0, at = home; i < PROBES_MAX; i++, at = (at + 1) & this.mask) {
      const page = this.places[at] as number;
      if (page === EMPTY || this.isStale(page, at)) return at;
    }
    return home;
  }

  private isStale(page: number, at: number): boolean {
    if (this.known[page] === 0) return true;
    const distance = (at - ((this.lows[page] as number) & this.mask)) & this.mask;
    return distance >= PROBES_MAX;
  }
}

/** The contents announced in one window, forgotten all at once. */
export class WindowDigests {
  private readonly lows: Uint32Array;
  private readonly highs: Uint32Array;
  /** The window that an entry belongs to. */
  private readonly windows: Uint32Array;
  private readonly mask: number;
  private window = 1;

  /** @param digests of a window, at most. */
  constructor(digests: number) {
    let size = 64;
    while (size < 2 * digests) size *= 2;
    this.lows = new Uint32Array(size);
    this.highs = new Uint32Array(size);
    this.windows = new Uint32Array(size);
    this.mask = size - 1;
  }

  next(): void {
    this.window++;
  }

  /** Adds a digest; true when it was there. */
  add(low: number, high: number): boolean {
    let at = low & this.mask;
    for (; this.windows[at] === this.window; at = (at + 1) & this.mask) {
      if (this.lows[at] === low && this.highs[at] === high) return true;
    }
    this.windows[at] = this.window;
    this.lows[at] = low;
    this.highs[at] = high;
    return false;
  }
}
