/** The shipped scenarios load, run, and show what their comments say. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../src/base/errors.js";
import { readTrace as readTraceBytes } from "../../src/guest/trace-read.js";
import { Registry } from "../../src/migrate/registry.js";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { Simulation, simulate } from "../../src/model/simulation.js";
import {
  type LoadedScenario,
  loadPlugin,
  loadScenario,
  type ScenarioTraceOptions,
  withAdmission,
  withBandwidth,
  withStrategy,
} from "../../src/scenario/index.js";
import { BASE, load } from "./support.js";

const EXAMPLES = new URL("../../examples/", import.meta.url);
const files = readdirSync(EXAMPLES).filter((name) => name.endsWith(".yaml"));

async function readTrace(path: string, options: ScenarioTraceOptions) {
  const bytes = readFileSync(new URL(path, EXAMPLES));
  return (await readTraceBytes(bytes, { ...options, name: path })).trace;
}

function example(name: string, registry = Registry.standard()): Promise<LoadedScenario> {
  const text = readFileSync(new URL(name, EXAMPLES), "utf8");
  return loadScenario(text, { file: name, readTrace, registry });
}

async function onlyMigration(
  spec: LoadedScenario["spec"],
  registry?: Registry,
): Promise<MigrationResult> {
  const { migrations } = await simulate(spec, registry === undefined ? {} : { registry });
  expect(migrations).toHaveLength(1);
  return migrations[0] as MigrationResult;
}

describe("the examples", () => {
  it("are all there", () => {
    expect(files.sort()).toEqual([
      "balloon.yaml",
      "busy-database.yaml",
      "consolidate.yaml",
      "contention.yaml",
      "evacuate.yaml",
      "idle-server.yaml",
      "many-guests.yaml",
      "seed.yaml",
      "storage.yaml",
      "swap.yaml",
      "trace-gzip-csv.yaml",
    ]);
  });

  it.each(files)("%s runs, each guest to its new host", async (name) => {
    const { spec, compare, title } = await example(name);
    expect(title).not.toBe("Untitled scenario");
    expect(compare.length).toBeGreaterThan(1);
    const { migrations } = await simulate(spec);
    expect(migrations.map(({ outcome }) => outcome)).toEqual(
      spec.migrations.map(() => "target-runs"),
    );
  });

  it("seed.yaml is the experiment: Domain-0 and four recorded guests on four CPUs", async () => {
    const { spec } = await example("seed.yaml");
    const [host] = spec.hosts;
    expect(host?.physicalCpus).toBe(4);
    const guests = spec.domains.filter((domain) => domain.host === host?.name);
    expect(guests.map(({ activity }) => activity.kind)).toEqual(Array(4).fill("replay"));
    expect(spec.links[0]?.bandwidthBytesPerSec).toBe(125_000_000);
    expect(spec.migrations.map(({ domain }) => domain)).toEqual(["redis"]);
  });

  it("busy-database.yaml does not converge at 1 Gbit/s, and does at 10", async () => {
    const { spec } = await example("busy-database.yaml");
    const slow = await onlyMigration(spec);
    expect(slow.stopReason).toBe("max-iterations");
    const dirtied = slow.rounds.map((round) => round.pagesDirtied).filter((pages) => pages >= 0);
    expect(dirtied.at(-1)).toBeGreaterThan((dirtied.at(-2) as number) * 0.9);
    expect(slow.downtimeNs).toBeGreaterThan(2e9);
    const fast = await onlyMigration(withBandwidth(spec, 1.25e9));
    expect(fast.downtimeNs).toBeLessThan(1e8);
    const slowed = await onlyMigration(withStrategy(spec, "seed:margin=0.3"));
    expect(slowed.downtimeNs).toBeLessThan(slow.downtimeNs / 5);
  });

  it("contention.yaml slows the guest that moves", async () => {
    const { spec } = await example("contention.yaml");
    expect((await onlyMigration(spec)).guestSlowdown).toBeGreaterThan(0.1);
  });
});

describe("plans in the examples", () => {
  const placed = async (name: string) => {
    const { spec } = await example(name);
    const simulation = await Simulation.create(spec);
    const { migrations } = await simulation.run();
    const hosts = [...simulation.hosts].map(([host, { domains }]) => [host, [...domains.keys()]]);
    return { spec, migrations, on: Object.fromEntries(hosts) as Record<string, string[]> };
  };

  it("evacuate.yaml empties the host; one into each host at a time is best for pauses", async () => {
    const { spec, on } = await placed("evacuate.yaml");
    expect(on["xen-a"]).toEqual([]);
    expect(spec.migrations).toHaveLength(6);
    const figures = async (admission: string) => {
      const { makespanNs, migrations } = await simulate(withAdmission(spec, admission));
      return { makespanNs, worstNs: Math.max(...migrations.map((m) => m.downtimeNs)) };
    };
    const [serial, all, best] = [
      await figures("serial"),
      await figures("at-once:6"),
      await figures("per-host:in=1"),
    ];
    expect(best.makespanNs).toBeLessThan(0.6 * serial.makespanNs);
    expect(best.makespanNs).toBeLessThan(all.makespanNs);
    expect(best.worstNs).toBeLessThan(0.5 * all.worstNs);
    expect(best.worstNs).toBeLessThan(1.1 * serial.worstNs);
  });

  it("swap.yaml exchanges the guests, one of them over the third host", async () => {
    const { on, migrations } = await placed("swap.yaml");
    expect(on["xen-a"]?.sort()).toEqual(["cache", "queue"]);
    expect(on["xen-b"]?.sort()).toEqual(["db", "web"]);
    expect(migrations.filter(({ guest }) => guest === "db")).toHaveLength(2);
  });

  it("consolidate.yaml empties two hosts", async () => {
    const { on } = await placed("consolidate.yaml");
    expect(Object.entries(on).filter(([, guests]) => guests.length === 0)).toEqual([
      ["xen-c", []],
      ["xen-d", []],
    ]);
  });
});

describe("plug-ins", () => {
  const plugin = async (name: string, registry: Registry) => {
    const module: unknown = await import(new URL(`plugins/${name}`, EXAMPLES).href);
    return loadPlugin(module, registry, name);
  };

  it("bring a predictor: the example holds hot pages back and releases them whole", async () => {
    const registry = Registry.standard();
    expect(await plugin("hottest-first.mjs", registry)).toEqual(["hottest-first"]);
    const { spec } = await example("seed.yaml", registry);
    const result = await onlyMigration(
      withStrategy(spec, "pre-copy+hottest-first:least=3"),
      registry,
    );
    expect(result.outcome).toBe("target-runs");
    expect(result.heldPages).toBeGreaterThan(0);
    const plain = await onlyMigration(withStrategy(spec, "pre-copy"), registry);
    expect(result.bytesSent).toBeLessThan(plain.bytesSent);
  });

  it("bring a preset: the example stops when a round helps no more", async () => {
    const registry = Registry.standard();
    expect(await plugin("until-steady.mjs", registry)).toEqual(["until-steady"]);
    const { spec } = await example("busy-database.yaml", registry);
    const result = await onlyMigration(withStrategy(spec, "pre-copy@until-steady"), registry);
    expect(result.outcome).toBe("target-runs");
    expect(result.stopReason).toBe("no-progress");
    const sent = result.rounds.map((round) => round.pagesSent);
    for (const [i, pages] of sent.entries()) {
      if (i > 0) expect(pages).toBeLessThanOrEqual((sent[i - 1] as number) * 0.9);
    }
  });

  it("are unknown to a registry that they were not loaded into", async () => {
    const registry = Registry.standard();
    await plugin("until-steady.mjs", registry);
    const text = `${BASE}migrate: [{ guest: web, to: b, strategy: pre-copy@until-steady }]`;
    await expect(load(text)).rejects.toThrow('there is no preset "until-steady"');
    await expect(load(text, { registry })).resolves.toHaveProperty("spec");
  });

  it("keep their place in the registry but once", async () => {
    const registry = Registry.standard();
    await plugin("until-steady.mjs", registry);
    await expect(plugin("until-steady.mjs", registry)).rejects.toThrow(
      'until-steady.mjs: this plug-in could not register: there is a preset named "until-steady"',
    );
  });

  const preset = { name: "p", summary: "s", source: "s", createStopRule: () => {} };
  it.each<[string, unknown]>([
    ["has no default export", {}],
    ["has no default export", null],
    ["exports no function", { default: { name: "x" } }],
    ["registered nothing", { default: () => {} }],
    [
      "registers asynchronously",
      {
        default: async () => {
          throw new Error("never heard");
        },
      },
    ],
    [
      "could not register: no such thing",
      {
        default: () => {
          throw new Error("no such thing");
        },
      },
    ],
    [
      "brings a preset p without a function createBandwidth()",
      { default: (registry: Registry) => registry.addPreset(preset as never) },
    ],
    [
      'names a preset "P 1"',
      { default: (registry: Registry) => registry.addPreset({ ...preset, name: "P 1" } as never) },
    ],
    [
      "brings a predictor p without params",
      { default: (registry: Registry) => registry.addPredictor(preset as never) },
    ],
    [
      "brings a strategy p without a function arenaBytes()",
      {
        default: (registry: Registry) => registry.addStrategy({ ...preset, params: {} } as never),
      },
    ],
  ])("that cannot work are refused: %s", (problem, module) => {
    const attempt = () => loadPlugin(module, Registry.standard(), "mine.mjs");
    expect(attempt).toThrow(PrecopyError);
    expect(attempt).toThrow(`mine.mjs: this plug-in ${problem}`);
  });
});
