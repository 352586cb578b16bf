/**
 * A modelled guest that can be migrated: its pages, what it does to them, and its own time. The
 * ports are on either side of it: model-source.ts gives it away, model-target.ts receives it.
 *
 * The host tells it how fast it runs (`speed`: guest time per wall time, 1 when it gets every CPU
 * that it asks for). While writes are logged, each first write to a page costs a fault (or its
 * share of a PML exit), which the guest pays by standing still. Beside the time that it ran it
 * keeps the time that it would have run without the migration; the difference is its slowdown.
 *
 * It runs as one until pages are missing, streams are watched or stunned; from then on its VCPUs
 * run apart (vcpus.ts).
 */
import { assert } from "../base/assert.js";
import { power } from "../base/math.js";
import { mix32 } from "../base/random.js";
import { activityArenaBytes, createActivity, type GuestActivity } from "../guest/activity.js";
import { ticksAt } from "../guest/guest-activity.js";
import {
  GuestPages,
  type GuestPagesOptions,
  type Kernels,
  PageBitmap,
  U32Buffer,
} from "../kernels/index.js";
import type { CommandOf, Region } from "../migrate/messages.js";
import type { MachineDescription } from "../migrate/ports.js";
import type { Brake } from "../policy/throttle.js";
import { GivingUp } from "./giving-up.js";
import { ModelDisk } from "./model-disk.js";
import { ModelEvidence } from "./model-evidence.js";
import type { DomainSpec } from "./spec.js";
import type { Stalls } from "./stalls.js";
import { suspendPages } from "./suspend-pages.js";
import { SLICE_NS, type VcpuFault, Vcpus } from "./vcpus.js";

const MODELLED = { kind: "model", version: "1", devices: "", pageSizeBytes: 4096 } as const;

/** The disk's seed is another one than the memory's. */
const DISK_SALT = 0xd15c;

/** What is kept of a guest's memory; pages can be missing only with `trackAbsent`. */
export interface ModelGuestKeeps extends GuestPagesOptions {
  /** For the oracle: memory to look ahead with. */
  readonly foresees: boolean;
  /** For ballooning: memory to choose pages with. */
  readonly givesUp?: boolean;
  /** Its disk, if it has one, is modelled. */
  readonly movesDisk?: boolean;
}

export interface ModelGuestOptions extends ModelGuestKeeps {
  readonly kernels: Kernels;
  readonly spec: DomainSpec;
  readonly seed: number;
  /** Of what its pages hold; the encoder's. */
  readonly contentSeed?: number;
}

export class ModelGuest {
  readonly pages: GuestPages;
  readonly activity: GuestActivity;
  readonly disk: ModelDisk | undefined;
  /** Guest time per wall time, set by the host. */
  speed = 1;
  /** What `speed` would be without any migration. */
  baselineSpeed = 1;
  /** Standing still per first write to a logged page; set by the host. */
  faultNs = 0;
  /** More standing still, of the VCPU that writes alone, per first write to a logged page. */
  stallPerFaultNs = 0;
  /** How long the guest's disk takes to bring back a page that was taken away. */
  refaultNs = 0;
  /** The same for a page that held nothing. */
  emptyRefaultNs = 0;
  running = true;
  /** Time executed, and time that would have been executed without the migration. */
  ranNs = 0;
  baselineNs = 0;
  faults = 0;
  private stunAfterFaults = 0;
  /** Time that its memory activity has come to: `ranNs` unless activity and CPU share part. */
  private memoryNs = 0;
  private memoryFraction = 0;
  private atNs = 0;
  private debtNs = 0;
  private ranFraction = 0;
  private baselineFraction = 0;
  private logging = false;
  private readonly suspendPages: U32Buffer;
  private readonly evidence: ModelEvidence;
  /** Absent pages that the guest brings back itself. */
  private readonly local: PageBitmap | undefined;
  private readonly one: U32Buffer;
  private readonly givingUp: GivingUp | undefined;
  private vcpus: Vcpus | undefined;

