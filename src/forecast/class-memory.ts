/**
 * Memory whose pages are written at random: cells of adjacent pages, each written at a rate of its
 * own (independent Poisson writes, so that D(dt) = sum of n (1 - e^(-l dt)) over the cells). Holds
 * expected counts, exact in the mean: whether a page is unsent does not depend on whether it has
 * been written since the log was read, because writes do not look at what was sent.
 */
import { assert } from "../base/assert.js";
import { exponential } from "../base/math.js";
import { type CacheCell, ClassCache } from "./class-cache.js";
import type { SlotMemory, Taken } from "./slot-memory.js";

/** Adjacent pages that are written alike. */
export interface PageClass {
  readonly pages: number;
  /** Writes a second and page. */
  readonly writesPerPageSec: number;
  /** Share that holds zeros before the first write. Default 0. */
  readonly zeroShare?: number;
  /** What a write leaves: contents (default) or zeros. */
  readonly writesZeros?: boolean;
  /** Written page after page, around and around, instead of at random. */
  readonly sequential?: boolean;
}

/** Differences on the wire (XBZRLE). */
export interface DeltaCache {
  /** Pages that it holds. */
  readonly pages: number;
  /**
   * Bytes of a difference, without headers, to a page that was written so often since; 4096 = it
   * does not fit, the page goes whole.
   */
  bytesOf(writes: number): number;
  /** Pages that are missed although there is room for them. Default 0. */
  readonly missShare?: number;
}

export interface ClassMemoryOptions {
  /** In the order of their addresses. */
  readonly classes: readonly PageClass[];
  /** Where other memory blocks begin (page numbers): firmware behind the RAM. */
  readonly blockStarts?: readonly number[];
  /** How long the guest has been writing before the migration begins. */
  readonly wroteBeforeSec: number;
  readonly deltas?: DeltaCache;
}

/** Pages of a cell: a wire batch, so that a cursor inside a cell is off by half a batch at most. */
const CELL_PAGES = 64;
/** More memory than this is held in larger cells. */
const CELLS_MAX = 4096;
/** Wire bytes of a page with contents and of zeros, as of QEMU's stream. */
const RAW_BYTES = 4104;
const ZERO_BYTES = 9;
/** Page header, and flags and length before a difference. */
const DELTA_HEADER_BYTES = 11;

export class ClassMemory implements SlotMemory {
  readonly pages: number;
  readonly steady = true;
  unsentPages = 0;
  private readonly size: Float64Array;
  private readonly rate: Float64Array;
  private readonly zero: Float64Array;
  private readonly leavesZeros: Uint8Array;
  /** Cells that a sequential writer goes through: where they lie in its round, and the round. */
  private readonly roundAt: Float64Array;
  private readonly roundPages: Float64Array;
  /** Never sent, and sent but written again: unsent both. */
  private readonly fresh: Float64Array;
  private readonly again: Float64Array;
  private readonly deltas: DeltaCache | undefined;
  private cache: ClassCache | undefined;
  private readonly cellPages: number;
  /** Of each cell, when it was taken from last, and in the pass before. */
  private readonly now: Sent[];
  private readonly last: Sent[];
  private readonly wroteBeforeSec: number;
  private cursor = 0;
  private beganSec = 0;
  private readSec = 0;
  private passes = 0;

  constructor({ classes, wroteBeforeSec, deltas }: ClassMemoryOptions) {
    this.pages = classes.reduce((sum, one) => sum + one.pages, 0);
    this.cellPages = Math.max(CELL_PAGES, Math.ceil(this.pages / CELLS_MAX));
    const cells = classes.reduce((sum, one) => sum + Math.ceil(one.pages / this.cellPages), 0);
    this.roundAt = new Float64Array(cells);
    this.roundPages = new Float64Array(cells);
    this.size = new Float64Array(cells);
    this.rate = new Float64Array(cells);
    this.zero = new Float64Array(cells);
    this.leavesZeros = new Uint8Array(cells);
    this.fresh = new Float64Array(cells);
    this.again = new Float64Array(cells);
    this.now = new Array<Sent>(cells).fill(NEVER_SENT);
    this.last = new Array<Sent>(cells).fill(NEVER_SENT);
    this.deltas = deltas;
    this.wroteBeforeSec = wroteBeforeSec;
    this.fillCells(classes);
  }

