/**
 * The kernels: the only door to Wasm. Control calls are typed and bound by as-bind; page data lies
 * in the arena and is worked on in place.
 */
export { GuestPages, type GuestPagesOptions } from "./guest-pages.js";
export { Kernels, type KernelsDescription, type KernelsOptions } from "./kernels.js";
export { PageBitmap } from "./page-bitmap.js";
export { PageVersions } from "./page-versions.js";
export { RandomStream } from "./random-stream.js";
export type { Pointer, RawExports } from "./raw-exports.js";
export { TracePlayer } from "./trace-player.js";
export { U32Buffer } from "./u32-buffer.js";
export { Workload, type WorkloadFork, type WorkloadSpec } from "./workload.js";
