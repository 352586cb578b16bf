/**
 * The side of a codec that works on real bytes: the stages of a pipeline, one after the other, write
 * the records of the pages that they take.
 */
import type { Pointer } from "../kernels/index.js";
import type { FrameWriter } from "./frame.js";

/** Most pages of one batch of real bytes (Xen's batch, xg_sr_save.c: MAX_BATCH_SIZE). */
export const PIPELINE_PAGES_MAX = 1024;

export interface PageBatch {
  /** Numbers, each once. */
  readonly pages: Uint32Array;
  /** 1: no stage has taken the page yet. */
  readonly open: Uint8Array;
  /** Where the contents lie in the kernels' arena, 4 KiB each. */
  readonly ptr: Pointer;
  /** A view of the content of the i-th page. */
  pageAt(i: number): Uint8Array;
}

export interface StageEncoder {
  /** Writes the records of the pages it takes and closes them. */
  encode(batch: PageBatch, writer: FrameWriter): void | Promise<void>;
  roundEnded?(): void;
  lastStage?(): void;
}
