/**
 * What a migration came to. All times are integer nanoseconds of the source's clock and are
 * differences of marks on one time line, so that the stages add up exactly.
 */
import type { Outcome } from "./messages.js";

/** The six stages of Clark et al. and of the seed paper's section 3.1, and post-copy's rest. */
export interface StageTimes {
  readonly initialisation: number;
  readonly reservation: number;
  readonly iterativePreCopy: number;
  readonly stopAndCopy: number;
  readonly commitment: number;
  readonly activation: number;
  readonly residualPush: number;
}

export interface RoundReport {
  /** From 1. */
  readonly round: number;
  readonly pagesSent: number;
  /** Left out because the log showed them written again (the skip set). */
  readonly pagesSkipped: number;
  /** Held back to the pause by the predictor while this round ran. */
  readonly pagesHeld: number;
  /** Distinct pages dirtied while the round ran; -1 for a last round whose log nobody read. */
  readonly pagesDirtied: number;
  readonly bytes: number;
  /** From the end of the round before to the end of this one's reading of the log. */
  readonly durationNs: number;
  readonly bandwidthBytesPerSec: number;
  /** Share of its CPUs that the guest was allowed in this round. */
  readonly cpuShare: number;
}

/** Stream bytes by what they were for; `total` is their sum and what the link carried. */
export interface ByteCounts {
  readonly rounds: number;
  readonly pause: number;
  readonly control: number;
  readonly residual: number;
  /** Of the disk that moved along. */
  readonly storage: number;
  readonly total: number;
}

/** A disk that moved along. */
export interface StorageReport {
  readonly blocks: number;
  readonly blockBytes: number;
  /** The bulk copy, passes over what was written since, and the pause's, if it sent any. */
  readonly rounds: number;
  readonly blocksSent: number;
  /** Blocks sent in the pause. */
  readonly pauseBlocks: number;
  readonly bytes: number;
}

export interface MigrationReport {
  readonly guest: string;
  /** Name as it is written: strategy+predictor:params@preset. */
  readonly name: string;
  readonly strategy: string;
  readonly predictor: string;
  readonly preset: string;
  /** Names of throttle, codecs, reclaim and manager, as far as there are any. */
  readonly techniques: readonly string[];
  readonly outcome: Outcome;
  readonly pages: number;
  readonly pageSizeBytes: number;
  readonly startNs: number;
  readonly stagesNs: StageTimes;
  /** Sum of all stages. */
  readonly totalNs: number;
  /** Stop-and-copy, commitment and activation (the seed paper's equation 2). */
  readonly downtimeNs: number;
  /** Last instruction on the source to first instruction on the target. */
  readonly blackoutNs: number;
  /** Last instruction on the source to the announcement of the address: what a client waits. */
  readonly clientOutageNs: number;
  /** Post-copy: time in which a lost link loses the guest (commit point to last page); else 0. */
  readonly exposureNs: number;
  readonly bytesSent: number;
  readonly bytes: ByteCounts;
  /** Left out: storage was shared. */
  readonly storage?: StorageReport;
  readonly pagesSent: number;
  /** Pages sent in the pause because they had been held back. */
  readonly heldPages: number;
  /** The most that the downtime budget allowed to hold when the rounds ended. */
  readonly heldCapPages: number;
  /** Pages sent in the pause. */
  readonly stopPages: number;
  /** Post-copy: pages that were absent when the target began to run. */
  readonly residualPages: number;
  readonly stopReason: string;
  readonly rounds: readonly RoundReport[];
  /** What the predictor decided by itself. */
  readonly predictorState: Readonly<Record<string, number | string>>;
  /** What the strategy decided by itself. */
  readonly strategyState: Readonly<Record<string, number | string>>;
  readonly throttleState: Readonly<Record<string, number | string>>;
  /** What was taken back from the guest before it moved. */
  readonly reclaimState: Readonly<Record<string, number | string>>;
  readonly managerState: Readonly<Record<string, number | string>>;
}
