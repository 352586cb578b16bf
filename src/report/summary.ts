/**
 * The report of a run for people: each migration (migration-text.ts), what ran when if there were
 * several, and the command that repeats it.
 */
import { assert } from "../base/assert.js";
import { formatDuration, formatRate } from "../base/units.js";
import type { MigrationResult } from "../model/migration-result.js";
import { Routes } from "../model/route.js";
import { sourceOf } from "../model/setup.js";
import type { SimulationResult } from "../model/simulation.js";
import type { MigrationSpec, SimulationSpec } from "../model/spec.js";
import { batchLines } from "./batch.js";
import { LABEL, migrationLines, styleOf, type TextOptions, type Way } from "./migration-text.js";
import { plural } from "./text.js";

export interface SummaryOptions extends TextOptions {
  /** What was run: hosts, links and limits are read from it. */
  readonly spec: SimulationSpec;
  /** The command that repeats the run. */
  readonly repeat: string;
  readonly title?: string;
}

/** A report in lines, each ended by a newline. */
export function summaryText(result: SimulationResult, options: SummaryOptions): string {
  const { title, spec } = options;
  const style = styleOf(options);
  const lines: string[] = [];
  if (title !== undefined && title !== "") lines.push(style.palette.bold(title), "");
  const indexes = migrationIndexes(result, spec);
  result.migrations.forEach((migration, i) => {
    lines.push(...migrationLines(migration, wayOf(spec, indexes[i] as number), options), "");
  });
  const { migrations } = result;
  if (migrations.length === 0) lines.push("No migration was started.", "");
  if (migrations.length > 1) {
    const routes = indexes.map((index) => {
      const { source, target } = routeOf(spec, index);
      return `${source} → ${target}`;
    });
    lines.push(...batchLines(result, { width: style.width, routes, dim: style.palette.dim }), "");
  }
  const skipped = spec.migrations.length - migrations.length;
  if (skipped > 0) lines.push(`${plural(skipped, "migration")} never started.`, "");
  lines.push(`  ${LABEL("repeat")}${options.repeat}`);
  lines.push(`  ${LABEL("event log")}${result.eventLogHash}`);
  return `${lines.join("\n")}\n`;
}

/** The n-th of the specification's migrations alone, without the command that repeats it. */
export function migrationText(
  migration: MigrationResult,
  index: number,
  options: SummaryOptions,
): string {
  return `${migrationLines(migration, wayOf(options.spec, index), options).join("\n")}\n`;
}

/**
 * Which of the specification's migrations each of the result's is: results come in the order in
 * which they started, and a guest's own migrations start in the order written.
 */
export function migrationIndexes(result: SimulationResult, spec: SimulationSpec): number[] {
  const taken = new Set<number>();
  return result.migrations.map(({ guest }) => {
    const index = spec.migrations.findIndex(({ domain }, i) => domain === guest && !taken.has(i));
    assert(index >= 0, `the scenario migrates ${guest}`);
    taken.add(index);
    return index;
  });
}

/** Where the n-th migration goes from and to, and over what. */
export function routeOf(
  spec: SimulationSpec,
  index: number,
): { readonly source: string; readonly target: string; readonly link: string } {
  const source = sourceOf(spec, index);
  const { to } = spec.migrations[index] as MigrationSpec;
  const route = new Routes(spec).find(source, to);
  if (route === undefined) return { source, target: to, link: "" };
  const { hops, bandwidthBytesPerSec, latencyNs } = route;
  const over = hops.length > 1 ? ` over ${hops.length} links` : "";
  return {
    source,
    target: to,
    link: `${formatRate(bandwidthBytesPerSec)}, ${formatDuration(latencyNs)}${over}`,
  };
}

function wayOf(spec: SimulationSpec, index: number): Way {
  const { downtimeLimitNs } = spec.migrations[index] as MigrationSpec;
  return { ...routeOf(spec, index), seed: spec.seed, downtimeLimitNs };
}
