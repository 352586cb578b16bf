/**
 * Every two names of different kinds once together, on tiny guests, undisturbed and with links
 * that go down: each migration ends, and the checker, which runs in all of them, is content.
 */
import { describe, expect, it } from "vitest";
import { Registry } from "../../src/migrate/registry.js";
import {
  allPairs,
  nameOf,
  runTwice,
  type SwarmCase,
  swarmCase,
  techniquesOf,
} from "../support/swarm.js";

const techniques = techniquesOf(Registry.standard());

/** What went wrong with a case, and what repeats it. */
async function failureOf(drawn: SwarmCase, quoted: string): Promise<string[]> {
  try {
    await runTwice(drawn);
    return [];
  } catch (error) {
    const { seed, name } = drawn;
    return [`${name}: ${(error as Error).message}: npm run test:swarm -- 1 ${seed}${quoted}`];
  }
}

describe("combinations", () => {
  it("allPairs has every pair, in far fewer rows than there are combinations", () => {
    const lists = [
      ["a", "b", "c"],
      ["", "d", "e", "f"],
      ["g", "h"],
      ["i", "j", "k"],
    ];
    const rows = allPairs(lists, 1);
    lists.forEach((list, i) => {
      lists.slice(i + 1).forEach((other, k) => {
        for (const a of list) {
          for (const b of other) {
            expect(rows.some((row) => row[i] === a && row[i + 1 + k] === b)).toBe(true);
          }
        }
      });
    });
    expect(rows.length).toBeLessThan(30);
    expect(rows.length).toBeGreaterThanOrEqual(12);
  });

  it("covers every name that the registry lists", () => {
    const all = [techniques.strategies, ...techniques.kinds, techniques.presets].flat();
    for (const { kind, factory } of Registry.standard().listTechniques()) {
      if (kind !== "admission") expect(all).toContain(factory.name);
    }
  });

  it("any two names move a guest together", async () => {
    const { strategies, kinds, presets } = techniques;
    // Pairs of one kind are the swarm's; here they would multiply the rows.
    const singles = kinds.map((names) => names.filter((name) => !name.includes("+")));
    const failures: string[] = [];
    let seed = 1;
    for (const row of allPairs([strategies, presets, ...singles], 7)) {
      const [strategy = "", preset = "", ...chosen] = row;
      const name = nameOf(strategy, chosen, preset);
      failures.push(...(await failureOf(swarmCase(seed++, techniques, name), ` '${name}'`)));
    }
    expect(failures).toEqual([]);
  });

  it("and so do some that are drawn by lot", async () => {
    const failures: string[] = [];
    for (let seed = 1; seed <= 80; seed++) {
      failures.push(...(await failureOf(swarmCase(seed, techniques), "")));
    }
    expect(failures).toEqual([]);
  });
});
