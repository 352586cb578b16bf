/**
 * The target of a post-copy migration, where the guest runs while pages are absent: it is run ahead
 * in short steps, each fault is sent to the source at its own instant, and pages are written when
 * they arrive. What waiting cost is in `report`, in the terms of QEMU's `query-migrate`.
 */
import { type Kernels, PageBitmap, U32Buffer } from "../kernels/index.js";
import type { MigrationChecker } from "../migrate/checker.js";
import type { PostCopyReport } from "./migration-result.js";
import type { ModelGuest } from "./model-guest.js";
import type { ModelTarget } from "./model-target.js";
import type { XenHost } from "./xen-host.js";

/** How far the guest is run ahead; faults are found at their own instant whatever this is. */
const STEP_NS = 1_000_000;

/** Pages of one frame with their versions, as they were read. */
export interface ArrivedBatch {
  readonly pages: Uint32Array;
  readonly versions: Uint32Array;
}

export interface PostCopyParts {
  readonly kernels: Kernels;
  readonly guest: ModelGuest;
  readonly host: XenHost;
  readonly received: ModelTarget;
  readonly checker: MigrationChecker;
  /** What the target was told to be absent. */
  readonly absent: PageBitmap;
  readonly batchPages: number;
  later(atNs: number, run: (nowNs: number) => void): void;
  /** The guest waits for this page from now on. */
  fault(page: number, nowNs: number): void;
}

export class PostCopyTarget {
  private readonly missing: PageBitmap;
  private readonly pages: U32Buffer;
  private readonly versions: U32Buffer;
  private readonly wanted = new Set<number>();
  private readonly absentPages: number;
  private running = false;
  private untilNs = 0;

  constructor(private readonly parts: PostCopyParts) {
    const { kernels, absent, checker, batchPages } = parts;
    this.missing = PageBitmap.create(kernels, absent.pages, "absent at the target");
    this.missing.copyFrom(absent);
    this.absentPages = absent.count();
    this.pages = U32Buffer.create(kernels, batchPages, "arrived pages");
    this.versions = U32Buffer.create(kernels, batchPages, "their versions");
    checker.toldAbsent(absent);
  }

  static arenaBytes(pages: number, batchPages: number): number {
    return PageBitmap.bytesFor(pages) + 2 * U32Buffer.bytesFor(batchPages);
  }

  /** The guest begins to run here. */
  run(nowNs: number): void {
    const { guest } = this.parts;
    guest.expectPages(this.missing);
    if (this.missing.isEmpty()) return guest.allArrived();
    this.running = true;
    this.step(nowNs);
  }

  arrived(batch: ArrivedBatch, nowNs: number): void {
    const { received, checker, guest, host } = this.parts;
    this.pages.set(batch.pages);
    this.versions.set(batch.versions);
    received.writePages("ram", this.pages, this.versions);
    checker.arrived(this.pages);
    this.missing.clearBatch(this.pages);
    for (const page of batch.pages) this.wanted.delete(page);
    if (!this.running) return;
    host.advanceTo(nowNs);
    guest.arrived(this.pages, nowNs);
    if (this.missing.isEmpty()) {
      this.running = false;
      guest.allArrived();
    } else {
      this.look();
    }
  }

  /** After a broken connection: every page that the guest waits for is asked for again. */
  askAgain(nowNs: number): void {
    for (const page of this.wanted) this.parts.fault(page, nowNs);
  }

  stop(): void {
    this.running = false;
  }

  report(): PostCopyReport {
    const { guest } = this.parts;
    const { stalls } = guest;
    const workingSetPages = stalls === undefined ? 0 : guest.touchedPages();
    const faults = stalls?.remote.count ?? 0;
    return {
      absentPages: this.absentPages,
      faults,
      workingSetPages,
      faultShare: workingSetPages === 0 ? 0 : faults / workingSetPages,
      stallNs: stalls?.remote.stallNs ?? 0,
      worstStallNs: stalls?.remote.worstNs ?? 0,
      vcpuBlocktimeNs: [...(stalls?.vcpuBlocktimeNs ?? [])],
      blocktimeNs: stalls?.allBlockedNs ?? 0,
      stallBucketsUs: [...(stalls?.remote.buckets ?? [])],
    };
  }

  private step(nowNs: number): void {
    if (!this.running) return;
    this.parts.host.advanceTo(nowNs);
    this.untilNs = nowNs + STEP_NS;
    this.look();
    this.parts.later(this.untilNs, (atNs) => this.step(atNs));
  }

  /** Runs the guest to the end of the step, or each VCPU to its fault. */
  private look(): void {
    for (const { page, atNs } of this.parts.guest.advanceUntilFault(this.untilNs)) {
      this.parts.later(atNs, (nowNs) => this.raise(page, nowNs));
    }
  }

  /** It may have arrived since it was missed by a guest that was run ahead. */
  private raise(page: number, nowNs: number): void {
    if (!this.running || !this.missing.has(page) || this.wanted.has(page)) return;
    this.wanted.add(page);
    this.parts.fault(page, nowNs);
  }
}
