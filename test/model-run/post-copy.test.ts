/** Post-copy on modelled machines: what waiting for pages costs, and that each arrives once. */
import { describe, expect, it } from "vitest";
import type { SyntheticComponent } from "../../src/guest/synthetic.js";
import type { MigrationEvent } from "../../src/migrate/messages.js";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { simulate } from "../../src/model/simulation.js";
import type { SimulationSpec } from "../../src/model/spec.js";
import { hotCold, recorded, type SmallOptions, small, uniform } from "../support/specs.js";

const MS = 1_000_000;

async function move(
  options: SmallOptions,
  domain: Partial<SimulationSpec["domains"][number]> = {},
): Promise<{ result: MigrationResult; faults: { page: number; atNs: number }[] }> {
  const spec = small({ strategy: "post-copy", pages: 2000, ...options });
  const domains = spec.domains.map((one) => ({ ...one, ...domain }));
  const faults: { page: number; atNs: number }[] = [];
  const { migrations } = await simulate(
    { ...spec, domains },
    {
      observe: (_guest, message) => {
        if (message.kind === "fault") {
          faults.push(message as MigrationEvent & { kind: "fault" });
        }
      },
    },
  );
  return { result: migrations[0]!, faults };
}

/** What holds of every post-copy migration that completed. */
function expectWhole(result: MigrationResult, pages: number): void {
  expect(result.outcome).toBe("target-runs");
  expect(result.residualPages).toBe(pages);
  expect(result.pagesSent).toBe(pages);
  expect(result.rounds).toEqual([]);
  expect(result.bytes.rounds).toBe(0);
  // Every page once, with its header and what Xen's records around a batch take.
  expect(result.bytes.residual).toBeGreaterThanOrEqual(pages * (4096 + 8));
  expect(result.bytes.residual).toBeLessThan(pages * (4096 + 8 + 64));
  expect(result.unchangedSends).toBe(0);
  const { stagesNs: stages, totalNs } = result;
  expect(Object.values(stages).reduce((sum, ns) => sum + ns, 0)).toBe(totalNs);
  const { vcpuBlocktimeNs, stallNs, blocktimeNs, worstStallNs } = result.postCopy!;
  expect(vcpuBlocktimeNs.reduce((sum, ns) => sum + ns, 0)).toBe(stallNs);
  expect(blocktimeNs).toBeLessThanOrEqual(Math.min(...vcpuBlocktimeNs));
  expect(worstStallNs).toBeLessThanOrEqual(stallNs);
}

describe("post-copy moves", () => {
  const guests: [string, SmallOptions, Partial<SimulationSpec["domains"][number]>, number][] = [
    ["a busy guest", { activity: uniform(2000, 20_000) }, {}, 2000],
    ["a guest of one page", { pages: 1, activity: uniform(1, 100) }, {}, 1],
    ["an idle guest", { activity: { kind: "idle" } }, {}, 2000],
    ["a recorded guest", { activity: recorded(2000) }, {}, 2000],
    ["a guest of four VCPUs", { activity: fourStreams(2000), demandCpus: 4 }, { vcpus: 4 }, 2000],
    ["a guest far away", { activity: hotCold(2000, 5000), latencyNs: 50 * MS }, {}, 2000],
  ];
  for (const [name, options, domain, pages] of guests) {
    it(`${name}: every page once, and the books agree`, async () => {
      for (const params of ["", ":preempt", ":order=forward", ":pivots=4", ":quiet=100ms"]) {
        const { result } = await move({ ...options, strategy: `post-copy${params}` }, domain);
        expectWhole(result, pages);
      }
    });
  }

  it("an idle guest never waits", async () => {
    const { result } = await move({ activity: { kind: "idle" } });
    expect(result.postCopy).toMatchObject({ faults: 0, stallNs: 0, faultShare: 0 });
  });

  it("in the time of the pause alone when nothing has to be sent before it", async () => {
    // suspend 5, state and map 65,536 + 16 bytes, restore 5, commit 1, unpause 1, and the latencies.
    const { result } = await move({ activity: { kind: "idle" } });
    const goodput = (125e6 * 1448) / 1538;
    const messagesNs = ((65_536 + 16 + 64 + 64) / goodput) * 1e9;
    expect(result.blackoutNs).toBeGreaterThan(7 * MS + 3 * 100_000);
    expect(result.blackoutNs - (7 * MS + 3 * 100_000 + messagesNs)).toBeLessThan(100_000);
  });
});

