/**
 * Several migrations as one: the makespan from the first start to the last end, whose pause was
 * longest, how many ran at a time, and a line for each on one time axis.
 */
import { formatBytes, formatDuration } from "../base/units.js";
import type { MigrationResult } from "../model/migration-result.js";
import type { SimulationResult } from "../model/simulation.js";
import { alignColumns } from "./text.js";

export interface BatchFigures {
  readonly migrations: number;
  /** Those whose guest arrived. */
  readonly completed: number;
  readonly makespanNs: number;
  readonly downtimeWorstNs: number;
  /** The guest whose downtime that is, the first of equals. */
  readonly worstGuest: string;
  /** Of an even number the mean of the two in the middle. */
  readonly downtimeMedianNs: number;
  readonly downtimeSumNs: number;
  /** Most that ran at the same instant; one that starts when another ends runs alone. */
  readonly atOnceMax: number;
  readonly bytesSent: number;
}

/** Figures of at least one migration. */
export function batchFigures({ migrations, makespanNs }: SimulationResult): BatchFigures {
  const downtimes = migrations.map(({ downtimeNs }) => downtimeNs).sort((a, b) => a - b);
  const middle = downtimes.length >> 1;
  const upper = downtimes[middle] as number;
  const lower = downtimes.length % 2 === 1 ? upper : (downtimes[middle - 1] as number);
  const longest = migrations.reduce((a, b) => (b.downtimeNs > a.downtimeNs ? b : a));
  return {
    migrations: migrations.length,
    completed: migrations.filter(({ outcome }) => outcome === "target-runs").length,
    makespanNs,
    downtimeWorstNs: longest.downtimeNs,
    worstGuest: longest.guest,
    downtimeMedianNs: Math.round((lower + upper) / 2),
    downtimeSumNs: downtimes.reduce((sum, downtimeNs) => sum + downtimeNs, 0),
    atOnceMax: atOnceMax(migrations),
    bytesSent: migrations.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
  };
}

const CELLS_MAX = 40;
const CELLS_MIN = 8;
const LABEL = (text: string): string => text.padEnd(17);

export interface BatchTextOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** By migration of the result, as in "xen-a → xen-b". */
  readonly routes: readonly string[];
  readonly dim: (text: string) => string;
}

/** A line for each migration in the order of their starts, and the figures of all. */
export function batchLines(result: SimulationResult, options: BatchTextOptions): string[] {
  const all = batchFigures(result);
  const median = formatDuration(all.downtimeMedianNs);
  const worst = `${formatDuration(all.downtimeWorstNs)} (${all.worstGuest})`;
  return [
    `All ${all.migrations} migrations, ${all.completed} completed, at most ${all.atOnceMax} at a time`,
    "",
    ...timeLines(result, options),
    "",
    `  ${LABEL("makespan")}${formatDuration(all.makespanNs)}`,
    `  ${LABEL("downtime")}worst ${worst}, median ${median}, sum ${formatDuration(all.downtimeSumNs)}`,
    `  ${LABEL("on the wire")}${formatBytes(all.bytesSent)}`,
  ];
}

/** What ran when: a row each, the whole makespan wide. */
function timeLines(
  { migrations, makespanNs }: SimulationResult,
  { width, routes, dim }: BatchTextOptions,
): string[] {
  const firstNs = Math.min(...migrations.map(({ startNs }) => startNs));
  const rows = migrations.map((migration, i) => [
    migration.guest,
    routes[i] ?? "",
    formatDuration(migration.startNs - firstNs),
    formatDuration(migration.totalNs),
    formatDuration(migration.downtimeNs),
  ]);
  const head = ["guest", "", "start", "time", "downtime"];
  const [title = "", ...lines] = alignColumns([head, ...rows], ["left", "left"]);
  const inner = Math.max(...lines.map((line) => line.length));
  const cells = Math.min(CELLS_MAX, width - inner - 2);
  if (cells < CELLS_MIN || makespanNs === 0) return [dim(title), ...lines];
  const cellOf = (ns: number) => Math.floor((ns / makespanNs) * cells);
  return [
    dim(title),
    ...lines.map((line, i) => {
      const { startNs, totalNs } = migrations[i] as MigrationResult;
      const from = Math.min(cells - 1, cellOf(startNs - firstNs));
      const to = Math.max(from + 1, cellOf(startNs - firstNs + totalNs));
      return `${line.padEnd(inner)}  ${" ".repeat(from)}${"█".repeat(to - from)}`;
    }),
  ];
}

function atOnceMax(migrations: readonly MigrationResult[]): number {
  const changes = migrations.flatMap(({ startNs, totalNs }) => [
    { atNs: startNs, by: 1 },
    { atNs: startNs + totalNs, by: -1 },
  ]);
  changes.sort((a, b) => a.atNs - b.atNs || a.by - b.by);
  let running = 0;
  let most = 0;
  for (const { by } of changes) {
    running += by;
    most = Math.max(most, running);
  }
  return most;
}
