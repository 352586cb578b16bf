/** Whole simulations of several migrations: who starts when, and who waits for room. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Registry } from "../../src/migrate/registry.js";
import { Simulation, type SimulationResult, simulate } from "../../src/model/simulation.js";
import type { SimulationSpec } from "../../src/model/spec.js";
import type { AdmissionRule } from "../../src/policy/admission.js";
import { type FleetOptions, fleet } from "../support/fleets.js";

const ROOMY = { a: 9000, b: 9000, c: 9000 };
const FOUR = { v: ["a", 1200], w: ["a", 400], x: ["a", 800], y: ["a", 600] } as const;
const OUT = ["v>b", "w>b", "x>c", "y>b"];

async function run(options: Partial<FleetOptions>): Promise<SimulationResult> {
  const result = await simulate(fleet({ hosts: ROOMY, guests: FOUR, moves: OUT, ...options }));
  for (const { verified } of result.migrations) {
    expect(Object.values(verified).every(Boolean)).toBe(true);
  }
  return result;
}

const order = ({ migrations }: SimulationResult) => migrations.map(({ guest }) => guest).join("");

/** Most that ran at the same time. */
function peak({ migrations }: SimulationResult): number {
  const running = migrations.map(
    ({ startNs: at }) => migrations.filter((m) => m.startNs <= at && m.endNs > at).length,
  );
  return Math.max(...running);
}

describe("admission rules in a simulation", () => {
  it("serial: each starts when the one before has ended", async () => {
    const { migrations } = await run({ admission: "serial" });
    expect(migrations.map(({ guest }) => guest)).toEqual(["v", "w", "x", "y"]);
    for (const [i, { startNs }] of migrations.entries()) {
      expect(startNs).toBe(i === 0 ? 0 : migrations[i - 1]?.endNs);
    }
  });

  it("at-once:n does what atOnce does", async () => {
    for (const n of [1, 2, 9]) {
      expect(await run({ admission: `at-once:${n}` })).toEqual(await run({ atOnce: n }));
      expect(peak(await run({ atOnce: n }))).toBe(Math.min(n, 4));
    }
  });

  it("shortest-first: by memory", async () => {
    const result = await run({ admission: "shortest-first" });
    expect(order(result)).toBe("wyxv");
    expect(peak(result)).toBe(1);
  });

  it("per-host: no more out of one host and into one host than allowed", async () => {
    const result = await run({ admission: "per-host:out=3,in=1" });
    expect(result.migrations.filter(({ startNs }) => startNs === 0).map((m) => m.guest)).toEqual([
      "v",
      "x",
    ]);
    expect(peak(result)).toBe(2);
    expect(peak(await run({ admission: "per-host:out=1" }))).toBe(1);
  });

  it("lt-rt: on each link the next starts when the bulk of the one before is over", async () => {
    const result = await run({ admission: "lt-rt" });
    const by = new Map(result.migrations.map((migration) => [migration.guest, migration]));
    const bulkEndsNs = (guest: string) => {
      const { startNs, stagesNs, rounds } = by.get(guest)!;
      return startNs + stagesNs.initialisation + stagesNs.reservation + rounds[0]!.durationNs;
    };
    expect(by.get("v")?.startNs).toBe(0);
    expect(by.get("x")?.startNs).toBe(0);
    expect(by.get("w")?.startNs).toBe(bulkEndsNs("v"));
    expect(by.get("y")?.startNs).toBe(bulkEndsNs("w"));
    expect(by.get("w")!.startNs).toBeLessThan(by.get("v")!.endNs);
  });

  it("lt-rt: driven from outside, and after a snapshot, it does the same", async () => {
    const spec = fleet({ hosts: ROOMY, guests: FOUR, moves: OUT, admission: "lt-rt" });
    const whole = await simulate(spec);
    const simulation = await Simulation.create(spec);
    for (let t = 0; t < 150e6; t += 7_777_777) simulation.advanceTo(t);
    const again = await Simulation.restore(structuredClone(simulation.snapshot()));
    expect(await again.run()).toEqual(whole);
    for (let t = 150e6; !simulation.ended; t += 7_777_777) simulation.advanceTo(t);
    expect(simulation.result()).toEqual(whole);
  });

  it("lt-rt: a suspended guest's pause is its bulk phase", async () => {
    const result = await run({ admission: "lt-rt", strategy: "suspend" });
    const [v, , w] = ["v", "x", "w"].map((name) => result.migrations.find((m) => m.guest === name));
    const { initialisation, reservation, stopAndCopy } = v!.stagesNs;
    expect(w?.startNs).toBeGreaterThan(initialisation + reservation + 0.9 * stopAndCopy);
  });

  it("what comes the other way takes nothing from it", async () => {
    const guests = { v: ["a", 800], w: ["b", 800] } as const;
    const both = await run({ guests, moves: ["v>b", "w>a"], admission: "lt-rt" });
    expect(both.migrations.map(({ startNs }) => startNs)).toEqual([0, 0]);
    const [alone] = (await run({ guests, moves: ["v>b"] })).migrations;
    expect(both.migrations[0]?.rounds[0]).toEqual(alone?.rounds[0]);
  });

  it("start times are kept by every rule", async () => {
    const spec = fleet({ hosts: ROOMY, guests: FOUR, moves: OUT });
    const late = spec.migrations.map((m, i) => ({ ...m, startNs: [700, 0, 300, 0][i]! * 1e6 }));
    for (const { name } of Registry.standard().listAdmissions()) {
      const { migrations } = await simulate({ ...spec, migrations: late, admission: name });
      expect(migrations).toHaveLength(4);
      for (const { guest, startNs } of migrations) {
        const { startNs: earliest } = late.find(({ domain }) => domain === guest)!;
        expect(startNs, `${name} ${guest}`).toBeGreaterThanOrEqual(earliest);
      }
    }
  });

  it("are the plug-in's where it brings one, which must not stand still", async () => {
    const registry = Registry.standard();
    const texts = { summary: "", source: "", params: {} };
    const last: AdmissionRule = {
      watchesPhases: false,
      next: ({ waiting, active }) => (active.length === 0 ? waiting.length - 1 : undefined),
    };
    registry.addAdmission({ name: "last", ...texts, create: () => last });
    const none = { watchesPhases: false, next: () => undefined };
    registry.addAdmission({ name: "none", ...texts, create: () => none });
    const spec = fleet({ hosts: ROOMY, guests: FOUR, moves: OUT, admission: "last" });
    expect(order(await simulate(spec, { registry }))).toBe("yxwv");
    await expect(simulate({ ...spec, admission: "none" }, { registry })).rejects.toThrow(
      "it must start one",
    );
  });
});

