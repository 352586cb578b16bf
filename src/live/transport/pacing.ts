/**
 * Holding a sender to a bandwidth by a token bucket (the meter of RFC 2697 §3 without its second
 * bucket), and measuring the rate that was had. Both are handed the time, so that they run in
 * virtual time too.
 *
 * The bucket may run into debt: a frame larger than the burst goes out whole and the next waits
 * for it. Idle time is worth {@link BURST_NS} at most, which also makes good a timer that fires
 * late by less than that; so the long-run rate is the one asked for.
 */
import { PrecopyError } from "../../base/errors.js";
import { NS_PER_MS, NS_PER_SEC } from "../../base/units.js";

/** What an idle sender may save up: 20 ms of the rate. Our choice. */
export const BURST_NS = 20 * NS_PER_MS;

export class Pacer {
  /** What may be sent now; below zero is debt. */
  private balanceBytes = 0;
  private rateBytesPerSec: number;

  /**
   * @param bytesPerSec above 0; Infinity holds nobody back.
   * @param nowNs the time on the clock of all later calls.
   */
  constructor(
    bytesPerSec: number,
    private lastNs: number,
  ) {
    this.rateBytesPerSec = checkedRate(bytesPerSec);
  }

  get bytesPerSec(): number {
    return this.rateBytesPerSec;
  }

  /** Counts bytes that are sent now. How long to wait before anything more is sent, 0 if not. */
  take(bytes: number, nowNs: number): number {
    this.refill(nowNs);
    if (this.rateBytesPerSec !== Number.POSITIVE_INFINITY) this.balanceBytes -= bytes;
    return this.debtNs();
  }

  /** How much longer to wait from `nowNs`: for a sender that was woken early or by a new rate. */
  waitNs(nowNs: number): number {
    this.refill(nowNs);
    return this.debtNs();
  }

  /** From now on; what is owed is paid off at the new rate, so ask {@link waitNs} again. */
  setRate(bytesPerSec: number, nowNs: number): void {
    const rate = checkedRate(bytesPerSec);
    this.refill(nowNs);
    this.rateBytesPerSec = rate;
    if (rate === Number.POSITIVE_INFINITY) this.balanceBytes = 0;
    this.balanceBytes = Math.min(this.balanceBytes, this.burstBytes());
  }

  private refill(nowNs: number): void {
    const elapsedNs = nowNs - this.lastNs;
    // A clock that steps back gives nothing, and what it repeats is not counted twice.
    if (elapsedNs <= 0) return;
    this.lastNs = nowNs;
    if (this.rateBytesPerSec === Number.POSITIVE_INFINITY) return;
    const earnedBytes = (this.rateBytesPerSec * elapsedNs) / NS_PER_SEC;
    this.balanceBytes = Math.min(this.balanceBytes + earnedBytes, this.burstBytes());
  }

  private burstBytes(): number {
    if (this.rateBytesPerSec === Number.POSITIVE_INFINITY) return 0;
    return (this.rateBytesPerSec * BURST_NS) / NS_PER_SEC;
  }

  private debtNs(): number {
    if (this.balanceBytes >= 0) return 0;
    return Math.ceil((-this.balanceBytes * NS_PER_SEC) / this.rateBytesPerSec);
  }
}

function checkedRate(bytesPerSec: number): number {
  if (bytesPerSec > 0) return bytesPerSec;
  throw new PrecopyError(
    "bad-input",
    `a bandwidth of ${bytesPerSec} bytes a second sends nothing: give one above 0, or unlimited`,
  );
}

const SLOTS = 10;

/** The rate over the last second, in slots of 100 ms: steady enough to show, quick to follow. */
export class RateMeter {
  private readonly slots = new Float64Array(SLOTS);
  /** Number of the newest slot since the clock's zero. */
  private newest: number;
  private readonly slotNs: number;

  /** @param windowNs the time over which the rate is taken; a second unless told otherwise. */
  constructor(
    private readonly startNs: number,
    windowNs = NS_PER_SEC,
  ) {
    this.slotNs = windowNs / SLOTS;
    this.newest = this.slotOf(startNs);
  }

  /** Bytes that were delivered now. */
  add(bytes: number, nowNs: number): void {
    this.advance(nowNs);
    const at = this.newest % SLOTS;
    this.slots[at] = (this.slots[at] as number) + bytes;
  }

  /** Bytes a second over the window, or over the time since the start while that is shorter. */
  bytesPerSec(nowNs: number): number {
    this.advance(nowNs);
    let sum = 0;
    for (const bytes of this.slots) sum += bytes;
    const windowStartNs = (this.newest - SLOTS + 1) * this.slotNs;
    const elapsedNs = nowNs - Math.max(windowStartNs, this.startNs);
    return elapsedNs > 0 ? (sum * NS_PER_SEC) / elapsedNs : 0;
  }

  private advance(nowNs: number): void {
    const slot = this.slotOf(nowNs);
    const passed = Math.min(slot - this.newest, SLOTS);
    for (let step = 1; step <= passed; step++) this.slots[(this.newest + step) % SLOTS] = 0;
    if (slot > this.newest) this.newest = slot;
  }

  private slotOf(nowNs: number): number {
    return Math.floor(nowNs / this.slotNs);
  }
}
