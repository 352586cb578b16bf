/**
 * The memory of a host as a book of pages: who has reserved how much. A target reserves a
 * guest's whole memory before its migration starts, or refuses it (Clark et al. 2005, section
 * 3.2, stage 1: reservation; xl claims memory by XENMEM_claim_pages for the same reason).
 */
import { PrecopyError } from "../base/errors.js";

export type MemoryOwner = number | string;

export class MemoryBook {
  readonly totalPages: number;
  private readonly held = new Map<MemoryOwner, number>();
  private reservedPages = 0;

  constructor(options: { readonly totalPages: number }) {
    const { totalPages } = options;
    checkPages("a host's memory", totalPages);
    this.totalPages = totalPages;
  }

  get freePages(): number {
    return this.totalPages - this.reservedPages;
  }

  /** True when `pages` were set aside for `owner`; false, and nothing changed, when they don't fit. */
  reserve(owner: MemoryOwner, pages: number): boolean {
    checkPages(`the reservation of ${owner}`, pages);
    const before = this.held.get(owner);
    if (before !== undefined) {
      throw new PrecopyError(
        "bad-input",
        `${owner} asks for ${pages} pages and already holds ${before}: release them first, or resize`,
      );
    }
    if (pages > this.freePages) return false;
    this.held.set(owner, pages);
    this.reservedPages += pages;
    return true;
  }

  /**
   * Makes a reservation larger or smaller, as a balloon does; false, and nothing changed, when
   * the growth does not fit.
   */
  resize(owner: MemoryOwner, pages: number): boolean {
    checkPages(`the reservation of ${owner}`, pages);
    const growth = pages - this.pagesOf(owner);
    if (growth > this.freePages) return false;
    this.held.set(owner, pages);
    this.reservedPages += growth;
    return true;
  }

  /** Gives all of an owner's pages back and says how many they were. */
  release(owner: MemoryOwner): number {
    const pages = this.pagesOf(owner);
    this.held.delete(owner);
    this.reservedPages -= pages;
    return pages;
  }

  has(owner: MemoryOwner): boolean {
    return this.held.has(owner);
  }

  pagesOf(owner: MemoryOwner): number {
    const pages = this.held.get(owner);
    if (pages === undefined) {
      const known = [...this.held.keys()].join(", ") || "none";
      throw new PrecopyError(
        "unknown-name",
        `${owner} holds no reservation on this host; owners are: ${known}`,
      );
    }
    return pages;
  }

  /** A copy, in the order of reservation. */
  reservations(): Map<MemoryOwner, number> {
    return new Map(this.held);
  }
}

function checkPages(what: string, pages: number): void {
  if (Number.isSafeInteger(pages) && pages >= 0) return;
  throw new PrecopyError(
    "bad-input",
    `${what}: ${pages} is not a whole number of pages from 0 to ${Number.MAX_SAFE_INTEGER}`,
  );
}
