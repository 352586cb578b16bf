/**
 * The mover keeps the one truth about what the target still lacks of a region and turns page sets
 * into batches on the link.
 *
 *   owed = pages never sent, or written since they were last read for sending.
 *
 * Every reading of the log is ORed into `owed` before anything else looks at it, the predictor's
 * samples included. A page leaves `owed` when its read for sending is issued, never when it
 * arrives; a send that fails puts it back. A few batches may be on their way at once; their page
 * lists live in slots that are made once. Pages that a fault asks for have slots of their own.
 */
import { assert } from "../base/assert.js";
import { type Kernels, PageBitmap, U32Buffer } from "../kernels/index.js";
import type { Preset } from "../policy/preset.js";
import type { Evidence } from "../workingset/index.js";
import type { Command, MigrationEvent, Region } from "./messages.js";
import { type PageWalk, walkInOrder } from "./page-walk.js";

/** The engine's side of the conversation: issue a command, be called with its answer. */
export interface Requests {
  request(command: RequestBody, answer: (event: MigrationEvent) => void): number;
  tell(command: Command): void;
}

/** A command that awaits an answer, before it is given its id. */
export type RequestBody = Command extends infer C
  ? C extends { id: number }
    ? Omit<C, "id">
    : never
  : never;

/** What the mover sent, and what it left out because it was already written again. */
export interface MoveCounts {
  pagesSent: number;
  pagesSkipped: number;
  bytes: number;
}

/** How a set is to be sent. */
export interface PassOptions {
  readonly skipsRewritten: boolean;
  readonly nowNs: number;
  /** Default: the preset's order, from the beginning. */
  readonly walk?: PageWalk;
  /** Default: the preset's batch. Read before each batch, so it may be a getter. */
  readonly batchPagesMax?: number;
  /** Asked before each batch; false ends the pass when what is on its way has left. */
  readonly goesOn?: (nowNs: number) => boolean;
  /** The pass is done with its last read; what is on its way leaves before all that follows. */
  readonly leavesBehind?: boolean;
}

type HarvestAnswer = (
  seen: PageBitmap,
  event: MigrationEvent & { readonly kind: "harvested" },
) => void;

interface Slot {
  readonly index: number;
  readonly pages: U32Buffer;
  readonly mask: U32Buffer;
}

/** A page that the target waits for. */
interface Wanted {
  readonly page: number;
  readonly ownWay: boolean;
  readonly left: (nowNs: number) => void;
}

/** One pass over a set of pages. */
interface Pass {
  readonly set: PageBitmap;
  readonly options: PassOptions;
  readonly walk: PageWalk;
  readonly done: (nowNs: number) => void;
  exhausted: boolean;
  inFlight: number;
}

export interface PageMoverOptions {
  readonly kernels: Kernels;
  readonly region: Region;
  readonly pages: number;
  readonly pageSizeBytes: number;
  readonly preset: Preset;
  /** Batches that may be between reading and having left. */
  readonly windowBatches: number;
  readonly requests: Requests;
}

/** Pages that faults asked for and that may be on their way at once; more of them wait. */
export const URGENT_SLOTS = 16;

export class PageMover {
  readonly owed: PageBitmap;
  readonly kernels: Kernels;
  readonly pages: number;
  readonly pageSizeBytes: number;
  /** Of a page on the wire, as it is. */
  readonly bytesPerPage: number;
  /** Most pages of one batch, and most batches between reading and having left. */
  readonly batchPages: number;
  readonly windowBatches: number;
  /** Of the pass that runs or ran last. */
  readonly counts: MoveCounts = { pagesSent: 0, pagesSkipped: 0, bytes: 0 };
  /** Of all passes. */
  readonly totals: MoveCounts = { pagesSent: 0, pagesSkipped: 0, bytes: 0 };
  readonly requests: Requests;
  /** Sees every reading of the log. */
  logRead: (pages: PageBitmap) => void = () => {};
  /** Batches between reading and having left, urgent ones too. */
  inFlight = 0;
  private readonly region: Region;
  private readonly harvested: PageBitmap;
  private readonly harvests: HarvestAnswer[] = [];
  private readonly free: Slot[] = [];
  private readonly freeUrgent: Slot[] = [];
  private readonly waiting: Wanted[] = [];
  private readonly preset: Preset;
  private pass: Pass | undefined;
  /** Batches whose reading has not been answered. */
  private unread = 0;
  private whenRead: ((nowNs: number) => void) | undefined;

