/** Results for tests of reports: made by hand, or run. */
import type { MigrationResult, PostCopyReport } from "../../src/model/migration-result.js";
import type { SimulationResult } from "../../src/model/simulation.js";

const MS = 1_000_000;

/** A completed migration whose parts add up; `changes` are laid over it. */
export function migration(changes: Partial<MigrationResult> = {}): MigrationResult {
  return {
    guest: "web",
    name: "pre-copy@xen",
    strategy: "pre-copy",
    predictor: "none",
    preset: "xen",
    techniques: [],
    outcome: "target-runs",
    pages: 1000,
    pageSizeBytes: 4096,
    startNs: 0,
    stagesNs: {
      initialisation: 5 * MS,
      reservation: 20 * MS,
      iterativePreCopy: 100 * MS,
      stopAndCopy: 10 * MS,
      commitment: 2 * MS,
      activation: 3 * MS,
      residualPush: 0,
    },
    totalNs: 140 * MS,
    downtimeNs: 15 * MS,
    blackoutNs: 9 * MS,
    clientOutageNs: 14 * MS,
    exposureNs: 0,
    bytesSent: 5_000_000,
    bytes: {
      rounds: 4_900_000,
      pause: 99_808,
      control: 192,
      residual: 0,
      storage: 0,
      total: 5_000_000,
    },
    pagesSent: 1200,
    heldPages: 0,
    heldCapPages: 500,
    stopPages: 24,
    residualPages: 0,
    stopReason: "dirty-count",
    rounds: [round({ round: 1 }), round({ round: 2, pagesSent: 176, pagesDirtied: -1 })],
    predictorState: {},
    strategyState: {},
    throttleState: {},
    reclaimState: {},
    managerState: {},
    guestSlowdown: 0.02,
    guestRanNs: 98 * MS,
    guestBaselineNs: 100 * MS,
    worstStallNs: 9 * MS,
    codecState: {},
    logDirtyFaults: 300,
    unchangedSends: 0,
    endNs: 140 * MS,
    verified: { targetEqualsSource: true, everySendWasOwed: true },
    ...changes,
  };
}

/** What 120 faults of a guest with two VCPUs came to. */
export function paging(changes: Partial<PostCopyReport> = {}): PostCopyReport {
  return {
    absentPages: 900,
    faults: 120,
    workingSetPages: 600,
    faultShare: 0.2,
    stallNs: 400 * MS,
    worstStallNs: 12 * MS,
    vcpuBlocktimeNs: [300 * MS, 100 * MS],
    blocktimeNs: 30 * MS,
    stallBucketsUs: Array(24).fill(0),
    ...changes,
  };
}

export function round(
  changes: Partial<MigrationResult["rounds"][number]> = {},
): MigrationResult["rounds"][number] {
  return {
    round: 1,
    pagesSent: 1000,
    pagesSkipped: 0,
    pagesHeld: 0,
    pagesDirtied: 176,
    bytes: 4_104_000,
    durationNs: 50 * MS,
    bandwidthBytesPerSec: 82_080_000,
    cpuShare: 1,
    ...changes,
  };
}

export function resultOf(
  migrations: readonly MigrationResult[],
  changes: Partial<SimulationResult> = {},
): SimulationResult {
  return {
    schemaVersion: 2,
    seed: 1,
    eventLogHash: "0123456789abcdef",
    makespanNs: migrations[0]?.totalNs ?? 0,
    migrations,
    ...changes,
  };
}
