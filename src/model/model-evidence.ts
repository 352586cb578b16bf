/**
 * What a modelled guest tells a working-set predictor beside its dirty log: accessed bits, the
 * exact time of last use (Denning's working set), and, for the oracle, the future.
 */
import { assert } from "../base/assert.js";
import type { GuestActivity } from "../guest/activity.js";
import { ticksAt } from "../guest/guest-activity.js";
import { exactWorkingSet, type GuestPages, type Kernels } from "../kernels/index.js";
import type { CommandOf } from "../migrate/messages.js";
import { Foresight } from "./foresight.js";
import { widestWindow } from "./widest-window.js";

/** The guest that is looked at. */
export interface Watched {
  readonly pages: GuestPages;
  readonly activity: GuestActivity;
}

export class ModelEvidence {
  private readonly foresight: Foresight | undefined;

  constructor(
    kernels: Kernels,
    private readonly watched: Watched,
    foresees: boolean,
  ) {
    if (foresees) this.foresight = new Foresight(kernels, watched.pages.pages);
  }

  static arenaBytes(pages: number, foresees: boolean): number {
    return foresees ? Foresight.arenaBytes(pages) : 0;
  }

  /** Puts the pages into `command.into`, at `memoryNs` of the guest's own time; returns how many. */
  sample(command: CommandOf<"sample">, memoryNs: number): number {
    const { evidence, windowNs, pagesMax, into } = command;
    const { pages, activity } = this.watched;
    if (evidence === "references") {
      const { referenced } = pages;
      assert(referenced !== undefined, "references are tracked for who asks for them");
      return referenced.harvestInto(into);
    }
    if (evidence === "future") {
      assert(this.foresight !== undefined, "foresight is there for who asks for it");
      return this.foresight.soonest({ activity, from: memoryNs, windowNs, pagesMax }, into);
    }
    const nowTicks = ticksAt(memoryNs);
    return widestWindow(windowNs, pagesMax, (ns) =>
      exactWorkingSet(pages, nowTicks, Math.floor(ns / 1000), into),
    );
  }
}
