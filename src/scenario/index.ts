/** Scenario files: loading, checking, changing, and their JSON Schema. The sub-path `./scenario`. */

export { type FieldChange, fieldPaths } from "./changes.js";
export { scenarioJsonSchema } from "./json-schema.js";
export {
  type LoadedScenario,
  type LoadScenarioOptions,
  loadScenario,
  type ScenarioTraceOptions,
} from "./load.js";
export { loadPlugin, type RegisterPlugin } from "./plugin.js";
export { ScenarioError, type ScenarioProblem } from "./problems.js";
export { DEFAULT_COMPARE } from "./schema.js";
export { withAdmission, withBandwidth, withSeed, withStrategy } from "./variants.js";
