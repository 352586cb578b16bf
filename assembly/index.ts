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
  bitmapPreviousPages,
  bitmapPrevSet,
  bitmapRunCount,
  bitmapRuns,
  bitmapToPages,
} from "./bitmap-scan";
export { clockAccessList, clockInit, clockResident } from "./clock";
export { configureWorkload, describe, wsclockIntervals } from "./control";
export { accessMarkWrites, guestTouch, guestTouchUntilAbsent, guestWorkingSet } from "./guest";
export { lruHottest, lruInit, lruOrder, lruRemove, lruTouchList } from "./lru";
export { power } from "./math";
export {
  pageDiffering,
  pageEqual,
  pageHash64,
  pageHashMany,
  pageIsZero,
  pageZeroMask,
} from "./page";
export { randomFill, randomScale } from "./random";
export {
  splayHas,
  splayInit,
  splayPath,
  splayRemove,
  splayTouchList,
  splayWithinDepth,
} from "./splay";
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
export { workloadDraw, workloadMark, workloadRun, workloadRunUntilAbsent } from "./workload";
export { wsclockInit, wsclockSweep, wsclockTick, wsclockWorkingSet } from "./wsclock";
export { wsclockHottest, wsclockSizes } from "./wsclock-measure";
export { wsclockSweepLiteral, wsclockVictim } from "./wsclock-replace";
export { xbzrleDecode, xbzrleEncode } from "./xbzrle";
export { zipfBuild } from "./zipf";

prepareScan();
