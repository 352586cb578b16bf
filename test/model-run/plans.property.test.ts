/** Plans against all there is to try, and every plan carried out by the rules. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../src/base/errors.js";
import { type Plan, planMoves, withPlan } from "../../src/model/plan.js";
import { Placement, type PlannedMove } from "../../src/model/plan-placement.js";
import { Simulation } from "../../src/model/simulation.js";
import type { SimulationSpec } from "../../src/model/spec.js";
import { type Case, canEvacuate, fewestHosts, leastSwap } from "../model/plans.js";
import { fleet, moveOf } from "../support/fleets.js";

const cases = (maxGuests: number): fc.Arbitrary<Case> =>
  fc.record({
    free: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 2, maxLength: 4 }),
    guests: fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 1, max: 5 })), {
      minLength: 1,
      maxLength: maxGuests,
    }),
  });

const anywhere = (maxGuests: number): fc.Arbitrary<Case> =>
  fc.integer({ min: 2, max: 4 }).chain((hosts) =>
    fc.record({
      free: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: hosts, maxLength: hosts }),
      guests: fc.array(
        fc.tuple(fc.integer({ min: 0, max: hosts - 1 }), fc.integer({ min: 1, max: 5 })),
        { minLength: 1, maxLength: maxGuests },
      ),
    }),
  );

const nameOf = (host: number) => `h${host}`;

function specOf({ free, guests }: Case, unit = 1): SimulationSpec {
  const used = (host: number) =>
    guests.filter(([on]) => on === host).reduce((sum, [, pages]) => sum + pages, 0);
  return fleet({
    hosts: Object.fromEntries(free.map((pages, i) => [nameOf(i), unit * (pages + used(i))])),
    guests: Object.fromEntries(
      guests.map(([on, pages], i) => [`g${i}`, [nameOf(on), unit * pages]]),
    ),
  });
}

/** The moves, or undefined when they are refused. */
function planned(spec: SimulationSpec, plan: Plan): PlannedMove[] | undefined {
  try {
    return planMoves(new Placement(spec), plan);
  } catch (error) {
    expect(error).toBeInstanceOf(PrecopyError);
    return undefined;
  }
}

/** Carries moves out one by one by the rules of the model; where each guest ends. */
function carriedOut(spec: SimulationSpec, moves: readonly PlannedMove[]): Map<string, string> {
  const placement = new Placement(spec);
  const free = new Map(placement.hosts.map((host) => [host, placement.freeAt(host)]));
  const at = new Map(placement.guests.map(({ name, host }) => [name, host]));
  for (const { guest, to } of moves) {
    const { pages } = placement.guests.find(({ name }) => name === guest)!;
    const from = at.get(guest) as string;
    expect(to).not.toBe(from);
    expect(free.get(to)).toBeGreaterThanOrEqual(pages);
    free.set(to, (free.get(to) as number) - pages);
    free.set(from, (free.get(from) as number) + pages);
    at.set(guest, to);
  }
  return at;
}

describe("evacuate", () => {
  it("finds a placement whenever there is one", () => {
    fc.assert(
      fc.property(cases(7), (one) => {
        fc.pre(one.guests.some(([host]) => host === 0));
        const spec = specOf(one);
        const moves = planned(spec, { kind: "evacuate", host: "h0" });
        expect(moves !== undefined).toBe(canEvacuate(one));
        if (moves === undefined) return;
        const ends = carriedOut(spec, moves);
        expect([...ends.values()]).not.toContain("h0");
        expect(moves).toHaveLength(one.guests.filter(([host]) => host === 0).length);
      }),
      { numRuns: 500 },
    );
  });
});

