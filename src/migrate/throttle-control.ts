/**
 * Keeps a throttle's accounts and carries its brake to the guest. It is asked after each reading of
 * the log that ends a round, and between them as often as it wants (QEMU's throttle reads the log
 * every five seconds: migration/cpu-throttle.c, `cpu_throttle_dirty_sync_timer_tick`).
 */
import { PageBitmap } from "../kernels/index.js";
import { type Brake, NO_BRAKE, type Throttle } from "../policy/throttle.js";
import type { PageMover } from "./page-mover.js";

/** What a live phase knows when the log has been read. */
export interface SyncFacts {
  readonly nowNs: number;
  readonly bandwidthBytesPerSec: number;
  /** What the downtime limit has room for. */
  readonly thresholdBytes: number;
}

export class ThrottleControl {
  brake: Brake = NO_BRAKE;
  /** What a reading between two rounds showed, for the live phase. */
  seenBetween: (pages: PageBitmap) => void = () => {};
  private lastNs = 0;
  private sentBefore = 0;
  private syncs = 0;
  private running = false;
  /** Distinct pages in the readings of the log since the throttle was asked last. */
  private readonly dirtied: PageBitmap | undefined;
  private facts: Omit<SyncFacts, "nowNs"> = {
    bandwidthBytesPerSec: 0,
    thresholdBytes: 0,
  };

  constructor(
    private readonly throttle: Throttle | undefined,
    private readonly mover: PageMover,
    private readonly guest: { readonly vcpus: number },
  ) {
    if (throttle === undefined) return;
    const dirtied = PageBitmap.create(mover.kernels, mover.pages, "dirtied since the last look");
    mover.logRead = (pages) => dirtied.or(pages);
    this.dirtied = dirtied;
  }

  static arenaBytes(pages: number): number {
    return PageBitmap.bytesFor(pages);
  }

  start(nowNs: number): void {
    this.running = true;
    this.lastNs = nowNs;
    this.sentBefore = this.mover.totals.bytes;
    this.dirtied?.reset();
    this.armTimer(nowNs);
  }

  stop(): void {
    this.running = false;
  }

  /** The log was read at a round's end. */
  synced(facts: SyncFacts): void {
    this.facts = facts;
    this.syncs++;
    this.ask(facts.nowNs);
  }

  describe(): Record<string, number | string> {
    return this.throttle?.describe() ?? {};
  }

  private ask(nowNs: number): void {
    const { throttle, mover, dirtied } = this;
    const periodNs = nowNs - this.lastNs;
    if (throttle === undefined || dirtied === undefined) return;
    if (!this.running || periodNs <= 0) return;
    const sentBytes = mover.totals.bytes - this.sentBefore;
    this.lastNs = nowNs;
    this.sentBefore = mover.totals.bytes;
    const dirtiedPages = dirtied.count();
    dirtied.reset();
    const brake = throttle.afterSync({
      nowNs,
      periodNs,
      dirtiedBytes: dirtiedPages * mover.pageSizeBytes,
      sentBytes,
      remainingBytes: mover.owed.count() * mover.pageSizeBytes,
      thresholdBytes: this.facts.thresholdBytes,
      bandwidthBytesPerSec: this.facts.bandwidthBytesPerSec,
      memoryBytes: mover.pages * mover.pageSizeBytes,
      vcpus: this.guest.vcpus,
      rounds: this.syncs,
    });
    if (sameBrake(brake, this.brake)) return;
    this.brake = brake;
    mover.requests.tell({ kind: "throttle", brake });
  }

  private armTimer(nowNs: number): void {
    const { throttle, mover } = this;
    if (throttle === undefined || throttle.periodNs === 0) return;
    const atNs = nowNs + throttle.periodNs;
    mover.requests.request({ kind: "set-timer", atNs }, (event) => {
      if (!this.running) return;
      this.armTimer(event.atNs);
      // Until the first round is over there is nothing to judge by (sync count > 1 in QEMU).
      if (this.syncs > 0 && event.atNs - this.lastNs >= throttle.periodNs) this.readBetween();
    });
  }

  private readBetween(): void {
    this.mover.harvest((pages, event) => {
      if (!this.running) return;
      this.seenBetween(pages);
      this.ask(event.atNs);
    });
  }
}

function sameBrake(a: Brake, b: Brake): boolean {
  return (
    a.cpuShare === b.cpuShare &&
    a.stallPerFaultNs === b.stallPerFaultNs &&
    a.stunAfterFaults === b.stunAfterFaults
  );
}
