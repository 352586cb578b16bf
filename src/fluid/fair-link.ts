/**
 * One link shared max-min fairly by any number of senders, event by event, in O(log n) a step.
 *
 * Max-min on one link: every flow gets min(its limit, level), with the level such that the link is
 * full (Bertsekas & Gallager, Data Networks, 2nd ed., section 6.5.2). Flows under their limit all
 * run at the level, so one virtual clock serves them all (fair queueing's virtual time: Demers,
 * Keshav & Shenker, SIGCOMM 1989): V grows by level * dt, and a flow that started at V with b
 * bytes ends when V reaches V + b, whatever happens to the level meanwhile. Flows at their limit
 * end at a fixed real time. Flows of one limit form a class (limit-class.ts), which changes sides
 * when the level crosses its limit; every change of side counts against a bound.
 *
 *   timed     by real time: senders in their delay (their numbers), and classes at their limit
 *             (number of senders + number of the class)
 *   fair      by virtual time: classes at the level
 *   fairLimit / cappedLimit   the same classes by their limits, lowest and highest first
 */
import { assert } from "../base/assert.js";
import { IndexedHeap } from "./indexed-heap.js";
import { LimitClass } from "./limit-class.js";
import {
  changesReason,
  FLUID_CHANGES_MAX,
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
  private fairFlows = 0;
  private changes = 0;
  private readonly timed: IndexedHeap;
  private readonly fair: IndexedHeap;
  private readonly fairLimit: IndexedHeap;
  private readonly cappedLimit: IndexedHeap;
  /** 1 while a sender waits for its delay to pass; 2 when it has ended. */
  private readonly state: Uint8Array;
  private readonly classes: (LimitClass | undefined)[] = [];
  private readonly freeClasses: number[] = [];
  private readonly classOf = new Map<number, number>();

  constructor(
    private readonly capacityBytesPerSec: number,
    private readonly senders: readonly FluidSender[],
  ) {
    assert(
      capacityBytesPerSec > 0 && capacityBytesPerSec < Number.POSITIVE_INFINITY,
      `a link's capacity ${capacityBytesPerSec} is positive and finite`,
    );
    const n = senders.length;
    this.timed = new IndexedHeap(2 * n);
    this.fair = new IndexedHeap(n);
    this.fairLimit = new IndexedHeap(n);
    this.cappedLimit = new IndexedHeap(n);
    this.state = new Uint8Array(n);
  }

  /** Runs all senders to their ends, or cuts off those that a bound stops. */
  run(bounds: FluidBounds, counts: FluidCounts): void {
    const { senders, timed, fair } = this;
    for (const [id, sender] of senders.entries()) timed.add(id, sender.startSec);
    for (;;) {
      const fairSec = this.nextFairSec();
      const isFair = fairSec < timed.topKey;
      const top = isFair ? fair.top : timed.top;
      if (top === -1) return;
      const atSec = isFair ? fairSec : timed.topKey;
      if (atSec > bounds.untilSec) return this.cutOff(bounds.untilSec, untilReason(bounds));
      if (counts.steps >= bounds.stepsMax) return this.cutOff(this.nowSec, stepsReason(bounds));
      if (this.changes >= FLUID_CHANGES_MAX) return this.cutOff(this.nowSec, changesReason());
      if (this.fair.size > 0) this.virtualBytes += this.level * (atSec - this.nowSec);
      this.nowSec = atSec;
      if (isFair) this.virtualBytes = fair.keyOf(top);
      this.step(isFair ? top + senders.length : top, counts);
      this.rebalance();
    }
  }

  /** What `timed` or `fair` gave is due: a sender's delay is over, or a flow of a class ends. */
  private step(due: number, counts: FluidCounts): void {
    const isDelay = due < this.senders.length;
    if (isDelay) this.timed.remove(due);
    const id = isDelay ? due : this.endFlow(due - this.senders.length);
    const sender = this.senders[id] as FluidSender;
    if (isDelay && this.state[id] === 1 && sender.bytes > 0) return this.startFlow(id, sender);
    counts.steps++;
    if (!sender.next(this.nowSec)) {
      this.state[id] = 2;
    } else if (sender.delaySec === 0 && sender.bytes > 0) {
      this.startFlow(id, sender);
    } else {
      this.state[id] = 1;
      this.timed.add(id, this.nowSec + sender.delaySec);
    }
  }

  private startFlow(id: number, sender: FluidSender): void {
    this.state[id] = 0;
    const limit = sender.limitBytesPerSec;
    const known = this.classOf.get(limit);
    const number = known ?? this.freeClasses.pop() ?? this.classes.length;
    if (known === undefined) {
      // Restarting the virtual clock keeps flows that are alone free of rounding.
      if (this.fair.size === 0) this.virtualBytes = 0;
      this.classes[number] = new LimitClass(limit, this.virtualBytes);
      this.classOf.set(limit, number);
    } else {
      this.unqueue(number);
    }
    const flows = this.classes[number] as LimitClass;
    flows.drive(flows.capped, this.nowSec, this.virtualBytes);
    flows.add(id, sender.bytes);
    this.queue(number);
  }

  private endFlow(number: number): number {
    const flows = this.classes[number] as LimitClass;
    this.unqueue(number);
    const id = flows.takeFirst(this.nowSec, this.virtualBytes);
    if (flows.size > 0) {
      this.queue(number);
    } else {
      this.classOf.delete(flows.limitBytesPerSec);
      this.classes[number] = undefined;
      this.freeClasses.push(number);
    }
    return id;
  }

  /** Enters a class with flows into the heaps of its side. */
  private queue(number: number): void {
    const flows = this.classes[number] as LimitClass;
    const limit = flows.limitBytesPerSec;
    if (flows.capped) {
      this.timed.add(this.senders.length + number, flows.nextEnd);
      this.cappedLimit.add(number, -limit);
      this.cappedSum += limit * flows.size;
    } else {
      this.fair.add(number, flows.nextEnd);
      this.fairLimit.add(number, limit);
      this.fairFlows += flows.size;
    }
  }

  private unqueue(number: number): void {
    const flows = this.classes[number] as LimitClass;
    if (flows.capped) {
      this.timed.remove(this.senders.length + number);
      this.cappedLimit.remove(number);
      this.cappedSum -= flows.limitBytesPerSec * flows.size;
      if (this.cappedLimit.size === 0) this.cappedSum = 0;
    } else {
      this.fair.remove(number);
      this.fairLimit.remove(number);
      this.fairFlows -= flows.size;
    }
  }

  private nextFairSec(): number {
    if (this.fair.size === 0) return Number.POSITIVE_INFINITY;
    const leftBytes = this.fair.topKey - this.virtualBytes;
    return this.nowSec + Math.max(0, leftBytes) / this.level;
  }

  /**
   * Brings the level up to date. Taking a class off its limit lowers the level to no less than
   * that of the classes left there, and putting one on its limit only raises it: both loops end.
   */
  private rebalance(): void {
    this.setLevel();
    while (this.cappedLimit.size > 0 && -this.cappedLimit.topKey > this.level) {
      this.changeSide(this.cappedLimit.top);
    }
    while (this.fair.size > 0 && this.fairLimit.topKey <= this.level) {
      this.changeSide(this.fairLimit.top);
    }
  }

  private changeSide(number: number): void {
    this.changes++;
    const flows = this.classes[number] as LimitClass;
    this.unqueue(number);
    flows.drive(!flows.capped, this.nowSec, this.virtualBytes);
    this.queue(number);
    this.setLevel();
  }

  private setLevel(): void {
    const left = this.capacityBytesPerSec - this.cappedSum;
    if (this.fairFlows > 0) this.level = left / this.fairFlows;
    else this.level = left >= 0 ? Number.POSITIVE_INFINITY : 0;
  }

  private cutOff(atSec: number, reason: string): void {
    for (const [id, sender] of this.senders.entries()) {
      if (this.state[id] !== 2) sender.cutOff(atSec, reason);
    }
  }
}
