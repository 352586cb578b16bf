/**
 * Post-copy's rest: the guest runs at the target, and the pages that are absent there follow, those
 * that it waits for first (Hines & Gopalan, VEE 2009; QEMU migration/ram.c). Active push walks
 * what is owed around the last faults; a fault's page is read at once and goes ahead of what has
 * not been read yet, but behind what is in the sender's buffer unless it has a way of its own.
 *
 * A broken link loses the guest, half of which is on either side, unless recovery is on: then the
 * push stands still until the link is back, the target says what it has, and it goes on.
 */
import type { Preset } from "../policy/preset.js";
import { BubblingWalk } from "./bubbling.js";
import type { PageMover, Requests } from "./page-mover.js";

export interface PushOptions {
  /** How long after the switch active push begins; until then pages go on demand alone. */
  readonly quietNs: number;
  readonly order: "bubbling" | "forward" | "ascending";
  /** Recent faults around which pages are pushed. */
  readonly pivots: number;
  /** Bytes between reading and having left: what a fault's page has to wait behind. */
  readonly bufferBytes: number;
  /** Pages that the target waits for travel on a channel of their own. */
  readonly preempt: boolean;
  readonly recover: boolean;
}

/** One entry of the map of absent pages: start and length of a run (QEMU, MIG_CMD_POSTCOPY_RAM_DISCARD). */
const ABSENT_RUN_BYTES = 16;

export interface ResidualPushParts {
  readonly mover: PageMover;
  readonly requests: Requests;
  readonly options: PushOptions;
  /** The target has everything, at this instant of its side. */
  readonly done: (nowNs: number) => void;
}

export class ResidualPush {
  ended = false;
  private readonly walk: BubblingWalk;
  private begun = false;
  private pushing = false;
  private quiet = true;
  private down = false;
  private finishing = false;
  /** The link broke when all had left: the target may lack nothing. */
  mayBeWhole = false;
  /** Counts breaks and returns of the link: an answer from before the last one means nothing. */
  private linkChanges = 0;

  constructor(private readonly parts: ResidualPushParts) {
    const { mover, options } = parts;
    this.walk = new BubblingWalk(mover.kernels, options, this.batchPages());
  }

  static arenaBytes(preset: Preset): number {
    return BubblingWalk.arenaBytes(preset.batchPages);
  }

  /** What it takes to tell the target which pages are absent. */
  absentMapBytes(): number {
    return this.parts.mover.owed.runCount() * ABSENT_RUN_BYTES;
  }

  /** The target has permission to run. */
  begin(nowNs: number): void {
    this.begun = true;
    const { quietNs } = this.parts.options;
    const loud = (atNs: number) => {
      this.quiet = false;
      this.pushOn(atNs);
    };
    if (quietNs === 0) return loud(nowNs);
    const { requests } = this.parts;
    requests.request({ kind: "set-timer", atNs: nowNs + quietNs }, ({ atNs }) => loud(atNs));
  }

  /** The guest waits for this page; it may be on its way already. */
  fault(page: number): void {
    if (this.ended || this.down || !this.begun) return;
    this.walk.fault(page);
    this.parts.mover.sendNow(page, this.parts.options.preempt, () => this.maybeDone());
    this.maybeDone();
  }

  /** The target has the last page. */
  allReceived(receivedNs: number): void {
    const { mover } = this.parts;
    if (this.ended || !this.begun || mover.inFlight > 0 || !mover.owed.isEmpty()) return;
    this.ended = true;
    this.parts.done(receivedNs);
  }

  /** The connection broke: false when there is nothing to be done about it. */
  linkDown(_nowNs: number): boolean {
    if (this.ended) return true;
    if (!this.parts.options.recover && !this.finishing) return false;
    this.mayBeWhole = this.finishing || this.mayBeWhole;
    this.down = true;
    this.linkChanges++;
    this.finishing = false;
    this.parts.mover.cut();
    return true;
  }

  linkUp(_nowNs: number): void {
    if (!this.down || this.ended) return;
    const change = ++this.linkChanges;
    this.parts.requests.request({ kind: "reconnect" }, (event) => {
      if (change !== this.linkChanges) return;
      this.down = false;
      this.mayBeWhole = false;
      this.pushOn(event.atNs);
      this.maybeDone();
    });
  }

  private pushOn(nowNs: number): void {
    if (this.pushing || this.ended || this.down || this.quiet) return;
    const { mover } = this.parts;
    this.pushing = true;
    const options = {
      skipsRewritten: false,
      nowNs,
      walk: this.walk,
      batchPagesMax: this.batchPages(),
      goesOn: () => !this.down,
    };
    mover.sendAll(mover.owed, options, (atNs) => {
      this.pushing = false;
      this.maybeDone();
      // What failed to arrive is owed again.
      if (!this.down && !this.finishing && !mover.owed.isEmpty()) this.pushOn(atNs);
    });
  }

  private maybeDone(): void {
    const { mover, requests } = this.parts;
    if (this.finishing || this.down || this.pushing) return;
    if (mover.inFlight > 0 || !mover.owed.isEmpty()) return;
    this.finishing = true;
    requests.tell({ kind: "finish-residual" });
  }

  /** As many as keep the buffer full with the batches that may be under way. */
  private batchPages(): number {
    const { mover, options } = this.parts;
    const buffered = options.bufferBytes / mover.windowBatches / mover.bytesPerPage;
    return Math.max(1, Math.min(Math.floor(buffered), mover.batchPages));
  }
}

/** Where a manager switches to post-copy and the strategy says nothing of it. */
export const DEFAULT_PUSH: PushOptions = {
  quietNs: 0,
  order: "bubbling",
  pivots: 1,
  // Socket buffers, measured between two real QEMU 7.2 processes.
  bufferBytes: 480 * 1024,
  preempt: false,
  recover: false,
};
