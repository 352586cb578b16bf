/**
 * A real x86 guest as a machine of a migration (`precopy/v86`): the adapter around the npm package
 * v86, whose class and WebAssembly the caller passes. Runs in Node, in pages and in workers.
 */
export * from "./live/v86/index.js";
