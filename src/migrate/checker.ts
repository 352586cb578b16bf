/**
 * The checker stands apart from the engine: it watches what a driver really does, keeps its own
 * books, and at the end says what held. A version number stands for the contents of each page.
 *
 * It asserts: every page sent was owed (never sent, or in the log since it was last read); at the
 * switch nothing is owed and every page of the target has the source's version; the link carried
 * what the report counts; the rounds and stages add up; at most one copy ran at any instant;
 * reservations are as they should be; an aborted move leaves the source whole and the target free.
 */
import { AssertionError } from "../base/assert.js";
import {
  type GuestPages,
  type Kernels,
  PageBitmap,
  type PageVersions,
  U32Buffer,
} from "../kernels/index.js";
import type { MigrationReport } from "./report.js";

/** Each check by name; a check that fails throws, so that a list holds only `true`. */
export type Verified = Readonly<Record<string, true>>;

/** What the driver knows at the end, from its machines and the link. */
export interface EndState {
  readonly linkBytes: number;
  readonly sourceRunning: boolean;
  readonly targetRunning: boolean;
  readonly sourceReservedPages: number;
  readonly targetReservedPages: number;
}

const CHUNK_PAGES = 1024;

export class MigrationChecker {
  /** The checker of the disk that moves along: who runs is told to both. */
  disk: MigrationChecker | undefined;
  /** Sends of pages that had not changed since they were sent before. */
  unchangedSends = 0;
  private readonly owed: PageBitmap;
  private readonly pages: number;
  private sourceRuns = true;
  private targetRuns = false;
  private switched = false;
  private absent: PageBitmap | undefined;
  private readonly absentPages: PageBitmap;
  private readonly chunk: U32Buffer;
  private readonly chunkVersions: U32Buffer;

  /** @param target what the target holds, page by page. */
  constructor(
    kernels: Kernels,
    private readonly source: GuestPages,
    private readonly target: PageVersions,
    private readonly repeat: string,
  ) {
    this.pages = source.dirty.pages;
    this.owed = PageBitmap.create(kernels, this.pages, "checker, owed");
    this.owed.fill();
    this.absentPages = PageBitmap.create(kernels, this.pages, "checker, absent");
    this.chunk = U32Buffer.create(kernels, CHUNK_PAGES);
    this.chunkVersions = U32Buffer.create(kernels, CHUNK_PAGES);
  }

  static arenaBytes(pages: number): number {
    return 2 * PageBitmap.bytesFor(pages) + 2 * U32Buffer.bytesFor(CHUNK_PAGES);
  }

  /** The log was read. */
  harvested(pages: PageBitmap): void {
    this.owed.or(pages);
  }

  /** These pages were read for sending, with these versions. */
  batchRead(pages: U32Buffer, versions: U32Buffer): void {
    const cleared = this.owed.clearBatch(pages);
    this.expect(
      cleared === pages.length,
      `a batch of ${pages.length} pages holds ${pages.length - cleared} that are not owed`,
    );
    this.unchangedSends += this.target.countEqualTo(pages, versions);
  }

  sourceRunning(running: boolean): void {
    this.sourceRuns = running;
    this.disk?.sourceRunning(running);
    this.atMostOne();
  }

  /** Pages that hold nothing any more: the target need not have them, and has nothing there. */
  emptied(pages: U32Buffer): void {
    this.owed.clearBatch(pages);
  }

  /** A frame with these pages was lost with its connection. */
  sendFailed(pages: U32Buffer): void {
    this.owed.setBatch(pages);
  }

  /** Post-copy: the target is told which pages will be absent when it begins to run. */
  toldAbsent(absent: PageBitmap): void {
    this.absent = this.absentPages;
    this.absent.copyFrom(absent);
    this.expect(absent.equals(this.owed), "what is absent at the target is what is owed");
  }

  /** The target is about to run its first instruction. */
  targetRunning(): void {
    this.targetRuns = true;
    this.atMostOne();
    this.disk?.targetRunning();
    this.switched = true;
    const { absent } = this;
    if (absent === undefined) {
      this.expect(this.owed.isEmpty(), `${this.owed.count()} pages are owed at the switch`);
    }
    const differing = this.target.countDiffering(this.source);
    const known = absent === undefined ? 0 : this.countDifferingIn(absent);
    if (differing === known) return;
    const page = absent === undefined ? this.target.firstDiffering(this.source) : "a present one";
    this.expect(
      false,
      `${differing - known} pages of the target differ, the first is page ${page}`,
    );
  }

  /** Post-copy: these pages were written to the running target; they are absent until now. */
  arrived(pages: U32Buffer): void {
    const here = this.absent?.clearBatch(pages) ?? 0;
    this.expect(
      here === pages.length,
      `${pages.length - here} of ${pages.length} pages arrived over pages that were there`,
    );
    // An absent page cannot be written, so it still is what it was when the guest was paused.
    this.chunkVersions.length = pages.length;
    this.source.gather(pages, this.chunkVersions);
    const same = this.target.countEqualTo(pages, this.chunkVersions);
    this.expect(
      same === pages.length,
      `${pages.length - same} of ${pages.length} pages arrived with other contents than they had`,
    );
  }

  /** The target's copy does not run any more. */
  targetStopped(): void {
    this.targetRuns = false;
    this.disk?.targetStopped();
  }

  private countDifferingIn(absent: PageBitmap): number {
    let count = 0;
    let from = 0;
    while (absent.nextPages(this.chunk, from, CHUNK_PAGES) > 0) {
      const list = this.chunk.view();
      from = (list[list.length - 1] as number) + 1;
      this.chunkVersions.length = list.length;
      this.source.gather(this.chunk, this.chunkVersions);
      count += list.length - this.target.countEqualTo(this.chunk, this.chunkVersions);
    }
    return count;
  }