  constructor(options: PageMoverOptions) {
    const { kernels, pages, preset } = options;
    this.kernels = kernels;
    this.region = options.region;
    this.pages = pages;
    this.preset = preset;
    this.batchPages = preset.batchPages;
    this.windowBatches = options.windowBatches;
    this.requests = options.requests;
    this.pageSizeBytes = options.pageSizeBytes;
    this.bytesPerPage = options.pageSizeBytes + preset.stream.perPageBytes;
    this.owed = PageBitmap.create(kernels, pages, "owed");
    this.owed.fill();
    this.harvested = PageBitmap.create(kernels, pages, "harvest");
    const slots = options.windowBatches + URGENT_SLOTS;
    for (let index = 0; index < slots; index++) {
      const urgent = index >= options.windowBatches;
      const capacity = urgent ? 1 : preset.batchPages;
      (urgent ? this.freeUrgent : this.free).push({
        index,
        pages: U32Buffer.create(kernels, capacity),
        mask: U32Buffer.create(kernels, capacity),
      });
    }
  }

  static arenaBytes(pages: number, preset: Preset, windowBatches: number): number {
    const slots = windowBatches * 2 * (preset.batchPages * 4 + 256) + URGENT_SLOTS * 2 * 512;
    return 2 * PageBitmap.bytesFor(pages) + slots;
  }

  /**
   * Reads the log into `owed`, then hands on what it showed. One reading at a time: they share a
   * bitmap, and what the first one saw must be in `owed` before the second one overwrites it.
   */
  harvest(then: HarvestAnswer): void {
    this.harvests.push(then);
    if (this.harvests.length === 1) this.harvestNext();
  }

  private harvestNext(): void {
    const into = this.harvested;
    this.requests.request({ kind: "harvest", region: this.region, into }, (event) => {
      assert(event.kind === "harvested", "a harvest is answered by harvested");
      this.owed.or(into);
      this.logRead(into);
      this.harvests[0]?.(into, event);
      this.harvests.shift();
      if (this.harvests.length > 0) this.harvestNext();
    });
  }

  /** Evidence beside the log; it never touches `owed`. */
  sample(
    evidence: Exclude<Evidence, "none" | "writes">,
    window: { windowNs: number; pagesMax: number },
    into: PageBitmap,
    then: (event: MigrationEvent & { kind: "harvested" }) => void,
  ): void {
    const { region } = this;
    this.requests.request({ kind: "sample", region, evidence, ...window, into }, (event) => {
      assert(event.kind === "harvested", "a sample is answered by harvested");
      then(event);
    });
  }

  /** Sends every page of `set` (a subset of owed) once; `done` when the last byte has left. */
  sendAll(set: PageBitmap, options: PassOptions, done: (nowNs: number) => void): void {
    assert(this.pass === undefined, "one pass at a time");
    this.counts.pagesSent = 0;
    this.counts.pagesSkipped = 0;
    this.counts.bytes = 0;
    const walk = options.walk ?? walkInOrder(this.preset.order);
    this.pass = { set, options, walk, done, exhausted: false, inFlight: 0 };
    this.pump(options.nowNs);
  }

  /** The pass that runs takes no more pages; it is done when what is on its way has left. */
  cut(): void {
    if (this.pass !== undefined) this.pass.exhausted = true;
  }

  /**
   * Sends a page that the target waits for, ahead of what has not been read yet; `ownWay`: on a
   * channel that nothing else uses. A page that is not owed any more is on its way.
   */
  sendNow(page: number, ownWay: boolean, left: (nowNs: number) => void): void {
    this.waiting.push({ page, ownWay, left });
    this.sendWaiting();
  }

  private sendWaiting(): void {
    while (this.waiting.length > 0 && this.freeUrgent.length > 0) {
      const { page, ownWay, left } = this.waiting.shift() as Wanted;
      // It may have been read for sending while it waited.
      if (!this.owed.has(page)) continue;
      const slot = this.freeUrgent.pop() as Slot;
      slot.pages.set([page]);
      this.read(slot, ownWay, (nowNs) => {
        this.freeUrgent.push(slot);
        this.sendWaiting();
        left(nowNs);
      });
    }
  }

