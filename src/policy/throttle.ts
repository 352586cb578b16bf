/** Slowing the guest so that it dirties less than the link carries. */
export interface ThrottleStats {
  /** Distinct pages dirtied in the round, bytes a second over its duration. */
  readonly dirtyBytesPerSec: number;
  /** Payload rate that the round reached. */
  readonly bandwidthBytesPerSec: number;
}

export interface Throttle {
  readonly name: string;
  /** The guest's share of the CPUs it could use, 0 < share <= 1, for the coming round. */
  afterRound(stats: ThrottleStats): number;
}

/** Options of {@link JinCpuController}. */
export interface JinOptions {
  /** Aim for a dirty rate of this fraction of the bandwidth; below 1, so that rounds shrink. */
  readonly margin: number;
  /** The guest is never slowed below this share. */
  readonly shareMin: number;
}

export const JIN_DEFAULTS: JinOptions = { margin: 0.8, shareMin: 0.1 };

/**
 * Jin Hai et al., "Optimizing the live migration of virtual machine by CPU scheduling", JNCA
 * 34(4), 2011: between rounds the guest's execution percentage E is set so that its dirty rate p
 * falls under the bandwidth B. The paper's rule could not be read; this takes p(E) as proportional
 * to E, hence E := E * margin * B / p. Real guests are sub-linear in E, so the rule is applied
 * again every round on what was then measured. `margin` and `shareMin` are this project's choice.
 */
export class JinCpuController implements Throttle {
  readonly name = "jin";
  private share = 1;

  constructor(private readonly options: JinOptions = JIN_DEFAULTS) {}

  afterRound({ dirtyBytesPerSec, bandwidthBytesPerSec }: ThrottleStats): number {
    if (dirtyBytesPerSec <= 0) {
      this.share = 1;
    } else {
      const wanted = (this.share * this.options.margin * bandwidthBytesPerSec) / dirtyBytesPerSec;
      this.share = Math.min(1, Math.max(this.options.shareMin, wanted));
    }
    return this.share;
  }
}
