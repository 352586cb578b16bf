/** What a scenario means: defaults, units, recordings, and the small things that YAML can do. */
import { describe, expect, it } from "vitest";
import { Registry } from "../../src/migrate/registry.js";
import { DEFAULT_COSTS, type SimulationSpec } from "../../src/model/spec.js";
import type { LoadScenarioOptions, ScenarioTraceOptions } from "../../src/scenario/index.js";
import {
  DEFAULT_COMPARE,
  withBandwidth,
  withSeed,
  withStrategy,
} from "../../src/scenario/index.js";
import { BASE, load, refusal, smallTrace } from "./support.js";

describe("a scenario", () => {
  it("needs hosts and guests, and has a default for the rest", async () => {
    const { title, spec, compare } = await load(`${BASE}migrate: [{ guest: web, to: b }]`);
    expect(title).toBe("Untitled scenario");
    expect(compare).toEqual(DEFAULT_COMPARE);
    const dom0 = { memoryPages: 262_144, vcpus: 1, weight: 256, demandCpus: 0.05 };
    const host = { physicalCpus: 4, pml: false, dom0, costs: DEFAULT_COSTS };
    const expected: SimulationSpec = {
      seed: 1,
      hosts: [
        { name: "a", memoryPages: 2 ** 20, ...host },
        { name: "b", memoryPages: 2 ** 24, ...host },
      ],
      links: [
        {
          name: "a - b",
          between: ["a", "b"],
          bandwidthBytesPerSec: 125_000_000,
          latencyNs: 100_000,
          frame: { payloadBytes: 1448, overheadBytes: 90 },
        },
      ],
      domains: [
        {
          name: "web",
          host: "a",
          pages: 16_384,
          vcpus: 1,
          weight: 256,
          cap: 0,
          demandCpus: 1,
          deviceStateBytes: 65_536,
          suspendDirtiesPages: 190,
          activity: {
            kind: "synthetic",
            components: [
              {
                pattern: { kind: "uniform", firstPage: 0, pages: 16_384, writeFraction: 1 },
                accessesPerSec: 100,
              },
            ],
          },
        },
      ],
      migrations: [
        {
          domain: "web",
          to: "b",
          strategy: "pre-copy@xen",
          startNs: 0,
          downtimeLimitNs: 300_000_000,
          timeoutNs: 600_000_000_000,
        },
      ],
      atOnce: 1,
    };
    expect(spec).toEqual(expected);
  });

  it("may leave the value of a key out", async () => {
    const { spec } = await load("seed:\nhosts:\n  a:\n  b:\n    cpus:\nguests: {}\nmigrate:\n");
    expect(spec.hosts.map(({ name, physicalCpus }) => [name, physicalCpus])).toEqual([
      ["a", 4],
      ["b", 4],
    ]);
    expect(spec.seed).toBe(1);
    expect(spec.migrations).toEqual([]);
  });

  it("can be JSON, and use anchors", async () => {
    const { spec } = await load(BASE);
    const json = {
      hosts: { a: { memory: "4GiB" }, b: {} },
      links: [{ between: ["a", "b"] }],
      guests: {
        web: { on: "a", memory: "64MiB", workload: [{ pattern: "uniform", rate: "100/s" }] },
      },
    };
    expect((await load(JSON.stringify(json))).spec).toEqual(spec);
    expect((await load(JSON.stringify(json, null, 2))).spec).toEqual(spec);
    const twice = await load(`hosts: { a: &h { cpus: 7 }, b: *h }\nguests: {}`);
    expect(twice.spec.hosts.map((h) => h.physicalCpus)).toEqual([7, 7]);
  });

  it("keeps guests in the order of the file", async () => {
    const guest = "{ on: a, memory: 1MiB }";
    const { spec } = await load(`hosts: {a: }\nguests: { z: ${guest}, b: ${guest}, a9: ${guest} }`);
    expect(spec.domains.map(({ name }) => name)).toEqual(["z", "b", "a9"]);
  });

  it("runs all migrations at once when asked to", async () => {
    const { spec } = await load(
      "hosts: {a: , b: }\nlinks: [{between: [b, a]}]\nguests: {x: {on: a, memory: 1MiB}, y: {on: b, memory: 1MiB}}\n" +
        "migrate: [{guest: x, to: b}, {guest: y, to: a}]\nat-once: all",
    );
    expect(spec.atOnce).toBe(2);
    expect((await load(`${BASE}at-once: all`)).spec.atOnce).toBe(1);
  });

  it("lets a guest move on when one waits for the other", async () => {
    const { spec } = await load(
      `${BASE}migrate: [{ guest: web, to: b }, { guest: web, to: a, at: 1min }]`,
    );
    expect(spec.migrations.map(({ to, startNs }) => [to, startNs])).toEqual([
      ["b", 0],
      ["a", 60_000_000_000],
    ]);
  });

  it("has larger frames on a link with a larger MTU", async () => {
    const { spec } = await load(
      "hosts: {a: , b: }\nguests: {}\nlinks: [{ between: [a, b], mtu: 9000 }]",
    );
    expect(spec.links[0]?.frame).toEqual({ payloadBytes: 8948, overheadBytes: 90 });
  });

  it("charges reading the dirty log by the GiB", async () => {
    const { spec } = await load(
      "hosts: {a: { costs: { log-dirty-per-gib: 262144us, suspend: 7ms } }}\nguests: {}",
    );
    const costs = { ...DEFAULT_COSTS, logDirtyNsPerPage: 1000, suspendNs: 7_000_000 };
    expect(spec.hosts[0]?.costs).toEqual(costs);
  });
});

