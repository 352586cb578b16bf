/**
 * Iterative pre-copy alone, and the seed paper's whole method, which is pre-copy with WSClock's
 * working set held back and Jin's CPU control between rounds.
 */
import { jin } from "../../policy/throttles/jin.js";
import type { LiveParts, LivePhase, StrategyFactory } from "../strategy.js";
import { Rounds, type RoundsOptions } from "./rounds.js";
import { Slots } from "./slots.js";

export const FLUSH = {
  flush: { kind: "flag", default: false, help: "send held pages live once before the stop" },
} as const;

/** The loop that the preset has: rounds as Xen's, or slots of time as QEMU's. */
export function createLoop(parts: LiveParts, options: RoundsOptions = {}): LivePhase {
  return parts.preset.loop === "slots" ? new Slots(parts, options) : new Rounds(parts, options);
}

export function loopArenaBytes(pages: number): number {
  return Math.max(Rounds.arenaBytes(pages), Slots.arenaBytes(pages));
}

export const preCopy: StrategyFactory = {
  name: "pre-copy",
  summary: "rounds while the guest runs, the rest in a pause",
  source: "Clark et al., NSDI 2005; with a predictor, Zaw & Thein, IJCST 3(3), 2012",
  params: FLUSH,
  defaultPredictor: "none",
  defaultPreset: "xen",
  arenaBytes: loopArenaBytes,
  createLive: (parts) => createLoop(parts),
};

export const seed: StrategyFactory = {
  name: "seed",
  summary: "WSClock pre-processing, push, Jin's CPU control between rounds, stop-and-copy",
  source: "Optimized iterative pre-copy with WSClock, sections III and IV",
  params: { ...FLUSH, ...jin.params },
  defaultPredictor: "wsclock",
  defaultPreset: "xen",
  arenaBytes: loopArenaBytes,
  createThrottle: jin.create,
  createLive: (parts) => createLoop(parts),
};
