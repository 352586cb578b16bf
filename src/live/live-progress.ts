/**
 * Where a live migration stands, in the terms of QEMU's `query-migrate` (remaining, transferred,
 * dirty rate, expected downtime), and how long it will go on: an estimate that may stand still but
 * never grows, because a person who was told "3 s" does not want to hear "5 s".
 */
import type { Migration, MigrationState } from "../migrate/migration.js";
import type { LiveLink } from "./live-link.js";
import { RateMeter } from "./transport/pacing.js";

export interface LiveProgress {
  readonly state: MigrationState;
  /** From 1; 0 before the first. */
  readonly round: number;
  readonly elapsedNs: number;
  readonly bytesSent: number;
  readonly pagesSent: number;
  /** What is owed, as it is in memory, and what waits for the link. */
  readonly remainingBytes: number;
  /** Payload a second over about the last second. */
  readonly bytesPerSec: number;
  /** Of the last whole round, pages times page size; 0 before there was one. */
  readonly dirtyBytesPerSec: number;
  /** If the guest paused now: what remains at this rate, and what no page causes. */
  readonly expectedDowntimeNs: number;
  /** Undefined as long as it does not converge, or nothing is known. */
  readonly etaNs: number | undefined;
  readonly cpuShare: number;
}

export class ProgressMeter {
  private readonly meter: RateMeter;
  private metered = 0;
  private etaNs: number | undefined;

  constructor(
    private readonly engine: Migration,
    private readonly link: Pick<LiveLink, "queuedBytes">,
    private readonly now: () => number,
  ) {
    this.meter = new RateMeter(now());
  }

  look(): LiveProgress {
    const { engine } = this;
    const nowNs = this.now();
    const { pagesSent, bytes } = engine.mover.totals;
    // A batch that is queued has been counted and has not left.
    const left = Math.max(this.metered, bytes - this.link.queuedBytes);
    this.meter.add(left - this.metered, nowNs);
    this.metered = left;
    const bytesPerSec = this.meter.bytesPerSec(nowNs);
    const owedBytes = engine.mover.owed.count() * engine.mover.bytesPerPage;
    const remainingBytes = engine.ended ? 0 : owedBytes + this.link.queuedBytes;
    const last = engine.rounds.filter(({ pagesDirtied }) => pagesDirtied >= 0).at(-1);
    const dirtyBytesPerSec =
      last === undefined || last.durationNs === 0
        ? 0
        : (last.pagesDirtied * engine.config.pageSizeBytes * 1e9) / last.durationNs;
    return {
      state: engine.state,
      round: engine.rounds.length,
      elapsedNs: nowNs,
      bytesSent: bytes,
      pagesSent,
      remainingBytes,
      bytesPerSec,
      dirtyBytesPerSec,
      expectedDowntimeNs: this.downtime(remainingBytes, bytesPerSec),
      etaNs: this.eta(remainingBytes, bytesPerSec - dirtyBytesPerSec),
      cpuShare: engine.rounds.at(-1)?.cpuShare ?? 1,
    };
  }

  private downtime(remainingBytes: number, bytesPerSec: number): number {
    const rate = bytesPerSec > 0 ? bytesPerSec : this.engine.config.linkBytesPerSec;
    return Math.round(this.engine.config.fixedDowntimeNs + (remainingBytes * 1e9) / rate);
  }

  private eta(remainingBytes: number, netBytesPerSec: number): number | undefined {
    if (this.engine.ended) return 0;
    if (netBytesPerSec > 0) {
      const { fixedDowntimeNs } = this.engine.config;
      const estimate = Math.round((remainingBytes * 1e9) / netBytesPerSec + fixedDowntimeNs);
      this.etaNs = Math.min(this.etaNs ?? estimate, estimate);
    }
    return this.etaNs;
  }
}