describe("migrations that wait for room", () => {
  it("are refused by the target when nothing could ever make room", async () => {
    const result = await run({
      hosts: { a: 1000, b: 1000 },
      guests: { p: ["a", 700], q: ["b", 600] },
      moves: ["p>b", "q>a"],
      admission: "at-once:2",
    });
    expect(result.migrations.map(({ outcome }) => outcome)).toEqual(["source-runs", "source-runs"]);
    expect(result.migrations[0]?.stopReason).toMatch(/refused: b has 400 free pages of the 700/);
  });

  it("start when enough has left the target", async () => {
    // Free: a 50, b 550. small makes room on a for out, out on b for big.
    const result = await run({
      hosts: { a: 1050, b: 1000, c: 400 },
      guests: { big: ["a", 600], out: ["b", 450], small: ["a", 400] },
      moves: ["out>a", "big>b", "small>c"],
      admission: "at-once:3",
    });
    expect(result.migrations.map((m) => [m.guest, m.outcome])).toEqual([
      ["small", "target-runs"],
      ["out", "target-runs"],
      ["big", "target-runs"],
    ]);
    expect(peak(result)).toBe(1);
  });

  it("do not count on room that is promised and not reserved yet", async () => {
    const spec = fleet({
      hosts: { a: 800, b: 800, c: 400 },
      guests: { p: ["a", 400], q: ["a", 400], r: ["b", 400] },
      moves: ["p>b", "r>c", "q>b"],
      admission: "at-once:3",
    });
    // q is due when p has been admitted to b and has not reserved anything there.
    const due = spec.migrations.map((m) => (m.domain === "q" ? { ...m, startNs: 1e6 } : m));
    const { migrations } = await simulate({ ...spec, migrations: due });
    expect(migrations.map((m) => [m.guest, m.outcome])).toEqual([
      ["p", "target-runs"],
      ["r", "target-runs"],
      ["q", "target-runs"],
    ]);
    expect(migrations[2]?.startNs).toBe(migrations[1]?.endNs);
  });

  it("do not take the room that the order of the others counts on", async () => {
    // Free: a 0, b 400. If s, the shortest, went first, neither p nor q would ever fit.
    const result = await run({
      hosts: { a: 500, b: 800 },
      guests: { s: ["a", 100], p: ["a", 400], q: ["b", 400] },
      moves: ["p>b", "q>a", "s>b"],
      admission: "shortest-first:3",
    });
    expect(result.migrations.map((m) => [m.guest, m.outcome])).toEqual([
      ["p", "target-runs"],
      ["q", "target-runs"],
      ["s", "target-runs"],
    ]);
  });

  it("of one guest follow one another, and end with one that did not arrive", async () => {
    const twice = {
      guests: { v: ["a", 1200], w: ["a", 400] } as const,
      moves: ["v>b", "v>c", "w>b"],
      admission: "at-once:9",
    };
    const { migrations } = await run(twice);
    expect(migrations.map(({ guest }) => guest)).toEqual(["v", "w", "v"]);
    expect(migrations[2]?.startNs).toBe(migrations[0]?.endNs);
    const refused = await run({ ...twice, hosts: { a: 9000, b: 500, c: 9000 } });
    expect(refused.migrations.map((m) => [m.guest, m.outcome])).toEqual([
      ["w", "target-runs"],
      ["v", "source-runs"],
    ]);
  });

  it("are cancelled with the guest", async () => {
    const simulation = await Simulation.create(
      fleet({ hosts: ROOMY, guests: FOUR, moves: OUT, admission: "serial" }),
    );
    simulation.cancel("x");
    expect(order(await simulation.run())).toBe("vwy");
  });
});

