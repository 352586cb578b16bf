/**
 * Never two running, and which outcome each fault gives: every order of everything that can happen,
 * with faults at every message's boundary.
 */
import { describe, expect, it } from "vitest";
import { type Mutant, World, type WorldOptions } from "./hand-over-world.js";
import { searchStates } from "./state-search.js";

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

describe("two never run", () => {
  for (const postCopy of [false, true]) {
    it(`whatever happens, two cuts among it, post-copy ${postCopy}`, () => {
      const faults = { cuts: 2, cancels: 1, failures: 1, slow: true };
      expect(searchStates(new World({ postCopy, ...faults })).states).toBeGreaterThan(2000);
    });

    it(`nor where either end dies, post-copy ${postCopy}`, () => {
      const faults = { cuts: 1, cancels: 1, sourceKills: 1, targetKills: 1, slow: true };
      expect(searchStates(new World({ postCopy, ...faults })).states).toBeGreaterThan(2000);
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

describe("what becomes of a guest", () => {
  it("that nothing happens to: it moves", () => {
    for (const postCopy of [false, true]) {
      expect(outcomes({ postCopy }).nothing).toEqual([MOVES]);
    }
  });

  it("whose link is cut", () => {
    expect(outcomes({ postCopy: false, cuts: 1 })).toMatchObject({
      "cut before-commit": [STAYS],
      "cut committed": ["nobody runs, in-doubt", STAYS, "target runs, in-doubt", MOVES],
      "cut running": [MOVES],
    });
  });

  it("whose migration is cancelled", () => {
    for (const postCopy of [false, true]) {
      const found = outcomes({ postCopy, cancels: 1 });
      expect(found["cancels before-commit"]).toEqual([STAYS]);
      expect(found["cancels committed"]).toContain(MOVES);
      expect(found["cancels committed"]).not.toContain(STAYS);
      expect(found["cancels running"]).toEqual([MOVES]);
    }
  });
});
