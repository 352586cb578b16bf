/**
 * One link shared max-min fairly by any number of senders, event by event, in O(log n) a step.
 *
 * Max-min on one link: every flow gets min(its limit, level), with the level such that the link is
 * full (Bertsekas & Gallager, Data Networks, 2nd ed., section 6.5.2). Flows under their limit all
 * run at the level, so one virtual clock serves them all (fair queueing's virtual time: Demers,
 * Keshav & Shenker, SIGCOMM 1989): V grows by level * dt, and a flow that started at V with b
 * bytes ends when V reaches V + b, whatever happens to the level meanwhile. Flows at their limit
 * end at a fixed real time. A flow changes sides when the level crosses its limit.
 *
 *   timed     by real time: senders in their delay, and flows at their limit
 *   fair      by virtual time: flows at the level
 *   fairLimit / cappedLimit   the same flows by their limits, lowest and highest first
 */
import { assert } from "../base/assert.js";
import { IndexedHeap } from "./indexed-heap.js";
import {
  type FluidBounds,
  type FluidCounts,
  type FluidSender,
  stepsReason,
  untilReason,
} from "./sender.js";

export class FairLink {
  private nowSec = 0;
  private virtualBytes = 0;
  private level = 0;
  private cappedSum = 0;
  private readonly timed: IndexedHeap;
  private readonly fair: IndexedHeap;
  private readonly fairLimit: IndexedHeap;
  private readonly cappedLimit: IndexedHeap;
  /** 1 while a sender waits for its delay to pass. */
  private readonly delayed: Uint8Array;

  constructor(
    private readonly capacityBytesPerSec: number,
    private readonly senders: readonly FluidSender[],
  ) {
    assert(
      capacityBytesPerSec > 0 && capacityBytesPerSec < Number.POSITIVE_INFINITY,
      `a link's capacity ${capacityBytesPerSec} is positive and finite`,
    );
    this.timed = new IndexedHeap(senders.length);
    this.fair = new IndexedHeap(senders.length);
    this.fairLimit = new IndexedHeap(senders.length);
    this.cappedLimit = new IndexedHeap(senders.length);
    this.delayed = new Uint8Array(senders.length);
  }

  /** Runs all senders to their ends, or cuts off those that a bound stops. */
  run(bounds: FluidBounds, counts: FluidCounts): void {
    const { senders, timed, fair } = this;
    for (const [id, sender] of senders.entries()) timed.add(id, sender.startSec);
    for (;;) {
      const fairSec = this.nextFairSec();
      const isFair = fairSec < timed.topKey;
      const id = isFair ? fair.top : timed.top;
      if (id === -1) return;
      const atSec = isFair ? fairSec : timed.topKey;
      if (atSec > bounds.untilSec) return this.cutOff(bounds.untilSec, untilReason(bounds));
      if (counts.steps >= bounds.stepsMax) return this.cutOff(this.nowSec, stepsReason(bounds));
      this.moveTo(atSec);
      if (isFair) this.virtualBytes = fair.keyOf(id);
      this.takeOut(id, isFair);
      const sender = senders[id] as FluidSender;
      if (this.delayed[id] === 1 && sender.bytes > 0) {
        this.startFlow(id, sender);
      } else {
        counts.steps++;
        if (sender.next(atSec)) this.begin(id, sender);
      }
      this.rebalance();
    }
  }

  private begin(id: number, sender: FluidSender): void {
    if (sender.delaySec === 0 && sender.bytes > 0) return this.startFlow(id, sender);
    this.delayed[id] = 1;
    this.timed.add(id, this.nowSec + sender.delaySec);
  }

  private startFlow(id: number, sender: FluidSender): void {
    this.delayed[id] = 0;
    this.addFair(id, sender.bytes);
  }

  private addFair(id: number, bytes: number): void {
    // Restarting the virtual clock keeps a flow that is alone free of rounding.
    if (this.fair.size === 0) this.virtualBytes = 0;
    this.fair.add(id, this.virtualBytes + bytes);
    this.fairLimit.add(id, (this.senders[id] as FluidSender).limitBytesPerSec);
  }

  private addCapped(id: number, bytes: number, limit: number): void {
    this.timed.add(id, this.nowSec + bytes / limit);
    this.cappedLimit.add(id, -limit);
    this.cappedSum += limit;
  }

  private takeOut(id: number, isFair: boolean): void {
    if (isFair) {
      this.fair.remove(id);
      this.fairLimit.remove(id);
      return;
    }
    this.timed.remove(id);
    if (this.cappedLimit.has(id)) this.dropCapped(id);
  }

  private dropCapped(id: number): void {
    this.cappedSum += this.cappedLimit.keyOf(id);
    this.cappedLimit.remove(id);
    if (this.cappedLimit.size === 0) this.cappedSum = 0;
  }

  private nextFairSec(): number {
    if (this.fair.size === 0) return Number.POSITIVE_INFINITY;
    const leftBytes = this.fair.topKey - this.virtualBytes;
    return this.nowSec + Math.max(0, leftBytes) / this.level;
  }

  private moveTo(atSec: number): void {
    if (this.fair.size > 0) this.virtualBytes += this.level * (atSec - this.nowSec);
    this.nowSec = atSec;
  }

  /**
   * Brings the level up to date. Taking a flow off its limit lowers the level to no less than
   * that of the flows left there, and putting one on its limit only raises it: both loops end.
   */
  private rebalance(): void {
    this.setLevel();
    while (this.cappedLimit.size > 0 && -this.cappedLimit.topKey > this.level) {
      const id = this.cappedLimit.top;
      const limit = -this.cappedLimit.keyOf(id);
      const leftBytes = Math.max(0, this.timed.keyOf(id) - this.nowSec) * limit;
      this.timed.remove(id);
      this.dropCapped(id);
      this.addFair(id, leftBytes);
      this.setLevel();
    }
    while (this.fair.size > 0 && this.fairLimit.topKey <= this.level) {
      const id = this.fairLimit.top;
      const limit = this.fairLimit.topKey;
      const leftBytes = Math.max(0, this.fair.keyOf(id) - this.virtualBytes);
      this.fair.remove(id);
      this.fairLimit.remove(id);
      this.addCapped(id, leftBytes, limit);
      this.setLevel();
    }
  }

  private setLevel(): void {
    const left = this.capacityBytesPerSec - this.cappedSum;
    if (this.fair.size > 0) this.level = left / this.fair.size;
    else this.level = left >= 0 ? Number.POSITIVE_INFINITY : 0;
  }

  private cutOff(atSec: number, reason: string): void {
    for (let id = 0; id < this.senders.length; id++) {
      if (this.timed.has(id) || this.fair.has(id)) this.senders[id]?.cutOff(atSec, reason);
    }
  }
}
