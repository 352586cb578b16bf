/** The presets that this package brings. */
import type { Preset } from "../preset.js";
import { clarkPaper } from "./clark-paper.js";
import { xen } from "./xen.js";
import { xenSkip } from "./xen-skip.js";
import { xen2005 } from "./xen2005.js";

export const PRESETS: readonly Preset[] = [xen, xenSkip, xen2005, clarkPaper];
