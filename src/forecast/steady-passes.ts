/**
 * Passes that have settled. A guest of fixed rates whose passes are all of one length is never done
 * unless a manager interferes, and managers wait for hours: from then on nothing has to be sent any
 * more, the manager looks at the last passes again and again until it does something.
 */
import type { Manager, ManagerAction, Progress } from "../policy/manager.js";

/** Lengths are compared in the mean of so many passes: windows of 100 ms fall on them as they may. */
const BLOCK = 10;
/** So many blocks in a row whose means differ by less than this share. */
const BLOCKS = 3;
const SHARE = 5e-3;

/** The loop at an instant of a pass. */
export interface Sample extends Pick<Progress, "remainingBytes" | "sentBytes" | "iteration"> {
  readonly ms: number;
}

interface Stretch {
  readonly fromMs: number;
  readonly untilMs: number;
}

interface Acted {
  readonly ms: number;
  readonly actions: readonly ManagerAction[];
}

export class SteadyPasses {
  private startMs = 0;
  private lengthMs = 0;
  private passes = 0;
  private alike = 0;
  /** Of the block that is being watched, or was last. */
  private samples: Sample[] = [];

  /** `mayChange`: by itself, as a throttle that has not come to its end. */
  passEnded(ms: number, mayChange: boolean): void {
    if (++this.passes < BLOCK && !mayChange) return;
    const lengthMs = ms - this.startMs;
    const isAlike = Math.abs(lengthMs / this.lengthMs - 1) < SHARE && !mayChange;
    this.alike = isAlike ? this.alike + 1 : 0;
    this.begin(ms, lengthMs);
  }

  /** Something was changed: they have to settle anew. */
  reset(ms: number): void {
    this.alike = 0;
    this.begin(ms, 0);
  }

  get settled(): boolean {
    return this.alike >= BLOCKS;
  }

  watch(sample: Sample): void {
    this.samples.push(sample);
  }

  private begin(ms: number, lengthMs: number): void {
    this.startMs = ms;
    this.lengthMs = lengthMs;
    this.passes = 0;
    // What was watched last is needed once they have settled.
    if (!this.settled) this.samples = [];
  }

  /**
   * Polls over repetitions of the watched passes, from `fromMs` on every `pollMs()`. There are
   * millions of polls, so `progress` is one object that is filled in anew.
   *
   * @returns the first poll that acts, and when; undefined if none does until then
   */
  waitFor(manager: Manager, seen: Progress, { fromMs, untilMs }: Stretch): Acted | undefined {
    const { samples, lengthMs } = this;
    const first = samples[0] as Sample;
    const last = samples.at(-1) as Sample;
    const perTurn = last.iteration - first.iteration + 1;
    const progress = { ...seen };
    let at = 0;
    let turn = 0;
    for (let ms = fromMs; ms < untilMs; ms += manager.pollNs / 1e6) {
      const turns = Math.floor((ms - this.startMs) / lengthMs);
      if (turns !== turn) at = 0;
      turn = turns;
      const inTurnMs = ms - this.startMs - turn * lengthMs + first.ms;
      while (at + 1 < samples.length && (samples[at + 1] as Sample).ms <= inTurnMs) at++;
      const sample = samples[at] as Sample;
      progress.elapsedNs = Math.round(ms * 1e6);
      progress.remainingBytes = sample.remainingBytes;
      progress.sentBytes = sample.sentBytes + (turn + 1) * (last.sentBytes - first.sentBytes);
      progress.iteration = sample.iteration + (turn + 1) * perTurn;
      const actions = manager.poll(progress);
      if (actions.length > 0) return { ms, actions };
    }
    return undefined;
  }
}
