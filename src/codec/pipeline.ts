/**
 * A pipeline of codecs on real bytes: stages in order, each page to the first that takes it, what is
 * left as it is. The models of the same stages are composed in codec.ts.
 *
 *   source  pages ─▶ zero ─▶ hash-dedup ⇄ ask ─▶ xbzrle ─▶ deflate | zstd ─▶ raw | multifd
 *                      └─────────┴──────────────────┴────────────┴──────────────┴─▶ frame, packets
 *   target  frame, packets ─▶ staged, checked ─▶ all pages written, or none
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { type Kernels, type Pointer, U32Buffer } from "../kernels/index.js";
import { PAGE_BYTES } from "./codec.js";
import { type PageTransform, takeCompressed } from "./compressor.js";
import { inflatePage } from "./deflate.js";
import {
  FLAG_DEFLATE,
  FLAG_PAGE,
  FLAG_XBZRLE,
  FLAG_ZERO,
  FLAG_ZSTD,
  FrameReader,
  FrameWriter,
  HEADER_BYTES,
} from "./frame.js";
import { decodePacket, MultifdEncoder, type MultifdPacket } from "./multifd.js";
import { decodeRaw, RawEncoder } from "./raw.js";
import { PIPELINE_PAGES_MAX, type StageEncoder } from "./stage.js";
import type { HashDedupDecoder, Staging } from "./want-list.js";
import { XbzrleDecoder } from "./xbzrle.js";
import { decodeZero } from "./zero.js";
import { unzstdPage, type ZstdModule } from "./zstd.js";

/** More than any stage writes for a page. */
const RECORD_BYTES_MAX = HEADER_BYTES + PAGE_BYTES + 8;

export interface EncodedBatch {
  readonly frame: Uint8Array;
  /** Of multifd; they go over channels of their own. */
  readonly packets: readonly MultifdPacket[];
}

/** The source's end. One batch at a time. */
export class CodecPipeline {
  private readonly stages: readonly StageEncoder[];
  private readonly multifd: MultifdEncoder | undefined;
  private readonly writer = new FrameWriter(PIPELINE_PAGES_MAX * RECORD_BYTES_MAX + HEADER_BYTES);
  private readonly open = new Uint8Array(PIPELINE_PAGES_MAX);
  private readonly ptr: Pointer;
  private isBusy = false;

  /** Arena bytes beside those of the stages. */
  static readonly arenaBytes = PIPELINE_PAGES_MAX * PAGE_BYTES;

  /** @param stages in order; raw is added behind them. */
  constructor(
    private readonly kernels: Kernels,
    stages: readonly StageEncoder[],
  ) {
    this.stages = [...stages, new RawEncoder()];
    this.multifd = stages.find((stage) => stage instanceof MultifdEncoder);
    this.ptr = kernels.allocate(CodecPipeline.arenaBytes, "pages to encode");
  }

  /**
   * Encodes at most {@link PIPELINE_PAGES_MAX} pages, each once; `contents` has 4 KiB for each, in
   * the same order.
   */
  async encode(pages: Uint32Array, contents: Uint8Array): Promise<EncodedBatch> {
    assert(!this.isBusy, "one batch at a time");
    assert(pages.length <= PIPELINE_PAGES_MAX, `at most ${PIPELINE_PAGES_MAX} pages a batch`);
    assert(contents.length === pages.length * PAGE_BYTES, "4 KiB for each page");
    this.isBusy = true;
    try {
      this.kernels.bytes(this.ptr, contents.length).set(contents);
      this.open.fill(1, 0, pages.length);
      this.writer.reset();
      const pageAt = (i: number) => this.kernels.bytes(this.ptr + i * PAGE_BYTES, PAGE_BYTES);
      const batch = { pages, open: this.open, ptr: this.ptr, pageAt };
      for (const stage of this.stages) await stage.encode(batch, this.writer);
      return { frame: this.writer.finish(), packets: this.multifd?.takePackets() ?? [] };
    } finally {
      this.isBusy = false;
    }
  }

  roundEnded(): void {
    for (const stage of this.stages) stage.roundEnded?.();
  }

  lastStage(): void {
    for (const stage of this.stages) stage.lastStage?.();
  }
}

/** The memory that is filled. */
export interface TargetPages {
  readonly pages: number;
  /** The page's 4 KiB as they are, valid until the next call. */
  read(page: number): Uint8Array;
  /** 4 KiB for each page, in the order of the list. */
  write(pages: U32Buffer, contents: Uint8Array): void;
}

export interface DecoderOptions {
  /** Answers digests; its `want` is what the source's `ask` reaches. */
  readonly dedup?: HashDedupDecoder;
  /** For frames with zstd in them. */
  readonly zstd?: ZstdModule;
  /** Raw inflate of at most a page; the platform's streams unless a faster one is at hand. */
  readonly inflate?: PageTransform;
}

/** The target's end: applies a whole frame or throws `bad-input` and leaves everything as it was. */
export class PipelineDecoder {
  private readonly xbzrle: XbzrleDecoder;
  private readonly ptr: Pointer;
  private readonly staged: U32Buffer;
  /** Which frame staged a page last, and where. */
  private readonly stagedBy: Uint32Array;
  private readonly stagedAt: Uint16Array;
  private frames = 0;
  private isBusy = false;

