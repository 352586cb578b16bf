/**
 * Batches of one region between reading and having left: which pages are in each slot, and with
 * which versions they were read. The checker sees every reading and every loss.
 */
import { type Kernels, U32Buffer } from "../kernels/index.js";
import type { MigrationChecker } from "../migrate/checker.js";
import type { Region } from "../migrate/messages.js";
import { URGENT_SLOTS } from "../migrate/page-mover.js";
import type { ModelSource } from "./model-source.js";
import type { ModelTarget } from "./model-target.js";
import type { ArrivedBatch } from "./post-copy-target.js";

interface Slot {
  pages: U32Buffer;
  readonly versions: U32Buffer;
}

export interface BatchSlotsParts {
  readonly kernels: Kernels;
  readonly region: Region;
  readonly windowBatches: number;
  readonly batchPages: number;
  readonly given: ModelSource;
  readonly received: ModelTarget;
  readonly checker: MigrationChecker;
}

export class BatchSlots {
  private readonly slots: Slot[] = [];

  constructor(private readonly parts: BatchSlotsParts) {
    const { kernels, windowBatches, batchPages } = parts;
    for (let i = 0; i < windowBatches + URGENT_SLOTS; i++) {
      const versions = U32Buffer.create(kernels, i < windowBatches ? batchPages : 1);
      this.slots.push({ pages: versions, versions });
    }
  }

  static arenaBytes(windowBatches: number, batchPages: number): number {
    return windowBatches * (batchPages * 4 + 256) + URGENT_SLOTS * 256;
  }

  /** Reads the pages into a slot; returns their versions. */
  read(index: number, pages: U32Buffer): U32Buffer {
    const { given, region, checker } = this.parts;
    const slot = this.slot(index);
    slot.pages = pages;
    given.readPages(region, pages, slot.versions);
    checker.batchRead(pages, slot.versions);
    return slot.versions;
  }

  /** The slot's pages reach the target. */
  write(index: number): void {
    const { pages, versions } = this.slot(index);
    this.parts.received.writePages(this.parts.region, pages, versions);
  }

  /** The slot's pages will not arrive. */
  failed(index: number): void {
    this.parts.checker.sendFailed(this.slot(index).pages);
  }

  /** For what is to be written later: a slot is used again when its batch has left. */
  copyOf(index: number): ArrivedBatch {
    const { pages, versions } = this.slot(index);
    return { pages: pages.view().slice(), versions: versions.view().slice() };
  }

  private slot(index: number): Slot {
    return this.slots[index] as Slot;
  }
}
