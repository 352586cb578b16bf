/**
 * What moves bytes in fluid mode: a machine that asks for one step after another. A step is a
 * delay (latency, fixed costs) and then bytes that share links with the others' bytes. The solvers
 * (fair-link.ts, max-min-links.ts) carry steps out; they know nothing of rounds.
 *
 * Times in this room are seconds as f64, because SimGrid computes so; what the library returns of
 * a migration is rounded to whole nanoseconds.
 */
export interface FluidSender {
  /** When its first step begins. */
  readonly startSec: number;
  /* The step that `next` asked for. */
  readonly delaySec: number;
  readonly bytes: number;
  /** Positive; Infinity leaves the rate to the links. */
  readonly limitBytesPerSec: number;
  /**
   * Called at the start and whenever the step that it asked for has ended. Sets the fields above
   * to the next step and returns true, or returns false when it has nothing more to ask for.
   */
  next(nowSec: number): boolean;
  /** The solver gives up: `reason` tells which bound was reached. */
  cutOff(nowSec: number, reason: string): void;
}

/** Where a solver ends, whatever the rates are. */
export interface FluidBounds {
  /** No step begins or ends after this. */
  readonly untilSec: number;
  /** Steps of all senders together. */
  readonly stepsMax: number;
}

export interface FluidCounts {
  /** Steps carried out. */
  steps: number;
}

/** 30 days: no migration takes that long. */
export const FLUID_UNTIL_SEC = 30 * 86_400;
/** At a million steps a second some tens of seconds. */
export const FLUID_STEPS_MAX = 20_000_000;

/**
 * Changes of a flow from its own limit to the link's fair share or back, on one link: some 10 s.
 * Only thousands of different limits that all lie near the fair share come to so many.
 */
export const FLUID_CHANGES_MAX = 20_000_000;

export const changesReason = (): string =>
  `not over after ${FLUID_CHANGES_MAX} changes between limits and fair share on one link`;
export const untilReason = (bounds: FluidBounds): string =>
  `not over after ${bounds.untilSec} s of simulated time`;
export const stepsReason = (bounds: FluidBounds): string =>
  `not over after ${bounds.stepsMax} steps of all migrations together`;
