/** What the engine is told of the guest and of its owner's wishes. */
import type { ResolvedStrategy } from "./registry.js";

/** A disk as the engine sees it. */
export interface DiskShape {
  readonly blocks: number;
  readonly blockBytes: number;
}

export interface MigrationConfig extends ResolvedStrategy {
  readonly guest: string;
  readonly pages: number;
  readonly pageSizeBytes: number;
  readonly vcpus: number;
  readonly deviceStateBytes: number;
  /** What of its memory is free, and what is clean page cache. */
  readonly freePages: number;
  readonly cachePages: number;
  /** Left out: it has none, or it is shared. */
  readonly disk?: DiskShape;
  /** The longest downtime that is accepted: the budget for holding pages back. */
  readonly downtimeLimitNs: number;
  /** Downtime that no page causes, as far as it is known beforehand. */
  readonly fixedDowntimeNs: number;
  /** Time of the pages that suspending itself dirties, as far as their number is known. */
  readonly suspendPagesNs: number;
  /** Payload rate of the path as it is known beforehand. */
  readonly linkBytesPerSec: number;
  /** Given up after this long, before the commit point. */
  readonly timeoutNs: number;
  /** Batches between reading and having left. */
  readonly windowBatches: number;
  /** Fencing number of this attempt. */
  readonly epoch: number;
  /** Of what the engine draws at random. */
  readonly seed: number;
}
