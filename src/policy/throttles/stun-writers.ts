/**
 * Stunning rogue processes (Clark et al., NSDI 2005, section 5.4; the figure is recalled, not
 * verified): a monitor inside the guest counts each process's write faults during the move and
 * puts one with more than 40 of them on a wait queue, off the CPU, until the move ends.
 */
import {
  type Brake,
  NO_BRAKE,
  type Throttle,
  type ThrottleFactory,
  type ThrottleStats,
} from "../throttle.js";

/** Write faults that a process may take (recalled, not verified). */
export const STUN_AFTER_FAULTS = 40;

export class StunWriters implements Throttle {
  readonly name = "stun-writers";
  readonly periodNs = 0;

  constructor(private readonly faults: number = STUN_AFTER_FAULTS) {}

  /** The same at all times: the counting is the guest's own. */
  afterSync(_stats: ThrottleStats): Brake {
    return { ...NO_BRAKE, stunAfterFaults: this.faults };
  }

  describe(): Record<string, number | string> {
    return { stunAfterFaults: this.faults };
  }
}

export const stunWriters: ThrottleFactory = {
  name: "stun-writers",
  summary: "Clark et al.: a process with 40 write faults waits until the move ends",
  source: "Clark et al., NSDI 2005, section 5.4 (recalled, not verified)",
  params: {
    faults: {
      kind: "integer",
      default: STUN_AFTER_FAULTS,
      min: 1,
      max: 1_000_000,
      help: "write faults that a process may take between two readings of the log",
    },
  },
  create: (params) => new StunWriters(params.faults as number),
};
