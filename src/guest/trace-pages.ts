/**
 * A growing list of page numbers, and the union of two ascending lists: what traces are built
 * from. Storage doubles, so that appending a run of pages allocates nothing in the usual case.
 */
import { assert } from "../base/assert.js";

const FIRST_CAPACITY = 1024;

export class PageList {
  private array = new Uint32Array(FIRST_CAPACITY);
  length = 0;

  /** Appends one page. */
  push(page: number): void {
    if (this.length === this.array.length) this.grow(this.length + 1);
    this.array[this.length++] = page;
  }

  /** Appends `from`, `from + 1`, … `from + count - 1`. */
  pushRun(from: number, count: number): void {
    const end = this.length + count;
    if (end > this.array.length) this.grow(end);
    const array = this.array;
    for (let at = this.length, page = from; at < end; at++, page++) array[at] = page;
    this.length = end;
  }

  /** Appends every page of `pages`, in its order. */
  pushAll(pages: ArrayLike<number>): void {
    const end = this.length + pages.length;
    if (end > this.array.length) this.grow(end);
    this.array.set(pages, this.length);
    this.length = end;
  }

  /** Sorts what is listed from `start` on, smallest page first. */
  sortFrom(start: number): void {
    this.array.subarray(start, this.length).sort();
  }

  /** The pages listed, as a view that is good until the next change. */
  view(): Uint32Array {
    return this.array.subarray(0, this.length);
  }

  /** The pages listed, in an array of their own and of exactly their size. */
  toArray(): Uint32Array {
    return this.array.slice(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  private grow(needed: number): void {
    let capacity = this.array.length;
    while (capacity < needed) capacity *= 2;
    const larger = new Uint32Array(capacity);
    larger.set(this.array.subarray(0, this.length));
    this.array = larger;
  }
}

/** Appends to `out` the union of two strictly ascending lists, strictly ascending. */
export function unionAscending(a: Uint32Array, b: Uint32Array, out: PageList): void {
  let i = 0;
  let j = 0;
  let last = -1;
  while (i < a.length || j < b.length) {
    const fromA = i < a.length ? (a[i] as number) : Number.POSITIVE_INFINITY;
    const fromB = j < b.length ? (b[j] as number) : Number.POSITIVE_INFINITY;
    const page = Math.min(fromA, fromB);
    assert(page > last, "both lists of a union ascend");
    if (fromA === page) i++;
    if (fromB === page) j++;
    out.push(page);
    last = page;
  }
}
