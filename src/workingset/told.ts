/**
 * What exact-ws and oracle share: they are told rather than sampling. The model knows each page's
 * exact time of last use, and what is still to come; no hardware does. They are the marks to
 * measure the others by. They sample the log as the others do, without learning from it, so that
 * what is compared is the prediction alone; they need no warm-up.
 */
import type { PageBitmap } from "../kernels/index.js";
import type { Evidence, WorkingSetPredictor } from "./predictor.js";

/** Holds what the last evidence showed; the machine already ranked and capped it. */
export class Told implements WorkingSetPredictor {
  readonly warmupTicks = 0;
  private told: PageBitmap | undefined;

  constructor(
    readonly evidence: Evidence,
    readonly windowNs: number,
    readonly tickNs: number,
  ) {}

  observe(used: PageBitmap): void {
    this.told = used;
  }

  tick(): void {}

  select(_pagesMax: number, _virtualNs: number, out: PageBitmap): number {
    if (this.told === undefined) {
      out.reset();
      return 0;
    }
    out.copyFrom(this.told);
    return out.count();
  }

  describe(): Record<string, number> {
    return { windowNs: this.windowNs };
  }
}
