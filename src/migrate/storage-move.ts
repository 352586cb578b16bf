/**
 * The guest's disk on its way: a second region with its own dirty map and its own mover, on the same
 * connection. Bulk copy first, and passes over what was written since until little is left or a
 * pass leaves hardly less than the one before; then one whenever a round of the memory begins, and the
 * rest when the guest has paused.
 */
import type { Kernels } from "../kernels/index.js";
import type { Preset } from "../policy/preset.js";
import type { StorageOptions } from "../policy/storage.js";
import type { DiskShape } from "./migration-config.js";
import { PageMover, type Requests } from "./page-mover.js";
import type { StorageReport } from "./report.js";

/** Number and length of a block in the stream: this model's own, as of QEMU's block migration. */
const BLOCK_HEADER_BYTES = 16;
const WINDOW_BATCHES = 1;
/** Of what the downtime limit has room for, so much may be blocks when the memory's rounds begin. */
const PAUSE_SHARE = 1 / 4;
/** A pass that leaves more than this share of what the one before left makes no progress. */
const PROGRESS = 0.9;

export interface StorageMoveParts {
  readonly kernels: Kernels;
  readonly requests: Requests;
  readonly preset: Preset;
  readonly disk: DiskShape;
  readonly options: StorageOptions;
  /** What the downtime limit has room for at the bandwidth known beforehand. */
  readonly pauseBytes: number;
}

export class StorageMove {
  private readonly mover: PageMover;
  private readonly parts: StorageMoveParts;
  private passes = 0;
  private pauseBlocks = 0;
  private busy = false;
  private last: ((nowNs: number) => void) | undefined;

  constructor(parts: StorageMoveParts) {
    this.parts = parts;
    const { kernels, requests, preset, disk } = parts;
    this.mover = new PageMover({
      kernels,
      requests,
      region: "disk:0",
      pages: disk.blocks,
      pageSizeBytes: disk.blockBytes,
      preset: diskPreset(preset, storageBatchBlocks(disk, parts.options)),
      windowBatches: WINDOW_BATCHES,
    });
  }

  static arenaBytes(preset: Preset, disk: DiskShape, options: StorageOptions): number {
    const batchBlocks = storageBatchBlocks(disk, options);
    return PageMover.arenaBytes(disk.blocks, diskPreset(preset, batchBlocks), WINDOW_BATCHES);
  }

  /** All of it while the guest runs, and then what was written, until that is little or hardly less. */
  bulk(nowNs: number, done: (nowNs: number) => void): void {
    const begin = (atNs: number) => {
      done(atNs);
      this.followRound();
    };
    this.send(nowNs, () => this.converge(this.mover.pages, begin));
  }

  private converge(blocksBefore: number, done: (nowNs: number) => void): void {
    const { mover, parts } = this;
    mover.harvest((_seen, { atNs }) => {
      const blocks = mover.owed.count();
      const little = blocks * parts.disk.blockBytes <= parts.pauseBytes * PAUSE_SHARE;
      if (little || blocks > blocksBefore * PROGRESS) done(atNs);
      else this.send(atNs, () => this.converge(blocks, done));
    });
  }

  /** A round begins: what was written until now goes beside it. */
  followRound(): void {
    if (this.busy || this.last !== undefined) return;
    this.busy = true;
    this.mover.harvest((_seen, { atNs }) => {
      if (this.last !== undefined) this.rest(atNs);
      else this.send(atNs, (nowNs) => this.rest(nowNs));
    });
  }

  /** The guest has paused: `done` when every block is on its way. */
  finish(nowNs: number, done: (nowNs: number) => void): void {
    this.last = () => {
      this.mover.harvest((_seen, { atNs }) => {
        this.pauseBlocks = this.mover.owed.count();
        this.send(atNs, done);
      });
    };
    if (this.busy) this.mover.cut();
    else this.rest(nowNs);
  }

  report(): StorageReport {
    const { mover, passes, pauseBlocks } = this;
    const { blocks, blockBytes } = this.parts.disk;
    const { pagesSent: blocksSent, bytes } = mover.totals;
    return { blocks, blockBytes, rounds: passes, blocksSent, pauseBlocks, bytes };
  }

  private rest(nowNs: number): void {
    this.busy = false;
    this.last?.(nowNs);
  }

  private send(nowNs: number, done: (nowNs: number) => void): void {
    const { mover } = this;
    if (mover.owed.isEmpty()) return done(nowNs);
    this.passes++;
    mover.sendAll(mover.owed, { skipsRewritten: false, nowNs }, done);
  }
}

/** Blocks of a batch. */
export function storageBatchBlocks(disk: DiskShape, { batchBytes }: StorageOptions): number {
  return Math.max(1, Math.floor(batchBytes / disk.blockBytes));
}

function diskPreset(preset: Preset, batchPages: number): Preset {
  const stream = { perPageBytes: BLOCK_HEADER_BYTES, perBatchBytes: 0 };
  return { ...preset, batchPages, order: "ascending", stream };
}
