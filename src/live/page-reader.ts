/**
 * Reads batches of pages from the machine, encodes them and puts them on their way, in slices between
 * which the guest runs: a batch of Xen's 1,024 pages at once would hold it up for milliseconds. A
 * slice leaves before the next is encoded, as codecs that ask the target about a page count on what
 * was sent before. Pages that the target waits for (post-copy) go past the codecs and past whatever
 * is being encoded.
 */
import { assert } from "../base/assert.js";
import { CodecPipeline, type StageOfPipeline } from "../codec/index.js";
import { type Kernels, type Pointer, U32Buffer } from "../kernels/index.js";
import type { CommandOf } from "../migrate/messages.js";
import type { SourceMachine } from "../migrate/ports.js";
import type { PagesMessage } from "../wire/index.js";
import type { GuestShare } from "./guest-share.js";
import { pipelineArenaBytes, selfContained } from "./live-codecs.js";
import { PageChecks } from "./page-checks.js";

/** 256 KiB: what the guest is kept off its thread for at once. */
export const SLICE_PAGES = 64;
const PAGE_BYTES = 4096;
/** Number and check of a page beside what the codecs make of it. */
const CHECKED_BYTES = 12;

/** Encoded pages with their checks, ready for the wire. */
export type EncodedSlice = Pick<PagesMessage, "pages" | "checks" | "frame" | "packets">;

/** What became of a batch. */
interface Batch {
  /** About what it takes on the wire. */
  readonly bytes: number;
  /** Has all of it left? */
  readonly left: Promise<boolean>;
}

export interface PageReaderParts {
  readonly kernels: Kernels;
  readonly machine: SourceMachine<Uint8Array>;
  readonly pipeline: CodecPipeline;
  readonly share: GuestShare;
  /** The guest is stopped: nobody needs the thread but the migration. */
  readonly guestStopped: () => boolean;
  /** Codecs that count on nothing which the target has; in post-copy they take over. */
  readonly residualPipeline: CodecPipeline;
  /** The guest goes first and its pages follow. */
  readonly postCopies: () => boolean;
  /** Resolves when it has left, to undefined when it will not arrive. */
  readonly send: (slice: EncodedSlice, urgent: boolean) => Promise<number | undefined>;
}

export class PageReader {
  /** By the engine's slot. */
  private readonly slots = new Map<number, Batch>();
  private readonly lane: Lane;
  private readonly residualLane: Lane;
  private readonly urgentLane: Lane;
  private busy: Promise<unknown> = Promise.resolve();

  static arenaBytes(codecs: readonly StageOfPipeline[]): number {
    const residual = pipelineArenaBytes(selfContained(codecs));
    return pipelineArenaBytes(codecs) + residual + CodecPipeline.arenaBytes + 3 * Lane.arenaBytes;
  }

  constructor(private readonly parts: PageReaderParts) {
    const { kernels, machine, pipeline, residualPipeline } = parts;
    this.residualLane = new Lane(kernels, machine, residualPipeline);
    this.lane = new Lane(kernels, machine, pipeline);
    this.urgentLane = new Lane(kernels, machine, new CodecPipeline(kernels, []));
  }

  /** One batch after the other, urgent ones past all; resolves to the bytes when all is encoded. */
  read({ slot, pages }: CommandOf<"read-batch">, urgent: boolean): Promise<number> {
    const list = pages.view();
    if (urgent) return this.readList(this.urgentLane, { slot, list, urgent });
    const mine = this.busy.then(() => {
      const lane = this.parts.postCopies() ? this.residualLane : this.lane;
      return this.readList(lane, { slot, list, urgent });
    });
    this.busy = mine.catch(() => {});
    return mine;
  }

  /** Whether what was read into a slot has left; the slot is empty afterwards. */
  leave(slot: number): Promise<boolean> {
    const batch = this.slots.get(slot);
    assert(batch !== undefined, `slot ${slot} was read before it is sent`);
    this.slots.delete(slot);
    return batch.left;
  }

  roundEnded(lastStage: boolean): void {
    const { pipeline } = this.parts;
    pipeline.roundEnded();
    if (lastStage) pipeline.lastStage();
  }

  private async readList(lane: Lane, batch: BatchToRead): Promise<number> {
    const { share, guestStopped, send } = this.parts;
    const { slot, list, urgent } = batch;
    const sent: Promise<number | undefined>[] = [];
    let bytes = 0;
    for (let at = 0; at < list.length; at += SLICE_PAGES) {
      const some = list.slice(at, at + SLICE_PAGES);
      const slice = await share.work(urgent || guestStopped(), () => lane.encode(some));
      bytes += wireBytes(slice);
      sent.push(send(slice, urgent));
    }
    const left = Promise.all(sent).then((all) => !all.includes(undefined));
    this.slots.set(slot, { bytes, left });
    return bytes;
  }
}

interface BatchToRead {
  readonly slot: number;
  readonly list: Uint32Array;
  readonly urgent: boolean;
}

function wireBytes({ pages, frame, packets }: EncodedSlice): number {
  let bytes = frame.length + pages.length * CHECKED_BYTES;
  for (const packet of packets) bytes += packet.bytes.length;
  return bytes;
}

/** Room for one slice, and the codecs that it goes through. */
class Lane {
  static readonly arenaBytes =
    SLICE_PAGES * PAGE_BYTES + U32Buffer.bytesFor(SLICE_PAGES) + PageChecks.arenaBytes(SLICE_PAGES);

  private readonly list: U32Buffer;
  private readonly ptr: Pointer;
  private readonly checks: PageChecks;

  constructor(
    private readonly kernels: Kernels,
    private readonly machine: SourceMachine<Uint8Array>,
    private readonly pipeline: CodecPipeline,
  ) {
    this.list = U32Buffer.create(kernels, SLICE_PAGES, "pages of a slice");
    this.ptr = kernels.allocate(SLICE_PAGES * PAGE_BYTES, "contents of a slice");
    this.checks = new PageChecks(kernels, SLICE_PAGES);
  }

  async encode(pages: Uint32Array): Promise<EncodedSlice> {
    const { list, ptr, pipeline } = this;
    list.set(pages);
    const contents = this.kernels.bytes(ptr, pages.length * PAGE_BYTES);
    this.machine.readPages("ram", list, contents);
    const checks = this.checks.of(pages, ptr);
    const { frame, packets } = await pipeline.encode(pages, contents);
    return { pages, checks, frame, packets };
  }
}
