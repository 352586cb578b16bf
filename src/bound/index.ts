/** Offline floors of classes of strategies. */
export {
  type FloorOptions,
  type PreCopyFloor,
  preCopyFloor,
  preCopyFloorArenaBytes,
} from "./pre-copy-floor.js";
