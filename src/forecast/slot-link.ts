/**
 * The link under QEMU's loop, with a socket at either end: the sender waits where its own is full,
 * the link where the target's is.
 */

interface Arriving {
  readonly bytes: number;
  takenMs: number;
}

export interface Given {
  /** What the target will spend on them. */
  readonly targetMs: number;
  /** They became ready from then on, in so many steps. Default all at once. */
  readonly startMs?: number;
  readonly looks?: number;
}

export class SlotLink {
  /** When the target will have taken all that it was given. */
  takenMs = 0;
  private bytesPerMs = 0;
  private socketMs = 0;
  /** When the link will have carried it. */
  private drainedMs = 0;
  /** Carried, not taken yet. */
  private arriving: Arriving[] = [];
  private arrivingBytes = 0;

  constructor(
    private readonly socketBytes: number,
    bytesPerSec: number,
  ) {
    this.carries(bytesPerSec);
  }

  /** From now on. Infinity: loopback, where only the CPU counts. */
  carries(bytesPerSec: number): void {
    this.bytesPerMs = bytesPerSec / 1000;
    this.socketMs = this.limits ? this.socketBytes / this.bytesPerMs : 0;
  }

  get limits(): boolean {
    return Number.isFinite(this.bytesPerMs);
  }

  carriesAtMost(bytesPerSec: number): void {
    if (bytesPerSec < this.bytesPerMs * 1000) this.carries(bytesPerSec);
  }

  /** Takes bytes that are ready at `ms`; returns when the sender may go on. */
  give(ms: number, bytes: number, { targetMs, startMs = ms, looks = 1 }: Given): number {
    if (!this.limits) return ms;
    const carryMs = bytes / this.bytesPerMs;
    while (this.arriving.length > 0 && this.arrivingBytes + bytes > this.socketBytes) {
      const first = this.arriving.shift() as Arriving;
      this.arrivingBytes -= first.bytes;
      this.drainedMs = Math.max(this.drainedMs, first.takenMs - carryMs);
    }
    const firstMs = startMs + (ms - startMs) / looks;
    this.drainedMs = Math.max(
      Math.max(this.drainedMs, firstMs) + carryMs,
      // The last of them cannot leave before they are ready.
      ms + carryMs / looks,
    );
    this.takenMs = Math.max(this.takenMs, this.drainedMs) + targetMs;
    this.arriving.push({ bytes, takenMs: this.takenMs });
    this.arrivingBytes += bytes;
    return Math.max(ms, this.drainedMs - this.socketMs);
  }

  /** Everything happens so much later. */
  shift(byMs: number): void {
    for (const one of this.arriving) one.takenMs += byMs;
    this.drainedMs += byMs;
    this.takenMs += byMs;
  }
}
