/**
 * Which pages the XBZRLE cache holds, and where: QEMU's direct-mapped cache (migration/page_cache.c).
 * A page has one place, its number modulo the size; who holds it keeps it against others for two
 * generations (CACHED_PAGE_LIFETIME). Generations are bitmap syncs. What lies in a place (bytes, or
 * a version) is the owner's matter.
 */
import { assert } from "../base/assert.js";

/** In generations; migration/page_cache.c. */
const CACHED_PAGE_LIFETIME = 2;
const EMPTY = 0xffffffff;

export class XbzrleCache {
  private readonly held: Uint32Array;
  private readonly ages: Uint32Array;
  private generation = 1;

  /** @param size places, a power of two. */
  constructor(readonly size: number) {
    assert(size >= 1 && (size & (size - 1)) === 0, `${size} places are a power of two`);
    this.held = new Uint32Array(size).fill(EMPTY);
    this.ages = new Uint32Array(size);
  }

  placeOf(page: number): number {
    return page & (this.size - 1);
  }

  /** Whether the page is there; if so it is young again (cache_is_cached). */
  hit(page: number): boolean {
    const place = this.placeOf(page);
    if (this.held[place] !== page) return false;
    this.ages[place] = this.generation;
    return true;
  }

  /** Takes the page in unless a young one holds its place (cache_insert); says whether it did. */
  insert(page: number): boolean {
    const place = this.placeOf(page);
    const held = this.held[place];
    const age = this.ages[place] as number;
    if (held !== EMPTY && held !== page && age + CACHED_PAGE_LIFETIME > this.generation) {
      return false;
    }
    this.held[place] = page;
    this.ages[place] = this.generation;
    return true;
  }

  nextGeneration(): void {
    this.generation++;
  }
}
