/** The throttles that this package brings. */
import type { ThrottleFactory } from "../throttle.js";
import { jin } from "./jin.js";

export const THROTTLES: readonly ThrottleFactory[] = [jin];
