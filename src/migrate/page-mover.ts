/**
 * The mover keeps the one truth about what the target still lacks and turns page sets into
 * batches on the link.
 *
 *   owed = pages never sent, or written since they were last read for sending.
 *
 * Every reading of the log is ORed into `owed` before anything else looks at it, the predictor's
 * samples included. A page leaves `owed` when its read for sending is issued, never when it
 * arrives; a send that fails puts it back. A few batches may be on their way at once; their page
 * lists live in slots that are made once.
 */
import { assert } from "../base/assert.js";
import { type Kernels, PageBitmap, U32Buffer } from "../kernels/index.js";
import type { Preset } from "../policy/preset.js";
import type { Evidence } from "../workingset/index.js";
import type { Command, MigrationEvent } from "./messages.js";

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

type HarvestAnswer = (
  seen: PageBitmap,
  event: MigrationEvent & { readonly kind: "harvested" },
) => void;

interface Slot {
  readonly index: number;
  readonly pages: U32Buffer;
  readonly mask: U32Buffer;
}

/** One pass over a set of pages. */
interface Pass {
  readonly set: PageBitmap;
  readonly skipsRewritten: boolean;
  readonly done: (nowNs: number) => void;
  cursor: number;
  exhausted: boolean;
  inFlight: number;
}

export interface PageMoverOptions {
  readonly kernels: Kernels;
  readonly pages: number;
  readonly pageSizeBytes: number;
  readonly preset: Preset;
  /** Batches that may be between reading and having left. */
  readonly windowBatches: number;
  readonly requests: Requests;
}

export class PageMover {
  readonly owed: PageBitmap;
  readonly kernels: Kernels;
  readonly pages: number;
  readonly pageSizeBytes: number;
  /** Of a page on the wire. */
  readonly bytesPerPage: number;
  /** Of the pass that runs or ran last. */
  readonly counts: MoveCounts = { pagesSent: 0, pagesSkipped: 0, bytes: 0 };
  /** Of all passes. */
  readonly totals: MoveCounts = { pagesSent: 0, pagesSkipped: 0, bytes: 0 };
  readonly requests: Requests;
  private readonly harvested: PageBitmap;
  private readonly harvests: HarvestAnswer[] = [];
  private readonly free: Slot[] = [];
  private readonly preset: Preset;
  private pass: Pass | undefined;

  constructor(options: PageMoverOptions) {
    const { kernels, pages, preset } = options;
    this.kernels = kernels;
    this.pages = pages;
    this.preset = preset;
    this.requests = options.requests;
    this.pageSizeBytes = options.pageSizeBytes;
    this.bytesPerPage = options.pageSizeBytes + preset.stream.perPageBytes;
    this.owed = PageBitmap.create(kernels, pages, "owed");
    this.owed.fill();
    this.harvested = PageBitmap.create(kernels, pages, "harvest");
    for (let index = 0; index < options.windowBatches; index++) {
      this.free.push({
        index,
        pages: U32Buffer.create(kernels, preset.batchPages),
        mask: U32Buffer.create(kernels, preset.batchPages),
      });
    }
  }

  static arenaBytes(pages: number, preset: Preset, windowBatches: number): number {
    return 2 * PageBitmap.bytesFor(pages) + windowBatches * 2 * (preset.batchPages * 4 + 256);
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
    this.requests.request({ kind: "harvest", region: "ram", into }, (event) => {
      assert(event.kind === "harvested", "a harvest is answered by harvested");
      this.owed.or(into);
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
    this.requests.request({ kind: "sample", region: "ram", evidence, ...window, into }, (event) => {
      assert(event.kind === "harvested", "a sample is answered by harvested");
      then(event);
    });
  }

  /** Sends every page of `set` (a subset of owed) once; `done` when the last byte has left. */
  sendAll(
    set: PageBitmap,
    options: { skipsRewritten: boolean; nowNs: number },
    done: (nowNs: number) => void,
  ): void {
    assert(this.pass === undefined, "one pass at a time");
    this.counts.pagesSent = 0;
    this.counts.pagesSkipped = 0;
    this.counts.bytes = 0;
    this.pass = {
      set,
      skipsRewritten: options.skipsRewritten,
      done,
      cursor: 0,
      exhausted: false,
      inFlight: 0,
    };
    this.pump(options.nowNs);
  }

  private pump(nowNs: number): void {
    const pass = this.pass;
    if (pass === undefined) return;
    while (!pass.exhausted && this.free.length > 0) {
      const slot = this.free.pop() as Slot;
      pass.inFlight++;
      this.fill(pass, slot);
    }
    if (pass.exhausted && pass.inFlight === 0) {
      this.pass = undefined;
      pass.done(nowNs);
    }
  }

  /** Fills a slot from the set and reads it; leaves it free when nothing is left. */
  private fill(pass: Pass, slot: Slot): void {
    slot.pages.length = 0;
    this.takePages(pass, slot.pages);
    if (slot.pages.length === 0) {
      this.giveBack(pass, slot);
    } else if (pass.skipsRewritten) {
      this.peekAndRead(pass, slot);
    } else {
      this.read(pass, slot);
    }
  }

  private takePages(pass: Pass, into: U32Buffer): void {
    const max = this.preset.batchPages;
    if (this.preset.order === "ascending") {
      const got = pass.set.nextPages(into, pass.cursor, max);
      if (got > 0) pass.cursor = (into.view()[got - 1] as number) + 1;
      pass.exhausted = got < max || pass.cursor >= this.pages;
    } else {
      pass.cursor = pass.set.nextPagesPermuted(into, pass.cursor, max);
      pass.exhausted = pass.cursor >= this.pages;
    }
  }

  private peekAndRead(pass: Pass, slot: Slot): void {
    const { pages, mask } = slot;
    this.requests.request({ kind: "peek", region: "ram", pages, mask }, (event) => {
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
        this.read(pass, slot);
      }
    });
  }

  private read(pass: Pass, slot: Slot): void {
    const { pages, index } = slot;
    const cleared = this.owed.clearBatch(pages);
    assert(
      cleared === pages.length,
      `all ${pages.length} pages of a batch are owed, ${cleared} were`,
    );
    this.requests.request({ kind: "read-batch", region: "ram", slot: index, pages }, () => {
      const { perBatchBytes } = this.preset.stream;
      const bytes = pages.length * this.bytesPerPage + perBatchBytes;
      this.count("pagesSent", pages.length);
      this.count("bytes", bytes);
      this.requests.request(
        { kind: "send", what: "pages", slot: index, pageCount: pages.length, bytes },
        (event) => {
          if (event.kind === "send-failed") this.owed.setBatch(pages);
          this.giveBack(pass, slot);
          this.pump(event.atNs);
        },
      );
    });
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
