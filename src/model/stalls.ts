/**
 * What waiting for absent pages cost a guest: each VCPU's blocktime, the time in which all of them
 * were blocked at once, and the stall of each fault.
 *
 * Source: QEMU's migration/postcopy-ram.c ("vcpu-blocktime", "postcopy-blocktime"; from 10.1 on
 * blocktime_latency_account, whose 24 buckets of doubling microseconds these are). Times here are
 * nanoseconds where QEMU has milliseconds and microseconds.
 */
import { assert } from "../base/assert.js";

/** BLOCKTIME_LATENCY_BUCKET_N of QEMU 10.1. */
export const STALL_BUCKETS = 24;

const RUNS = -1;

/** Faults of one kind, and how long each stood. Stalls that still last are in `count` alone. */
export class StallTally {
  count = 0;
  stallNs = 0;
  worstNs = 0;
  /** Bucket i: stalls from 2^i to 2^(i + 1) - 1 µs; those under 1 µs in the first, the last open. */
  readonly buckets: number[] = Array(STALL_BUCKETS).fill(0);

  /** Takes a stall that is over. */
  add(ns: number): void {
    this.stallNs += ns;
    this.worstNs = Math.max(this.worstNs, ns);
    let bucket = 0;
    for (let us = Math.floor(ns / 1000); us >= 2 && bucket < STALL_BUCKETS - 1; us /= 2) bucket++;
    this.buckets[bucket] = (this.buckets[bucket] as number) + 1;
  }
}

export class Stalls {
  /** Pages that came from the other machine. */
  readonly remote = new StallTally();
  /** Pages that the guest brought back itself, from its disk. */
  readonly local: StallTally;
  /** Time blocked, by VCPU. */
  readonly vcpuBlocktimeNs: number[];
  /** Time in which every VCPU was blocked. */
  allBlockedNs = 0;
  private readonly sinceNs: number[];
  private readonly kinds: StallTally[];

  /** Counted anew while no VCPU waits for the other machine. */
  afresh(): Stalls {
    return new Stalls(this.sinceNs.length, this);
  }

  /** `before`: what was counted so far; its local stalls go on, those that last too. */
  constructor(vcpus: number, before?: Stalls) {
    this.local = before?.local ?? new StallTally();
    this.vcpuBlocktimeNs = Array(vcpus).fill(0);
    this.sinceNs = before?.sinceNs ?? Array(vcpus).fill(RUNS);
    this.kinds = before?.kinds ?? Array(vcpus).fill(this.remote);
  }

  /** A VCPU waits from `atNs` on. Beginnings may be told early, ends in the order of time. */
  begin(vcpu: number, atNs: number, kind: "remote" | "local"): void {
    assert(this.sinceNs[vcpu] === RUNS, `VCPU ${vcpu} waits for one page at a time`);
    this.sinceNs[vcpu] = atNs;
    this.kinds[vcpu] = this[kind];
    this[kind].count++;
  }

  end(vcpu: number, atNs: number): void {
    const sinceNs = this.sinceNs[vcpu] as number;
    assert(sinceNs !== RUNS && atNs >= sinceNs, `VCPU ${vcpu} has waited from ${sinceNs} on`);
    if (this.sinceNs.every((since) => since !== RUNS)) {
      this.allBlockedNs += Math.max(0, atNs - Math.max(...this.sinceNs));
    }
    this.sinceNs[vcpu] = RUNS;
    this.vcpuBlocktimeNs[vcpu] = (this.vcpuBlocktimeNs[vcpu] as number) + atNs - sinceNs;
    (this.kinds[vcpu] as StallTally).add(atNs - sinceNs);
  }

  /** The page had come before it was missed: there was no fault. */
  cancel(vcpu: number): void {
    assert(this.sinceNs[vcpu] !== RUNS, `VCPU ${vcpu} waits`);
    this.sinceNs[vcpu] = RUNS;
    (this.kinds[vcpu] as StallTally).count--;
  }
}
