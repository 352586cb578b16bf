/**
 * Memory whose writes are recorded: page by page, from a trace that goes round when it ends. A page
 * that an interval wrote was written at a point of it that follows from its number (golden-ratio
 * hashing), since the recording does not tell; the pages of firmware lie behind the traced ones.
 */
import { assert } from "../base/assert.js";
import type { Trace } from "../guest/trace.js";
import type { SlotMemory, Taken } from "./slot-memory.js";

/** XBZRLE's cache: direct-mapped, what is younger than two readings stays (page_cache.c). */
export interface TraceDeltas {
  /** A power of two. */
  readonly pages: number;
  /** Mean bytes of a difference; a page for those that do not fit. */
  readonly deltaBytes: number;
}

export interface TraceMemoryOptions {
  readonly trace: Trace;
  /** 1 for a page that holds zeros until it is written, one byte a page. */
  readonly zeros: Uint8Array;
  /** What the replay goes through, again and again; default the whole trace. */
  readonly fromNs?: number;
  readonly toNs?: number;
  readonly firmwarePages: number;
  readonly firmwareZeroShare: number;
  readonly deltas?: TraceDeltas;
  /** The guest came from a saved state, which touches all its memory. */
  readonly loaded?: boolean;
  /** Share of writes after which a page holds zeros. Default 0. */
  readonly becameZeroShare?: number;
}

const RAW_BYTES = 4104;
const ZERO_BYTES = 9;
const DELTA_HEADER_BYTES = 11;
/** CACHED_PAGE_LIFETIME of migration/page_cache.c. */
const CACHE_LIFETIME = 2;
const GOLDEN = 0x9e3779b1;

export class TraceMemory implements SlotMemory {
  readonly pages: number;
  unsentPages = 0;
  /** 1 unsent, 2 sent before: 3 = sent and unsent again. */
  private readonly state: Uint8Array;
  private readonly zero: Uint8Array;
  /** Read or written in the process that sends it. */
  private readonly touched: Uint8Array;
  /** Written since it was sent last. */
  private readonly changed: Uint8Array;
  private readonly logged: Uint8Array;
  private readonly cache: Int32Array | undefined;
  private readonly ages: Int32Array | undefined;
  private readonly fromNs: number;
  private readonly lengthNs: number;
  private cursor = 0;
  private passes = 0;
  private playedSec = 0;
  private interval = 0;
  private lap = 0;

  constructor(private readonly options: TraceMemoryOptions) {
    const { trace, zeros, firmwarePages, firmwareZeroShare, deltas } = options;
    this.fromNs = options.fromNs ?? 0;
    this.lengthNs = (options.toNs ?? trace.durationNs) - this.fromNs;
    assert(
      this.lengthNs > 0 && zeros.length >= trace.pages,
      "a stretch of the trace, and its zeros",
    );
    this.pages = trace.pages + firmwarePages;
    this.state = new Uint8Array(this.pages);
    this.zero = new Uint8Array(this.pages);
    this.zero.set(zeros.subarray(0, trace.pages));
    this.zero.fill(1, this.pages - Math.round(firmwarePages * firmwareZeroShare));
    this.changed = new Uint8Array(this.pages);
    this.touched = new Uint8Array(this.pages).fill(options.loaded === true ? 1 : 0);
    this.logged = new Uint8Array(this.pages);
    if (deltas !== undefined) {
      this.cache = new Int32Array(deltas.pages).fill(-1);
      this.ages = new Int32Array(deltas.pages);
    }
  }

  /** Plays what the guest wrote before the log was turned on. */
  begin(guestSec: number): void {
    this.rewind(0);
    this.play(guestSec);
    this.logged.fill(0);
    this.state.fill(1);
    this.unsentPages = this.pages;
    this.cursor = 0;
    this.passes = 0;
  }

  get laps(): number {
    return this.lap;
  }

  get resentPages(): number {
    let pages = 0;
    for (const one of this.state) if (one === 3) pages++;
    return pages;
  }

  get resentRuns(): number {
    let runs = 0;
    for (let page = 0; page < this.pages; page++) {
      if (this.state[page] === 3 && this.state[page - 1] !== 3) runs++;
    }
    return runs;
  }

