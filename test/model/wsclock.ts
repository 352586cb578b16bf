/**
 * WSClock as prose: one object a page, time that never wraps, no words and no lanes. Written from
 * Tanenbaum's text (Modern Operating Systems 3.4.9), not from the kernel.
 */

interface Entry {
  onRing: boolean;
  r: boolean;
  m: boolean;
  /** Undefined: never used. */
  last: number | undefined;
  history: boolean[];
}

export class WsClockModel {
  hand = 0;
  readonly entries: Entry[];
  readonly intervals: number[] = [];

  constructor(
    pages: number,
    public tau: number,
  ) {
    this.entries = Array.from({ length: pages }, () => ({
      onRing: true,
      r: false,
      m: false,
      last: undefined,
      history: Array(8).fill(false),
    }));
  }

  age(page: number, now: number): number {
    const entry = this.entries[page]!;
    return entry.last === undefined ? Number.POSITIVE_INFINITY : now - entry.last;
  }

  insert(page: number, now: number): void {
    const entry = this.entries[page]!;
    entry.onRing = true;
    entry.r = true;
    entry.last = now;
    entry.history = Array(8).fill(false);
  }

  remove(page: number): void {
    this.entries[page]!.onRing = false;
    this.entries[page]!.r = false;
  }

  tick(now: number): number {
    let referenced = 0;
    this.entries.forEach((entry, page) => {
      const used = entry.r && entry.onRing;
      entry.history = [used, ...entry.history.slice(0, 7)];
      entry.r = false;
      if (!used) return;
      referenced++;
      const interval = this.age(page, now);
      if (interval < 2 ** 30) this.intervals.push(interval);
      entry.last = now;
    });
    return referenced;
  }

  sweep(now: number, victimsMax: number, writesMax: number) {
    const clean: number[] = [];
    const dirty: number[] = [];
    let inWorkingSet = 0;
    const start = this.hand;
    for (let k = 0; k < this.entries.length; k++) {
      const page = (start + k) % this.entries.length;
      const entry = this.entries[page]!;
      if (!entry.onRing) continue;
      if (entry.r) {
        entry.r = false;
        entry.last = now;
        inWorkingSet++;
      } else if (this.age(page, now) <= this.tau) {
        inWorkingSet++;
      } else if (entry.m) {
        if (dirty.length < writesMax) dirty.push(page);
      } else {
        clean.push(page);
        if (clean.length === victimsMax) {
          this.hand = (page + 1) % this.entries.length;
          return { clean, dirty, inWorkingSet, full: this.hand === start };
        }
      }
    }
    return { clean, dirty, inWorkingSet, full: true };
  }

  /** The bullets of the paper, sentence by sentence. */
  sweepLiteral(now: number) {
    const clean: number[] = [];
    const dirty: number[] = [];
    let inWorkingSet = 0;
    this.entries.forEach((entry, page) => {
      if (!entry.onRing) return;
      if (entry.r) {
        inWorkingSet++;
        return;
      }
      entry.r = false;
      entry.last = now;
      if (this.age(page, now) < this.tau) inWorkingSet++;
      else if (entry.m) dirty.push(page);
      else clean.push(page);
    });
    return { clean, dirty, inWorkingSet, full: true };
  }

  workingSet(now: number): number[] {
    return this.pages((entry, page) => entry.r || this.age(page, now) <= this.tau);
  }

  hottest(now: number, max: number): number[] {
    const ones = (page: number) => this.entries[page]!.history.filter(Boolean).length;
    const age = (page: number) => (this.entries[page]!.r ? 0 : this.age(page, now));
    const ranked = this.workingSet(now).sort(
      (a, b) => age(a) - age(b) || ones(b) - ones(a) || a - b,
    );
    return ranked.slice(0, max).sort((a, b) => a - b);
  }

  sizes(now: number, binTicks: number, bins: number): number[] {
    const result = Array(bins).fill(0);
    for (const page of this.pages(() => true)) {
      const age = this.entries[page]!.r ? 0 : this.age(page, now);
      const bin = Math.floor(age / binTicks);
      if (bin < bins) result[bin]++;
    }
    return result;
  }

  victim(now: number): { page: number; dirty: number[] } {
    const order = this.entries.map((_, k) => (this.hand + k) % this.entries.length);
    const ring = order.filter((page) => this.entries[page]!.onRing);
    const dirty: number[] = [];
    for (const page of ring) {
      const entry = this.entries[page]!;
      if (entry.r) {
        entry.r = false;
        entry.last = now;
      } else if (this.age(page, now) > this.tau) {
        if (!entry.m) return { page: this.claim(page), dirty };
        dirty.push(page);
      }
    }
    const clean = ring.find((page) => !this.entries[page]!.m);
    if (clean !== undefined) return { page: this.claim(clean), dirty };
    if (dirty.length > 0 || ring.length === 0) return { page: -1, dirty };
    return { page: this.claim(ring[0]!), dirty };
  }

  private claim(page: number): number {
    this.hand = (page + 1) % this.entries.length;
    return page;
  }

  private pages(keep: (entry: Entry, page: number) => boolean): number[] {
    return this.entries.flatMap((entry, page) => (entry.onRing && keep(entry, page) ? [page] : []));
  }
}
