/**
 * No-progress throttle: the guest is left alone as long as what remains keeps shrinking; when it has
 * not for as long as it takes to send it once, the CPU share is cut so far that the guest dirties
 * only a small part of the bandwidth. This project's own; others slow a guest because it writes a
 * lot (auto-converge, Jin), whether or not the move would have ended by itself.
 *
 * Why hard: to drain R bytes at bandwidth B from a guest that dirties r s bytes a second at share s
 * takes R / (B - r s) and costs (1 - s) times that of its progress. For r > B that grows with s: a
 * short hard brake loses less work, and less time, than a long gentle one.
 */
import type { ParamSpecs, ParamValues } from "../../base/params.js";
import {
  type Brake,
  NO_BRAKE,
  perSecond,
  type Throttle,
  type ThrottleFactory,
  type ThrottleStats,
} from "../throttle.js";

export interface NoProgressOptions {
  /** Dirty rate to leave, x bandwidth. */
  readonly margin: number;
  /** How often what remains could have been sent before that is held to be no progress. */
  readonly patience: number;
  readonly shareMin: number;
}

/** Less is no progress: below the noise of what a tick happens to dirty. */
const PROGRESS = 0.02;
/** A softer cut changes nothing and costs a whole turn. */
const CUT_MIN = 0.8;

export class NoProgressThrottle implements Throttle {
  readonly name = "no-progress";
  readonly periodNs = 0;
  private share = 1;
  private cuts = 0;
  private lowBytes = Number.POSITIVE_INFINITY;
  private lowNs = 0;

  constructor(private readonly options: NoProgressOptions) {}

  afterSync(stats: ThrottleStats): Brake {
    const { remainingBytes, thresholdBytes, bandwidthBytesPerSec, nowNs } = stats;
    if (remainingBytes < this.lowBytes * (1 - PROGRESS)) {
      this.lowBytes = remainingBytes;
      this.lowNs = nowNs;
    } else if (remainingBytes > thresholdBytes && bandwidthBytesPerSec > 0) {
      const turnNs = (this.lowBytes * 1e9) / bandwidthBytesPerSec;
      if (nowNs - this.lowNs >= this.options.patience * turnNs) this.cut(stats);
    }
    return { ...NO_BRAKE, cpuShare: this.share };
  }

  describe(): Record<string, number | string> {
    return { cpuShare: this.share, cuts: this.cuts };
  }

  private cut({ dirtiedBytes, periodNs, bandwidthBytesPerSec, nowNs }: ThrottleStats): void {
    const { margin, shareMin } = this.options;
    const dirtyBytesPerSec = perSecond(dirtiedBytes, periodNs);
    const wanted = dirtyBytesPerSec > 0 ? (margin * bandwidthBytesPerSec) / dirtyBytesPerSec : 1;
    this.share = Math.max(shareMin, this.share * Math.min(CUT_MIN, wanted));
    this.cuts++;
    this.lowBytes = Number.POSITIVE_INFINITY;
    this.lowNs = nowNs;
  }
}

const PARAMS = {
  patience: {
    kind: "number",
    default: 0.5,
    min: 0,
    max: 100,
    help: "turns (what remains / bandwidth) without progress before a cut",
  },
  margin: {
    kind: "number",
    default: 0.1,
    min: 0.01,
    max: 1,
    help: "dirty rate to leave after a cut, x bandwidth",
  },
  "min-share": { kind: "number", default: 0.01, min: 0.01, max: 1, help: "least CPU share" },
} as const satisfies ParamSpecs;

export function noProgressFromParams(params: ParamValues): Throttle {
  return new NoProgressThrottle({
    margin: params.margin as number,
    patience: params.patience as number,
    shareMin: params["min-share"] as number,
  });
}

export const noProgress: ThrottleFactory = {
  name: "no-progress",
  summary: "CPU share cut only when what remains has stopped shrinking, by what is missing",
  source: "this project",
  params: PARAMS,
  create: noProgressFromParams,
};
