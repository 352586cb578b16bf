/**
 * Xen today with Clark et al.'s skip set put back: pages that the log shows as written again are
 * left out of the round. The simple rival of every working-set predictor; no real toolstack.
 */
import type { Preset } from "../preset.js";
import { xen } from "./xen.js";

export const xenSkip: Preset = {
  ...xen,
  name: "xen-skip",
  summary: "Xen today with Clark's skip set: the simple rival of working-set prediction",
  source: "Xen tools/libs/guest/xg_sr_save.c; the skip set of tools/libxc/xc_linux_save.c, 2005",
  skipsRewritten: true,
};
