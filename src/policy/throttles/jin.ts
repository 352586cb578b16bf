/**
 * Jin Hai et al., "Optimizing the live migration of virtual machine by CPU scheduling", JNCA
 * 34(4), 2011: between rounds the guest's execution percentage E is set so that its dirty rate p
 * falls under the bandwidth B. The paper's rule could not be read; this takes p(E) as proportional
 * to E, hence E := E * margin * B / p. Real guests are sub-linear in E, so the rule is applied
 * again every round on what was then measured. `margin` and `shareMin` are this project's choice.
 */
import {
  type Brake,
  NO_BRAKE,
  perSecond,
  type Throttle,
  type ThrottleFactory,
  type ThrottleStats,
} from "../throttle.js";

/** Options of {@link JinCpuController}. */
export interface JinOptions {
  /** Aim for a dirty rate of this fraction of the bandwidth; below 1, so that rounds shrink. */
  readonly margin: number;
  /** The guest is never slowed below this share. */
  readonly shareMin: number;
}

export const JIN_DEFAULTS: JinOptions = { margin: 0.8, shareMin: 0.1 };

export class JinCpuController implements Throttle {
  readonly name = "jin";
  readonly periodNs = 0;
  private share = 1;

  constructor(private readonly options: JinOptions = JIN_DEFAULTS) {}

  afterSync({ dirtiedBytes, periodNs, bandwidthBytesPerSec }: ThrottleStats): Brake {
    const dirtyBytesPerSec = perSecond(dirtiedBytes, periodNs);
    if (dirtyBytesPerSec <= 0) {
      this.share = 1;
    } else if (bandwidthBytesPerSec > 0) {
      const wanted = (this.share * this.options.margin * bandwidthBytesPerSec) / dirtyBytesPerSec;
      this.share = Math.min(1, Math.max(this.options.shareMin, wanted));
    }
    return { ...NO_BRAKE, cpuShare: this.share };
  }

  describe(): Record<string, number | string> {
    return { cpuShare: this.share };
  }
}

const SHARE = { kind: "number", min: 0.01, max: 1 } as const;

export const jin: ThrottleFactory = {
  name: "jin",
  summary: "CPU share set between rounds so that the dirty rate stays below the bandwidth",
  source: "Jin et al., JNCA 34(4), 2011; the rule itself is this project's reading",
  params: {
    margin: {
      ...SHARE,
      default: JIN_DEFAULTS.margin,
      help: "dirty rate to aim for, x bandwidth",
    },
    "min-share": { ...SHARE, default: JIN_DEFAULTS.shareMin, help: "least CPU share" },
  },
  create: (params) =>
    new JinCpuController({
      margin: params.margin as number,
      shareMin: params["min-share"] as number,
    }),
};