  constructor(private readonly options: ModelGuestOptions) {
    const { kernels, spec, seed, contentSeed = 0 } = options;
    this.pages = GuestPages.create(kernels, spec.pages, options);
    this.activity = createActivity(kernels, spec.activity, { pages: spec.pages, seed });
    if (options.movesDisk === true && spec.disk !== undefined) {
      this.disk = new ModelDisk(kernels, spec.disk, mix32(seed ^ DISK_SALT));
    }
    this.evidence = new ModelEvidence(kernels, this, options.foresees);
    this.suspendPages = U32Buffer.create(kernels, Math.max(1, spec.suspendDirtiesPages));
    this.suspendPages.set(suspendPages(spec, seed));
    if (options.givesUp === true) this.givingUp = new GivingUp(kernels, spec, contentSeed);
    this.one = U32Buffer.create(kernels, 1);
    if (options.trackAbsent === true) this.local = PageBitmap.create(kernels, spec.pages, "local");
  }

  static arenaBytes(spec: DomainSpec, keeps: ModelGuestKeeps): number {
    return (
      activityArenaBytes(spec.activity) +
      GuestPages.bytesFor(spec.pages, keeps) +
      (keeps.movesDisk === true && spec.disk ? ModelDisk.arenaBytes(spec.disk) : 0) +
      ModelEvidence.arenaBytes(spec.pages, keeps.foresees) +
      (keeps.givesUp === true ? GivingUp.arenaBytes(spec.pages) : 0) +
      (keeps.trackAbsent === true ? PageBitmap.bytesFor(spec.pages) : 0) +
      U32Buffer.bytesFor(Math.max(1, spec.suspendDirtiesPages)) +
      U32Buffer.bytesFor(1)
    );
  }

  /** Runs the guest until `nowNs` of wall time. */
  advanceTo(nowNs: number): void {
    if (this.vcpus !== undefined) this.advanceApart(nowNs, this.vcpus);
    while (this.atNs < nowNs) {
      const sliceNs = Math.min(SLICE_NS, nowNs - this.atNs);
      this.atNs += sliceNs;
      if (this.running) this.runSlice(sliceNs);
    }
    this.disk?.runTo(this.memoryNs);
  }

  /**
   * From now on these pages are missing, until {@link arrived} or {@link resolve} says otherwise:
   * the guest runs where its memory is not. Stalls and touched pages are counted from here.
   */
  expectPages(missing: PageBitmap): void {
    const { absent, local, touched } = this.tracked();
    absent.or(missing);
    local.andNot(missing);
    touched.reset();
    this.apart().resetStalls();
    this.pages.faulting = true;
  }

  /**
   * Takes pages away (ballooning). One that the guest uses again is brought back by itself after
   * {@link refaultNs}, and has then been written.
   */
  takeAway(pages: PageBitmap): void {
    const { absent, local } = this.tracked();
    absent.or(pages);
    local.or(pages);
    this.apart();
    this.pages.faulting = true;
  }

  /**
   * A balloon inflates: chooses so many pages and takes them away, out of the log too. Puts into
   * `into` what is with the balloon now; returns how many that is.
   */
  giveUp(pages: number, freePages: number, into: PageBitmap): number {
    const { givingUp, options } = this;
    assert(givingUp !== undefined, "pages are given up by a guest that is asked to");
    const { absent: gone, local } = this.tracked();
    const wanted = Math.max(0, Math.min(pages, options.spec.pages) - local.count());
    const free = Math.max(0, freePages - givingUp.empty.countAnd(local));
    const nowTicks = ticksAt(this.memoryNs);
    givingUp.choose(this.pages, { pages: wanted, freePages: free, gone, nowTicks }, into);
    this.takeAway(into);
    this.pages.dirty.andNot(into);
    return into.or(local);
  }