  private fillCells(classes: readonly PageClass[]): void {
    let i = 0;
    for (const one of classes) {
      const roundPages = one.sequential === true ? one.pages : 0;
      for (let at = 0; at < one.pages; at += this.cellPages) {
        this.roundAt[i] = at;
        this.roundPages[i] = roundPages;
        this.size[i] = Math.min(one.pages - at, this.cellPages);
        this.rate[i] = one.writesPerPageSec;
        this.zero[i] = one.zeroShare ?? 0;
        this.leavesZeros[i] = one.writesZeros === true ? 1 : 0;
        i++;
      }
    }
    assert(i === this.size.length, "each class has its cells");
  }

  get resentPages(): number {
    return this.again.reduce((sum, pages) => sum + pages, 0);
  }

  /** Among neighbours a page that was written begins a run if the one before was not. */
  get resentRuns(): number {
    let runs = 0;
    let pages = 0;
    let again = 0;
    for (let i = 0; i < this.size.length; i++) {
      pages += this.size[i] as number;
      again += this.again[i] as number;
      if (pages < CELL_PAGES && i + 1 < this.size.length) continue;
      runs += again * (1 - again / pages);
      pages = 0;
      again = 0;
    }
    return runs;
  }

  begin(guestSec: number): void {
    this.beganSec = guestSec;
    this.readSec = guestSec;
    this.cursor = 0;
    this.passes = 0;
    this.fresh.set(this.size);
    this.again.fill(0);
    this.now.fill(NEVER_SENT);
    this.last.fill(NEVER_SENT);
    if (this.deltas === undefined) return this.startPages();
    this.cache = new ClassCache(this.cacheCells(), this.deltas.pages, this.cellPages);
    this.startPages();
  }

  private cacheCells(): CacheCell[] {
    let firstPage = 0;
    return Array.from(this.size, (pages) => {
      firstPage += pages;
      return { firstPage: firstPage - pages, pages };
    });
  }

  private startPages(): void {
    this.unsentPages = this.pages;
  }

  sync(guestSec: number): number {
    const fromSec = this.readSec;
    const windowSec = guestSec - fromSec;
    assert(windowSec >= 0, "the log is read forwards");
    this.readSec = guestSec;
    this.passes++;
    this.cache?.read();
    let added = 0;
    let rate = -1;
    let written = 0;
    for (let i = 0; i < this.size.length; i++) {
      if (this.rate[i] !== rate) {
        rate = this.rate[i] as number;
        written = 1 - exponential(-rate * windowSec);
      }
      if (written === 0) continue;
      const sent = (this.size[i] as number) - (this.fresh[i] as number) - (this.again[i] as number);
      const inTurn = (this.roundPages[i] as number) > 0;
      const more = sent * (inTurn ? this.shareInTurn(i, fromSec, guestSec) : written);
      this.again[i] = (this.again[i] as number) + more;
      added += more;
    }
    this.unsentPages += added;
    return added;
  }

  /** Share of a cell that a sequential writer passes: its round is one line, on which it goes on. */
  private shareInTurn(i: number, fromSec: number, toSec: number): number {
    const round = this.roundPages[i] as number;
    const size = this.size[i] as number;
    const perSec = (this.rate[i] as number) * round;
    const from =
      (fromSec + this.wroteBeforeSec) * perSec -
      Math.floor(((fromSec + this.wroteBeforeSec) * perSec) / round) * round;
    const to = from + Math.min(round, (toSec - fromSec) * perSec);
    let passed = 0;
    for (const start of [this.roundAt[i] as number, (this.roundAt[i] as number) + round]) {
      passed += Math.max(0, Math.min(to, start + size) - Math.max(from, start));
    }
    return Math.min(1, passed / size);
  }

  take(pagesMax: number, bytesMax: number, guestSec: number, out: Taken): number {
    let pages = 0;
    let bytes = 0;
    for (
      let turns = 0;
      turns <= this.size.length && pages < pagesMax && bytes < bytesMax;
      turns++
    ) {
      const i = this.cursor;
      const unsent = (this.fresh[i] as number) + (this.again[i] as number);
      if (unsent > 1e-9) {
        const each = this.bytesPerPage(i, guestSec, unsent);
        const room = Math.min(pagesMax - pages, (bytesMax - bytes) / each);
        const taken = Math.min(unsent, room);
        bytes += taken * each;
        pages += taken;
        this.takeFrom(i, taken / unsent, guestSec, out);
        if (taken < unsent) break;
      }
      this.cursor = (i + 1) % this.size.length;
    }
    this.unsentPages -= pages;
    if (this.unsentPages < 1e-6) this.unsentPages = 0;
    return pages;
  }

