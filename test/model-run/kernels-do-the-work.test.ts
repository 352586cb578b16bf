/** The hot loops of a simulation really run in the kernels: without them it fails. */
import { describe, expect, it } from "vitest";
import { simulate } from "../../src/model/simulation.js";
import { kernelNames, trappingKernels } from "../kernels/trapping.js";
import { small } from "../support/specs.js";

const spec = small({ pages: 512, strategy: "pre-copy+wsclock:warmup=1,tick=5ms" });

/** Kernels that this simulation cannot do without: one of each loop that touches every page. */
const NEEDED = [
  ["the guest's writes", /workload.*run|runWorkload|hotCold/i],
  ["reading the log", /harvest/i],
  ["pages of a batch", /nextPages|bitmapNext/i],
  ["the WSClock tick", /wsclockTick/i],
  ["choosing what to hold", /wsclock.*(hottest|Rank)/i],
  ["versions of a batch", /gather/i],
  ["the final comparison", /differ/i],
] as const;

describe("kernels", () => {
  it("when every kernel traps, simulate fails", async () => {
    await expect(simulate(spec, { kernels: { wasm: trappingKernels() } })).rejects.toThrow();
  });

  it("when none does, the same module simulates", async () => {
    const { eventLogHash } = await simulate(spec, { kernels: { wasm: trappingKernels([]) } });
    expect(eventLogHash).toBe((await simulate(spec)).eventLogHash);
  });

  it.each(NEEDED)("when %s traps alone, simulate fails too", async (_what, pattern) => {
    const names = kernelNames().filter((name) => pattern.test(name));
    expect(names.length).toBeGreaterThan(0);
    const run = simulate(spec, { kernels: { wasm: trappingKernels(names) } });
    await expect(run).rejects.toThrow(/unreachable/);
  });
});

describe("the largest guest", () => {
  it("2^24 pages move and every one is compared", async () => {
    const whole = small({
      pages: 2 ** 24,
      strategy: "pre-copy+wsclock:warmup=1",
      bandwidthBytesPerSec: 12_500_000_000,
    });
    const { migrations } = await simulate({
      ...whole,
      hosts: whole.hosts.map((host) => ({ ...host, memoryPages: 2 ** 25 })),
    });
    expect(migrations[0]!.pagesSent).toBeGreaterThanOrEqual(2 ** 24);
    expect(migrations[0]!.verified.targetEqualsSource).toBe(true);
  });
});
