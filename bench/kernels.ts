/**
 * All cases of the kernels: each against the same loop in plain TypeScript, in plain C where gcc is
 * there, and against packages from npm where those are installed.
 */
import { bitmapCases } from "./cases/bitmap.js";
import { pageCases } from "./cases/page.js";
import { replacementCases } from "./cases/replacement.js";
import { workloadCases } from "./cases/workload.js";
import { wsclockCases } from "./cases/wsclock.js";
import { xbzrleCases } from "./cases/xbzrle.js";
import type { BenchContext } from "./context.js";
import type { BenchCase } from "./harness.js";

export function kernelCases(context: BenchContext): BenchCase[] {
  return [
    ...bitmapCases(context),
    ...wsclockCases(context),
    ...replacementCases(context),
    ...workloadCases(context),
    ...pageCases(context),
    ...xbzrleCases(context),
  ];
}
