/**
 * Flows of one link that have the same limit. They always run at the same rate, so one clock, in
 * bytes that each of them has sent since the class was made, serves all: a flow that joins at
 * clock c with b bytes ends at clock c + b. The clock runs with real time while the class is at
 * its limit, and with the link's virtual clock while it is at the level.
 */
export class LimitClass {
  /** True while the class runs at its limit. */
  capped = false;
  private clockBytes = 0;
  /** Where the driving clock stood when `clockBytes` was right: seconds, or virtual bytes. */
  private settledAt: number;
  private readonly tags: number[] = [];
  private readonly ids: number[] = [];

  /** A new class stands at the level. */
  constructor(
    readonly limitBytesPerSec: number,
    virtualBytes: number,
  ) {
    this.settledAt = virtualBytes;
  }

  get size(): number {
    return this.ids.length;
  }

  /** Goes over to the other clock, or takes the one it has from here; give both. */
  drive(capped: boolean, nowSec: number, virtualBytes: number): void {
    this.clockBytes = this.clockAt(nowSec, virtualBytes);
    this.capped = capped;
    this.settledAt = capped ? nowSec : virtualBytes;
  }

  /** Where the driving clock will stand when the first flow ends. */
  get nextEnd(): number {
    const leftBytes = Math.max(0, (this.tags[0] as number) - this.clockBytes);
    return this.settledAt + (this.capped ? leftBytes / this.limitBytesPerSec : leftBytes);
  }

  /** A flow joins; the class must be driven to now. */
  add(id: number, bytes: number): void {
    const { tags, ids } = this;
    const tag = this.clockBytes + bytes;
    let at = ids.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(tag, id, tags[parent] as number, ids[parent] as number)) break;
      tags[at] = tags[parent] as number;
      ids[at] = ids[parent] as number;
      at = parent;
    }
    tags[at] = tag;
    ids[at] = id;
  }

  /** The flow that ends first leaves. Its end is now: the clock is set to it. */
  takeFirst(nowSec: number, virtualBytes: number): number {
    const { tags, ids } = this;
    const first = ids[0] as number;
    this.clockBytes = tags[0] as number;
    this.settledAt = this.capped ? nowSec : virtualBytes;
    const tag = tags.pop() as number;
    const id = ids.pop() as number;
    if (ids.length > 0) this.sink(tag, id);
    return first;
  }

  private sink(tag: number, id: number): void {
    const { tags, ids } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= ids.length) break;
      const right = child + 1;
      if (right < ids.length && this.firstOf(right, child)) child = right;
      if (!before(tags[child] as number, ids[child] as number, tag, id)) break;
      tags[at] = tags[child] as number;
      ids[at] = ids[child] as number;
      at = child;
    }
    tags[at] = tag;
    ids[at] = id;
  }

  private firstOf(a: number, b: number): boolean {
    const { tags, ids } = this;
    return before(tags[a] as number, ids[a] as number, tags[b] as number, ids[b] as number);
  }

  private clockAt(nowSec: number, virtualBytes: number): number {
    if (this.capped) return this.clockBytes + this.limitBytesPerSec * (nowSec - this.settledAt);
    return this.clockBytes + (virtualBytes - this.settledAt);
  }
}

function before(tag: number, id: number, otherTag: number, otherId: number): boolean {
  return tag < otherTag || (tag === otherTag && id < otherId);
}
