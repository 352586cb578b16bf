/**
 * What a guest does to its memory over its own time: it is run from one instant of guest time to
 * another, and touches pages as it goes. Guest time stands still while the guest is paused and
 * runs slower while it is throttled.
 */
import type { GuestPages, PageBitmap } from "../kernels/index.js";

export interface GuestActivity {
  /** Applies the accesses of (fromNs, toNs] of guest time. Must be called without gaps. */
  run(guest: GuestPages, fromNs: number, toNs: number): void;
  /** Cuts (fromNs, toNs] into as many parts as there are bitmaps, and marks in each the pages that
   * will be written in its part. The guest stays as it is; `fromNs` is where it stands. */
  lookAhead(parts: readonly PageBitmap[], fromNs: number, toNs: number): void;
  /** Does it ever read? Reference bits mean nothing without. */
  readonly hasReads: boolean;
}

/** Boundaries of (fromNs, toNs] cut into `parts` parts, both ends included. */
export function partBounds(fromNs: number, toNs: number, parts: number): number[] {
  const bounds: number[] = [];
  for (let i = 0; i <= parts; i++) bounds.push(fromNs + Math.floor(((toNs - fromNs) * i) / parts));
  return bounds;
}
