/**
 * Zero pages: a stream header and one byte, the value that fills the page (QEMU migration/ram.c,
 * save_zero_page and RAM_SAVE_FLAG_ZERO; 9 bytes in all). Kernel: assembly/page.ts.
 */
import { durationParam } from "../base/params.js";
import type { ContentProfile } from "../guest/content-profile.js";
import { type Kernels, PageContents, U32Buffer } from "../kernels/index.js";
import type { BatchCost, CodecFactory, CodecStage, StageBatch } from "./codec.js";
import { FLAG_ZERO, type FrameReader, type FrameWriter } from "./frame.js";
import { type PageBatch, PIPELINE_PAGES_MAX, type StageEncoder } from "./stage.js";

const BODY_BYTES = 1;

export const zero: CodecFactory = {
  name: "zero",
  summary: "zero pages as one byte",
  source: "QEMU migration/ram.c, save_zero_page",
  params: {
    cpu: { kind: "duration", default: 100, help: "time to look at a page (bench: all zero)" },
  },
  takesAll: false,
  createModel: ({ profile }, params) => new ZeroModel(profile, durationParam(params, "cpu")),
};

class ZeroModel implements CodecStage {
  private pages = 0;

  constructor(
    private readonly profile: ContentProfile,
    private readonly cpuNs: number,
  ) {}

  take({ pages, versions, open }: StageBatch, cost: BatchCost): void {
    for (let i = 0; i < pages.length; i++) {
      if (open[i] === 0) continue;
      cost.cpuNs += this.cpuNs;
      if (!this.profile.isZero(pages[i] as number, versions[i] as number)) continue;
      open[i] = 0;
      cost.zeroPages++;
      cost.headerPages++;
      cost.bodyBytes += BODY_BYTES;
      this.pages++;
    }
  }

  roundEnded(): void {}

  lastStage(): void {}

  describe(): Record<string, number> {
    return { pages: this.pages };
  }
}

export class ZeroEncoder implements StageEncoder {
  private readonly contents: PageContents;
  private readonly mask: U32Buffer;

  static arenaBytes(): number {
    return U32Buffer.bytesFor(PIPELINE_PAGES_MAX);
  }

  constructor(kernels: Kernels) {
    this.contents = new PageContents(kernels);
    this.mask = U32Buffer.create(kernels, PIPELINE_PAGES_MAX);
  }

  encode({ pages, open, ptr }: PageBatch, writer: FrameWriter): void {
    this.contents.zeroMask(ptr, pages.length, this.mask);
    const mask = this.mask.view();
    for (let i = 0; i < pages.length; i++) {
      if (open[i] === 0 || mask[i] === 0) continue;
      open[i] = 0;
      writer.header(pages[i] as number, FLAG_ZERO);
      writer.u8(0);
    }
  }
}

/** The body of a record: the byte that fills the page, which is always zero. */
export function decodeZero(reader: FrameReader, page: Uint8Array): void {
  const fill = reader.u8("a fill byte");
  if (fill !== 0) throw reader.malformed(`a zero page is filled with ${fill}`);
  page.fill(0);
}
