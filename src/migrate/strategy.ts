/**
 * A strategy is what happens between reservation and commitment: it decides when the guest pauses
 * and which pages travel before and after. The stages around it are `Migration`'s.
 */
import type { ParamSpecs, ParamValues } from "../base/params.js";
import type { BandwidthController } from "../policy/bandwidth.js";
import type { Preset } from "../policy/preset.js";
import type { Throttle } from "../policy/throttle.js";
import type { WorkingSetPredictor } from "../workingset/index.js";
import type { PageMover } from "./page-mover.js";
import type { RoundReport } from "./report.js";

/** The live part of a strategy, driven by `Migration`. */
export interface LivePhase {
  /** Before the reservation: sampling. Calls `done` when the first round may begin. */
  initialise(nowNs: number, done: (nowNs: number) => void): void;
  /** The rounds. Calls `stop` once, when the guest is to pause. */
  begin(nowNs: number, stop: (nowNs: number, reason: string) => void): void;
  /** The last look at the log has been ORed into `owed`: what is still held back? Then all goes. */
  heldAtStop(): number;
  readonly rounds: readonly RoundReport[];
  readonly heldCapPages: number;
  readonly logsWrites: boolean;
  readonly throttles: boolean;
  readonly bandwidth: BandwidthController;
  /** After cancel or stop: no timer of this phase asks for anything any more. */
  end(): void;
}

/** What a live phase is built from. */
export interface LiveParts {
  readonly mover: PageMover;
  readonly preset: Preset;
  readonly predictor: WorkingSetPredictor;
  readonly throttle: Throttle | undefined;
  readonly params: ParamValues;
  readonly downtimeLimitNs: number;
  readonly fixedDowntimeNs: number;
  /** Payload rate of the path as it is known beforehand; measured rates take its place. */
  readonly linkBytesPerSec: number;
  readonly abort: (nowNs: number, reason: string) => void;
}

export interface StrategyFactory {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  readonly params: ParamSpecs;
  readonly defaultPredictor: string;
  readonly defaultPreset: string;
  /** Arena bytes that the live phase needs for a guest of so many pages. */
  arenaBytes(pages: number): number;
  createThrottle(params: ParamValues): Throttle | undefined;
  createLive(parts: LiveParts): LivePhase;
}
