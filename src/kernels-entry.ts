/**
 * The kernels alone (`precopy/kernels`): page bitmaps, working-set rings, LRU lists, splay trees
 * and synthetic workloads over one arena of WebAssembly memory, with the errors that they throw.
 * The classes are the same objects as those of the main entry.
 */
export { AssertionError } from "./base/assert.js";
export { type ErrorPlace, PrecopyError, type PrecopyErrorCode } from "./base/errors.js";
export * from "./kernels/index.js";