  private pump(nowNs: number): void {
    const pass = this.pass;
    if (pass === undefined) return;
    while (!pass.exhausted && this.free.length > 0) {
      if (pass.options.goesOn?.(nowNs) === false) {
        pass.exhausted = true;
        break;
      }
      const slot = this.free.pop() as Slot;
      pass.inFlight++;
      this.fill(pass, slot);
    }
    if (pass.exhausted && (pass.inFlight === 0 || pass.options.leavesBehind === true)) {
      this.pass = undefined;
      pass.done(nowNs);
    }
  }

  /** Fills a slot from the set and reads it; leaves it free when nothing is left. */
  private fill(pass: Pass, slot: Slot): void {
    const { batchPagesMax = this.preset.batchPages, skipsRewritten } = pass.options;
    slot.pages.length = 0;
    const pagesMax = Math.min(batchPagesMax, this.preset.batchPages);
    if (pass.walk.take(pass.set, slot.pages, pagesMax)) pass.exhausted = true;
    // Taken is taken: a walk that comes round again must not find these pages, sent or skipped.
    if (pass.set !== this.owed) pass.set.clearBatch(slot.pages);
    if (slot.pages.length === 0) {
      this.giveBack(pass, slot);
    } else if (skipsRewritten) {
      this.peekAndRead(pass, slot);
    } else {
      this.readForPass(pass, slot);
    }
  }

  private peekAndRead(pass: Pass, slot: Slot): void {
    const { pages, mask } = slot;
    this.requests.request({ kind: "peek", region: this.region, pages, mask }, (event) => {
      const before = pages.length;
      assert(
        mask.length === before,
        `a peek fills ${before} words of its mask, not ${mask.length}`,
      );
      dropMasked(pages, mask);
      this.count("pagesSkipped", before - pages.length);
      if (pages.length === 0) {
        if (pass.exhausted) this.giveBack(pass, slot);
        else this.fill(pass, slot);
        this.pump(event.atNs);
      } else {
        this.readForPass(pass, slot);
      }
    });
  }

  private readForPass(pass: Pass, slot: Slot): void {
    this.read(slot, false, (nowNs) => {
      this.giveBack(pass, slot);
      this.pump(nowNs);
    });
  }

  /** Takes the slot's pages out of owed, reads and sends them; `left` when they have. */
  private read(slot: Slot, urgent: boolean, left: (nowNs: number) => void): void {
    const { pages, index } = slot;
    const { region } = this;
    const cleared = this.owed.clearBatch(pages);
    assert(
      cleared === pages.length,
      `all ${pages.length} pages of a batch are owed, ${cleared} were`,
    );
    this.inFlight++;
    this.unread++;
    this.requests.request({ kind: "read-batch", region, slot: index, pages }, (read) => {
      assert(read.kind === "batch-read", "a read is answered by batch-read");
      const { perPageBytes, perBatchBytes } = this.preset.stream;
      const bytes = read.bodyBytes + read.headerPages * perPageBytes + perBatchBytes;
      this.count("pagesSent", pages.length);
      this.count("bytes", bytes);
      const pageCount = pages.length;
      const frame = { what: "pages", slot: index, pageCount, bytes, urgent } as const;
      this.requests.request({ kind: "send", region, ...frame }, (event) => {
        if (event.kind === "send-failed") {
          this.owed.setBatch(pages);
          this.count("pagesSent", -pageCount);
          this.count("bytes", -bytes);
        }
        this.inFlight--;
        left(event.atNs);
      });
      this.unread--;
      if (this.unread > 0) return;
      const { whenRead } = this;
      this.whenRead = undefined;
      whenRead?.(read.atNs);
    });
  }

  /** Calls when every batch that was taken has been read and put on its way, so that it counts. */
  afterReads(nowNs: number, then: (nowNs: number) => void): void {
    if (this.unread === 0) then(nowNs);
    else this.whenRead = then;
  }

  private count(what: keyof MoveCounts, amount: number): void {
    this.counts[what] += amount;
    this.totals[what] += amount;
  }

  private giveBack(pass: Pass, slot: Slot): void {
    pass.inFlight--;
    this.free.push(slot);
  }
}

/** Removes the pages whose mask is 1, order kept. At most a batch of them. */
function dropMasked(pages: U32Buffer, mask: U32Buffer): void {
  const list = pages.view();
  const rewritten = mask.view();
  let kept = 0;
  for (let i = 0; i < list.length; i++) {
    if (rewritten[i] === 0) list[kept++] = list[i] as number;
  }
  pages.length = kept;
}
