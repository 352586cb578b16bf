/**
 * What a guest does to its memory over its own time: it is run from one instant of guest time to
 * another, and touches pages as it goes. Guest time stands still while the guest is paused and
 * runs slower while it is throttled.
 */
import type { GuestPages, Kernels, PageBitmap } from "../kernels/index.js";
import { ReplayActivity, type ReplaySpec } from "./replay.js";
import { SyntheticActivity, type SyntheticSpec } from "./synthetic.js";

export interface GuestActivity {
  /** Applies the accesses of (fromNs, toNs] of guest time. Must be called without gaps. */
  run(guest: GuestPages, fromNs: number, toNs: number): void;
  /** Cuts (fromNs, toNs] into as many parts as there are bitmaps, and marks in each the pages that
   * will be written in its part. The guest stays as it is; `fromNs` is where it stands. */
  lookAhead(parts: readonly PageBitmap[], fromNs: number, toNs: number): void;
  /** Does it ever read? Reference bits mean nothing without. */
  readonly hasReads: boolean;
}

export type ActivitySpec =
  | ({ readonly kind: "synthetic" } & SyntheticSpec)
  | ({ readonly kind: "replay" } & ReplaySpec)
  | { readonly kind: "idle" };

const IDLE: GuestActivity = { run: () => {}, lookAhead: () => {}, hasReads: true };

/** Boundaries of (fromNs, toNs] cut into `parts` parts, both ends included. */
export function partBounds(fromNs: number, toNs: number, parts: number): number[] {
  const bounds: number[] = [];
  for (let i = 0; i <= parts; i++) bounds.push(fromNs + Math.floor(((toNs - fromNs) * i) / parts));
  return bounds;
}

/** Makes the activity of a guest of `pages` pages. */
export function createActivity(
  kernels: Kernels,
  spec: ActivitySpec,
  options: { pages: number; seed: number },
): GuestActivity {
  switch (spec.kind) {
    case "synthetic":
      return new SyntheticActivity(kernels, spec, options);
    case "replay":
      return new ReplayActivity(kernels, spec, options);
    default:
      return IDLE;
  }
}

/** Arena bytes that the activity will allocate. */
export function activityArenaBytes(spec: ActivitySpec): number {
  switch (spec.kind) {
    case "synthetic":
      return SyntheticActivity.arenaBytes(spec);
    case "replay":
      return ReplayActivity.arenaBytes(spec);
    default:
      return 0;
  }
}
