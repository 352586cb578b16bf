/**
 * The kernels: the only door to Wasm. Control calls are typed and bound by as-bind; page data lies
 * in the arena and is worked on in place.
 */
export { ClockRing } from "./clock-ring.js";
export { exactWorkingSet } from "./exact-working-set.js";
export { type ForeignPages, foreignPages } from "./foreign-pages.js";
export { GuestPages, type GuestPagesOptions, type PageFault } from "./guest-pages.js";
export { Kernels, type KernelsDescription, type KernelsOptions } from "./kernels.js";
export { LruList } from "./lru-list.js";
export { PageBitmap } from "./page-bitmap.js";
export { PageContents } from "./page-contents.js";
export { PageVersions } from "./page-versions.js";
export { RandomStream } from "./random-stream.js";
export type { Pointer, RawExports } from "./raw-exports.js";
export { SplayTree } from "./splay-tree.js";
export { TracePlayer } from "./trace-player.js";
export { U32Buffer } from "./u32-buffer.js";
export { Workload, type WorkloadFork, type WorkloadSpec } from "./workload.js";
export { type SweepOptions, type SweepResult, WsClockRing } from "./wsclock-ring.js";
export { Xbzrle } from "./xbzrle.js";
