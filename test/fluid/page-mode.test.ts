/**
 * Page mode and fluid mode on guests whose dirty curve is known in closed form: the same rounds,
 * and close figures. What they may differ by: page mode draws pages at random (a round's count of
 * n pages scatters by at most sqrt(n), and n is some thousands), runs the guest in slices of 10 ms
 * and pays for faults a slice late.
 */
import { describe, expect, it } from "vitest";
import { curveOfSynthetic, type FluidResult, simulateFluid } from "../../src/fluid/index.js";
import type { SyntheticSpec } from "../../src/guest/synthetic.js";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { simulate } from "../../src/model/simulation.js";
import { PRESETS } from "../../src/policy/presets/index.js";
import { hotCold, type SmallOptions, small, uniform } from "../support/specs.js";

const PAGES = 32_768;

async function both(
  options: SmallOptions & { activity: SyntheticSpec & { kind: "synthetic" } },
  preset = "xen",
): Promise<[MigrationResult, FluidResult]> {
  const pages = options.pages ?? PAGES;
  const spec = small({ ...options, pages, strategy: `pre-copy@${preset}` });
  const { migrations } = await simulate(spec);
  const domain = spec.domains[0]!;
  const [fluid] = simulateFluid({
    links: spec.links,
    migrations: [
      {
        path: ["wire"],
        pages,
        curve: curveOfSynthetic(options.activity),
        preset: PRESETS.find(({ name }) => name === preset)!,
        deviceStateBytes: domain.deviceStateBytes,
        suspendDirtiesPages: domain.suspendDirtiesPages,
        costs: spec.hosts[0]!.costs,
        pml: spec.hosts[0]!.pml,
      },
    ],
  });
  return [migrations[0]!, fluid!];
}

function off(ours: number, theirs: number): number {
  return Math.abs(ours - theirs) / theirs;
}

const sequential = (pages: number, accessesPerSec: number): ReturnType<typeof uniform> => ({
  kind: "synthetic",
  components: [{ pattern: { kind: "sequential", firstPage: 0, pages }, accessesPerSec }],
});
type Activity = SyntheticSpec & { kind: "synthetic" };

const GUESTS: [string, Activity, SmallOptions][] = [
  ["uniform, slow", uniform(PAGES, 2_000) as Activity, {}],
  ["uniform, fast: five rounds", uniform(PAGES, 60_000) as Activity, {}],
  ["uniform on a part", uniform(4_096, 50_000, 8_192) as Activity, {}],
  ["sequential", sequential(PAGES, 10_000) as Activity, {}],
  ["sequential, wraps", sequential(2_048, 20_000) as Activity, {}],
  ["hot and cold", hotCold(PAGES, 20_000) as Activity, {}],
  ["hot and cold with PML", hotCold(PAGES, 20_000) as Activity, { pml: true }],
  ["on a slow link", hotCold(PAGES, 3_000) as Activity, { bandwidthBytesPerSec: 25e6 }],
  ["dirties pages in suspending", uniform(PAGES, 2_000) as Activity, { suspendDirtiesPages: 260 }],
];

describe("page mode and fluid mode with preset xen", () => {
  it.each(GUESTS)("%s", async (_name, activity, options) => {
    const [page, fluid] = await both({ ...options, activity });
    expect(fluid.rounds.length).toBe(page.rounds.length);
    expect(fluid.stopReason).toBe(page.stopReason);
    expect(off(fluid.totalNs, page.totalNs)).toBeLessThan(0.02);
    expect(off(fluid.bytesSent, page.bytesSent)).toBeLessThan(0.02);
    expect(off(fluid.downtimeNs, page.downtimeNs)).toBeLessThan(0.05);
    for (const [i, round] of fluid.rounds.entries()) {
      const { pagesSent } = page.rounds[i]!;
      expect(Math.abs(round.pagesSent - pagesSent)).toBeLessThan(0.03 * pagesSent + 50);
    }
  });

  it("stages without pages are equal to the nanosecond", async () => {
    const [page, fluid] = await both({ activity: uniform(PAGES, 0) as Activity });
    expect(fluid.stagesNs.commitment).toBe(page.stagesNs.commitment);
    expect(fluid.stagesNs.initialisation).toBe(page.stagesNs.initialisation);
    expect(off(fluid.totalNs, page.totalNs)).toBeLessThan(1e-6);
    expect(fluid.bytesSent).toBe(page.bytesSent);
  });
});

/**
 * Which pages a round skips is a mean here. Hot pages at the start of memory in ascending order are
 * sent before they are written again, and guests at the edge of a rule may go either way: neither
 * is among these.
 */
describe("page mode and fluid mode with presets that skip", () => {
  it.each([
    ["xen-skip", uniform(PAGES, 8_000)],
    ["xen2005", uniform(PAGES, 8_000)],
    ["clark-paper", uniform(PAGES, 8_000)],
    ["clark-paper", hotCold(PAGES, 8_000)],
  ])("%s", async (preset, activity) => {
    const [page, fluid] = await both({ activity: activity as Activity }, preset);
    expect(fluid.rounds.length).toBe(page.rounds.length);
    expect(fluid.stopReason).toBe(page.stopReason);
    expect(off(fluid.totalNs, page.totalNs)).toBeLessThan(0.02);
    expect(off(fluid.bytesSent, page.bytesSent)).toBeLessThan(0.02);
    expect(off(fluid.downtimeNs, page.downtimeNs)).toBeLessThan(0.05);
    const skipped = page.rounds.reduce((sum, round) => sum + round.pagesSkipped, 0);
    const counted = fluid.rounds.reduce((sum, round) => sum + round.pagesSkipped, 0);
    expect(off(counted, skipped)).toBeLessThan(0.05);
  });
});
