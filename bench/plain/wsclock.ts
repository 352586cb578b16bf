/**
 * WSClock in plain TypeScript, one page at a time over typed arrays.
 */
const AGE_CAP = 2 ** 30;

export class PlainRing {
  readonly referenced: Uint8Array;
  readonly modified: Uint8Array;
  readonly last: Uint32Array;
  readonly history: Uint8Array;
  readonly clean: Uint32Array;
  readonly dirty: Uint32Array;
  readonly pastCount = new Float64Array(1600);
  readonly pastSum = new Float64Array(1600);
  /** Of the last sweep: clean victims, scheduled writes, pages in the working set. */
  readonly found = new Uint32Array(3);

  constructor(readonly pages: number) {
    this.referenced = new Uint8Array(pages);
    this.modified = new Uint8Array(pages);
    this.last = new Uint32Array(pages);
    this.history = new Uint8Array(pages);
    this.clean = new Uint32Array(pages);
    this.dirty = new Uint32Array(pages);
  }

  sweep(now: number, tau: number): void {
    const { pages, referenced, modified, last, clean, dirty } = this;
    let victims = 0;
    let writes = 0;
    let members = 0;
    for (let page = 0; page < pages; page++) {
      if (referenced[page] !== 0) {
        referenced[page] = 0;
        last[page] = now;
        members++;
      } else if ((now - (last[page] as number)) >>> 0 <= tau) {
        members++;
      } else if (modified[page] !== 0) {
        dirty[writes++] = page;
      } else {
        clean[victims++] = page;
      }
    }
    this.found.set([victims, writes, members]);
  }

  tick(now: number): number {
    const { pages, referenced, last, history } = this;
    let seen = 0;
    for (let page = 0; page < pages; page++) {
      const r = referenced[page] as number;
      history[page] = ((history[page] as number) >> 1) | (r << 7);
      if (r === 0) continue;
      this.recordInterval((now - (last[page] as number)) >>> 0);
      last[page] = now;
      referenced[page] = 0;
      seen++;
    }
    return seen;
  }

  private recordInterval(age: number): void {
    if (age >= AGE_CAP) return;
    let bucket = age;
    if (age >= 64) {
      const octave = 31 - Math.clz32(age);
      bucket = ((octave - 5) << 6) + ((age >> (octave - 6)) & 63);
    }
    this.pastCount[bucket] = (this.pastCount[bucket] as number) + 1;
    this.pastSum[bucket] = (this.pastSum[bucket] as number) + age;
  }
}

/** A byte a page. */
export function spread(bits: Uint32Array, bytes: Uint8Array): void {
  for (let page = 0; page < bytes.length; page++) {
    bytes[page] = ((bits[page >> 5] as number) >>> (page & 31)) & 1;
  }
}
