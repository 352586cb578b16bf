/**
 * SDPS, "Stun During Page Send", of VMware vMotion (vSphere 5.0; recalled, not verified): VCPUs
 * are stalled for microseconds at each write to a traced page, so that pages change more slowly
 * than they are sent, and every move converges. VMware publishes no rule; this one is the
 * project's own. With v VCPUs and f first writes a second, a VCPU spends v / f seconds from one
 * to the next; for f to become the wanted f' it has to spend v / f' - v / f more.
 */
import {
  type Brake,
  NO_BRAKE,
  perSecond,
  type Throttle,
  type ThrottleFactory,
  type ThrottleStats,
} from "../throttle.js";

const PAGE_BYTES = 4096;

/** Options of {@link Sdps}; both defaults are this project's choice. */
export interface SdpsOptions {
  /** Aim for a change rate of this fraction of the transmit rate. */
  readonly margin: number;
  readonly maxStallNs: number;
}

export const SDPS_DEFAULTS: SdpsOptions = { margin: 0.8, maxStallNs: 10_000_000 };

export class Sdps implements Throttle {
  readonly name = "sdps";
  readonly periodNs = 0;
  private stallNs = 0;

  constructor(private readonly options: SdpsOptions = SDPS_DEFAULTS) {}

  afterSync({ dirtiedBytes, periodNs, bandwidthBytesPerSec, vcpus }: ThrottleStats): Brake {
    const dirtyBytesPerSec = perSecond(dirtiedBytes, periodNs);
    const wantedBytesPerSec = bandwidthBytesPerSec * this.options.margin;
    if (dirtyBytesPerSec <= 0) {
      this.stallNs = 0;
    } else if (wantedBytesPerSec > 0) {
      const gapNs = (bytesPerSec: number): number => (vcpus * PAGE_BYTES * 1e9) / bytesPerSec;
      const wantedNs = this.stallNs + gapNs(wantedBytesPerSec) - gapNs(dirtyBytesPerSec);
      this.stallNs = Math.max(0, Math.min(wantedNs, this.options.maxStallNs));
    }
    return { ...NO_BRAKE, stallPerFaultNs: this.stallNs };
  }

  describe(): Record<string, number | string> {
    return { stallPerFaultNs: this.stallNs };
  }
}

export const sdps: ThrottleFactory = {
  name: "sdps",
  summary: "vMotion's stun during page send: writers stall so that pages change slower than sent",
  source: "VMware vSphere 5.0 (recalled, not verified); the formula is this project's",
  params: {
    margin: {
      kind: "number",
      default: SDPS_DEFAULTS.margin,
      min: 0.01,
      max: 1,
      help: "change rate to aim for, x transmit rate",
    },
    "max-stall": {
      kind: "duration",
      default: SDPS_DEFAULTS.maxStallNs,
      help: "longest stall at a write",
    },
  },
  create: (params) =>
    new Sdps({
      margin: params.margin as number,
      maxStallNs: params["max-stall"] as number,
    }),
};