  /** Pages given up and not back yet; those of them that held nothing. */
  pagesAway(): number {
    return this.local?.count() ?? 0;
  }

  emptyPagesAway(): number {
    return this.local === undefined ? 0 : (this.givingUp?.empty.countAnd(this.local) ?? 0);
  }

  /**
   * Runs every VCPU that does not wait, from where it is, to `untilNs` or to its first fault on a
   * page that has to come from elsewhere. Returns the faults not told before, in order of time.
   */
  advanceUntilFault(untilNs: number): readonly VcpuFault[] {
    this.apart();
    this.advanceTo(untilNs);
    return this.apart().takeFaults();
  }

  /** A page is here at `atNs`, to which the guest has been advanced: who waits for it goes on. */
  resolve(page: number, atNs: number): void {
    this.one.set([page]);
    this.arrived(this.one, atNs);
  }

  /** Like {@link resolve} for pages that came together. */
  arrived(pages: U32Buffer, atNs: number): void {
    const { absent, local } = this.tracked();
    absent.clearBatch(pages);
    local.clearBatch(pages);
    this.apart().wake(atNs);
  }

  /** Nothing is expected from elsewhere any more; pages taken away can still be refaulted. */
  allArrived(): void {
    const { absent, local } = this.tracked();
    assert(absent.isSubsetOf(local), "every page that was expected is here");
    assert(!this.apart().waiting, "no VCPU waits for a page that is here");
    this.pages.faulting = !absent.isEmpty();
  }

  /** What waiting for pages has cost; undefined before any was missing. */
  get stalls(): Stalls | undefined {
    return this.vcpus?.stalls;
  }

  /** Distinct pages used since {@link expectPages}: the working set that faults are a share of. */
  touchedPages(): number {
    return this.tracked().touched.count();
  }

  /** Keeps write faults by stream from now on; returns the number of streams. */
  watchStreams(): number {
    this.apart();
    return this.activity.streams;
  }

  /** First writes to logged pages by a watched stream since the last harvest. */
  faultsOfStream(stream: number): number {
    assert(this.vcpus !== undefined, "streams are watched by who asks for their faults");
    return this.vcpus.writeFaultsOf(stream);
  }

  /** A stunned stream makes no progress, and loses its VCPU its share of progress. */
  stun(stream: number): void {
    this.apart().stun(stream);
  }

  unstunAll(): void {
    this.vcpus?.unstunAll();
  }

  describe(): MachineDescription {
    const { name, pages, vcpus, deviceStateBytes } = this.options.spec;
    return { ...MODELLED, name, pages, vcpus, deviceStateBytes };
  }

  enableLogDirty(): void {
    this.pages.dirty.reset();
    this.pages.takeNewlyDirty();
    this.disk?.startLog();
    this.logging = true;
  }

  disableLogDirty(): void {
    this.logging = false;
  }

  harvest(_region: Region, into: PageBitmap): number {
    assert(this.logging, "the log is read while it is on");
    this.vcpus?.resetWriteFaults();
    return this.pages.dirty.harvestInto(into);
  }

  peek(_region: Region, pages: U32Buffer, mask: U32Buffer): void {
    this.pages.dirty.maskOf(pages, mask);
  }

  sample(command: CommandOf<"sample">): number {
    return this.evidence.sample(command, this.memoryNs);
  }

  virtualNs(): number {
    return this.ranNs;
  }

  /** The CPU share itself is the host's to enforce. */
  setBrake(brake: Brake): void {
    this.stallPerFaultNs = brake.stallPerFaultNs;
    this.stunAfterFaults = brake.stunAfterFaults;
    if (brake.stunAfterFaults > 0) this.apart();
    else this.unstunAll();
  }

  /** The hypervisor works on the guest while it may not run. */
  standStill(ns: number): void {
    if (this.vcpus === undefined) this.debtNs += ns;
    else this.vcpus.standStill(ns);
  }

