/**
 * Ballooning with the idle memory tax (Waldspurger, OSDI 2002, section 4): of the memory that a
 * guest holds and does not use, the share `tax` is reclaimed; ESX's default is 75 % (verified).
 * ESX asks which guest has the fewest shares for its taxed pages, rho = S / (P (f + k (1 - f))),
 * k = 1 / (1 - tax) (recalled, not verified), as long as the host needs memory; for one guest that
 * is to move, taking back tax x idle is this project's reading.
 *
 * The active share is sampled before the move with n = 100 pages a period (recalled, not verified).
 * ESX's period is 30 s, and it samples all the time (verified); here the move waits for it, so the
 * default is a second, three times.
 */
import {
  RECLAIM_PARAMS,
  type Reclaim,
  type ReclaimFactory,
  reclaimCosts,
  type Sampling,
} from "../reclaim.js";
import { ActiveShare } from "./active-share.js";

/** Waldspurger 2002, section 4.2 (verified). */
export const IDLE_MEMORY_TAX = 0.75;

export interface BalloonOptions extends Pick<Reclaim, "pagesPerSec" | "refault"> {
  /** Share of the idle memory that is reclaimed, 0 to 1. */
  readonly tax: number;
  readonly sampling: Sampling;
}

export class Balloon implements Reclaim {
  readonly name = "balloon";
  readonly sampling: Sampling;
  readonly pagesPerSec: number;
  readonly refault: Reclaim["refault"];
  private readonly active = new ActiveShare();

  constructor(private readonly options: BalloonOptions) {
    this.sampling = options.sampling;
    this.pagesPerSec = options.pagesPerSec;
    this.refault = options.refault;
  }

  sampled(used: number, of: number): void {
    this.active.sampled(used, of);
  }

  pagesToReclaim({ pages }: { readonly pages: number }): number {
    return Math.floor(this.options.tax * (1 - this.active.value) * pages);
  }

  describe(): Record<string, number | string> {
    return { activeShare: this.active.value, tax: this.options.tax };
  }
}

export const balloon: ReclaimFactory = {
  name: "balloon",
  summary: "ballooning: a share of the memory that sampling finds idle is taken back",
  source: "Waldspurger, OSDI 2002",
  params: {
    tax: {
      kind: "number",
      default: IDLE_MEMORY_TAX,
      min: 0,
      max: 1,
      help: "share of the idle memory that is taken back",
    },
    samples: {
      kind: "integer",
      default: 100,
      min: 1,
      max: 65_536,
      help: "random pages watched in a period",
    },
    period: { kind: "duration", default: 1_000_000_000, help: "sampling period" },
    periods: { kind: "integer", default: 3, min: 1, max: 1000, help: "periods before the move" },
    ...RECLAIM_PARAMS,
  },
  create: (params) =>
    new Balloon({
      tax: params.tax as number,
      sampling: {
        periodNs: params.period as number,
        periods: params.periods as number,
        pages: params.samples as number,
      },
      ...reclaimCosts(params),
    }),
};
