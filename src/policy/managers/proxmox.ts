/**
 * Proxmox VE: starts with a downtime limit of 100 ms and doubles it whenever the remaining memory
 * was seen to grow, or to be nothing, more than five times; it never gives up. Source: `phase2`
 * of src/PVE/QemuMigrate.pm. Polled every second, and ten times a second once less remains than
 * was sent a poll on average.
 */
import {
  type Manager,
  type ManagerAction,
  type ManagerFactory,
  NO_ACTIONS,
  type Progress,
  QEMU_DOWNTIME_MAX_NS,
} from "../manager.js";

/** `$downtimecounter > 5` */
export const PROXMOX_GROWTHS = 5;
const POLL_NS = 1_000_000_000;
const FAST_POLL_NS = 100_000_000;

class Proxmox implements Manager {
  readonly name = "proxmox";
  pollNs = POLL_NS;
  private started = false;
  private polls = 0;
  private sentBytes = 0;
  private remainingBytes = 0;
  private growths = 0;

  constructor(
    private downtimeLimitNs: number,
    private readonly bandwidthBytesPerSec: number,
  ) {}

  poll(progress: Progress): readonly ManagerAction[] {
    if (!this.started) {
      this.started = true;
      const { downtimeLimitNs, bandwidthBytesPerSec } = this;
      return [
        { kind: "set-bandwidth", bytesPerSec: bandwidthBytesPerSec },
        { kind: "set-downtime-limit", downtimeLimitNs },
      ];
    }
    this.polls++;
    const averageBytes = this.sentBytes / this.polls;
    if (progress.state !== "pre-copy" || progress.sentBytes === this.sentBytes) return NO_ACTIONS;
    this.sentBytes = progress.sentBytes;
    const { remainingBytes } = progress;
    if (averageBytes > 0 && remainingBytes < averageBytes) this.pollNs = FAST_POLL_NS;
    const grew = this.remainingBytes > 0 && remainingBytes > this.remainingBytes;
    if (grew || remainingBytes === 0) this.growths++;
    this.remainingBytes = remainingBytes;
    return this.growths > PROXMOX_GROWTHS ? this.double() : NO_ACTIONS;
  }

  private double(): readonly ManagerAction[] {
    this.growths = 0;
    const downtimeLimitNs = Math.min(this.downtimeLimitNs * 2, QEMU_DOWNTIME_MAX_NS);
    if (downtimeLimitNs === this.downtimeLimitNs) return NO_ACTIONS;
    this.downtimeLimitNs = downtimeLimitNs;
    return [{ kind: "set-downtime-limit", downtimeLimitNs }];
  }

  describe(): Record<string, number | string> {
    return { downtimeLimitMs: this.downtimeLimitNs / 1e6, growths: this.growths };
  }
}

export const proxmox: ManagerFactory = {
  name: "proxmox",
  summary: "Proxmox VE: downtime from 100 ms, doubled when memory kept growing; never gives up",
  source: "Proxmox qemu-server src/PVE/QemuMigrate.pm",
  params: {
    downtime: { kind: "duration", default: 100_000_000, help: "the first downtime limit" },
    "max-bandwidth": {
      kind: "bandwidth",
      default: 16 * 2 ** 30,
      min: 1000,
      max: Number.POSITIVE_INFINITY,
      help: "limit of the live phase",
    },
  },
  create: (_context, params) =>
    new Proxmox(
      Math.min(params.downtime as number, QEMU_DOWNTIME_MAX_NS),
      params["max-bandwidth"] as number,
    ),
};