  static readonly arenaBytes =
    PIPELINE_PAGES_MAX * PAGE_BYTES +
    U32Buffer.bytesFor(PIPELINE_PAGES_MAX) +
    XbzrleDecoder.arenaBytes;

  constructor(
    private readonly kernels: Kernels,
    private readonly target: TargetPages,
    private readonly options: DecoderOptions = {},
  ) {
    this.xbzrle = new XbzrleDecoder(kernels);
    this.ptr = kernels.allocate(PIPELINE_PAGES_MAX * PAGE_BYTES, "decoded pages");
    this.staged = U32Buffer.create(kernels, PIPELINE_PAGES_MAX, "decoded pages");
    this.stagedBy = new Uint32Array(target.pages);
    this.stagedAt = new Uint16Array(target.pages);
  }

  /**
   * Returns how many pages it wrote. `inspect` sees them all, 4 KiB each from `ptr` on, before any
   * is written; what it throws leaves everything as it was.
   */
  async decode(
    frame: Uint8Array,
    packets: readonly MultifdPacket[] = [],
    inspect?: (pages: Uint32Array, ptr: Pointer) => void,
  ): Promise<number> {
    assert(!this.isBusy, "one frame at a time");
    this.isBusy = true;
    try {
      this.frames++;
      this.staged.length = 0;
      const reader = new FrameReader(frame, this.target.pages);
      while (reader.next()) await this.decodeRecord(reader);
      for (const { bytes } of packets) {
        decodePacket(bytes, this.target.pages, (page, content) => this.bytesOf(page).set(content));
      }
      const dedup = this.options.dedup;
      const received = this.staged.length;
      const commit = await dedup?.complete(this.staging(), (why) => reader.malformed(why));
      const pages = this.staged.view();
      inspect?.(pages, this.ptr);
      this.target.write(this.staged, this.kernels.bytes(this.ptr, pages.length * PAGE_BYTES));
      for (let i = 0; i < received; i++) dedup?.forget(pages[i] as number);
      commit?.();
      return pages.length;
    } finally {
      this.isBusy = false;
    }
  }

  private async decodeRecord(reader: FrameReader): Promise<void> {
    const { page, flag } = reader;
    if (this.stagedBy[page] === this.frames) throw reader.malformed(`page ${page} comes twice`);
    if (this.staged.length === PIPELINE_PAGES_MAX) {
      throw reader.malformed(`more than ${PIPELINE_PAGES_MAX} pages`);
    }
    const bytes = this.bytesOf(page);
    switch (flag) {
      case FLAG_PAGE:
        return decodeRaw(reader, bytes);
      case FLAG_ZERO:
        return decodeZero(reader, bytes);
      case FLAG_XBZRLE:
        bytes.set(this.target.read(page));
        return this.xbzrle.decode(reader, this.pointerOf(page));
      case FLAG_DEFLATE:
        return this.expand(reader, bytes, this.options.inflate ?? inflatePage);
      case FLAG_ZSTD: {
        const { zstd } = this.options;
        if (zstd === undefined) throw reader.malformed("it has zstd, and no zstd module was given");
        return this.expand(reader, bytes, (packed) => unzstdPage(zstd, packed));
      }
      default:
        throw reader.malformed(`page ${page} has the unknown flag ${flag}`);
    }
  }

  private async expand(
    reader: FrameReader,
    page: Uint8Array,
    expandPage: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>,
  ): Promise<void> {
    const packed = takeCompressed(reader);
    let expanded: Uint8Array;
    try {
      expanded = await expandPage(packed);
    } catch (error) {
      throw reader.malformed(`page ${reader.page} does not expand: ${(error as Error).message}`);
    }
    if (expanded.length !== PAGE_BYTES) {
      throw reader.malformed(`page ${reader.page} expands to ${expanded.length} bytes`);
    }
    page.set(expanded);
  }

  private staging(): Staging {
    return {
      staged: (page) => (this.stagedBy[page] === this.frames ? this.pointerOf(page) : -1),
      stage: (page) => {
        this.bytesOf(page);
        return this.pointerOf(page);
      },
      read: (page) => this.target.read(page),
    };
  }

  /** Room for a page that was not staged before. */
  private bytesOf(page: number): Uint8Array {
    const at = this.staged.length;
    if (this.stagedBy[page] === this.frames || at === PIPELINE_PAGES_MAX) {
      throw new PrecopyError(
        "bad-input",
        `page ${page} comes twice, or more than ${PIPELINE_PAGES_MAX} pages come at once; nothing ` +
          "was applied, send them again",
      );
    }
    this.stagedBy[page] = this.frames;
    this.stagedAt[page] = at;
    this.staged.push(page);
    return this.kernels.bytes(this.pointerOf(page), PAGE_BYTES);
  }

  private pointerOf(page: number): Pointer {
    return this.ptr + (this.stagedAt[page] as number) * PAGE_BYTES;
  }
}