  sync(guestSec: number): number {
    this.play(guestSec);
    this.passes++;
    let added = 0;
    for (let page = 0; page < this.pages; page++) {
      if (this.logged[page] === 0) continue;
      this.logged[page] = 0;
      const state = this.state[page] as number;
      if ((state & 1) !== 0) continue;
      this.state[page] = state | 1;
      added++;
    }
    this.unsentPages += added;
    return added;
  }

  take(pagesMax: number, bytesMax: number, guestSec: number, out: Taken): number {
    this.play(guestSec);
    let pages = 0;
    let bytes = 0;
    while (this.unsentPages > 0 && pages < pagesMax && bytes < bytesMax) {
      const page = this.cursor;
      this.cursor = page + 1 === this.pages ? 0 : page + 1;
      if (((this.state[page] as number) & 1) === 0) continue;
      this.state[page] = 2;
      this.unsentPages--;
      pages++;
      bytes += this.sendPage(page, out);
      this.changed[page] = 0;
    }
    return pages;
  }

  private sendPage(page: number, out: Taken): number {
    if (this.zero[page] === 1) {
      out.zeroPages++;
      if (this.touched[page] === 0) out.untouchedPages++;
      this.touched[page] = 1;
      return ZERO_BYTES;
    }
    const { deltas } = this.options;
    if (deltas !== undefined && this.passes > 0 && this.hits(page)) {
      if (this.changed[page] === 0) {
        out.samePages++;
        return 0;
      }
      if (deltas.deltaBytes < 4096) {
        out.deltaPages++;
        out.deltaBytes += deltas.deltaBytes;
        return DELTA_HEADER_BYTES + deltas.deltaBytes;
      }
    }
    out.rawPages++;
    return RAW_BYTES;
  }

  /** Whether the cache holds what was sent; puts it there if it may. */
  private hits(page: number): boolean {
    const cache = this.cache as Int32Array;
    const ages = this.ages as Int32Array;
    const slot = page & (cache.length - 1);
    const hit = cache[slot] === page;
    if (hit || cache[slot] === -1 || (ages[slot] as number) + CACHE_LIFETIME <= this.passes) {
      cache[slot] = page;
      ages[slot] = this.passes;
    }
    return hit;
  }

  private rewind(lap: number): void {
    this.lap = lap;
    this.interval = this.options.fromNs === undefined ? 0 : this.firstInterval();
    this.playedSec = lap === 0 ? 0 : this.playedSec;
  }

  private firstInterval(): number {
    const { endsNs } = this.options.trace.columns;
    let i = 0;
    while ((endsNs[i] as number) <= this.fromNs) i++;
    return i;
  }

  /** Writes until then. */
  private play(guestSec: number): void {
    while (this.playedSec < guestSec) {
      const { trace } = this.options;
      const lapNs = this.lap * this.lengthNs - this.fromNs;
      const startNs = Math.max(
        this.fromNs,
        this.interval === 0 ? 0 : trace.endNs(this.interval - 1),
      );
      const endNs = Math.min(trace.endNs(this.interval), this.fromNs + this.lengthNs);
      const lengthNs = Math.max(1, endNs - startNs);
      const share = (sec: number) => (sec * 1e9 - lapNs - startNs) / lengthNs;
      this.write(trace.written(this.interval), share(this.playedSec), share(guestSec));
      if (share(guestSec) < 1) {
        this.playedSec = guestSec;
        return;
      }
      this.playedSec = (endNs + lapNs) / 1e9;
      this.interval++;
      if (endNs >= this.fromNs + this.lengthNs || this.interval >= trace.intervals) {
        this.rewind(this.lap + 1);
      }
    }
  }

  /** The pages of an interval that are written between two points of it. */
  private write(pages: Uint32Array, from: number, to: number): void {
    const whole = from <= 0 && to >= 1;
    const { becameZeroShare = 0 } = this.options;
    for (const page of pages) {
      if (!whole) {
        const at = fractionOf(page);
        if (at < from || at >= to) continue;
      }
      this.logged[page] = 1;
      this.changed[page] = 1;
      this.touched[page] = 1;
      this.zero[page] =
        becameZeroShare > 0 && fractionOf(page ^ 0x5bd1e995) < becameZeroShare ? 1 : 0;
    }
  }
}

/** Evenly spread over [0, 1), the same for a page each time. */
function fractionOf(page: number): number {
  return (Math.imul(page + 1, GOLDEN) >>> 0) / 2 ** 32;
}
