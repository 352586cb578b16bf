/** Several migrations side by side: a column each, stages and costs as rows. */
import { formatBytes, formatDuration } from "../base/units.js";
import type { MigrationResult } from "../model/migration-result.js";
import { alignColumns, count, percent } from "./text.js";

type Row = readonly [label: string, of: (migration: MigrationResult) => string];

const ROWS: readonly Row[] = [
  ["rounds", ({ rounds }) => count(rounds.length)],
  ["initialisation", ({ stagesNs }) => formatDuration(stagesNs.initialisation)],
  ["reservation", ({ stagesNs }) => formatDuration(stagesNs.reservation)],
  ["iterative pre-copy", ({ stagesNs }) => formatDuration(stagesNs.iterativePreCopy)],
  ["stop-and-copy", ({ stagesNs }) => formatDuration(stagesNs.stopAndCopy)],
  ["commitment", ({ stagesNs }) => formatDuration(stagesNs.commitment)],
  ["activation", ({ stagesNs }) => formatDuration(stagesNs.activation)],
  ["total time", ({ totalNs }) => formatDuration(totalNs)],
  ["downtime", ({ downtimeNs }) => formatDuration(downtimeNs)],
  ["on the wire", ({ bytesSent }) => formatBytes(bytesSent)],
  ["guest slowdown", ({ guestSlowdown }) => percent(guestSlowdown)],
];

/**
 * Lines under a head of guests' names; `more` adds rows with a cell for each migration. Where a
 * migration was aborted, its column says so.
 */
export function stagesTable(
  migrations: readonly MigrationResult[],
  more: readonly (readonly [label: string, cells: readonly string[]])[] = [],
): string[] {
  const head = migrations.map(({ guest, outcome }) =>
    outcome === "target-runs" ? guest : `${guest} (aborted)`,
  );
  return alignColumns(
    [
      ["", ...head],
      ...ROWS.map(([label, of]) => [label, ...migrations.map(of)]),
      ...more.map(([label, cells]) => [label, ...cells]),
    ],
    ["left"],
  );
}
