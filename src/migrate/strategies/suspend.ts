/**
 * Suspend and copy: pause the guest, send all of it, run it over there. The lower bound for bytes
 * (every page once) and the upper bound for downtime; Xen's `send_memory_nonlive`
 * (tools/libs/guest/xg_sr_save.c).
 */
import type { BandwidthController } from "../../policy/bandwidth.js";
import type { LiveParts, LivePhase, StrategyFactory, Switch } from "../strategy.js";

class Suspend implements LivePhase {
  readonly rounds = [];
  readonly heldCapPages = 0;
  readonly logsWrites = false;
  readonly bandwidth: BandwidthController;

  constructor(parts: LiveParts) {
    this.bandwidth = parts.preset.createBandwidth();
  }

  initialise(nowNs: number, done: (nowNs: number) => void): void {
    done(nowNs);
  }

  begin(nowNs: number, leave: (nowNs: number, how: Switch) => void): void {
    leave(nowNs, { to: "stop-and-copy", reason: "suspended" });
  }

  leaveNow(): void {}

  heldAtStop(): number {
    return 0;
  }

  end(): void {}
}

export const suspend: StrategyFactory = {
  name: "suspend",
  summary: "pause, send everything once, run over there",
  source: "Xen tools/libs/guest/xg_sr_save.c, send_memory_nonlive",
  params: {},
  defaultPredictor: "none",
  defaultPreset: "xen",
  arenaBytes: () => 0,
  createLive: (parts) => new Suspend(parts),
};