describe("swap", () => {
  const swap: Plan = { kind: "swap", hosts: ["h0", "h1"] };

  it("finds an order whenever there is one, and each guest ends on the other host", () => {
    fc.assert(
      fc.property(cases(5), (one) => {
        const spec = specOf(one);
        const moves = planned(spec, swap);
        expect(moves !== undefined).toBe(Number.isFinite(leastSwap(one)));
        if (moves === undefined) return;
        const ends = carriedOut(spec, moves);
        one.guests.forEach(([host], i) => {
          expect(ends.get(`g${i}`)).toBe(nameOf(1 - host));
        });
      }),
      { numRuns: 400 },
    );
  });

  it("moves at most twice the memory that the best order moves, and seldom more than it", () => {
    let [runs, more, sum] = [0, 0, 0];
    fc.assert(
      fc.property(cases(5), (one) => {
        const least = leastSwap(one);
        const moves = planned(specOf(one), swap);
        if (moves === undefined) return;
        const pages = moves.reduce((all, { guest }) => {
          const [, size] = one.guests[Number(guest.slice(1))] as readonly [number, number];
          return all + size;
        }, 0);
        expect(pages).toBeGreaterThanOrEqual(least);
        expect(pages).toBeLessThanOrEqual(2 * least);
        runs++;
        sum += pages / least;
        if (pages > least) more++;
      }),
      { numRuns: 400, seed: 7 },
    );
    expect(runs).toBeGreaterThan(50);
    expect(more / runs).toBeLessThan(0.1);
    expect(sum / runs).toBeLessThan(1.03);
  });
});

describe("consolidate", () => {
  it("keeps at most one host more than the fewest, and seldom that", () => {
    let [runs, more] = [0, 0];
    fc.assert(
      fc.property(anywhere(6), (one) => {
        const spec = specOf(one);
        const hosts = one.free.map((_, i) => nameOf(i));
        const busy = new Set(one.guests.map(([host]) => host)).size;
        const moves = planned(spec, { kind: "consolidate", hosts });
        const ends = carriedOut(spec, moves ?? []);
        const kept = new Set(ends.values()).size;
        expect(kept).toBeLessThanOrEqual(busy);
        if (moves !== undefined) expect(kept).toBeLessThan(busy);
        const fewest = fewestHosts(one);
        expect(kept - fewest).toBeGreaterThanOrEqual(0);
        expect(kept - fewest).toBeLessThanOrEqual(1);
        runs++;
        if (kept > fewest) more++;
      }),
      { numRuns: 500, seed: 3 },
    );
    expect(more / runs).toBeLessThan(0.1);
  });
});

describe("any plan under any rule", () => {
  const rules = ["serial", "at-once:4", "shortest-first:2", "per-host", "lt-rt"];

  it("brings every guest where it should, checks met, memory never exceeded", async () => {
    const plans: Plan[] = [
      { kind: "evacuate", host: "h0" },
      { kind: "swap", hosts: ["h0", "h1"] },
      { kind: "consolidate", hosts: ["h0", "h1", "h2"] },
    ];
    const some = fc.record({
      one: anywhere(5),
      plan: fc.constantFrom(...plans),
      admission: fc.constantFrom(...rules),
    });
    let carried = 0;
    await fc.assert(
      fc.asyncProperty(some, async ({ one, plan, admission }) => {
        fc.pre(plan.kind !== "consolidate" || one.free.length > 2);
        const spec = { ...specOf(one, 64), admission };
        const moves = planned(spec, plan);
        if (moves === undefined) return;
        const { domain: _domain, to: _to, ...details } = moveOf("g0>h0");
        const simulation = await Simulation.create(withPlan(spec, plan, details));
        const { migrations } = await simulation.run();
        expect(migrations.map(({ outcome }) => outcome)).toEqual(moves.map(() => "target-runs"));
        for (const { verified } of migrations) {
          expect(Object.values(verified).every(Boolean)).toBe(true);
        }
        for (const [guest, host] of carriedOut(spec, moves)) {
          expect(simulation.hosts.get(host)?.domains.has(guest)).toBe(true);
        }
        for (const { memory, domains } of simulation.hosts.values()) {
          expect([...memory.reservations().keys()].sort()).toEqual(
            ["Domain-0", ...domains.keys()].sort(),
          );
        }
        carried++;
      }),
      { numRuns: 120, seed: 11 },
    );
    expect(carried).toBeGreaterThan(30);
  });
});
