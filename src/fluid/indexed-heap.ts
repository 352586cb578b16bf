/**
 * A binary heap of small numbers (0 .. capacity - 1), each with a key, smallest key first and of
 * equal keys the smaller number. It knows where each number stands, so that any of them can be
 * taken out or given another key in O(log n). Allocates nothing after it was made.
 *
 *   heap      [ id, id, id, … ]      a binary heap, children of i at 2i + 1 and 2i + 2
 *   placeOf   id -> place in heap, -1 where it is not in
 *   keys      id -> key
 */
import { assert } from "../base/assert.js";

export class IndexedHeap {
  size = 0;
  private readonly heap: Int32Array;
  private readonly placeOf: Int32Array;
  private readonly keys: Float64Array;

  constructor(capacity: number) {
    this.heap = new Int32Array(capacity);
    this.placeOf = new Int32Array(capacity).fill(-1);
    this.keys = new Float64Array(capacity);
  }

  /** The number with the smallest key; -1 when the heap is empty. */
  get top(): number {
    return this.size === 0 ? -1 : (this.heap[0] as number);
  }

  /** The smallest key; Infinity when the heap is empty. */
  get topKey(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.keyOf(this.heap[0] as number);
  }

  has(id: number): boolean {
    return this.placeOf[id] !== -1;
  }

  keyOf(id: number): number {
    return this.keys[id] as number;
  }

  add(id: number, key: number): void {
    assert(!this.has(id), `number ${id} is put in once`);
    this.keys[id] = key;
    this.placeOf[id] = this.size;
    this.heap[this.size] = id;
    this.size++;
    this.up(this.size - 1);
  }

  remove(id: number): void {
    const place = this.placeOf[id] as number;
    assert(place !== -1, `number ${id} is in the heap when it is taken out`);
    this.placeOf[id] = -1;
    this.size--;
    if (place === this.size) return;
    const last = this.heap[this.size] as number;
    this.heap[place] = last;
    this.placeOf[last] = place;
    this.up(place);
    this.down(this.placeOf[last] as number);
  }

  private before(a: number, b: number): boolean {
    const byKey = this.keyOf(a) - this.keyOf(b);
    return byKey < 0 || (byKey === 0 && a < b);
  }

  private up(start: number): void {
    const { heap, placeOf } = this;
    const id = heap[start] as number;
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = heap[parent] as number;
      if (!this.before(id, other)) break;
      heap[at] = other;
      placeOf[other] = at;
      at = parent;
    }
    heap[at] = id;
    placeOf[id] = at;
  }

  private down(start: number): void {
    const { heap, placeOf, size } = this;
    const id = heap[start] as number;
    let at = start;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.before(heap[child + 1] as number, heap[child] as number))
        child++;
      const other = heap[child] as number;
      if (!this.before(other, id)) break;
      heap[at] = other;
      placeOf[other] = at;
      at = child;
    }
    heap[at] = id;
    placeOf[id] = at;
  }
}
