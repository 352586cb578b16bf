/**
 * The benchmarks run, small, and all contenders of a case agree: kernels, plain TypeScript, plain C
 * where gcc is there and packages from npm where they are installed. Times are not looked at.
 */
import { describe, expect, it } from "vitest";
import type { BenchContext } from "../../bench/context.js";
import { type BenchCase, inProcess, runCase, SMALL } from "../../bench/harness.js";
import { kernelCases } from "../../bench/kernels.js";
import { Native } from "../../bench/native.js";
import { loadPeers } from "../../bench/peers.js";
import { digestOf, markdown, type Run } from "../../bench/results.js";
import { simulateLargeGuest, simulationCases } from "../../bench/simulation.js";
import { quartiles } from "../../bench/statistics.js";

const context: BenchContext = { native: Native.build(), peers: loadPeers(), small: true };

describe("benchmarks", () => {
  const cases = [...kernelCases(context), ...simulationCases(context)];

  for (const benchCase of cases) {
    it(`agree on ${benchCase.group}, ${benchCase.name}`, async () => {
      const { contenders, digest } = await runCase(benchCase, SMALL);
      const names = contenders.map(({ name }) => name);
      expect(names[0]).toBe("Wasm");
      expect(names.includes("C")).toBe(context.native !== undefined);
      expect(digest).toMatch(/^[0-9a-f]{8}$/);
    }, 30_000);
  }

  it("cover every target with a contender that exists", () => {
    const targets = cases.flatMap((benchCase) => benchCase.targets.map(({ than }) => than));
    expect(new Set(targets)).toEqual(new Set(["C", "mnemonist LRUMap"]));
  });

  it("measure a guest in a process of its own", async () => {
    const result = await simulateLargeGuest(context);
    expect(result.pagesSent).toBeGreaterThanOrEqual(result.pages);
    expect(result.peakResidentBytes).toBeGreaterThan(1e6);
    const again = await simulateLargeGuest(context);
    expect(again.eventLogHash).toBe(result.eventLogHash);
  }, 30_000);
});

/** A case of two contenders that hand back what they are told. */
function twoThatSay(first: string, second: string): BenchCase {
  const contender = (name: string, said: string) =>
    inProcess({ name, run: () => {}, digest: () => said });
  return {
    group: "made up",
    name: "case",
    pages: 1024,
    unit: "page",
    operations: 1,
    repeatable: true,
    targets: [{ than: "other", atMost: 1 }],
    open: async () => [contender("Wasm", first), contender("other", second)],
  };
}

describe("harness", () => {
  it("fails when two contenders come to different outputs", async () => {
    await expect(runCase(twoThatSay("00000001", "00000002"), SMALL)).rejects.toThrow(
      "made up, case, 1024 pages: other comes to 00000002, Wasm to 00000001",
    );
  });

  it("rotates the order of contenders and keeps slow ones to the first rounds", async () => {
    const order: string[] = [];
    const contender = (name: string, slow: boolean) => ({
      name,
      slow,
      measure: () => {
        order.push(name);
        return { nsPerRun: name === "b" ? 4 : 2, digest: "0" };
      },
    });
    const { contenders } = await runCase(
      {
        ...twoThatSay("", ""),
        open: async () => [contender("a", false), contender("b", false), contender("c", true)],
      },
      SMALL,
    );
    expect(order).toEqual(["a", "b", "c", "b", "a"]);
    expect(contenders.map(({ ratio }) => ratio.median)).toEqual([1, 0.5, 1]);
  });

  it("takes medians and quartiles between order statistics", () => {
    expect(quartiles([4, 1, 3, 2])).toEqual({ median: 2.5, lower: 1.75, upper: 3.25 });
    expect(quartiles([7])).toEqual({ median: 7, lower: 7, upper: 7 });
  });

  it("writes a page that names a missed target and its note", async () => {
    const result = await runCase(twoThatSay("00000001", "00000001"), SMALL);
    const [wasm, other] = result.contenders;
    const slower = { ...other!, ratio: { median: 1.5, lower: 1.4, upper: 1.6 } };
    const run: Run = {
      context: { native: undefined, peers: undefined, small: true },
      command: "npm run bench",
      startedAt: new Date(0),
      load: [0, 0],
      seconds: 1,
      cases: [{ ...result, contenders: [wasm!, slower] }],
      largeGuest: undefined,
    };
    const page = markdown(run);
    expect(page).toContain(
      "| made up, case | 2^10 | 1 x other | 1.50 (1.40 - 1.60) | **missed** |",
    );
    expect(page).toContain("Missed: made up, case, 2^10. Not yet explained.");
    expect(page).toContain(digestOf(run));
  });
});
