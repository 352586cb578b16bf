/**
 * What a batch of pages becomes on the wire, in the model: by what the guest's pages hold and the
 * codecs that are asked for. The encoder works on one batch at a time; a codec that asks the target
 * waits for the answer.
 */
import { type BatchCost, type CodecModel, createCodecModel, zeroCost } from "../codec/index.js";
import { ContentProfile } from "../guest/content-profile.js";
import { INCOMPRESSIBLE } from "../guest/content-profiles.js";
import type { U32Buffer } from "../kernels/index.js";
import type { MigrationConfig } from "../migrate/migration-config.js";
import type { DomainSpec } from "./spec.js";

export interface PageEncoderOptions {
  readonly config: MigrationConfig;
  readonly domain: DomainSpec;
  readonly seed: number;
  readonly latencyNs: number;
}

export class PageEncoder {
  /** Of the batch that was encoded last. */
  readonly cost: BatchCost = zeroCost();
  private readonly model: CodecModel | undefined;
  private freeNs = 0;

  constructor(private readonly options: PageEncoderOptions) {
    const { config, domain, seed } = options;
    const { codecs, pages, pageSizeBytes } = config;
    if (codecs.length === 0) return;
    const profile = new ContentProfile(domain.content ?? INCOMPRESSIBLE, seed);
    this.model = createCodecModel(codecs, { profile, pages, pageSizeBytes });
  }

  /** Fills `cost` and returns when the batch is ready to be sent. */
  encode(pages: U32Buffer, versions: U32Buffer, nowNs: number): number {
    const { cost, model } = this;
    if (model === undefined) {
      cost.bodyBytes = pages.length * this.options.config.pageSizeBytes;
      cost.headerPages = pages.length;
      return nowNs;
    }
    model.batch(pages.view(), versions.view(), cost);
    const waitNs = 2 * cost.roundTrips * this.options.latencyNs;
    this.freeNs = Math.max(nowNs, this.freeNs) + Math.round(cost.cpuNs) + waitNs;
    return this.freeNs;
  }

  /** A reading of the log ended a round; in the last stage caches take no more pages. */
  roundEnded(lastStage: boolean): void {
    this.model?.roundEnded();
    if (lastStage) this.model?.lastStage();
  }

  describe(): Record<string, number> {
    return this.model?.describe() ?? {};
  }
}
