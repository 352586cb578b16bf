/**
 * How fast the sender lets itself send. A controller is asked after every round; a limit of
 * Infinity leaves the rate to the link.
 */
export interface RoundRate {
  /** Distinct pages dirtied in the round, as bytes a second over the round's duration. */
  readonly dirtyBytesPerSec: number;
}

export interface BandwidthController {
  /** Limit of the coming round, payload bytes a second. */
  readonly limitBytesPerSec: number;
  readonly atMaximum: boolean;
  /** The last round asked for more than the maximum. */
  readonly exceeded: boolean;
  afterRound(rate: RoundRate): void;
  /** Limit of stop-and-copy. */
  readonly stopLimitBytesPerSec: number;
}

/** No limit but the link's. */
export function unlimitedBandwidth(): BandwidthController {
  return {
    limitBytesPerSec: Number.POSITIVE_INFINITY,
    atMaximum: true,
    exceeded: false,
    afterRound: () => {},
    stopLimitBytesPerSec: Number.POSITIVE_INFINITY,
  };
}

/** An administrator's limit, bytes a second, that the stop phase does not know. */
export function fixedBandwidth(limitBytesPerSec: number): BandwidthController {
  return { ...unlimitedBandwidth(), limitBytesPerSec };
}

/** Options of {@link AdaptiveBandwidth}, bytes a second. */
export interface AdaptiveBandwidthOptions {
  readonly minimumBytesPerSec: number;
  readonly maximumBytesPerSec: number;
  readonly incrementBytesPerSec: number;
  /** true: the limit only ever rises (the code of 2005); false: recomputed each round (paper). */
  readonly onlyRises: boolean;
}

/**
 * Clark et al., "Live Migration of Virtual Machines", NSDI 2005, section 5.3: start at the
 * administrator's minimum; each later round gets the dirtying rate of the round before plus a
 * constant. Of the increment: it is added to the *dirtying rate*, not to the limit before.
 */
export class AdaptiveBandwidth implements BandwidthController {
  limitBytesPerSec: number;
  exceeded = false;

  constructor(private readonly options: AdaptiveBandwidthOptions) {
    this.limitBytesPerSec = options.minimumBytesPerSec;
  }

  get atMaximum(): boolean {
    return this.limitBytesPerSec >= this.options.maximumBytesPerSec;
  }

  get stopLimitBytesPerSec(): number {
    return this.options.maximumBytesPerSec;
  }

  afterRound({ dirtyBytesPerSec }: RoundRate): void {
    const { minimumBytesPerSec, maximumBytesPerSec, incrementBytesPerSec, onlyRises } =
      this.options;
    const wanted = dirtyBytesPerSec + incrementBytesPerSec;
    this.exceeded = wanted > maximumBytesPerSec;
    if (onlyRises && dirtyBytesPerSec <= this.limitBytesPerSec) return;
    this.limitBytesPerSec = Math.max(minimumBytesPerSec, Math.min(wanted, maximumBytesPerSec));
  }
}
