/** Fluid mode: counts instead of pages, for sweeps, fleets and SimGrid's own model. */

export {
  curveOfSynthetic,
  type DirtyCurve,
  type DirtyPoint,
  plateauSec,
  sequentialCurve,
  sumOfCurves,
  tabulatedCurve,
  uniformCurve,
  type WriteClass,
} from "./dirty-curve.js";
export {
  FLUID_ROUNDS_KEPT,
  FLUID_ROUNDS_MAX,
  type FluidMigrationSpec,
  type FluidResult,
  type FluidRound,
} from "./fluid-migration.js";
export { FLUID_STEPS_MAX, FLUID_UNTIL_SEC, type FluidBounds } from "./sender.js";
export {
  SIMGRID_BOUNDS,
  type SimgridLink,
  type SimgridNetworkModel,
  type SimgridWorld,
  simulateSimgrid,
} from "./simgrid.js";
export {
  parseSimgridCases,
  SIMGRID_CASES_MAX,
  type SimgridCase,
  type SimgridCaseClass,
  type SimgridExpected,
} from "./simgrid-cases.js";
export type { SimgridGuest, SimgridResult, SimgridRound } from "./simgrid-guest.js";
export {
  SIMGRID_TOLERANCE,
  type SimgridVerdict,
  validateSimgridCases,
} from "./simgrid-validate.js";
export { FLUID_MIGRATIONS_MAX, type FluidSpec, simulateFluid } from "./simulate-fluid.js";
