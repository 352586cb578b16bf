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
  type U32Buffer,
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

export class MigrationChecker {
  /** Sends of pages that had not changed since they were sent before. */
  unchangedSends = 0;
  private readonly owed: PageBitmap;
  private readonly pages: number;
  private sourceRuns = true;
  private targetRuns = false;
  private switched = false;

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
  }

  static arenaBytes(pages: number): number {
    return PageBitmap.bytesFor(pages);
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
    this.atMostOne();
  }

  /** The target is about to run its first instruction. */
  targetRunning(): void {
    this.targetRuns = true;
    this.atMostOne();
    this.switched = true;
    this.expect(this.owed.isEmpty(), `${this.owed.count()} pages are owed at the switch`);
    const differing = this.target.countDiffering(this.source);
    if (differing > 0) {
      const page = this.target.firstDiffering(this.source);
      this.expect(false, `${differing} pages of the target differ, the first is page ${page}`);
    }
  }

  /** The last word, when the migration has ended. */
  finish(report: MigrationReport, end: EndState): Verified {
    if (report.outcome === "target-runs") return this.checkCompleted(report, end);
    if (report.outcome === "in-doubt") return this.checkInDoubt(report, end);
    return this.checkAborted(report, end);
  }

  private checkCompleted(report: MigrationReport, end: EndState): Verified {
    this.expect(this.switched, "a completed migration switched");
    this.expect(
      end.linkBytes === report.bytes.total,
      `the link carried ${end.linkBytes} bytes, the report counts ${report.bytes.total}`,
    );
    const { rounds, pause, control, residual, total } = report.bytes;
    this.expect(rounds + pause + control + residual === total, "bytes add up to their total");
    const roundBytes = report.rounds.reduce((sum, round) => sum + round.bytes, 0);
    this.expect(roundBytes === rounds, `rounds sent ${roundBytes} bytes, counted are ${rounds}`);
    const roundPages = report.rounds.reduce((sum, round) => sum + round.pagesSent, 0);
    this.expect(roundPages + report.stopPages === report.pagesSent, "pages add up to their total");
    this.checkTimes(report);
    this.expect(!end.sourceRunning && end.targetRunning, "the target alone runs");
    this.expect(end.sourceReservedPages === 0, "the source's reservation returned to zero");
    this.expect(end.targetReservedPages === this.pages, "the target holds the guest's memory once");
    return {
      targetEqualsSource: true,
      everySendWasOwed: true,
      nothingOwedAtSwitch: true,
      linkBytesEqualReport: true,
      roundsAndStagesAddUp: true,
      atMostOneCopyRan: true,
      reservationsReturned: true,
    };
  }

  /** Given up and not taken: nobody runs, and the source still has the guest's memory. */
  private checkInDoubt(report: MigrationReport, end: EndState): Verified {
    this.expect(!this.switched && !end.targetRunning, "no target runs while in doubt");
    this.expect(!end.sourceRunning, "the source does not run while in doubt");
    this.expect(end.sourceReservedPages === this.pages, "the source keeps its memory");
    this.checkTimes(report);
    return {
      nobodyRuns: true,
      sourceMemoryKept: true,
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