describe("any migrations under any rule", () => {
  const guests = fc.array(
    fc.tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 1, max: 6 })),
    {
      minLength: 1,
      maxLength: 6,
    },
  );
  const rules = ["serial", "at-once:3", "shortest-first:2", "per-host:in=1", "lt-rt", "lt-rt:2"];

  it("end, each with its checks met, and memory is never promised twice", async () => {
    const cases = fc.record({
      guests,
      targets: fc.array(fc.constantFrom("a", "b", "c"), { minLength: 6, maxLength: 6 }),
      spare: fc.integer({ min: 0, max: 8 }),
      rule: fc.constantFrom(...rules),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ guests: all, targets, spare, rule }) => {
        const spec = random(all, targets, spare, rule);
        const simulation = await Simulation.create(spec);
        const { migrations } = await simulation.run();
        expect(migrations).toHaveLength(spec.migrations.length);
        for (const { verified, outcome, stopReason } of migrations) {
          expect(Object.values(verified).every(Boolean)).toBe(true);
          if (outcome !== "target-runs") expect(stopReason).toContain("refused");
        }
        for (const { memory } of simulation.hosts.values()) {
          const sum = [...memory.reservations().values()].reduce((a, b) => a + b, 0);
          expect(memory.freePages).toBe(memory.totalPages - sum);
          expect(memory.freePages).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 60 },
    );
  });

  function random(
    all: readonly (readonly [string, number])[],
    targets: readonly string[],
    spare: number,
    admission: string,
  ): SimulationSpec {
    const used = (name: string) =>
      all.filter(([on]) => on === name).reduce((sum, [, size]) => sum + size, 0);
    const names = all.map((_, i) => `g${i}`);
    return fleet({
      hosts: Object.fromEntries(["a", "b", "c"].map((name) => [name, 64 * (used(name) + spare)])),
      guests: Object.fromEntries(names.map((name, i) => [name, [all[i]![0], 64 * all[i]![1]]])),
      moves: names.flatMap((name, i) =>
        targets[i] === all[i]![0] ? [] : [`${name}>${targets[i]}`],
      ),
      admission,
    });
  }
});
