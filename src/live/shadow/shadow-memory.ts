/**
 * A guest's RAM on its way between two threads: one thread receives pages from a connection, the
 * other has the guest and may be blocked within it, waiting for one of them.
 *
 *   ┌────────┬──────────────────────┬───────────────────┬────────────────────────────┐
 *   │ header │ ring of page numbers │ a state byte each │ RAM as it has arrived      │
 *   └────────┴──────────────────────┴───────────────────┴────────────────────────────┘
 *    64 B     4 B an entry            1 B a page          4,096 B a page
 *
 *                 put                          take
 *   applied  ─────────────────▶  arrived  ──────────────▶  applied
 *      └── expect ──▶ absent ──put──▲
 *
 * The receiver writes a page here, then its state, then its number into the ring; the guest's thread
 * takes numbers, and copies those pages to the guest whose state it moved from arrived to applied.
 * A page that is written again while it is copied is in the ring again, so that the last copy is
 * whole. A page has at most two entries: one in force, and one from before it was expected.
 *
 * Waits and wake-ups are those of ECMAScript's Atomics on one counter of arrivals.
 */
import { assert } from "../../base/assert.js";
import { PrecopyError } from "../../base/errors.js";
import { PAGE_SIZE_BYTES } from "../../base/units.js";

const HEADER_BYTES = 64;
/** Words of the header: ring entries ever written and taken, arrivals, and the ends. */
const PUT = 0;
const TAKEN = 1;
const ARRIVALS = 2;
const STOPPED = 3;
const CALLED = 4;

const STATE = { applied: 0, arrived: 1, absent: 2 } as const;
const ENTRIES_A_PAGE = 2;

export class ShadowMemory {
  private readonly header: Int32Array;
  private readonly ring: Uint32Array;
  private readonly states: Uint8Array;
  private readonly ram: Uint8Array;

  /** Zeroed memory for a guest; throws PrecopyError where threads cannot share so much. */
  static create(pages: number): ShadowMemory {
    if (typeof SharedArrayBuffer === "undefined") {
      throw new PrecopyError(
        "unsupported",
        "this page shares no memory between threads; serve it with the headers of cross-origin " +
          "isolation (COOP same-origin, COEP require-corp), or take a strategy without post-copy",
      );
    }
    const bytes = layoutOf(pages).endBytes;
    try {
      return new ShadowMemory(new SharedArrayBuffer(bytes), pages);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new PrecopyError("limit", `there are no ${bytes} bytes to share between threads`);
    }
  }

  /** The same memory, as another thread got it. */
  constructor(
    readonly buffer: SharedArrayBuffer,
    readonly pages: number,
  ) {
    const { ringAt, entries, statesAt, ramAt, endBytes } = layoutOf(pages);
    assert(buffer.byteLength === endBytes, `${buffer.byteLength} bytes shadow ${pages} pages`);
    this.header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.ring = new Uint32Array(buffer, ringAt, entries);
    this.states = new Uint8Array(buffer, statesAt, pages);
    this.ram = new Uint8Array(buffer, ramAt, pages * PAGE_SIZE_BYTES);
  }

  /** One page, live. */
  page(pfn: number): Uint8Array {
    return this.ram.subarray(pfn * PAGE_SIZE_BYTES, (pfn + 1) * PAGE_SIZE_BYTES);
  }

  isAbsent(pfn: number): boolean {
    return Atomics.load(this.states, pfn) === STATE.absent;
  }

  // The receiver's side.

  /** A page that came before the guest runs, and may come again. */
  put(pfn: number, contents: Uint8Array): void {
    this.page(pfn).set(contents);
    const before = Atomics.exchange(this.states, pfn, STATE.arrived);
    if (before !== STATE.arrived) this.push(pfn);
  }

  /** What was sent of the page is old: it comes once more, and must not be used until then. */
  expect(pfn: number): void {
    Atomics.store(this.states, pfn, STATE.absent);
  }

  /** A page that is expected. One that is not is the guest's already, and left alone. */
  putExpected(pfn: number, contents: Uint8Array): void {
    if (!this.isAbsent(pfn)) return;
    this.page(pfn).set(contents);
    Atomics.store(this.states, pfn, STATE.arrived);
    this.push(pfn);
  }

  /** Wakes a guest that waits; true where its thread has to be called, to look at the ring. */
  announce(): boolean {
    Atomics.add(this.header, ARRIVALS, 1);
    Atomics.notify(this.header, ARRIVALS);
    return Atomics.exchange(this.header, CALLED, 1) === 0;
  }

  /** Nothing more will come: a guest that waits is woken to stop. */
  stop(): void {
    Atomics.store(this.header, STOPPED, 1);
    this.announce();
  }

  // The side of the guest's thread.

  /** The thread looks at the ring now: a later arrival has to call it again. */
  answerCall(): void {
    Atomics.store(this.header, CALLED, 0);
  }

  /** The next page to copy to the guest; undefined where none has arrived. */
  take(): number | undefined {
    for (;;) {
      const taken = Atomics.load(this.header, TAKEN);
      if (taken === Atomics.load(this.header, PUT)) return undefined;
      const pfn = this.ring[(taken >>> 0) % this.ring.length] as number;
      Atomics.store(this.header, TAKEN, (taken + 1) | 0);
      if (this.takePage(pfn)) return pfn;
    }
  }

  /** Takes this page ahead of its turn; false where it has not arrived, or was taken. */
  takePage(pfn: number): boolean {
    return this.exchange(pfn, STATE.arrived, STATE.applied);
  }

  /** Pages that are not the guest's yet. */
  outstanding(): Uint32Array {
    const list = new Uint32Array(this.pages);
    let count = 0;
    for (let pfn = 0; pfn < this.pages; pfn++) {
      if (Atomics.load(this.states, pfn) !== STATE.applied) list[count++] = pfn;
    }
    return list.subarray(0, count);
  }

  get stopped(): boolean {
    return Atomics.load(this.header, STOPPED) === 1;
  }

  /** Announcements so far; to be read before the ring is looked at, for {@link waitPast}. */
  get arrivals(): number {
    return Atomics.load(this.header, ARRIVALS);
  }

  /** Blocks this thread until there are more announcements than `seen`. */
  waitPast(seen: number): void {
    Atomics.wait(this.header, ARRIVALS, seen);
  }

  private push(pfn: number): void {
    const put = Atomics.load(this.header, PUT);
    const waiting = (put - Atomics.load(this.header, TAKEN)) | 0;
    assert(waiting < this.ring.length, "a page has two entries at most");
    this.ring[(put >>> 0) % this.ring.length] = pfn;
    Atomics.store(this.header, PUT, (put + 1) | 0);
  }

  private exchange(pfn: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.states, pfn, from, to) === from;
  }
}

interface Layout {
  readonly ringAt: number;
  readonly entries: number;
  readonly statesAt: number;
  readonly ramAt: number;
  readonly endBytes: number;
}

function layoutOf(pages: number): Layout {
  assert(Number.isInteger(pages) && pages > 0 && pages < 2 ** 24, `${pages} pages are a guest's`);
  // A power of two, so that counts modulo 2^32 find their entry.
  let entries = 1;
  while (entries < pages * ENTRIES_A_PAGE) entries *= 2;
  const statesAt = HEADER_BYTES + entries * 4;
  const ramAt = Math.ceil((statesAt + pages) / PAGE_SIZE_BYTES) * PAGE_SIZE_BYTES;
  const endBytes = ramAt + pages * PAGE_SIZE_BYTES;
  return { ringAt: HEADER_BYTES, entries, statesAt, ramAt, endBytes };
}
