/**
 * The conformance kit is tested by breaking machines on purpose. Each break is one that an adapter
 * could well have; the promise that is meant for it must see it, whatever else does.
 */
import { describe, expect, it } from "vitest";
import { ConformanceError, portsConformance } from "../../src/migrate/conformance/index.js";
import { modelHarness } from "../support/model-ports.js";
import { LOG_MUTANTS } from "../support/ports-mutants-log.js";
import { OTHER_MUTANTS } from "../support/ports-mutants-other.js";

const MUTANTS = [...LOG_MUTANTS, ...OTHER_MUTANTS];

describe("a machine that", () => {
  for (const { what, promise, says, breakage } of MUTANTS) {
    it(`${what} is caught`, async () => {
      const check = portsConformance(modelHarness(breakage)).find(({ name }) => name === promise);
      await expect(check!.run()).rejects.toThrow(says);
    });
  }
});

describe("every promise", () => {
  it("is one that some machine here breaks", () => {
    const names = portsConformance(modelHarness()).map(({ name }) => name);
    expect([...new Set(MUTANTS.map(({ promise }) => promise))].sort()).toEqual([...names].sort());
  });
});

describe("a check", () => {
  it("tells a broken promise from other errors, and closes what it opened either way", async () => {
    let open = 0;
    const harness = modelHarness({
      source: ({ source }) => ({ ...source, pause: () => undefined }),
    });
    const counted = {
      ...harness,
      open: async () => {
        open++;
        return { ...(await harness.open()), close: () => void open-- };
      },
    };
    const checks = portsConformance(counted);
    const run = (name: string) => checks.find((check) => check.name === name)!.run();
    await expect(run("changes nothing while it is paused")).rejects.toThrow(ConformanceError);
    await run("takes empty lists");
    expect(open).toBe(0);
  });
});
