/** Plans worked out by hand, and what is said when there is none. Units of 256 pages: 1 MiB. */
import { describe, expect, it } from "vitest";
import { type Plan, planMoves, withPlan } from "../../src/model/plan.js";
import { Placement } from "../../src/model/plan-placement.js";
import { simulate } from "../../src/model/simulation.js";
import { fleet, moveOf } from "../support/fleets.js";

const MIB = 256;

/** Sizes in MiB; guests as "host:size". */
function spec(hosts: Record<string, number>, guests: Record<string, string>, more = {}) {
  return fleet({
    hosts: Object.fromEntries(Object.entries(hosts).map(([name, size]) => [name, size * MIB])),
    guests: Object.fromEntries(
      Object.entries(guests).map(([name, text]) => {
        const [on = "", size] = text.split(":");
        return [name, [on, Number(size) * MIB] as const];
      }),
    ),
    ...more,
  });
}

function moves(one: ReturnType<typeof spec>, plan: Plan): string[] {
  return planMoves(new Placement(one), plan).map(({ guest, to }) => `${guest}>${to}`);
}

const evacuate: Plan = { kind: "evacuate", host: "a" };
const swap: Plan = { kind: "swap", hosts: ["a", "b"] };

describe("evacuate", () => {
  it("spreads evenly: the largest first, each to where most is free", () => {
    const one = spec({ a: 20, b: 10, c: 9 }, { p: "a:2", q: "a:4", r: "a:3", s: "a:3" });
    expect(moves(one, evacuate)).toEqual(["q>b", "r>c", "s>b", "p>c"]);
  });

  it("packs tightly where an even spread leaves somebody out", () => {
    // Evenly: 4 to c, 3 to b, and 5 nowhere. Tightly: 5 alone fits c.
    const one = spec({ a: 20, b: 4, c: 7 }, { p: "a:5", q: "a:4", r: "a:2" });
    expect(moves(one, evacuate)).toEqual(["p>c", "q>b", "r>c"]);
  });

  it("looks further where both leave somebody out", () => {
    // Evenly: 6 to b, 5 to c, 4 to b; tightly: 6 to c, 5 and 4 to b. 4 is left over either way.
    const one = spec({ a: 20, b: 12, c: 8 }, { p: "a:6", q: "a:5", r: "a:4", s: "a:4" });
    expect(moves(one, evacuate)).toEqual(["p>b", "q>b", "r>c", "s>c"]);
  });

  it("goes over switches, and to no host that it does not reach", () => {
    const links = [
      ["a", "s"],
      ["s", "b"],
    ] as const;
    const one = spec({ a: 9, b: 9, c: 99 }, { p: "a:3" }, { links, switches: ["s"] });
    expect(moves(one, evacuate)).toEqual(["p>b"]);
  });

  it("says how much memory is missing", () => {
    const one = spec({ a: 20, b: 4, c: 3 }, { p: "a:5", q: "a:4" });
    expect(() => moves(one, evacuate)).toThrow(
      "a cannot be evacuated: its guests need 9 MiB and the hosts that it reaches have 7 MiB free: 2 MiB are missing",
    );
    const split = spec({ a: 20, b: 4, c: 4 }, { p: "a:5" });
    expect(() => moves(split, evacuate)).toThrow(
      "p with 5 MiB is left over where the largest room is 4 MiB; 1 MiB more there would do for it",
    );
    expect(() => moves(spec({ a: 1, b: 1 }, { p: "b:1" }), evacuate)).toThrow("runs no guest");
    expect(() => moves(one, { kind: "evacuate", host: "x" })).toThrow(
      'no host "x": the hosts are a, b, c',
    );
  });
});

describe("swap", () => {
  it("takes turns where there is spare memory", () => {
    const one = spec({ a: 6, b: 9 }, { p: "a:4", q: "a:2", r: "b:4", s: "b:1" });
    // Free: a 0, b 4. p leaves room for r, r for q.
    expect(moves(one, swap)).toEqual(["p>b", "r>a", "q>b", "s>a"]);
  });

  it("looks through all orders where going straight gets stuck", () => {
    // p first would leave 2 and 4 free, then q 3 and 3: neither r nor s fits any more.
    const one = spec({ a: 9, b: 8 }, { p: "b:1", q: "a:1", r: "b:4", s: "a:5" });
    expect(moves(one, swap)).toEqual(["q>b", "r>a", "s>b", "p>a"]);
  });

  it("parks on a third host what is in the way, the smallest that lets another in", () => {
    const one = spec({ a: 6, b: 6, c: 4 }, { p: "a:4", q: "a:2", r: "b:4", s: "b:2" });
    expect(moves(one, swap)).toEqual(["q>c", "s>a", "q>b", "p>c", "r>a", "p>b"]);
  });

  it("is carried out by a guest that moves twice, whatever may run at the same time", async () => {
    const admission = "at-once:9";
    const one = spec(
      { a: 6, b: 6, c: 4 },
      { p: "a:4", q: "a:2", r: "b:4", s: "b:2" },
      { admission },
    );
    const { domain: _domain, to: _to, ...details } = moveOf("p>b");
    const { migrations } = await simulate(withPlan(one, swap, details));
    expect(migrations.map(({ guest, outcome }) => [guest, outcome])).toEqual(
      ["q", "s", "q", "p", "r", "p"].map((guest) => [guest, "target-runs"]),
    );
  });

  it("says what is missing", () => {
    const full = spec({ a: 4, b: 4 }, { p: "a:4", q: "b:4" });
    expect(() => moves(full, swap)).toThrow(
      "they have 0 B and 0 B free, and no third host has enough; one more host with 4 MiB would do",
    );
    const small = spec({ a: 4, b: 6, c: 99 }, { p: "a:4", q: "b:6" });
    expect(() => moves(small, swap)).toThrow(
      "the guests that come to a need 6 MiB and it has room for 4 MiB: 2 MiB are missing",
    );
    expect(() => moves(full, { kind: "swap", hosts: ["a", "a"] })).toThrow("with itself");
    expect(() => moves(spec({ a: 1, b: 1 }, {}), swap)).toThrow("run no guest");
  });
});

describe("consolidate", () => {
  it("drains the emptiest into the fullest, and leaves guests of hosts that stay alone", () => {
    const one = spec({ a: 8, b: 8, c: 8, d: 8 }, { p: "a:5", q: "b:3", r: "c:2", s: "c:2" });
    const plan: Plan = { kind: "consolidate", hosts: ["a", "b", "c", "d"] };
    expect(moves(one, plan)).toEqual(["q>a"]);
    // Of two, the emptier goes to the fuller.
    expect(moves(one, { ...plan, hosts: ["b", "c", "d"] })).toEqual(["q>c"]);
  });

  it("says when no host can be emptied", () => {
    const one = spec({ a: 6, b: 6 }, { p: "a:5", q: "b:4" });
    const plan: Plan = { kind: "consolidate", hosts: ["a", "b"] };
    expect(() => moves(one, plan)).toThrow(
      "no host can be emptied: the guests of the emptiest, b, need 4 MiB, and the others have 1 MiB free in all",
    );
    expect(() => moves(spec({ a: 1 }, {}), { kind: "consolidate", hosts: ["a"] })).toThrow(
      "nothing to consolidate",
    );
  });
});
