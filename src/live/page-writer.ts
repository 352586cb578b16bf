/**
 * Applies arriving batches to the machine that receives a guest: decodes, compares each page with
 * the source's check, and only then writes; all of a batch or nothing.
 */
import type { HashDedupDecoder, PipelineDecoder } from "../codec/index.js";
import { PIPELINE_PAGES_MAX } from "../codec/index.js";
import { type Kernels, type PageBitmap, U32Buffer } from "../kernels/index.js";
import type { TargetMachine } from "../migrate/ports.js";
import type { PagesMessage } from "../wire/messages.js";
import { type Compressors, createDecoder, decoderArenaBytes } from "./live-codecs.js";
import { PageChecks } from "./page-checks.js";

const PAGE_BYTES = 4096;

export interface PageWriterOptions {
  readonly kernels: Kernels;
  readonly machine: TargetMachine<Uint8Array>;
  readonly pages: number;
  readonly codecs: string;
  readonly compressors: Compressors;
}

export class PageWriter {
  /** Pages compared with their checks so far. */
  checkedPages = 0;
  private readonly decoder: PipelineDecoder;
  private readonly dedup: HashDedupDecoder | undefined;
  private readonly checks: PageChecks;
  private readonly one: U32Buffer;
  private readonly content: Uint8Array;
  /** Of the batch that is applied. */
  private only: PageBitmap | undefined;

  static arenaBytes(): number {
    return (
      decoderArenaBytes() +
      PageChecks.arenaBytes(PIPELINE_PAGES_MAX) +
      U32Buffer.bytesFor(1) +
      PAGE_BYTES +
      4096
    );
  }

  constructor(private readonly options: PageWriterOptions) {
    const { kernels, pages, codecs, compressors } = options;
    this.checks = new PageChecks(kernels, PIPELINE_PAGES_MAX);
    this.one = U32Buffer.create(kernels, 1, "page to read");
    this.content = kernels.bytes(kernels.allocate(PAGE_BYTES, "content of a page"), PAGE_BYTES);
    const write = (list: U32Buffer, contents: Uint8Array) => this.write(list, contents);
    const target = { pages, read: (page: number) => this.read(page), write };
    const { decoder, dedup } = createDecoder(kernels, target, { ...compressors, codecs });
    this.decoder = decoder;
    this.dedup = dedup;
  }

  /**
   * Writes a batch, of it only what is in `only`, and leaves that, where it is given (post-copy: the
   * guest may have written the others since they came). Throws `bad-input` and leaves memory as it was if anything
   * about the batch is wrong.
   */
  async apply(message: PagesMessage, only?: PageBitmap): Promise<void> {
    this.only = only;
    const { pages, frame, packets } = message;
    const read = (page: number) => this.read(page);
    await this.decoder.decode(frame, packets, (staged, ptr) =>
      this.checks.compare(message, { pages: staged, ptr }, read),
    );
    this.checkedPages += pages.length;
  }

  /** Answers a source that asks which contents are wanted. */
  want(digests: Uint8Array): Promise<Uint8Array> | undefined {
    return this.dedup?.want(digests);
  }

  private write(list: U32Buffer, contents: Uint8Array): void {
    const { machine } = this.options;
    const { only } = this;
    if (only === undefined) return machine.writePages("ram", list, contents);
    list.view().forEach((page, i) => {
      if (!only.has(page)) return;
      this.one.set([page]);
      machine.writePages("ram", this.one, contents.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES));
      // At once: of a batch that fails half-way, what was written is the guest's from here on.
      only.clear(page);
    });
  }

  private read(page: number): Uint8Array {
    this.one.set([page]);
    this.options.machine.readPages("ram", this.one, this.content);
    return this.content;
  }
}
