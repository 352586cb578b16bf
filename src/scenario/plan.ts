/** A scenario's `plan`: what is checked of it, and the migrations that it comes to. */
import { PrecopyError } from "../base/errors.js";
import { type Plan, withPlan } from "../model/plan.js";
import type { SimulationSpec } from "../model/spec.js";
import type { Finding } from "./problems.js";
import type { PlanFile, ScenarioFile } from "./schema.js";
import { linkTimeoutOf } from "./to-spec.js";

const KINDS = ["evacuate", "swap", "consolidate"] as const;

/** A plan is of one kind, and a scenario with a plan lists no migrations. */
export function checkPlan({ plan, migrate }: ScenarioFile): Finding[] {
  if (plan === undefined) return [];
  const given = KINDS.filter((kind) => plan[kind] !== undefined);
  if (given.length !== 1) {
    const what = given.length === 0 ? "names nothing to do" : `names ${given.join(" and ")}`;
    return [{ path: ["plan"], message: `${what}: give one of ${KINDS.join(", ")}` }];
  }
  if (migrate.length > 0) {
    const message = "decides what is migrated: leave it out, or the list under migrate";
    return [{ path: ["plan"], at: "key", message }];
  }
  return [];
}

/** The specification with the plan's migrations, or what stands against them. */
export function applyPlan(
  { plan: file, "at-once": atOnce }: ScenarioFile,
  spec: SimulationSpec,
): { readonly spec: SimulationSpec; readonly findings: readonly Finding[] } {
  if (file === undefined) return { spec, findings: [] };
  const plan = planOf(file);
  const details = {
    strategy: file.strategy,
    startNs: file.at,
    downtimeLimitNs: file["downtime-limit"],
    timeoutNs: file.timeout,
    ...linkTimeoutOf(file),
  };
  try {
    const planned = withPlan(spec, plan, details);
    const all = Math.max(1, planned.migrations.length);
    return { spec: atOnce === "all" ? { ...planned, atOnce: all } : planned, findings: [] };
  } catch (error) {
    if (!(error instanceof PrecopyError)) throw error;
    return { spec, findings: [{ path: ["plan", plan.kind], message: error.message }] };
  }
}

function planOf({ evacuate, swap, consolidate }: PlanFile): Plan {
  if (evacuate !== undefined) return { kind: "evacuate", host: evacuate };
  if (swap !== undefined) return { kind: "swap", hosts: swap };
  return { kind: "consolidate", hosts: consolidate ?? [] };
}
