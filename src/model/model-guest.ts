/**
 * A modelled guest that can be migrated: its pages, what it does to them, and its own time.
 *
 * The host tells it how fast it runs (`speed`: guest time per wall time, 1 when it gets every CPU
 * that it asks for). While writes are logged, each first write to a page costs a fault (or its
 * share of a PML exit), which the guest pays by standing still. Beside the time that it ran it
 * keeps the time that it would have run without the migration; the difference is its slowdown.
 */
import { assert } from "../base/assert.js";
import { Random } from "../base/random.js";
import { createActivity, type GuestActivity } from "../guest/activity.js";
import {
  exactWorkingSet,
  GuestPages,
  type Kernels,
  type PageBitmap,
  U32Buffer,
} from "../kernels/index.js";
import type { CommandOf, Region } from "../migrate/messages.js";
import type { MachineDescription, SourceMachine } from "../migrate/ports.js";
import { Foresight } from "./foresight.js";
import type { DomainSpec } from "./spec.js";

/** Longest stretch run at once, so that the cost of faults follows the faults closely. */
const SLICE_NS = 10_000_000;
const BISECTIONS = 20;

export interface ModelGuestOptions {
  readonly kernels: Kernels;
  readonly spec: DomainSpec;
  readonly seed: number;
  readonly trackReferences: boolean;
  readonly trackLastUse: boolean;
  /** For the oracle: memory to look ahead with. */
  readonly foresees: boolean;
}

export class ModelGuest implements SourceMachine {
  readonly pages: GuestPages;
  readonly activity: GuestActivity;
  /** Guest time per wall time, set by the host. */
  speed = 1;
  /** What `speed` would be without any migration. */
  baselineSpeed = 1;
  /** Standing still per first write to a logged page; set by the host. */
  faultNs = 0;
  running = true;
  /** Time executed, and time that would have been executed without the migration. */
  ranNs = 0;
  baselineNs = 0;
  faults = 0;
  cpuShare = 1;
  private atNs = 0;
  private debtNs = 0;
  private ranFraction = 0;
  private baselineFraction = 0;
  private logging = false;
  private readonly suspendPages: U32Buffer;
  private readonly foresight: Foresight | undefined;

  constructor(private readonly options: ModelGuestOptions) {
    const { kernels, spec, seed } = options;
    this.pages = GuestPages.create(kernels, spec.pages, options);
    this.activity = createActivity(kernels, spec.activity, { pages: spec.pages, seed });
    if (options.foresees) this.foresight = new Foresight(kernels, spec.pages);
    this.suspendPages = U32Buffer.create(kernels, Math.max(1, spec.suspendDirtiesPages));
    this.suspendPages.set(drawDistinct(spec, seed));
  }

  /** Runs the guest until `nowNs` of wall time. */
  advanceTo(nowNs: number): void {
    while (this.atNs < nowNs) {
      const sliceNs = Math.min(SLICE_NS, nowNs - this.atNs);
      this.atNs += sliceNs;
      if (this.running) this.runSlice(sliceNs);
    }
  }

  describe(): MachineDescription {
    const { name, pages, vcpus, deviceStateBytes } = this.options.spec;
    return { name, pages, pageSizeBytes: 4096, vcpus, deviceStateBytes };
  }

  enableLogDirty(): void {
    this.pages.dirty.reset();
    this.pages.takeNewlyDirty();
    this.logging = true;
  }

  disableLogDirty(): void {
    this.logging = false;
  }

  harvest(_region: Region, into: PageBitmap): number {
    assert(this.logging, "the log is read while it is on");
    return this.pages.dirty.harvestInto(into);
  }

  peek(_region: Region, pages: U32Buffer, mask: U32Buffer): void {
    this.pages.dirty.maskOf(pages, mask);
  }

  sample(command: CommandOf<"sample">): number {
    const { evidence, windowNs, pagesMax, into } = command;
    if (evidence === "references") {
      const referenced = this.pages.referenced;
      assert(referenced !== undefined, "references are tracked for who asks for them");
      return referenced.harvestInto(into);
    }
    if (evidence === "future") {
      assert(this.foresight !== undefined, "foresight is there for who asks for it");
      const from = this.ranNs;
      return this.foresight.soonest({ activity: this.activity, from, windowNs, pagesMax }, into);
    }
    const nowTicks = Math.floor(this.ranNs / 1000) % 0x1_0000_0000;
    return widestWindow(windowNs, pagesMax, (ns) =>
      exactWorkingSet(this.pages, nowTicks, Math.floor(ns / 1000), into),
    );
  }

  virtualNs(): number {
    return this.ranNs;
  }

  setCpuShare(share: number): void {
    this.cpuShare = share;
  }

  /** The hypervisor works on the guest while it may not run. */
  standStill(ns: number): void {
    this.debtNs += ns;
  }

  /** Suspending runs code in the guest, which writes its own pages. */
  pause(): void {
    if (this.suspendPages.length > 0) {
      this.pages.touchWrites(this.suspendPages, Math.floor(this.ranNs / 1000) % 0x1_0000_0000);
    }
    this.running = false;
  }

  resume(): void {
    this.running = true;
  }

  private runSlice(sliceNs: number): void {
    const baseline = sliceNs * this.baselineSpeed + this.baselineFraction;
    this.baselineNs += Math.floor(baseline);
    this.baselineFraction = baseline - Math.floor(baseline);
    const paidNs = Math.min(this.debtNs, sliceNs);
    this.debtNs -= paidNs;
    const progress = (sliceNs - paidNs) * this.speed + this.ranFraction;
    const untilNs = this.ranNs + Math.floor(progress);
    this.ranFraction = progress - Math.floor(progress);
    this.activity.run(this.pages, this.ranNs, untilNs);
    this.ranNs = untilNs;
    const faults = this.pages.takeNewlyDirty();
    if (!this.logging) return;
    this.faults += faults;
    this.debtNs += faults * this.faultNs;
  }
}

/** The widest window whose set fits: what lies nearest to now is hottest. */
function widestWindow(windowNs: number, pagesMax: number, count: (ns: number) => number): number {
  const all = count(windowNs);
  if (all <= pagesMax) return all;
  let fits = 0;
  let tooMany = windowNs;
  for (let i = 0; i < BISECTIONS && tooMany - fits > 1000; i++) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (count(middle) <= pagesMax) fits = middle;
    else tooMany = middle;
  }
  return count(fits) <= pagesMax ? count(fits) : 0;
}

/** The pages that suspending dirties: drawn once for a guest, the same at every suspend. */
function drawDistinct({ suspendDirtiesPages, pages }: DomainSpec, seed: number): number[] {
  const random = new Random(seed).fork(0x5059);
  const drawn = new Set<number>();
  const wanted = Math.min(suspendDirtiesPages, pages);
  while (drawn.size < wanted) drawn.add(random.below(pages));
  return [...drawn].sort((a, b) => a - b);
}