describe("a fault", () => {
  /** One access in the middle of a long quiet: nothing else is on the wire. */
  const lone = (latencyNs: number) => ({
    strategy: "post-copy:quiet=10s",
    latencyNs,
    pages: 500,
    activity: uniform(500, 2),
  });

  it("alone stands for the way there, the page's time on the wire, and the way back", async () => {
    for (const latencyNs of [100_000, 5 * MS]) {
      const { result, faults } = await move(lone(latencyNs));
      expect(faults.length).toBeGreaterThan(2);
      // Body, header of 8 bytes, batch record: what the first urgent frame held, from the books.
      const perPage = result.bytes.residual / result.pagesSent;
      const pageNs = ((4096 * 1538) / 1448 / 125e6) * 1e9;
      const { postCopy } = result;
      const { worstStallNs, stallNs, faults: count } = postCopy!;
      expect(perPage).toBeGreaterThan(4096);
      expect(worstStallNs).toBeGreaterThanOrEqual(2 * latencyNs + Math.floor(pageNs));
      expect(worstStallNs).toBeLessThan(2 * latencyNs + pageNs * 1.05 + 1000);
      expect(stallNs / count).toBeGreaterThanOrEqual(2 * latencyNs + Math.floor(pageNs));
    }
  });

  it("comes alone as long as it is quiet, and active push begins after it", async () => {
    const strategy = "post-copy:quiet=400ms";
    const options = { strategy, activity: uniform(2000, 300), pages: 2000 };
    const spec = small(options);
    const reads: [number, number][] = [];
    let permittedNs = 0;
    let nowNs = 0;
    await simulate(spec, {
      observe: (_guest, message) => {
        if ("atNs" in message && message.kind !== "set-timer") nowNs = message.atNs;
        if (message.kind === "go") permittedNs = nowNs;
        if (message.kind === "read-batch") reads.push([nowNs, message.pages.length]);
      },
    });
    const quiet = reads.filter(([atNs]) => atNs < permittedNs + 400 * MS);
    expect(quiet.length).toBeGreaterThan(20);
    expect(quiet.every(([, pages]) => pages === 1)).toBe(true);
    const [firstPushNs] = reads.find(([, pages]) => pages > 1)!;
    expect(firstPushNs).toBe(permittedNs + 400 * MS);
  });

  it("waits behind what is in the buffer, unless it has a channel of its own", async () => {
    const slow = { bandwidthBytesPerSec: 12_500_000, activity: uniform(2000, 500) };
    const behind = (await move({ ...slow, strategy: "post-copy" })).result.postCopy!;
    const ahead = (await move({ ...slow, strategy: "post-copy:preempt" })).result.postCopy!;
    // 480 KiB at 11.8 MB/s are 42 ms; a channel of its own gets half the link at once. What stands
    // in the buffer already waits there in both.
    const mean = (one: typeof ahead) => one.stallNs / one.faults;
    expect(mean(behind)).toBeGreaterThan(30 * MS);
    expect(mean(ahead)).toBeLessThan(mean(behind) / 5);
  });

  it("is rarer ahead of the guest's walk than in order of pages", async () => {
    const pattern = { kind: "sequential", firstPage: 1000, pages: 1000 } as const;
    const walking = {
      activity: { kind: "synthetic", components: [{ pattern, accessesPerSec: 20_000 }] } as const,
      bandwidthBytesPerSec: 50_000_000,
    };
    const faultsOf = async (order: string) =>
      (await move({ ...walking, strategy: `post-copy:order=${order},buffer=64KiB` })).result
        .postCopy!.faults;
    expect(await faultsOf("bubbling")).toBeLessThan(await faultsOf("ascending"));
    expect(await faultsOf("forward")).toBeLessThan(await faultsOf("ascending"));
  });

  it("counts as a share of the distinct pages used", async () => {
    const { result } = await move({ activity: uniform(2000, 2000) });
    const { faults, workingSetPages, faultShare, absentPages } = result.postCopy!;
    expect(absentPages).toBe(2000);
    expect(faults).toBeGreaterThan(0);
    expect(faultShare).toBe(faults / workingSetPages);
    expect(faultShare).toBeLessThanOrEqual(1);
  });
});

/** Four streams, one on each VCPU. */
function fourStreams(pages: number) {
  const components: SyntheticComponent[] = [0, 1, 2, 3].map((i) => ({
    pattern: { kind: "uniform", firstPage: (i * pages) / 4, pages: pages / 4 },
    accessesPerSec: 2000 * (i + 1),
  }));
  return { kind: "synthetic", components } as const;
}
