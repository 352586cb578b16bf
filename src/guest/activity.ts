/** Makes a guest's activity from what a scenario or a program says of it. */
import type { Kernels } from "../kernels/index.js";
import type { GuestActivity } from "./guest-activity.js";
import { ReplayActivity, type ReplaySpec } from "./replay.js";
import { SyntheticActivity, type SyntheticSpec } from "./synthetic.js";

export type { GuestActivity } from "./guest-activity.js";

export type ActivitySpec =
  | ({ readonly kind: "synthetic" } & SyntheticSpec)
  | ({ readonly kind: "replay" } & ReplaySpec)
  | { readonly kind: "idle" };

const IDLE: GuestActivity = {
  streams: 0,
  run: () => {},
  runStream: (_stream, _guest, _fromNs, toNs) => toNs,
  lookAhead: () => {},
  hasReads: true,
};

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