  /** The last word, when the migration has ended. */
  finish(report: MigrationReport, end: EndState): Verified {
    if (report.outcome === "target-runs") return this.checkCompleted(report, end);
    if (report.outcome === "in-doubt") return this.checkInDoubt(report, end);
    if (report.outcome === "lost") return this.checkLost(report, end);
    return this.checkAborted(report, end);
  }

  private checkCompleted(report: MigrationReport, end: EndState): Verified {
    this.expect(this.switched, "a completed migration switched");
    this.expect(
      end.linkBytes === report.bytes.total,
      `the link carried ${end.linkBytes} bytes, the report counts ${report.bytes.total}`,
    );
    const { rounds, pause, control, residual, storage, total } = report.bytes;
    const sum = rounds + pause + control + residual + storage;
    this.expect(sum === total, "bytes add up to their total");
    const roundBytes = report.rounds.reduce((sum, round) => sum + round.bytes, 0);
    this.expect(roundBytes === rounds, `rounds sent ${roundBytes} bytes, counted are ${rounds}`);
    const roundPages = report.rounds.reduce((sum, round) => sum + round.pagesSent, 0);
    const { stopPages, residualPages, pagesSent } = report;
    this.expect(
      roundPages + stopPages + residualPages === pagesSent,
      `${roundPages} + ${stopPages} + ${residualPages} pages add up to ${pagesSent}`,
    );
    this.expect(this.absent?.isEmpty() ?? true, "no page is absent at the end");
    this.expect(this.owed.isEmpty(), "nothing is owed at the end");
    this.checkTimes(report);
    this.expect(!end.sourceRunning && end.targetRunning, "the target alone runs");
    this.expect(end.sourceReservedPages === 0, "the source's reservation returned to zero");
    this.expect(end.targetReservedPages === this.pages, "the target holds the guest's memory once");
    return {
      targetEqualsSource: true,
      everySendWasOwed: true,
      nothingOwedAtSwitch: true,
      ...(this.disk !== undefined && { targetDiskEqualsSource: true as const }),
      linkBytesEqualReport: true,
      roundsAndStagesAddUp: true,
      atMostOneCopyRan: true,
      reservationsReturned: true,
    };
  }

  /** Given up, and nobody heard that it was taken: both sides still have the guest's memory. */
  private checkInDoubt(report: MigrationReport, end: EndState): Verified {
    this.expect(!end.sourceRunning, "the source does not run while in doubt");
    this.expect(end.targetRunning === this.switched, "a target in doubt runs if it ever ran");
    this.expect(end.sourceReservedPages === this.pages, "the source keeps its memory");
    this.expect(end.targetReservedPages === this.pages, "the target keeps its memory");
    const whole = this.absent?.isEmpty() ?? true;
    this.expect(!this.switched || whole, "a guest that runs in doubt lacks no page");
    this.checkTimes(report);
    return {
      ...(this.switched ? { onlyTheTargetRuns: true } : { nobodyRuns: true }),
      sourceMemoryKept: true,
      everySendWasOwed: true,
      roundsAndStagesAddUp: true,
      atMostOneCopyRan: true,
    };
  }

  /** Half of the guest on either side: nobody runs. */
  private checkLost(report: MigrationReport, end: EndState): Verified {
    this.expect(!end.sourceRunning && !end.targetRunning, "no copy runs of a guest that is lost");
    this.expect(this.absent !== undefined, "only post-copy loses a guest");
    this.expect(end.sourceReservedPages === this.pages, "the source keeps its half");
    this.expect(end.targetReservedPages === this.pages, "the target keeps its half");
    this.checkTimes(report);
    return {
      nobodyRuns: true,
      bothHalvesKept: true,
      everySendWasOwed: true,
      roundsAndStagesAddUp: true,
      atMostOneCopyRan: true,
    };
  }

  private checkAborted(report: MigrationReport, end: EndState): Verified {
    this.expect(!this.switched && !end.targetRunning, "no target runs after an abort");
    this.expect(end.sourceRunning, "the source runs on after an abort");
    this.expect(end.sourceReservedPages === this.pages, "the source keeps its memory");
    this.expect(end.targetReservedPages === 0, "the target's memory is free again");
    this.checkTimes(report);
    return {
      sourceWhole: true,
      targetFree: true,
      everySendWasOwed: true,
      roundsAndStagesAddUp: true,
      atMostOneCopyRan: true,
    };
  }

  private checkTimes(report: MigrationReport): void {
    const stages = Object.values(report.stagesNs);
    const sum = stages.reduce((total, ns) => total + ns, 0);
    const whole = stages.every((ns) => Number.isSafeInteger(ns) && ns >= 0);
    this.expect(whole && sum === report.totalNs, `stages add up to ${sum} of ${report.totalNs} ns`);
    const roundsNs = report.rounds.reduce((total, round) => total + round.durationNs, 0);
    this.expect(
      roundsNs <= report.stagesNs.iterativePreCopy,
      `rounds last ${roundsNs} ns of a stage of ${report.stagesNs.iterativePreCopy} ns`,
    );
  }

  private atMostOne(): void {
    this.expect(!(this.sourceRuns && this.targetRuns), "at most one copy runs");
  }

  private expect(condition: boolean, message: string): void {
    if (!condition) throw new AssertionError(`checker: ${message} (repeat with: ${this.repeat})`);
  }
}
