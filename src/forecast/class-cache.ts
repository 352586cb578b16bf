/**
 * XBZRLE's cache of what was sent, on expected counts (migration/page_cache.c): direct-mapped, so
 * that cells of pages whose addresses agree modulo its size compete for the same slots; a page that
 * was looked up within the last two readings of the log keeps its slot.
 */

/** Pages of a cell in the cache, by how many readings ago they were looked up last. */
interface Held {
  /** Looked up since the log was read, whether it was there or not. */
  looked: number;
  now: number;
  before: number;
  older: number;
}

export interface CacheCell {
  readonly firstPage: number;
  readonly pages: number;
}

export class ClassCache {
  private readonly held: Held[];
  private readonly groupOf: number[];
  private readonly groups: number[][] = [];
  private readonly groupSlots: number;

  constructor(
    private readonly cells: readonly CacheCell[],
    slots: number,
    cellPages: number,
  ) {
    this.groupSlots = Math.min(slots, cellPages);
    this.held = cells.map(() => ({ looked: 0, now: 0, before: 0, older: 0 }));
    this.groupOf = cells.map(({ firstPage }) =>
      Math.floor((Math.floor(firstPage) % slots) / this.groupSlots),
    );
    for (const [cell, group] of this.groupOf.entries()) {
      this.groups[group] ??= [];
      this.groups[group]?.push(cell);
    }
  }

  /** The log was read: everything is a generation older. */
  read(): void {
    for (const one of this.held) {
      one.older += one.before;
      one.before = one.now;
      one.now = 0;
      one.looked = 0;
    }
  }

  /** Of a cell's pages that were not looked up since the log was read, the share that it holds. */
  share(cell: number): number {
    const { looked, before, older } = this.held[cell] as Held;
    const left = (this.cells[cell] as CacheCell).pages - looked;
    return left > 1e-9 ? Math.min(1, (before + older) / left) : 0;
  }

  /** Of those, the share that was looked up, and sent, in the pass before. */
  recentShare(cell: number): number {
    const { before, older } = this.held[cell] as Held;
    return before > 0 ? before / (before + older) : 0;
  }

  /** Pages of a cell are looked up: those it holds stay, the others come in where they may. */
  lookUp(cell: number, pages: number): void {
    const mine = this.held[cell] as Held;
    const share = this.share(cell);
    const left = (this.cells[cell] as CacheCell).pages - mine.looked;
    const looked = left > pages ? pages / left : 1;
    mine.looked += pages;
    const again = (mine.before + mine.older) * looked;
    mine.before *= 1 - looked;
    mine.older *= 1 - looked;
    mine.now += again;
    const missed = pages * (1 - share);
    if (missed > 0) this.insert(cell, missed);
  }

  private insert(cell: number, pages: number): void {
    const group = this.groups[this.groupOf[cell] as number] as number[];
    let young = 0;
    let old = 0;
    for (const other of group) {
      const { now, before, older } = this.held[other] as Held;
      if (other === cell && this.groupSlots >= (this.cells[cell] as CacheCell).pages) continue;
      young += now + before;
      old += older;
    }
    const mine = this.held[cell] as Held;
    const others = Math.max(1e-9, this.groupSlots - this.sum(cell));
    const free = Math.max(0, others - young);
    const inserted = Math.min(free, (pages * free) / others);
    const evicted = free > 0 ? Math.min(1, (inserted * old) / free / Math.max(old, 1e-9)) : 0;
    for (const other of group) {
      if (other !== cell) (this.held[other] as Held).older *= 1 - evicted;
    }
    mine.now += inserted;
  }

  private sum(cell: number): number {
    const { now, before, older } = this.held[cell] as Held;
    return now + before + older;
  }
}
