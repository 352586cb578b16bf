/**
 * Recency: what was written since the last tick will be written again. The simplest predictor
 * that uses the log at all, and the yardstick for the others.
 */

import { durationParam } from "../base/params.js";
import { PageBitmap, U32Buffer } from "../kernels/index.js";
import { takeFirst } from "./page-lists.js";
import {
  type PredictorContext,
  type PredictorFactory,
  SAMPLING_PARAMS,
  type WorkingSetPredictor,
} from "./predictor.js";

const CHUNK_PAGES = 1024;

class Recency implements WorkingSetPredictor {
  readonly evidence = "writes";
  readonly windowNs = 0;
  private readonly current: PageBitmap;
  private readonly last: PageBitmap;
  private readonly chunk: U32Buffer;

  constructor(
    { kernels, pages }: PredictorContext,
    readonly tickNs: number,
    readonly warmupTicks: number,
  ) {
    this.current = PageBitmap.create(kernels, pages, "recency, since the last tick");
    this.last = PageBitmap.create(kernels, pages, "recency, the tick before");
    this.chunk = U32Buffer.create(kernels, CHUNK_PAGES);
  }

  observe(used: PageBitmap): void {
    this.current.or(used);
  }

  tick(): void {
    this.current.harvestInto(this.last);
  }

  select(pagesMax: number, _virtualNs: number, out: PageBitmap): number {
    // The next tick replaces `last` anyway.
    this.last.or(this.current);
    out.reset();
    return takeFirst(this.last, pagesMax, this.chunk, out);
  }

  describe(): Record<string, number> {
    return {};
  }
}

export const recency: PredictorFactory = {
  name: "recency",
  summary: "what was written since the last tick will be written again",
  source: "the yardstick of working-set prediction",
  params: SAMPLING_PARAMS,
  evidence: () => "writes",
  arenaBytes: (pages) => 2 * PageBitmap.bytesFor(pages) + CHUNK_PAGES * 8,
  create: (context, params) =>
    new Recency(context, durationParam(params, "tick"), params.warmup as number),
};
