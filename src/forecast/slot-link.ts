/**
 * The link under QEMU's loop, with a socket at either end: the sender waits where its own is full,
 * the link where the target's is.
 */

interface Arriving {
  readonly bytes: number;
  takenMs: number;
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

  /** Takes bytes on which the target will spend `targetMs`; returns when the sender may go on. */
  give(ms: number, bytes: number, targetMs: number): number {
    if (!this.limits) return ms;
    while (this.arriving.length > 0 && this.arrivingBytes + bytes > this.socketBytes) {
      const first = this.arriving.shift() as Arriving;
      this.arrivingBytes -= first.bytes;
      this.drainedMs = Math.max(this.drainedMs, first.takenMs - bytes / this.bytesPerMs);
    }
    this.drainedMs = Math.max(this.drainedMs, ms) + bytes / this.bytesPerMs;
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
