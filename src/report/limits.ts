/** What a caller says a migration may cost at most, and who kept to it. */
import type { MigrationResult } from "../model/migration-result.js";
import { plural, quantity } from "./text.js";

export interface Limits {
  readonly downtimeNs?: number;
  readonly totalNs?: number;
  /** 0 to 1. */
  readonly guestSlowdown?: number;
}

/** The result of a simulation, or a live migration's alone. */
export interface Migrations {
  readonly migrations: readonly MigrationResult[];
}

export const LIMIT_NAMES = {
  downtimeNs: { words: "downtime", kind: "duration" },
  totalNs: { words: "total time", kind: "duration" },
  guestSlowdown: { words: "guest slowdown", kind: "share" },
} as const;

/** A sentence for every limit that a completed migration missed: the worst value, and how often. */
export function missedLimits(results: readonly Migrations[], limits: Limits): string[] {
  const migrations = results.flatMap((result) => result.migrations);
  const completed = migrations.filter(({ outcome }) => outcome === "target-runs");
  const sentences: string[] = [];
  for (const key of ["downtimeNs", "totalNs", "guestSlowdown"] as const) {
    const limit = limits[key];
    if (limit === undefined) continue;
    const over = completed.filter((migration) => migration[key] > limit);
    if (over.length === 0) continue;
    const worst = over.reduce((a, b) => (b[key] > a[key] ? b : a));
    const { words, kind } = LIMIT_NAMES[key];
    const often =
      completed.length === 1 ? "" : ` (${over.length} of ${plural(completed.length, "migration")})`;
    sentences.push(
      `${words} of ${worst.guest} by ${worst.name} is ${quantity(worst[key], kind)}, the limit is ${quantity(limit, kind)}${often}`,
    );
  }
  return sentences;
}
