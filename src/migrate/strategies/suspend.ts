/**
 * Suspend and copy: pause the guest, send all of it, run it over there. The lower bound for bytes
 * (every page once) and the upper bound for downtime; Xen's `send_memory_nonlive`
 * (tools/libs/guest/xg_sr_save.c).
 */
import type { BandwidthController } from "../../policy/bandwidth.js";
import type { LiveParts, LivePhase, StrategyFactory } from "../strategy.js";

class Suspend implements LivePhase {
  readonly rounds = [];
  readonly heldCapPages = 0;
  readonly logsWrites = false;
  readonly throttles = false;
  readonly bandwidth: BandwidthController;

  constructor(parts: LiveParts) {
    this.bandwidth = parts.preset.createBandwidth();
  }

  initialise(nowNs: number, done: (nowNs: number) => void): void {
    done(nowNs);
  }

  begin(nowNs: number, stop: (nowNs: number, reason: string) => void): void {
    stop(nowNs, "suspended");
  }

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
  createThrottle: () => undefined,
  createLive: (parts) => new Suspend(parts),
};
