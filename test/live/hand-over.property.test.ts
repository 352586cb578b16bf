/**
 * What becomes of a guest when something goes wrong anywhere in its move: hundreds of moves of a
 * guest that can be calculated, each with one trouble that strikes at a chosen message. Never two
 * run, the outcome is one that docs/PROTOCOL.md names, and who has the guest has all of it.
 */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/base/random.js";
import { runTrial, type Trial, type TrialOptions, type Trouble } from "../support/live-trial.js";

const STRATEGIES = [
  ...["suspend", "pre-copy", "pre-copy+wsclock+xbzrle", "pre-copy+hash-dedup+deflate", "seed"],
  ...["post-copy+zero", "post-copy:recover=true+xbzrle", "hybrid:recover=true+zero", "hybrid"],
  ...["pre-copy+multifd@qemu72", "pre-copy+auto-converge", "adaptive"],
];

/** Messages at which hand-over may go wrong. */
const STEPS = [
  ...["connect", "prepare", "pause", "finish", "image-complete", "commit", "go", "running"],
  ...["announced", "fault", "finish-residual", "all-received", "reconnect", "link", "harvest"],
];

const AT_ONCE = 12;
const SLOW_MS = 3;

function trialOf(trouble: Trouble, seed: number): TrialOptions {
  const random = new Random(seed);
  const pick = <T>(from: readonly T[]) => from[random.below(from.length)] as T;
  const where =
    random.below(2) === 0
      ? { after: 1 + random.below(120) }
      : { after: 1 + random.below(2), at: pick(STEPS) };
  return {
    ...{ seed, trouble, ...where },
    strategy: pick(STRATEGIES),
    delayMs: random.below(3) * random.below(3),
    slowMs: random.below(2) * SLOW_MS,
    secret: random.below(2) === 0,
    verify: random.below(2) === 0,
    ...(random.below(2) === 0 && { bandwidthBytesPerSec: 20e6 }),
  };
}

/** The trials of one trouble, some at a time; those that went wrong, with what repeats them. */
async function wrongTrials(trouble: Trouble, count: number) {
  const wrong: { options: TrialOptions; wrong: readonly string[] }[] = [];
  const trials: Trial[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const options = trialOf(trouble, ++next * 7919);
      const trial = await runTrial(options);
      trials.push(trial);
      if (trial.wrong.length > 0) wrong.push({ options, wrong: trial.wrong });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { wrong, outcomes: new Set(trials.map(({ result }) => result.outcome)) };
}

describe("a move with one trouble somewhere", () => {
  const cases: [Trouble, number, string[]][] = [
    ["none", 24, ["target-runs"]],
    ["cut", 24, ["source-runs", "target-runs"]],
    ["cut-for-good", 18, ["source-runs", "target-runs"]],
    ["flapping", 18, ["source-runs", "target-runs"]],
    ["stall", 18, ["source-runs", "target-runs"]],
    ["cancel", 18, ["source-runs", "target-runs"]],
    ["source-call", 18, ["source-runs", "target-runs"]],
    ["target-call", 18, ["source-runs", "target-runs"]],
    ["record-fails", 12, ["source-runs"]],
    ["record-hangs", 12, ["source-runs"]],
    ["corrupt", 18, ["source-runs", "target-runs"]],
  ];
  it.each(cases)("%s: %i moves end as they may", async (trouble, count, among) => {
    const { wrong, outcomes } = await wrongTrials(trouble, count);
    expect(wrong).toEqual([]);
    expect([...outcomes]).toEqual(expect.arrayContaining(among));
  });
});
