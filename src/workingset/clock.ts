/**
 * Clock (second chance; Corbató 1968): a ring of frames with one R bit each. Used pages are run
 * through a clock of `frames` frames; what is resident is the predicted working set. The hand
 * tells nothing of order, so a cap keeps pages in the order of their numbers.
 */

import type { ParamValues } from "../base/params.js";
import { ClockRing, PageBitmap, U32Buffer } from "../kernels/index.js";
import { inScanOrder, takeFirst } from "./page-lists.js";
import {
  type PredictorContext,
  type PredictorFactory,
  SAMPLING_PARAMS,
  type WorkingSetPredictor,
} from "./predictor.js";

const CHUNK_PAGES = 4096;

class Clock implements WorkingSetPredictor {
  readonly evidence = "writes";
  readonly windowNs = 0;
  readonly tickNs: number;
  readonly warmupTicks: number;
  private readonly ring: ClockRing;
  private readonly pending: PageBitmap;
  private readonly resident: PageBitmap;
  private readonly chunk: U32Buffer;

  constructor({ kernels, pages }: PredictorContext, params: ParamValues) {
    this.tickNs = params.tick as number;
    this.warmupTicks = params.warmup as number;
    const frames = Math.max(1, Math.floor(pages * (params.frames as number)));
    this.ring = ClockRing.create(kernels, pages, frames);
    this.pending = PageBitmap.create(kernels, pages, "clock, since the last tick");
    this.resident = PageBitmap.create(kernels, pages, "clock, resident");
    this.chunk = U32Buffer.create(kernels, CHUNK_PAGES);
  }

  observe(used: PageBitmap): void {
    this.pending.or(used);
  }

  tick(): void {
    const { pending, chunk } = this;
    inScanOrder(pending, chunk, () => this.ring.accessBatch(chunk));
    pending.reset();
  }

  select(pagesMax: number, _virtualNs: number, out: PageBitmap): number {
    this.ring.residentInto(this.resident);
    out.reset();
    return takeFirst(this.resident, pagesMax, this.chunk, out);
  }

  describe(): Record<string, number> {
    return {};
  }
}

export const clock: PredictorFactory = {
  name: "clock",
  summary: "resident pages of a second-chance clock fed with what was written",
  source: "Corbató, 1968; Tanenbaum, Modern Operating Systems, 3.4.5",
  params: {
    frames: { kind: "number", default: 0.05, min: 0.0001, max: 1, help: "ring, share of memory" },
    ...SAMPLING_PARAMS,
  },
  evidence: () => "writes",
  arenaBytes: (pages) => pages * 16 + 2 * PageBitmap.bytesFor(pages) + CHUNK_PAGES * 8,
  create: (context, params) => new Clock(context, params),
};
