/**
 * WSClock (Carr & Hennessy, SOSP 1981) as the writable working set of a guest: all pages stand on
 * the ring; a tick gives every page with R = 1 the guest's virtual time as its time of last use
 * and clears R; a page is in the working set if R = 1 or its age is at most tau. "Older and
 * dirty: schedule its write" is what the push phase does with every page outside the set.
 *
 * tau=auto chooses tau from the sampled re-reference intervals: the smallest tau that maximises
 * (share of re-references that come within tau) - (share of the pages seen that it would hold),
 * the point where holding more pages stops paying. No constant is fitted. It is chosen anew whenever
 * twice as many ticks have been seen as at the last choice.
 *
 * `literal` follows the order of the seed paper's bullets, which update the time of last use of
 * pages whose R bit is 0: a variant to study, not to use.
 */

import { PrecopyError } from "../base/errors.js";
import type { ParamValues } from "../base/params.js";
import { formatDuration, NS_PER_SEC } from "../base/units.js";
import { type PageBitmap, U32Buffer, WsClockRing } from "../kernels/index.js";
import {
  type Evidence,
  type PredictorContext,
  type PredictorFactory,
  SAMPLING_PARAMS,
  ticksOf,
  type WorkingSetPredictor,
} from "./predictor.js";

/** Bins of the interval histograms, half a tick each: tau=auto looks 64 ticks back. */
const BINS = 129;
const US_PER_NS = 1 / 1000;

class WsClock implements WorkingSetPredictor {
  readonly windowNs = 0;
  readonly evidence: Evidence;
  readonly tickNs: number;
  readonly warmupTicks: number;
  private readonly ring: WsClockRing;
  private readonly intervals: U32Buffer;
  private readonly sizes: U32Buffer;
  private readonly auto: boolean;
  private readonly literal: boolean;
  private ticks = 0;
  private chooseAtTick = 1;

  constructor({ kernels, pages }: PredictorContext, params: ParamValues) {
    this.evidence = evidenceOf(params);
    this.tickNs = params.tick as number;
    this.warmupTicks = params.warmup as number;
    this.auto = params.tau === "auto";
    this.literal = params.literal === true;
    const tauNs = this.auto ? this.tickNs * this.warmupTicks : (params.tau as number);
    const tauTicks = Math.round(tauNs * US_PER_NS);
    if (tauTicks > WsClockRing.tauTicksMax) {
      const most = formatDuration(Math.floor(WsClockRing.tauTicksMax / 1e6) * NS_PER_SEC);
      const problem = `wsclock:tau is ${formatDuration(tauNs)}`;
      throw new PrecopyError("limit", `${problem}: give at most ${most}, or auto`);
    }
    this.ring = WsClockRing.create(kernels, pages, { tauTicks });
    this.intervals = U32Buffer.create(kernels, BINS);
    this.sizes = U32Buffer.create(kernels, BINS);
  }

  observe(used: PageBitmap): void {
    this.ring.referenced.or(used);
  }

  tick(virtualNs: number): void {
    const now = ticksOf(virtualNs);
    if (this.literal) {
      this.ring.sweepLiteral(now, { clean: null, dirty: null });
      return;
    }
    this.ring.tick(now);
    this.ticks++;
    if (this.auto && this.ticks >= this.chooseAtTick) {
      this.chooseAtTick = 2 * this.ticks;
      this.chooseTau(now);
    }
  }

  select(pagesMax: number, virtualNs: number, out: PageBitmap): number {
    return this.ring.hottest(ticksOf(virtualNs), pagesMax, out);
  }

  describe(): Record<string, number> {
    return { tauNs: this.ring.tauTicks * 1000 };
  }

  private chooseTau(now: number): void {
    const halfTick = Math.max(1, Math.round((this.tickNs * US_PER_NS) / 2));
    this.ring.intervals(halfTick, this.intervals);
    this.ring.sizes(now, halfTick, this.sizes);
    const ticks = bestBin(centred(this.intervals.view()), centred(this.sizes.view()));
    // Half a tick more than so many ticks: guest time between two ticks is never quite the same.
    if (ticks >= 0) this.ring.tauTicks = (2 * ticks + 1) * halfTick;
  }
}

function evidenceOf(params: ParamValues): Evidence {
  return params.bits === "reference" ? "references" : "writes";
}

/** Bins of half a tick, put together to bins around whole numbers of ticks. */
function centred(halves: ArrayLike<number>): number[] {
  const bins = [halves[0] ?? 0];
  for (let i = 1; i + 1 < halves.length; i += 2) {
    bins.push((halves[i] as number) + (halves[i + 1] as number));
  }
  return bins;
}

/**
 * The bin that maximises captured re-references minus held pages, both as shares of their totals
 * within the histogram; -1 when nothing was used twice yet.
 */
export function bestBin(intervals: ArrayLike<number>, sizes: ArrayLike<number>): number {
  const bins = Math.min(intervals.length, sizes.length);
  let references = 0;
  let pages = 0;
  for (let i = 0; i < bins; i++) {
    references += intervals[i] as number;
    pages += sizes[i] as number;
  }
  if (references === 0 || pages === 0) return -1;
  let best = -1;
  let bestGain = Number.NEGATIVE_INFINITY;
  let captured = 0;
  let held = 0;
  for (let i = 0; i < bins; i++) {
    captured += intervals[i] as number;
    held += sizes[i] as number;
    const gain = captured / references - held / pages;
    if (gain > bestGain) {
      bestGain = gain;
      best = i;
    }
  }
  return best;
}

export const wsclock: PredictorFactory = {
  name: "wsclock",
  summary: "WSClock: written within tau of the guest's own time",
  source: "Carr & Hennessy, SOSP 1981; Tanenbaum, Modern Operating Systems, 3.4.9",
  params: {
    tau: { kind: "duration", default: "auto", auto: true, help: "age up to which a page is held" },
    bits: {
      kind: "choice",
      default: "write",
      choices: ["write", "reference"],
      help: "R bit: written, or accessed (needs a trace with reads)",
    },
    literal: { kind: "flag", default: false, help: "the paper's bullets in their literal order" },
    ...SAMPLING_PARAMS,
  },
  evidence: evidenceOf,
  arenaBytes: (pages) => WsClockRing.bytesFor(pages) + BINS * 16,
  create: (context, params) => new WsClock(context, params),
};
