/** The admission rules that this package brings. */
import type { AdmissionFactory } from "../admission.js";
import { atOnce, serial } from "./at-once.js";
import { ltRt } from "./lt-rt.js";
import { perHost } from "./per-host.js";
import { shortestFirst } from "./shortest-first.js";

export const ADMISSIONS: readonly AdmissionFactory[] = [
  serial,
  atOnce,
  shortestFirst,
  perHost,
  ltRt,
];
