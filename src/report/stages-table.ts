/** Several migrations side by side: a column each, stages and costs as rows. */
import { formatBytes, formatDuration } from "../base/units.js";
import type { MigrationResult } from "../model/migration-result.js";
import { alignColumns, count, percent } from "./text.js";

type Row = readonly [
  label: string,
  of: (migration: MigrationResult) => string,
  /** Rows without it are always there. */
  where?: (migration: MigrationResult) => boolean,
];

const ROWS: readonly Row[] = [
  ["rounds", ({ rounds }) => count(rounds.length)],
  ["initialisation", ({ stagesNs }) => formatDuration(stagesNs.initialisation)],
  ["reservation", ({ stagesNs }) => formatDuration(stagesNs.reservation)],
  ["iterative pre-copy", ({ stagesNs }) => formatDuration(stagesNs.iterativePreCopy)],
  ["stop-and-copy", ({ stagesNs }) => formatDuration(stagesNs.stopAndCopy)],
  ["commitment", ({ stagesNs }) => formatDuration(stagesNs.commitment)],
  ["activation", ({ stagesNs }) => formatDuration(stagesNs.activation)],
  [
    "residual push",
    ({ stagesNs }) => formatDuration(stagesNs.residualPush),
    ({ stagesNs }) => stagesNs.residualPush > 0,
  ],
  ["total time", ({ totalNs }) => formatDuration(totalNs)],
  ["downtime", ({ downtimeNs }) => formatDuration(downtimeNs)],
  ["on the wire", ({ bytesSent }) => formatBytes(bytesSent)],
  ["guest slowdown", ({ guestSlowdown }) => percent(guestSlowdown)],
  [
    "worst stall",
    ({ worstStallNs }) => formatDuration(worstStallNs),
    ({ postCopy }) => postCopy !== undefined,
  ],
  ["exposure", ({ exposureNs }) => formatDuration(exposureNs), ({ exposureNs }) => exposureNs > 0],
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
  const rows = ROWS.filter(([, , where]) => where === undefined || migrations.some(where));
  return alignColumns(
    [
      ["", ...head],
      ...rows.map(([label, of]) => [label, ...migrations.map(of)]),
      ...more.map(([label, cells]) => [label, ...cells]),
    ],
    ["left"],
  );
}
