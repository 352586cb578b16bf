/** A real x86 guest in this process: the package v86 behind the ports of a migration. */
export { AbsentPages, GuestGone } from "./absent-pages.js";
export type { ImageBytes, Tracking } from "./v86-build.js";
export { V86Guest } from "./v86-guest.js";
export type { V86Class, V86Options } from "./v86-internals.js";
export type { V86Boot, V86GuestOptions } from "./v86-options.js";