describe("a recording in a scenario", () => {
  const text = (fields: string, more = "") =>
    `hosts: {a: }\nguests: { x: { on: a, ${more} trace: { file: t.gz, ${fields} } } }`;

  async function reads(scenario: string, options: Partial<LoadScenarioOptions> = {}) {
    const calls: [string, ScenarioTraceOptions][] = [];
    const readTrace: LoadScenarioOptions["readTrace"] = async (path, how) => {
      calls.push([path, how]);
      return smallTrace();
    };
    return { calls, ...(await load(scenario, { readTrace, ...options })) };
  }

  it("lies beside the scenario, unless its path is absolute", async () => {
    const pathFrom = async (file: string, path: string) => {
      const { calls } = await reads(text("").replace("t.gz", `"${path}"`), { file });
      return calls[0]?.[0];
    };
    expect(await pathFrom("dir/s.yaml", "t.gz")).toBe("dir/t.gz");
    expect(await pathFrom("s.yaml", "../t.gz")).toBe("../t.gz");
    expect(await pathFrom("/a/b/s.yaml", "c/t.gz")).toBe("/a/b/c/t.gz");
    expect(await pathFrom("https://host/s.yaml", "t.gz")).toBe("https://host/t.gz");
    expect(await pathFrom("dir/s.yaml", "/t.gz")).toBe("/t.gz");
    expect(await pathFrom("dir/s.yaml", "https://host/t.gz")).toBe("https://host/t.gz");
    expect(await pathFrom("dir\\\\s.yaml", "C:/t.gz")).toBe("C:/t.gz");
  });

  it("is read as the scenario says", async () => {
    const plain = await reads(text(""));
    expect(plain.calls).toEqual([["dir/t.gz", { format: "auto" }]]);
    const { calls } = await reads(
      text("format: wsdt2, clock: instructions, instruction-rate: 59.78M/s, epoch: 2ms"),
    );
    expect(calls[0]?.[1]).toEqual({
      format: "wsdt2",
      clock: "instructions",
      instructionsPerSec: 59_780_000,
      epochNs: 2_000_000,
    });
    const lackey = await reads(text("format: lackey, epoch-accesses: 500, access-rate: 1.5G/s"));
    expect(lackey.calls[0]?.[1]).toEqual({
      format: "lackey",
      epochAccesses: 500,
      accessesPerSec: 1.5e9,
    });
  });

  it("is read once for all guests that follow it alike", async () => {
    const x = "on: a, trace: { file: t }";
    const { calls, spec } = await reads(
      `hosts: {a: }\nguests: { x: {${x}}, y: {${x}}, z: { on: a, trace: { file: t, clock: time } } }`,
    );
    expect(calls).toHaveLength(2);
    expect(spec.domains).toHaveLength(3);
  });

  it("gives the guest its memory, its start and its end", async () => {
    const { spec } = await reads(text("start: 100ms, end: hold"));
    const [domain] = spec.domains;
    expect(domain?.pages).toBe(1024);
    expect(domain?.suspendDirtiesPages).toBe(190);
    expect(domain?.activity).toMatchObject({ kind: "replay", startNs: 100_000_000, end: "hold" });
    const [other] = (await reads(text(""))).spec.domains;
    expect(other?.activity).toMatchObject({ startNs: 0, end: "fail" });
  });

  it("covers the start of a larger memory, or is tiled over it", async () => {
    const pagesOf = (spec: SimulationSpec) => {
      const activity = spec.domains[0]?.activity;
      if (activity?.kind !== "replay") throw new Error("a guest with a trace replays it");
      const written = new Set<number>();
      for (let i = 0; i < activity.trace.intervals; i++) {
        for (const page of activity.trace.written(i)) written.add(page);
      }
      return { tracePages: activity.trace.pages, written: [...written].sort((a, b) => a - b) };
    };
    const first = Array.from({ length: 10 }, (_, page) => page);
    const large = await reads(text("", "memory: 10MiB,"));
    expect(large.spec.domains[0]?.pages).toBe(2560);
    expect(pagesOf(large.spec)).toEqual({ tracePages: 1024, written: first });
    const tiled = await reads(text("tile: true", "memory: 10MiB,"));
    expect(tiled.spec.domains[0]?.pages).toBe(2560);
    // Two copies of 1,024 pages fit 2,560.
    const both = [...first, ...first.map((page) => page + 1024)];
    expect(pagesOf(tiled.spec)).toEqual({ tracePages: 2560, written: both });
    const alone = await reads(text("tile: true", "memory: 4MiB,"));
    expect(pagesOf(alone.spec)).toEqual({ tracePages: 1024, written: first });
  });

  it("without reads is refused to predictors that need them, in compare too", async () => {
    const scenario = `hosts: {a: , b: }\nlinks: [{ between: [a, b] }]
guests: { x: { on: a, trace: { file: t } } }
migrate: [{ guest: x, to: b }]
compare: [seed, "pre-copy+wsclock:bits=reference"]`;
    const error = await refusal(scenario);
    expect(error.problems.map(({ path }) => path)).toEqual(["compare.1"]);
    const withReads = { readTrace: async () => smallTrace(1024, true) };
    expect((await load(scenario, withReads)).compare[1]).toContain("bits=reference");
  });
});

