/**
 * The kernels' exports. Control calls go through as-bind (control.ts); everything else takes
 * pointers into the arena and is called on the raw instance.
 */
import { prepareScan } from "./bitmap-scan";

export {
  bitmapAnd,
  bitmapAndNot,
  bitmapCount,
  bitmapCountAnd,
  bitmapCountAndNot,
  bitmapHarvest,
  bitmapIsSubset,
  bitmapOr,
  bitmapSetRange,
} from "./bitmap";
export {
  bitmapClearList,
  bitmapMask,
  bitmapRemoveSet,
  bitmapSetList,
  listMax,
} from "./bitmap-list";
export {
  bitmapNextPages,
  bitmapNextPermuted,
  bitmapNextSet,
  bitmapRunCount,
  bitmapRuns,
  bitmapToPages,
} from "./bitmap-scan";
export { configureWorkload, describe } from "./control";
export { accessMarkWrites, guestTouch, guestWorkingSet } from "./guest";
export { power } from "./math";
export { randomFill, randomScale } from "./random";
export { traceShuffle } from "./trace";
export {
  versionsCountDiffering,
  versionsCountEqual,
  versionsFill,
  versionsFirstDiffering,
  versionsGather,
  versionsScatter,
  versionsSum,
} from "./versions";
export { workloadDraw, workloadMark, workloadRun } from "./workload";
export { zipfBuild } from "./zipf";

prepareScan();
