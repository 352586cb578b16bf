/**
 * Post-copy: the guest goes first and its memory follows. Nothing is sent before the pause but what
 * the target needs to run; then pages come as the guest asks for them, and all others in between.
 *
 * Hines & Gopalan, "Post-copy live migration of virtual machines", OSR 43(3) 2009, and VEE 2009;
 * QEMU docs/devel/migration/postcopy.rst. Demand paging alone is `quiet`, active push is what
 * follows it; `order` and `pivots` choose the pre-paging.
 */
import type { ParamSpecs, ParamValues } from "../../base/params.js";
import type { BandwidthController } from "../../policy/bandwidth.js";
import { DEFAULT_PUSH, type PushOptions } from "../residual-push.js";
import type { LiveParts, LivePhase, StrategyFactory, Switch } from "../strategy.js";

export const PUSH_PARAMS = {
  order: {
    kind: "choice",
    default: "bubbling",
    choices: ["bubbling", "forward", "ascending"],
    help: "active push: around the last faults, onwards from them (QEMU), or from page 0",
  },
  pivots: { kind: "integer", default: 1, min: 1, max: 64, help: "recent faults to push around" },
  quiet: {
    kind: "duration",
    default: 0,
    help: "demand paging alone for so long after the switch, then active push",
  },
  buffer: {
    kind: "size",
    default: DEFAULT_PUSH.bufferBytes,
    min: 4096,
    max: 64 * 2 ** 20,
    help: "pages on their way, which a fault's page waits behind",
  },
  preempt: { kind: "flag", default: false, help: "faults have a channel of their own" },
  recover: { kind: "flag", default: false, help: "a broken link pauses the guest, not loses it" },
} as const satisfies ParamSpecs;

export function pushOptions(params: ParamValues): PushOptions {
  return {
    quietNs: params.quiet as number,
    order: params.order as PushOptions["order"],
    pivots: params.pivots as number,
    bufferBytes: params.buffer as number,
    preempt: params.preempt as boolean,
    recover: params.recover as boolean,
  };
}

class PostCopy implements LivePhase {
  readonly rounds = [];
  readonly heldCapPages = 0;
  readonly logsWrites = false;
  readonly bandwidth: BandwidthController;
  readonly push: PushOptions;

  constructor(parts: LiveParts) {
    this.bandwidth = parts.preset.createBandwidth();
    this.push = pushOptions(parts.params);
  }

  initialise(nowNs: number, done: (nowNs: number) => void): void {
    done(nowNs);
  }

  begin(nowNs: number, leave: (nowNs: number, how: Switch) => void): void {
    leave(nowNs, { to: "post-copy", reason: "at once" });
  }

  leaveNow(): void {}

  heldAtStop(): number {
    return 0;
  }

  end(): void {}
}

export const postCopy: StrategyFactory = {
  name: "post-copy",
  summary: "the guest moves first, its pages follow as it asks for them",
  source: "Hines & Gopalan, VEE 2009; QEMU migration/postcopy-ram.c",
  params: PUSH_PARAMS,
  defaultPredictor: "none",
  defaultPreset: "xen",
  postCopies: true,
  arenaBytes: () => 0,
  createLive: (parts) => new PostCopy(parts),
};