describe("names in a scenario", () => {
  it("are those of the registry that is given", async () => {
    const text = `${BASE}migrate: [{ guest: web, to: b, strategy: pre-copy@mine }]`;
    expect((await refusal(text)).problems[0]?.path).toBe("migrate.0.strategy");
    const registry = Registry.standard();
    const [xen] = registry.listPresets();
    registry.addPreset({ ...(xen as NonNullable<typeof xen>), name: "mine" });
    expect((await load(text, { registry })).spec.migrations[0]?.strategy).toBe("pre-copy@mine");
  });
});

describe("variants of a specification", () => {
  it("change one thing and leave the given one as it is", async () => {
    const { spec } = await load(`${BASE}migrate: [{ guest: web, to: b }]`);
    const before = structuredClone(spec);
    expect(withSeed(spec, 9)).toEqual({ ...before, seed: 9 });
    expect(withStrategy(spec, "seed").migrations).toEqual([
      { ...before.migrations[0], strategy: "seed" },
    ]);
    expect(withBandwidth(spec, 5e6).links).toEqual([
      { ...before.links[0], bandwidthBytesPerSec: 5e6 },
    ]);
    expect(spec).toEqual(before);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 32])("have no seed %s", async (seed) => {
    const { spec } = await load(BASE);
    expect(() => withSeed(spec, seed)).toThrow(`the seed is ${seed}`);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("have no rate %s", async (rate) => {
    const { spec } = await load(BASE);
    expect(() => withBandwidth(spec, rate)).toThrow(`the bandwidth is ${rate}`);
  });
});
