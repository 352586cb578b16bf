/** The driver's part in moving a disk: its batches, what of it has arrived, and its checker. */
import { assert } from "../base/assert.js";
import type { U32Buffer } from "../kernels/index.js";
import { MigrationChecker } from "../migrate/checker.js";
import type { CommandOf, MigrationEvent } from "../migrate/messages.js";
import type { DiskShape, MigrationConfig } from "../migrate/migration-config.js";
import { storageBatchBlocks } from "../migrate/storage-move.js";
import { BatchSlots } from "./batch-slots.js";
import type { DriverOptions } from "./migration-driver.js";
import type { ModelSource } from "./model-source.js";
import type { ModelTarget } from "./model-target.js";

export interface DiskMoveParts {
  readonly options: DriverOptions;
  readonly shape: DiskShape;
  readonly given: ModelSource;
  readonly received: ModelTarget;
  feed(event: MigrationEvent): void;
}

export class DiskMove {
  readonly batches: BatchSlots;
  readonly checker: MigrationChecker;

  constructor(private readonly parts: DiskMoveParts) {
    const { options, given, received } = parts;
    const { kernels, repeat } = options.world;
    const { disk } = options.guest;
    assert(disk !== undefined && received.disk !== undefined, "a disk that moves is modelled");
    this.checker = new MigrationChecker(kernels, disk.blocks, received.disk, `disk, ${repeat}`);
    this.batches = new BatchSlots({
      kernels,
      region: "disk:0",
      windowBatches: 1,
      batchPages: batchBlocksOf(options.engine.config),
      given,
      received,
      checker: this.checker,
    });
  }

  static arenaBytes(config: MigrationConfig): number {
    if (config.disk === undefined) return 0;
    const batches = BatchSlots.arenaBytes(1, batchBlocksOf(config));
    return MigrationChecker.arenaBytes(config.disk.blocks) + batches;
  }

  /** The hypervisor's map of a disk is at hand: reading it costs the guest nothing. */
  harvest({ id, region, into }: CommandOf<"harvest">, atNs: number): void {
    const { options, given, feed } = this.parts;
    options.source.advanceTo(atNs);
    const count = given.harvest(region, into);
    const virtualNs = given.virtualNs();
    this.later(atNs, (nowNs) => {
      if (options.engine.ended) return;
      this.checker.harvested(into);
      feed({ kind: "harvested", id, atNs: nowNs, count, virtualNs });
    });
  }

  readBatch({ id, slot, pages }: CommandOf<"read-batch">, nowNs: number): void {
    const { options, shape, feed } = this.parts;
    options.source.advanceTo(nowNs);
    this.batches.read(slot, pages);
    const answer = { bodyBytes: bodyBytes(pages, shape), headerPages: pages.length };
    this.later(nowNs, (atNs) => feed({ kind: "batch-read", id, atNs, ...answer }));
  }

  private later(atNs: number, run: (nowNs: number) => void): void {
    this.parts.options.world.queue.schedule(atNs, run);
  }
}

function batchBlocksOf({ disk, storage }: MigrationConfig): number {
  if (disk === undefined || storage === undefined) return 0;
  return storageBatchBlocks(disk, storage.factory.create(storage.params));
}

function bodyBytes(blocks: U32Buffer, { blockBytes }: DiskShape): number {
  return blocks.length * blockBytes;
}
