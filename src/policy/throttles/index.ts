/** The throttles that this package brings. */
import type { ThrottleFactory } from "../throttle.js";
import { autoConverge } from "./auto-converge.js";
import { dirtyLimit } from "./dirty-limit.js";
import { jin } from "./jin.js";
import { noProgress } from "./no-progress.js";
import { sdps } from "./sdps.js";
import { stunWriters } from "./stun-writers.js";

export const THROTTLES: readonly ThrottleFactory[] = [
  jin,
  autoConverge,
  dirtyLimit,
  sdps,
  stunWriters,
  noProgress,
];
