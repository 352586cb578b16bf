/**
 * How long a guest takes to come back to speed after its move: v86 compiles hot code as it runs, and a
 * guest that arrives has nothing compiled. Counted apart from downtime, in instructions a second of
 * the guest's own turns, so that a guest that mostly sleeps is measured by what it does.
 */
import { NS_PER_MS } from "../base/units.js";
import { sleepNs } from "./live-link.js";

/** A machine that counts its instructions and its time in turns. */
export interface CountsInstructions {
  instructions(): number;
  /** Wall time within turns so far, nanoseconds. */
  guestNs(): number;
}

export interface WarmUp {
  /** Instructions a second of turns, window by window; 0 where it hardly ran. */
  readonly perSecond: readonly number[];
  /** Median of the last third of the windows: what it came to. */
  readonly steadyPerSec: number;
  /** End of the first window with 90 % of that; undefined where it hardly ran at all. */
  readonly reachedNs: number | undefined;
}

export interface WarmUpOptions {
  /** Default 100 ms. */
  readonly windowNs?: number;
  /** Default 30. */
  readonly windows?: number;
  /** Ends the measuring; what was measured so far is judged. */
  readonly signal?: AbortSignal;
}

export const WARM_UP_DEFAULTS = { windowNs: 100 * NS_PER_MS, windows: 30 } as const;

/** Shorter time in turns tells nothing of speed. */
const RAN_NS_MIN = NS_PER_MS;
const REACHED_SHARE = 0.9;

/** Begins at once: call it when the guest has been started. */
export async function measureWarmUp(
  machine: CountsInstructions,
  options: WarmUpOptions = {},
): Promise<WarmUp> {
  const { windowNs, windows, signal } = { ...WARM_UP_DEFAULTS, ...options };
  const perSecond: number[] = [];
  let instructions = machine.instructions();
  let ranNs = machine.guestNs();
  while (perSecond.length < windows && signal?.aborted !== true) {
    await sleepNs(windowNs);
    const executed = machine.instructions() - instructions;
    const inNs = machine.guestNs() - ranNs;
    instructions += executed;
    ranNs += inNs;
    perSecond.push(inNs < RAN_NS_MIN ? 0 : Math.round((executed * 1e9) / inNs));
  }
  return warmUpOf(perSecond, windowNs);
}

/** Judges windows that were measured. */
export function warmUpOf(perSecond: readonly number[], windowNs: number): WarmUp {
  const late = perSecond.slice(-Math.ceil(perSecond.length / 3)).filter((rate) => rate > 0);
  const steadyPerSec = late.sort((a, b) => a - b)[Math.floor(late.length / 2)] ?? 0;
  const at = perSecond.findIndex((rate) => rate > 0 && rate >= steadyPerSec * REACHED_SHARE);
  const reachedNs = steadyPerSec === 0 || at < 0 ? undefined : (at + 1) * windowNs;
  return { perSecond, steadyPerSec, reachedNs };
}
