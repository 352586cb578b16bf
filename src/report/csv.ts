/**
 * Results as CSV (RFC 4180, lines ended by CR LF): a row per migration, a row per round, and of
 * comparisons a row per strategy. The first two carry seed and migration number, so that tables of several runs can be joined.
 */
import type { MigrationResult } from "../model/migration-result.js";
import { COMPARED, type Comparison, type StrategySummary } from "./compare.js";
import type { Migrations } from "./limits.js";

type Cell = number | string;
export type Columns<T> = readonly (readonly [name: string, of: (row: T) => Cell])[];

/** The result of a simulation, or of a live migration. */
export interface SeededMigrations extends Migrations {
  readonly seed: number;
}

interface MigrationRow {
  readonly seed: number;
  /** From 1, in the order of the report. */
  readonly number: number;
  readonly migration: MigrationResult;
}

interface RoundRow extends MigrationRow {
  readonly round: MigrationResult["rounds"][number];
}

const KEYS: Columns<MigrationRow> = [
  ["seed", ({ seed }) => seed],
  ["migration", ({ number }) => number],
  ["guest", ({ migration }) => migration.guest],
  ["name", ({ migration }) => migration.name],
];

const MIGRATION_COLUMNS: Columns<MigrationRow> = [
  ...KEYS,
  ["strategy", ({ migration }) => migration.strategy],
  ["predictor", ({ migration }) => migration.predictor],
  ["preset", ({ migration }) => migration.preset],
  ["techniques", ({ migration }) => migration.techniques.join("+")],
  ["outcome", ({ migration }) => migration.outcome],
  ["stopReason", ({ migration }) => migration.stopReason],
  ["pages", ({ migration }) => migration.pages],
  ["pageSizeBytes", ({ migration }) => migration.pageSizeBytes],
  ["startNs", ({ migration }) => migration.startNs],
  ["initialisationNs", ({ migration }) => migration.stagesNs.initialisation],
  ["reservationNs", ({ migration }) => migration.stagesNs.reservation],
  ["iterativePreCopyNs", ({ migration }) => migration.stagesNs.iterativePreCopy],
  ["stopAndCopyNs", ({ migration }) => migration.stagesNs.stopAndCopy],
  ["commitmentNs", ({ migration }) => migration.stagesNs.commitment],
  ["activationNs", ({ migration }) => migration.stagesNs.activation],
  ["residualPushNs", ({ migration }) => migration.stagesNs.residualPush],
  ["totalNs", ({ migration }) => migration.totalNs],
  ["downtimeNs", ({ migration }) => migration.downtimeNs],
  ["blackoutNs", ({ migration }) => migration.blackoutNs],
  ["clientOutageNs", ({ migration }) => migration.clientOutageNs],
  ["worstStallNs", ({ migration }) => migration.worstStallNs],
  ["exposureNs", ({ migration }) => migration.exposureNs],
  ["bytesSent", ({ migration }) => migration.bytesSent],
  ["roundsBytes", ({ migration }) => migration.bytes.rounds],
  ["pauseBytes", ({ migration }) => migration.bytes.pause],
  ["controlBytes", ({ migration }) => migration.bytes.control],
  ["residualBytes", ({ migration }) => migration.bytes.residual],
  ["storageBytes", ({ migration }) => migration.bytes.storage],
  ["rounds", ({ migration }) => migration.rounds.length],
  ["pagesSent", ({ migration }) => migration.pagesSent],
  ["heldPages", ({ migration }) => migration.heldPages],
  ["heldCapPages", ({ migration }) => migration.heldCapPages],
  ["stopPages", ({ migration }) => migration.stopPages],
  ["unchangedSends", ({ migration }) => migration.unchangedSends],
  ["logDirtyFaults", ({ migration }) => migration.logDirtyFaults],
  ["guestSlowdown", ({ migration }) => migration.guestSlowdown],
  ["residualPages", ({ migration }) => migration.residualPages],
  // Empty where the guest did not run before its pages were there.
  ["faults", ({ migration }) => migration.postCopy?.faults ?? ""],
  ["workingSetPages", ({ migration }) => migration.postCopy?.workingSetPages ?? ""],
  ["faultShare", ({ migration }) => migration.postCopy?.faultShare ?? ""],
  ["stallNs", ({ migration }) => migration.postCopy?.stallNs ?? ""],
  ["blocktimeNs", ({ migration }) => migration.postCopy?.blocktimeNs ?? ""],
  // Empty where no page was given up.
  ["balloonedPages", ({ migration }) => migration.reclaim?.balloonedPages ?? ""],
  ["refaultsBefore", ({ migration }) => migration.reclaim?.refaultsBefore ?? ""],
  ["refaultsAfter", ({ migration }) => migration.reclaim?.refaultsAfter ?? ""],
  ["refaultStallNs", ({ migration }) => refaultStallNs(migration) ?? ""],
];

