/**
 * A modelled guest's disk: blocks with versions and a dirty map, and what the guest writes to them,
 * in the guest's own time. A version number stands for the contents of a block.
 */
import { activityArenaBytes, createActivity, type GuestActivity } from "../guest/activity.js";
import { GuestPages, type Kernels, type PageBitmap } from "../kernels/index.js";
import type { DiskSpec } from "./spec.js";

const KEEPS = { trackReferences: false, trackLastUse: false };

export class ModelDisk {
  readonly blocks: GuestPages;
  private readonly activity: GuestActivity;
  private atNs = 0;

  constructor(kernels: Kernels, spec: DiskSpec, seed: number) {
    this.blocks = GuestPages.create(kernels, spec.blocks, KEEPS);
    this.activity = createActivity(kernels, spec.activity, { pages: spec.blocks, seed });
  }

  static arenaBytes(spec: DiskSpec): number {
    return GuestPages.bytesFor(spec.blocks, KEEPS) + activityArenaBytes(spec.activity);
  }

  /** Follows the guest to `guestNs` of its memory's time. */
  runTo(guestNs: number): void {
    if (guestNs <= this.atNs) return;
    this.activity.run(this.blocks, this.atNs, guestNs);
    this.atNs = guestNs;
  }

  startLog(): void {
    this.blocks.dirty.reset();
  }

  harvest(into: PageBitmap): number {
    return this.blocks.dirty.harvestInto(into);
  }
}
