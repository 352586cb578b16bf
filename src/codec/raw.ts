/**
 * Pages as they are: a stream header and the page (QEMU migration/ram.c, RAM_SAVE_FLAG_PAGE).
 */
import { durationParam } from "../base/params.js";
import type { BatchCost, CodecFactory, CodecStage, StageBatch } from "./codec.js";
import { FLAG_PAGE, type FrameReader, type FrameWriter } from "./frame.js";
import type { PageBatch, StageEncoder } from "./stage.js";

/** Copying a page; a round figure. */
const CPU_NS = 200;

export const raw: CodecFactory = {
  name: "raw",
  summary: "pages as they are",
  source: "QEMU migration/ram.c, save_normal_page; every hypervisor has it",
  params: {
    cpu: { kind: "duration", default: CPU_NS, help: "the encoder's time a page (round figure)" },
  },
  takesAll: true,
  createModel: ({ pageSizeBytes }, params) =>
    new RawModel(pageSizeBytes, params.cpu === undefined ? CPU_NS : durationParam(params, "cpu")),
};

class RawModel implements CodecStage {
  private pages = 0;

  constructor(
    private readonly pageBytes: number,
    private readonly cpuNs: number,
  ) {}

  take({ pages, open }: StageBatch, cost: BatchCost): void {
    for (let i = 0; i < pages.length; i++) {
      if (open[i] === 0) continue;
      open[i] = 0;
      cost.rawPages++;
      cost.headerPages++;
      cost.bodyBytes += this.pageBytes;
      cost.cpuNs += this.cpuNs;
      this.pages++;
    }
  }

  roundEnded(): void {}

  lastStage(): void {}

  describe(): Record<string, number> {
    return { pages: this.pages };
  }
}

export class RawEncoder implements StageEncoder {
  encode({ pages, open, pageAt }: PageBatch, writer: FrameWriter): void {
    for (let i = 0; i < pages.length; i++) {
      if (open[i] === 0) continue;
      open[i] = 0;
      writer.header(pages[i] as number, FLAG_PAGE);
      writer.bytes(pageAt(i));
    }
  }
}

/** The body of a record: the page. */
export function decodeRaw(reader: FrameReader, page: Uint8Array): void {
  page.set(reader.take(page.length, "a page"));
}
