/**
 * How far a migration was from the floor of its class: how early any pre-copy of the same,
 * unthrottled guest could have ended within the same downtime (src/model/floor.ts).
 */
import type { Registry } from "../migrate/registry.js";
import { floorOfMigration, type MigrationFloor } from "../model/floor.js";
import type { MigrationResult } from "../model/migration-result.js";
import type { SimulationSpec } from "../model/spec.js";

export interface FloorDistance {
  /** All six stages. */
  readonly tookNs: number;
  /** tookNs / floor; null where no switch is feasible. */
  readonly factor: number | null;
  /** Why it may be below the floor: it does not belong to the class. */
  readonly outside: string | null;
}

/** The floor from the instant at which this migration began. */
export function floorOf(
  spec: SimulationSpec,
  registry: Registry,
  index: number,
  { startNs }: MigrationResult,
): Promise<MigrationFloor> {
  return floorOfMigration(spec, index, { registry, startNs });
}

/** Compares a completed migration with the floor of its class. */
export function floorDistance(floor: MigrationFloor, result: MigrationResult): FloorDistance {
  const { totalNs, downtimeNs, rounds } = result;
  return {
    tookNs: totalNs,
    factor: floor.feasible ? totalNs / floor.migrationTotalNs : null,
    outside: outsideOf({
      overBudget: downtimeNs > floor.downtimeLimitNs,
      throttled: rounds.some(({ cpuShare }) => cpuShare < 1),
    }),
  };
}

function outsideOf(how: { overBudget: boolean; throttled: boolean }): string | null {
  if (how.overBudget) return "paused longer than the limit";
  return how.throttled ? "throttled the guest" : null;
}
