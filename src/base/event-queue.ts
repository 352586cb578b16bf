/**
 * The event queue of virtual time: a binary heap ordered by (time, sequence), so that events of
 * one instant leave in the order in which they were scheduled, on every engine alike.
 */
import { assert } from "./assert.js";

interface Entry<T> {
  readonly atNs: number;
  readonly sequence: number;
  readonly value: T;
  cancelled: boolean;
}

/** What `schedule` returns; hand it to `cancel`. */
export type EventHandle = { cancelled: boolean };

export class EventQueue<T> {
  private readonly heap: Entry<T>[] = [];
  private sequence = 0;

  /** Schedules `value` for `atNs` (integer nanoseconds of virtual time). */
  schedule(atNs: number, value: T): EventHandle {
    assert(Number.isSafeInteger(atNs) && atNs >= 0, `event time ${atNs} is an integer >= 0`);
    const entry: Entry<T> = { atNs, sequence: this.sequence++, value, cancelled: false };
    this.heap.push(entry);
    this.up(this.heap.length - 1);
    return entry;
  }

  /** The event is dropped when its turn comes. Cancelling twice, or after it ran, does nothing. */
  cancel(handle: EventHandle): void {
    handle.cancelled = true;
  }

  /** Time of the earliest event, or Infinity when none is left. */
  nextNs(): number {
    this.dropCancelled();
    return this.heap[0]?.atNs ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the earliest event out. */
  pop(): { atNs: number; value: T } | undefined {
    this.dropCancelled();
    const top = this.heap[0];
    if (top === undefined) return undefined;
    this.removeTop();
    return { atNs: top.atNs, value: top.value };
  }

  private dropCancelled(): void {
    while (this.heap[0]?.cancelled) this.removeTop();
  }

  private removeTop(): void {
    const last = this.heap.pop() as Entry<T>;
    if (this.heap.length > 0) {
      this.heap[0] = last;
      this.down(0);
    }
  }

  private up(start: number): void {
    const heap = this.heap;
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(heap[at] as Entry<T>, heap[parent] as Entry<T>)) return;
      this.swap(at, parent);
      at = parent;
    }
  }

  private down(start: number): void {
    const heap = this.heap;
    let at = start;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child =
        right < heap.length && before(heap[right] as Entry<T>, heap[left] as Entry<T>)
          ? right
          : left;
      if (!before(heap[child] as Entry<T>, heap[at] as Entry<T>)) return;
      this.swap(at, child);
      at = child;
    }
  }

  private swap(a: number, b: number): void {
    const heap = this.heap;
    const kept = heap[a] as Entry<T>;
    heap[a] = heap[b] as Entry<T>;
    heap[b] = kept;
  }
}

function before<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.atNs < b.atNs || (a.atNs === b.atNs && a.sequence < b.sequence);
}
