/** What a batch of pages becomes on the wire, in the model: by the guest's contents and the codecs. */
import type { U32Buffer } from "../kernels/index.js";
import type { MigrationConfig } from "../migrate/migration-config.js";

export interface EncodedBatch {
  readonly bodyBytes: number;
  /** Pages that need a header in the stream. */
  readonly headerPages: number;
  /** Time that the encoder takes. */
  readonly cpuNs: number;
}

export class PageEncoder {
  constructor(private readonly config: MigrationConfig) {}

  encode(pages: U32Buffer, _versions: U32Buffer): EncodedBatch {
    const bodyBytes = pages.length * this.config.pageSizeBytes;
    return { bodyBytes, headerPages: pages.length, cpuNs: 0 };
  }

  /** A reading of the log ended a round; in the last stage caches take no more pages. */
  roundEnded(_lastStage: boolean): void {}

  describe(): Record<string, number> {
    return {};
  }
}