function refaultStallNs({ reclaim }: MigrationResult): number | undefined {
  return reclaim && reclaim.refaultStallBeforeNs + reclaim.refaultStallAfterNs;
}

const ROUND_COLUMNS: Columns<RoundRow> = [
  ...KEYS,
  ["round", ({ round }) => round.round],
  ["pagesSent", ({ round }) => round.pagesSent],
  ["pagesSkipped", ({ round }) => round.pagesSkipped],
  ["pagesHeld", ({ round }) => round.pagesHeld],
  // Nobody read the log of a last round: an empty cell, not a number.
  ["pagesDirtied", ({ round }) => (round.pagesDirtied < 0 ? "" : round.pagesDirtied)],
  ["bytes", ({ round }) => round.bytes],
  ["durationNs", ({ round }) => round.durationNs],
  ["bandwidthBytesPerSec", ({ round }) => round.bandwidthBytesPerSec],
  ["cpuShare", ({ round }) => round.cpuShare],
];

/** migrations.csv */
export function migrationsCsv(results: readonly SeededMigrations[]): string {
  return csv(MIGRATION_COLUMNS, results.flatMap(migrationRows));
}

/** rounds.csv */
export function roundsCsv(results: readonly SeededMigrations[]): string {
  const rows = results
    .flatMap(migrationRows)
    .flatMap((row) => row.migration.rounds.map((round) => ({ ...row, round })));
  return csv(ROUND_COLUMNS, rows);
}

function migrationRows({ seed, migrations }: SeededMigrations): MigrationRow[] {
  return migrations.map((migration, i) => ({ seed, number: i + 1, migration }));
}

const COMPARISON_COLUMNS: Columns<StrategySummary> = [
  ["strategy", ({ strategy }) => strategy],
  ["runs", ({ runs }) => runs.length],
  ["completedRuns", ({ completedRuns }) => completedRuns],
  ["limitStops", ({ limitStops }) => limitStops],
  ["outcomes", ({ runs }) => distinct(runs.flatMap(({ outcomes }) => outcomes))],
  ["stopReasons", ({ runs }) => distinct(runs.flatMap(({ stopReasons }) => stopReasons))],
  // Empty where no run completed.
  ...COMPARED.flatMap(
    (metric): Columns<StrategySummary> => [
      [`${metric}Mean`, ({ metrics }) => metrics?.[metric].mean ?? ""],
      [`${metric}Sd`, ({ metrics }) => metrics?.[metric].sd ?? ""],
    ],
  ),
];

/** comparison.csv: a row per strategy. */
export function comparisonCsv({ strategies }: Comparison): string {
  return csv(COMPARISON_COLUMNS, strategies);
}

function distinct(words: readonly string[]): string {
  return [...new Set(words)].join("; ");
}

/** A table; cells are quoted where they have to be. */
export function csv<T>(columns: Columns<T>, rows: readonly T[]): string {
  const head = columns.map(([name]) => name).join(",");
  const lines = rows.map((row) => columns.map(([, of]) => cell(of(row))).join(","));
  return [head, ...lines].map((line) => `${line}\r\n`).join("");
}

function cell(value: Cell): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
