/**
 * What `run --json` prints: plain data with units in the names, integer nanoseconds and bytes.
 * Its form changes only with `schemaVersion`.
 */
import type { Verified } from "../migrate/checker.js";
import type { Outcome } from "../migrate/messages.js";
import type { ByteCounts, RoundReport, StageTimes } from "../migrate/report.js";
import type { MigrationResult } from "../model/migration-result.js";
import type { SimulationResult } from "../model/simulation.js";

export interface MigrationJson {
  guest: string;
  strategy: string;
  predictor: string;
  preset: string;
  /** As it was written. */
  name: string;
  outcome: Outcome;
  pages: number;
  pageSizeBytes: number;
  stagesNs: StageTimes;
  totalNs: number;
  downtimeNs: number;
  blackoutNs: number;
  clientOutageNs: number;
  bytesSent: number;
  bytes: ByteCounts;
  pagesSent: number;
  heldPages: number;
  heldCapPages: number;
  /** Share of the guest's progress that was lost while it ran, 0 to 1. */
  guestSlowdown: number;
  stopReason: string;
  rounds: RoundReport[];
  verified: Verified;
}

export interface SimulationJson {
  schemaVersion: number;
  seed: number;
  eventLogHash: string;
  makespanNs: number;
  migrations: MigrationJson[];
}

/** The result of a run as data that `JSON.stringify` keeps whole. */
export function toJson(result: SimulationResult): SimulationJson {
  const { schemaVersion, seed, eventLogHash, makespanNs, migrations } = result;
  return {
    schemaVersion,
    seed,
    eventLogHash,
    makespanNs,
    migrations: migrations.map(migrationJson),
  };
}

function migrationJson(migration: MigrationResult): MigrationJson {
  return {
    guest: migration.guest,
    strategy: migration.strategy,
    predictor: migration.predictor,
    preset: migration.preset,
    name: migration.name,
    outcome: migration.outcome,
    pages: migration.pages,
    pageSizeBytes: migration.pageSizeBytes,
    stagesNs: { ...migration.stagesNs },
    totalNs: migration.totalNs,
    downtimeNs: migration.downtimeNs,
    blackoutNs: migration.blackoutNs,
    clientOutageNs: migration.clientOutageNs,
    bytesSent: migration.bytesSent,
    bytes: { ...migration.bytes },
    pagesSent: migration.pagesSent,
    heldPages: migration.heldPages,
    heldCapPages: migration.heldCapPages,
    guestSlowdown: migration.guestSlowdown,
    stopReason: migration.stopReason,
    rounds: migration.rounds.map((round) => ({ ...round })),
    verified: { ...migration.verified },
  };
}
