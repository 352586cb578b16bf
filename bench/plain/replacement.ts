/**
 * LRU list, splay tree and clock in plain TypeScript: typed arrays indexed by page number.
 */
const ABSENT = 0xffffffff;

export class PlainLru {
  private readonly links: Uint32Array;
  private size = 0;

  constructor(
    readonly pages: number,
    readonly capacity: number,
  ) {
    this.links = new Uint32Array(2 * (pages + 1));
    this.empty();
  }

  empty(): void {
    this.links.fill(ABSENT);
    this.links[2 * this.pages] = this.pages;
    this.links[2 * this.pages + 1] = this.pages;
    this.size = 0;
  }

  touchAll(uses: Uint32Array): number {
    const { links, pages, capacity } = this;
    let { size } = this;
    let hits = 0;
    for (let i = 0; i < uses.length; i++) {
      const page = uses[i] as number;
      const head = links[2 * pages + 1] as number;
      if (page === head) {
        hits++;
        continue;
      }
      const previous = links[2 * page] as number;
      if (previous !== ABSENT) {
        hits++;
        const next = links[2 * page + 1] as number;
        links[2 * previous + 1] = next;
        links[2 * next] = previous;
      } else if (size === capacity) {
        const evicted = links[2 * pages] as number;
        const before = links[2 * evicted] as number;
        links[2 * before + 1] = pages;
        links[2 * pages] = before;
        links[2 * evicted] = ABSENT;
      } else {
        size++;
      }
      const first = links[2 * pages + 1] as number;
      links[2 * page] = pages;
      links[2 * page + 1] = first;
      links[2 * first] = page;
      links[2 * pages + 1] = page;
    }
    this.size = size;
    return hits;
  }

  order(): number[] {
    const listed: number[] = [];
    let page = this.links[2 * this.pages + 1] as number;
    for (; page !== this.pages; page = this.links[2 * page + 1] as number) listed.push(page);
    return listed;
  }
}

export class PlainSplay {
  /** Left and right child of node page + 1; node 0 holds the side trees. */
  private readonly links: Uint32Array;
  private root = 0;

  constructor(pages: number) {
    this.links = new Uint32Array(2 * (pages + 1));
    this.empty();
  }

  empty(): void {
    this.links.fill(ABSENT);
    this.root = 0;
  }

  touchAll(uses: Uint32Array): number {
    let hits = 0;
    for (let i = 0; i < uses.length; i++) hits += this.touch(uses[i] as number);
    return hits;
  }

  rightSpine(): number[] {
    const spine: number[] = [];
    for (let node = this.root; node !== 0; node = this.links[2 * node + 1] as number) {
      spine.push(node - 1);
    }
    return spine;
  }

  private touch(page: number): number {
    const { links } = this;
    const key = page + 1;
    const found = links[2 * key] !== ABSENT;
    if (this.root !== 0) this.root = this.splay(this.root, key);
    if (found) return 1;
    const { root } = this;
    let left = 0;
    let right = 0;
    if (root !== 0 && key < root) {
      left = links[2 * root] as number;
      right = root;
      links[2 * root] = 0;
    } else if (root !== 0) {
      right = links[2 * root + 1] as number;
      left = root;
      links[2 * root + 1] = 0;
    }
    links[2 * key] = left;
    links[2 * key + 1] = right;
    this.root = key;
    return 0;
  }

  private splay(root: number, key: number): number {
    const { links } = this;
    let t = root;
    let smaller = 0;
    let larger = 0;
    links[0] = 0;
    links[1] = 0;
    while (t !== key) {
      // Side 0 goes left, side 1 right.
      const side = key < t ? 0 : 1;
      let child = links[2 * t + side] as number;
      if (child === 0) break;
      if (side === 0 ? key < child : key > child) {
        links[2 * t + side] = links[2 * child + 1 - side] as number;
        links[2 * child + 1 - side] = t;
        t = child;
        child = links[2 * t + side] as number;
        if (child === 0) break;
      }
      if (side === 0) {
        links[2 * larger] = t;
        larger = t;
      } else {
        links[2 * smaller + 1] = t;
        smaller = t;
      }
      t = child;
    }
    links[2 * smaller + 1] = links[2 * t] as number;
    links[2 * larger] = links[2 * t + 1] as number;
    links[2 * t] = links[1] as number;
    links[2 * t + 1] = links[0] as number;
    return t;
  }
}

export class PlainClock {
  private readonly frameOf: Uint32Array;
  private readonly pageIn: Uint32Array;
  private readonly referenced: Uint8Array;
  private hand = 0;
  private used = 0;

  constructor(
    readonly pages: number,
    readonly frames: number,
  ) {
    this.frameOf = new Uint32Array(pages);
    this.pageIn = new Uint32Array(frames);
    this.referenced = new Uint8Array(frames);
    this.empty();
  }

  empty(): void {
    this.frameOf.fill(ABSENT);
    this.hand = 0;
    this.used = 0;
  }

  accessAll(uses: Uint32Array): number {
    const { frameOf, pageIn, referenced } = this;
    let hits = 0;
    for (let i = 0; i < uses.length; i++) {
      const page = uses[i] as number;
      let frame = frameOf[page] as number;
      if (frame !== ABSENT) {
        referenced[frame] = 1;
        hits++;
        continue;
      }
      frame = this.nextFrame();
      frameOf[page] = frame;
      pageIn[frame] = page;
      referenced[frame] = 1;
    }
    return hits;
  }

  residentInto(bits: Uint32Array): void {
    bits.fill(0);
    for (let frame = 0; frame < this.used; frame++) {
      const page = this.pageIn[frame] as number;
      bits[page >> 5] = (bits[page >> 5] as number) | (1 << (page & 31));
    }
  }

  private nextFrame(): number {
    const { frameOf, pageIn, referenced, frames } = this;
    if (this.used < frames) return this.used++;
    while (referenced[this.hand] !== 0) {
      referenced[this.hand] = 0;
      this.hand = this.hand + 1 === frames ? 0 : this.hand + 1;
    }
    const frame = this.hand;
    this.hand = this.hand + 1 === frames ? 0 : this.hand + 1;
    frameOf[pageIn[frame] as number] = ABSENT;
    return frame;
  }
}
