/** The managers that this package brings. */
import type { ManagerFactory } from "../manager.js";

export const MANAGERS: readonly ManagerFactory[] = [];
