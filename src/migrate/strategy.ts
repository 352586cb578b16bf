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
import type { PushOptions } from "./residual-push.js";
import type { ThrottleControl } from "./throttle-control.js";

/** How the guest leaves the source, and why. */
export interface Switch {
  readonly to: "stop-and-copy" | "post-copy";
  readonly reason: string;
}

/** Limits that a manager may move while the migration runs; a live phase reads them afresh. */
export interface LiveLimits {
  /** The longest downtime that is accepted. */
  downtimeLimitNs: number;
  /** Payload a second that rounds may take, beside what the preset allows; Infinity = no limit. */
  bandwidthBytesPerSec: number;
}

/** The lower of the preset's limit and the manager's. */
export function rateLimit(bandwidth: BandwidthController, limits: LiveLimits): number {
  return Math.min(bandwidth.limitBytesPerSec, limits.bandwidthBytesPerSec);
}

/** The live part of a strategy, driven by `Migration`. */
export interface LivePhase {
  /** Before the reservation: sampling. Calls `done` when the first round may begin. */
  initialise(nowNs: number, done: (nowNs: number) => void): void;
  /** The rounds. Calls `leave` once, when the guest is to pause. */
  begin(nowNs: number, leave: (nowNs: number, how: Switch) => void): void;
  /** Somebody above decided that the guest leaves now: no more rounds. */
  leaveNow(nowNs: number, how: Switch): void;
  /** The last look at the log has been ORed into `owed`: what is still held back? Then all goes. */
  heldAtStop(): number;
  readonly rounds: readonly RoundReport[];
  readonly heldCapPages: number;
  readonly logsWrites: boolean;
  readonly bandwidth: BandwidthController;
  /** It keeps to the rate limit itself: the link need not hold it back. */
  readonly pacesItself?: boolean;
  /** How absent pages follow, for a phase that may switch to post-copy. */
  readonly push?: PushOptions | undefined;
  /** What it decided by itself, for the report. */
  describe?(): Record<string, number | string>;
  /** After cancel or stop: no timer of this phase asks for anything any more. */
  end(): void;
}

/** What a live phase is built from. */
export interface LiveParts {
  readonly mover: PageMover;
  readonly preset: Preset;
  readonly predictor: WorkingSetPredictor;
  readonly throttle: ThrottleControl;
  readonly params: ParamValues;
  readonly limits: LiveLimits;
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
  /** May it switch to post-copy by itself? */
  readonly postCopies?: boolean;
  /** Arena bytes that the live phase needs for a guest of so many pages. */
  arenaBytes(pages: number): number;
  /** The throttle that is part of the strategy; one that is named beside it takes its place. */
  createThrottle?(params: ParamValues): Throttle;
  createLive(parts: LiveParts): LivePhase;
}
