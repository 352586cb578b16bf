/**
 * Never two running, and which outcome each fault gives: every order of everything that can happen,
 * with faults at every message's boundary.
 */
import { describe, expect, it } from "vitest";
import { World, type WorldOptions } from "./hand-over-world.js";
import { searchStates } from "./state-search.js";
import type { Mutant } from "./wrong-target.js";

/** Where a single fault struck, and what could become of it. */
function outcomes(options: WorldOptions): Record<string, string[]> {
  const found: Record<string, Set<string>> = {};
  for (const world of searchStates(new World(options)).settled) {
    const struck = world.struck.join(", ") || "nothing";
    found[struck] ??= new Set();
    found[struck].add(world.verdict());
  }
  return Object.fromEntries(Object.entries(found).map(([key, set]) => [key, [...set].sort()]));
}

const STAYS = "source runs, source-runs";
const MOVES = "target runs, target-runs";
const DOUBT = "nobody runs, in-doubt";
const LOST = "nobody runs, lost";
const DIED = "nobody runs, source is dead";
const SURVIVES = "target runs, source is dead";

/** All that may ever become of a guest, whatever happened. */
const POSSIBLE = [
  ...[STAYS, MOVES, DOUBT, LOST, DIED, SURVIVES, "target runs, in-doubt"],
  // It died with the target, after it had moved; or it runs there, and the source had given it up.
  ...["nobody runs, target-runs", "target runs, lost"],
];

function expectSafe(options: WorldOptions): void {
  const { states, settled } = searchStates(new World(options));
  expect(states).toBeGreaterThan(1000);
  const verdicts = new Set(settled.map((world) => world.verdict()));
  expect([...verdicts].filter((verdict) => !POSSIBLE.includes(verdict))).toEqual([]);
}

describe("two never run", () => {
  for (const postCopy of [false, true]) {
    const how = postCopy ? "post-copy" : "pre-copy";
    it(`whatever becomes of the link, ${how}`, () => {
      expectSafe({ postCopy, cuts: 2, slow: true });
    });

    it(`nor where the target cannot do what it should, ${how}`, () => {
      expectSafe({ postCopy, cuts: 1, cancels: 1, failures: 2, slow: true });
    });

    it(`nor where either end dies, ${how}`, () => {
      const kills = { sourceKills: 1, targetKills: 1 };
      expectSafe({ postCopy, cuts: 1, ...kills, slow: true });
    });
  }
});

describe("ends that are wrong on purpose", () => {
  const found: Record<Mutant, RegExp> = {
    "doubt-runs": /two are running|the source has no guest/,
    "late-cancel": /two are running|the source has no guest/,
    "forgets-refusal": /two are running|whose memory was freed/,
    "refuses-what-runs": /two are running/,
    "runs-again": /it was run twice/,
  };
  for (const [mutant, why] of Object.entries(found)) {
    it(`are found out: ${mutant}`, () => {
      const faults = { cuts: 2, cancels: 1, mutant: mutant as Mutant };
      expect(() => searchStates(new World({ postCopy: false, ...faults }))).toThrow(why);
    });
  }
});

/** The table of docs/PROTOCOL.md: one fault, by where the source knows itself to be. */
describe("what becomes of a guest", () => {
  it("that nothing happens to: it moves", () => {
    for (const postCopy of [false, true]) {
      expect(outcomes({ postCopy })).toEqual({ nothing: [MOVES] });
    }
  });

  it("whose link is cut", () => {
    const free = { "cut before-commit": [STAYS], "cut running": [MOVES], nothing: [MOVES] };
    expect(outcomes({ postCopy: false, cuts: 1 })).toEqual({
      ...free,
      "cut committed": [DOUBT, STAYS, "target runs, in-doubt", MOVES],
    });
    expect(outcomes({ postCopy: true, cuts: 1 })).toEqual({
      ...free,
      "cut committed": [LOST, STAYS, MOVES],
      "cut residual": [DOUBT, LOST, "target runs, in-doubt", MOVES],
    });
  });

  it("whose source is killed", () => {
    expect(outcomes({ postCopy: false, sourceKills: 1 })).toEqual({
      nothing: [MOVES],
      "sourceKills before-commit": [DIED],
      "sourceKills committed": [DIED, SURVIVES],
      "sourceKills running": [SURVIVES],
      "sourceKills ended": [SURVIVES],
    });
    expect(outcomes({ postCopy: true, sourceKills: 1 })).toEqual({
      nothing: [MOVES],
      "sourceKills before-commit": [DIED],
      "sourceKills committed": [DIED],
      "sourceKills residual": [DIED, SURVIVES],
      "sourceKills running": [SURVIVES],
      "sourceKills ended": [SURVIVES],
    });
  });

  it("whose target is killed", () => {
    const dies = ["nobody runs, target-runs"];
    const free = { nothing: [MOVES], "targetKills running": dies, "targetKills ended": dies };
    expect(outcomes({ postCopy: false, targetKills: 1 })).toMatchObject({
      ...free,
      "targetKills before-commit, cut before-commit": [STAYS],
      "targetKills before-commit, cut committed": [DOUBT],
      "targetKills committed, cut committed": [DOUBT],
      "targetKills running, cut running": dies,
    });
    expect(outcomes({ postCopy: true, targetKills: 1 })).toMatchObject({
      "targetKills before-commit, cut before-commit": [STAYS],
      "targetKills committed, cut committed": [LOST],
      "targetKills residual, cut residual": [DOUBT, LOST],
    });
  });

  it("whose migration is cancelled", () => {
    for (const postCopy of [false, true]) {
      const found = outcomes({ postCopy, cancels: 1 });
      expect(found["cancels before-commit"]).toEqual([STAYS]);
      expect(found["cancels committed"]).toEqual([MOVES]);
      expect(found["cancels running"]).toEqual([MOVES]);
    }
  });
});
