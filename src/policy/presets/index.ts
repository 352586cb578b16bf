/** The presets that this package brings. */
import type { Preset } from "../preset.js";
import { clarkPaper } from "./clark-paper.js";
import { cloudHypervisor } from "./cloud-hypervisor.js";
import { hyperV } from "./hyper-v.js";
import { qemu72 } from "./qemu72.js";
import { qemu102 } from "./qemu102.js";
import { vmotion } from "./vmotion.js";
import { xen } from "./xen.js";
import { xenSkip } from "./xen-skip.js";
import { xen2005 } from "./xen2005.js";

export const PRESETS: readonly Preset[] = [
  xen,
  xenSkip,
  xen2005,
  clarkPaper,
  qemu72,
  qemu102,
  cloudHypervisor,
  vmotion,
  hyperV,
];
