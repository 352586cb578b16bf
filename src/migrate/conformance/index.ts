/** The conformance kit of the ports. */
export {
  ConformanceError,
  type PortsCheck,
  type PortsHarness,
  type PortsPair,
} from "./harness.js";
export { portsConformance } from "./kit.js";
export { portsArenaBytes } from "./trial.js";