  private bytesPerPage(i: number, guestSec: number, unsent: number): number {
    const zeros = this.zerosOf(i, guestSec);
    if (this.cache !== undefined && this.passes > 0) {
      const again = this.again[i] as number;
      const { same, changed, bytes } = this.hitsOf(i, again * (1 - zeros.again), guestSec);
      const contents = unsent - zeros.fresh * (this.fresh[i] as number) - zeros.again * again;
      const raw = contents - same - changed;
      return (raw * RAW_BYTES + changed * DELTA_HEADER_BYTES + bytes) / unsent + 0.01;
    }
    const zero = zeros.fresh * (this.fresh[i] as number) + zeros.again * (this.again[i] as number);
    return (zero * ZERO_BYTES + (unsent - zero) * RAW_BYTES) / unsent;
  }

  /** Shares of zeros among pages that were never sent, and among those sent before. */
  private zerosOf(i: number, guestSec: number): { fresh: number; again: number } {
    const zero = this.zero[i] as number;
    const leaves = this.leavesZeros[i] as number;
    if (zero === 0 && leaves === 0) return { fresh: 0, again: 0 };
    const ageSec = guestSec - this.beganSec + this.wroteBeforeSec;
    const untouched = exponential(-(this.rate[i] as number) * ageSec);
    return { fresh: untouched * zero + (1 - untouched) * leaves, again: leaves };
  }

  /** Of pages written again, those that the cache holds: unchanged since, and with differences. */
  private hitsOf(
    i: number,
    pages: number,
    guestSec: number,
  ): { readonly same: number; readonly changed: number; readonly bytes: number } {
    const { cache, deltas } = this;
    if (cache === undefined || deltas === undefined || this.passes < 1) return NO_HITS;
    const hits = pages * cache.share(i) * (1 - (deltas.missShare ?? 0));
    const before = (this.now[i] as Sent).pass === this.passes ? this.last[i] : this.now[i];
    const { sec, readSec } = before as Sent;
    const rate = this.rate[i] as number;
    const same = hits * cache.recentShare(i) * this.unchanged(i, { sec, readSec, guestSec });
    const writes = rate * (guestSec - sec);
    const each = deltas.bytesOf(writes / Math.max(1e-9, 1 - exponential(-writes)));
    // What does not fit goes whole, and is looked up all the same.
    if (each >= 4096) return { same, changed: 0, bytes: 0 };
    return { same, changed: hits - same, bytes: (hits - same) * each };
  }

  /**
   * Of pages that were sent at `sec`, and written since the log was read at `readSec`: the share
   * that was written before it was sent, and not again until now.
   */
  private unchanged(
    i: number,
    {
      sec,
      readSec,
      guestSec,
    }: { readonly sec: number; readonly readSec: number; guestSec: number },
  ): number {
    if (this.roundPages[i] !== 0) {
      const logged = this.shareInTurn(i, readSec, this.readSec);
      const written = this.shareInTurn(i, readSec, sec);
      const again = this.shareInTurn(i, sec, guestSec);
      return logged > 0 ? Math.min(1, (written * (1 - again)) / logged) : 0;
    }
    const rate = this.rate[i] as number;
    const logged = 1 - exponential(-rate * (this.readSec - readSec));
    const written = 1 - exponential(-rate * (sec - readSec));
    return logged > 0 ? Math.min(1, (written * exponential(-rate * (guestSec - sec))) / logged) : 0;
  }

  private takeFrom(i: number, share: number, guestSec: number, out: Taken): void {
    const fresh = (this.fresh[i] as number) * share;
    const again = (this.again[i] as number) * share;
    const zeros = this.zerosOf(i, guestSec);
    const zero = fresh * zeros.fresh + again * zeros.again;
    const { same, changed, bytes } = this.hitsOf(i, again * (1 - zeros.again), guestSec);
    this.fresh[i] = (this.fresh[i] as number) - fresh;
    this.again[i] = (this.again[i] as number) - again;
    out.zeroPages += zero;
    if (this.leavesZeros[i] === 0) out.untouchedPages += zero;
    out.rawPages += fresh + again - zero - same - changed;
    out.samePages += same;
    out.deltaPages += changed;
    out.deltaBytes += bytes;
    if (this.cache === undefined) return;
    if (this.passes > 0) this.cache.lookUp(i, fresh + again - zero);
    if ((this.now[i] as Sent).pass === this.passes) return;
    this.last[i] = this.now[i] as Sent;
    this.now[i] = { pass: this.passes, sec: guestSec, readSec: this.readSec };
  }
}

/** When pages of a cell were sent, and the reading before it. */
interface Sent {
  readonly pass: number;
  readonly sec: number;
  readonly readSec: number;
}

const NEVER_SENT: Sent = { pass: -1, sec: 0, readSec: 0 };
const NO_HITS = { same: 0, changed: 0, bytes: 0 };