  /** Suspending runs code in the guest, which writes its own pages. */
  pause(): void {
    if (this.suspendPages.length > 0) {
      this.pages.touchWrites(this.suspendPages, ticksAt(this.memoryNs));
      // Those that were given up are there again.
      this.pages.absent?.clearBatch(this.suspendPages);
      this.local?.clearBatch(this.suspendPages);
    }
    this.running = false;
  }

  resume(): void {
    this.running = true;
  }

  private runSlice(sliceNs: number): void {
    this.passBaseline(sliceNs);
    const paidNs = Math.min(this.debtNs, sliceNs);
    this.debtNs -= paidNs;
    const progress = (sliceNs - paidNs) * this.speed + this.ranFraction;
    this.ranNs += Math.floor(progress);
    this.ranFraction = progress - Math.floor(progress);
    const memory = (sliceNs - paidNs) * this.memorySpeed() + this.memoryFraction;
    const untilNs = this.memoryNs + Math.floor(memory);
    this.memoryFraction = memory - Math.floor(memory);
    this.activity.run(this.pages, this.memoryNs, untilNs);
    this.memoryNs = untilNs;
    const faults = this.pages.takeNewlyDirty();
    if (!this.logging) return;
    this.faults += faults;
    this.debtNs += faults * (this.faultNs + this.stallPerFaultNs / this.options.spec.vcpus);
  }

  private advanceApart(nowNs: number, vcpus: Vcpus): void {
    const elapsedNs = nowNs - this.atNs;
    if (elapsedNs > 0) {
      this.atNs = nowNs;
      if (this.running) this.passBaseline(elapsedNs);
    }
    // `faultNs` is what the guest as a whole loses, spread over its VCPUs.
    const { vcpus: count } = this.options.spec;
    const writeFaultNs = this.logging ? this.faultNs * count + this.stallPerFaultNs : 0;
    const { running, speed } = this;
    vcpus.refaultNs = this.refaultNs;
    vcpus.emptyRefaultNs = this.emptyRefaultNs;
    vcpus.advance(nowNs, { running, speed, memorySpeed: this.memorySpeed(), writeFaultNs });
    this.memoryNs = vcpus.clockNs;
    this.ranNs = vcpus.ranNs;
    const faults = vcpus.takeWriteFaults();
    if (this.logging) this.faults += faults;
    if (this.stunAfterFaults > 0) vcpus.stunBusy(this.stunAfterFaults);
  }

  private passBaseline(elapsedNs: number): void {
    const baseline = elapsedNs * this.baselineSpeed + this.baselineFraction;
    this.baselineNs += Math.floor(baseline);
    this.baselineFraction = baseline - Math.floor(baseline);
  }

  private memorySpeed(): number {
    return memorySpeedOf(this.options.spec, this.speed);
  }

  /** The VCPUs on their own; from the first call on the guest does not run as one any more. */
  private apart(): Vcpus {
    if (this.vcpus !== undefined) return this.vcpus;
    const { pages, activity, local, one, atNs, memoryNs: clockNs, ranNs, debtNs } = this;
    const start = { atNs, clockNs, ranNs, debtNs };
    const { vcpus } = this.options.spec;
    const empty = this.givingUp?.empty;
    this.vcpus = new Vcpus({ pages, activity, vcpus, local, empty, one, start });
    return this.vcpus;
  }

  private tracked(): { absent: PageBitmap; touched: PageBitmap; local: PageBitmap } {
    const { local } = this;
    const { absent, touched } = this.pages;
    const kept = absent !== undefined && touched !== undefined && local !== undefined;
    assert(kept, "absent pages are tracked for who takes some away");
    return { absent, touched, local };
  }
}

/** A guest that gets less of the CPUs touches less memory, but not in proportion. */
export function memorySpeedOf({ writeElasticity = 1 }: DomainSpec, speed: number): number {
  return writeElasticity === 1 || speed === 0 ? speed : power(speed, writeElasticity);
}
