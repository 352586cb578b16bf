/** Admission rules on states written by hand. */
import { describe, expect, it } from "vitest";
import { Registry } from "../../src/migrate/registry.js";
import type {
  ActiveMigration,
  AdmissionPhase,
  WaitingMigration,
} from "../../src/policy/admission.js";

const registry = Registry.standard();

/** "a>b" over the link "a-b". */
function way(text: string) {
  const [source = "", target = ""] = text.split(">");
  return { guest: text, source, target, links: [`${source}-${target}`] };
}

function waiting(text: string, expectedNs = 1, startNs = 0): WaitingMigration {
  return { ...way(text), expectedNs, startNs };
}

function active(text: string, phase: AdmissionPhase): ActiveMigration {
  return { ...way(text), phase };
}

function next(rule: string, all: readonly WaitingMigration[], running: ActiveMigration[] = []) {
  return registry.resolveAdmission(rule).next({ nowNs: 10, waiting: all, active: running });
}

const ALL = [waiting("a>b", 5), waiting("a>c", 3), waiting("d>b", 3)];

describe("admission rules", () => {
  it("serial admits the first when nothing runs", () => {
    expect(next("serial", ALL)).toBe(0);
    expect(next("serial", ALL, [active("a>b", "running")])).toBeUndefined();
    expect(next("serial", [])).toBeUndefined();
  });

  it("at-once counts, and keeps a place for what starts later", () => {
    const later = [waiting("a>b", 1, 99), waiting("a>c")];
    expect(next("at-once:2", later)).toBe(0);
    expect(next("at-once:2", later, [active("d>b", "scheduled")])).toBe(0);
    const two = [active("d>b", "loading"), active("d>c", "running")];
    expect(next("at-once:2", later, two)).toBeUndefined();
    expect(next("at-once:n=3", later, two)).toBe(0);
  });

  it("shortest-first takes the shortest that is due, of equals the first", () => {
    expect(next("shortest-first:2", ALL)).toBe(1);
    const notYet = [waiting("a>b", 1, 99), waiting("a>c", 7), waiting("a>d", 6)];
    expect(next("shortest-first", notYet)).toBe(2);
    expect(next("shortest-first", notYet, [active("a>e", "running")])).toBeUndefined();
    expect(next("shortest-first", notYet.slice(0, 1))).toBeUndefined();
  });

  it("per-host counts by source and by target", () => {
    const out = [active("a>x", "loading"), active("a>y", "running")];
    expect(next("per-host", ALL, out)).toBe(2);
    const into = [active("x>b", "loading"), active("y>b", "running")];
    expect(next("per-host", ALL, into)).toBe(1);
    expect(next("per-host", ALL, [...out, ...into])).toBeUndefined();
    expect(next("per-host:out=3", ALL, out)).toBe(0);
    expect(next("per-host:out=3,total=2", ALL, out)).toBeUndefined();
  });

  it("lt-rt counts on each link those in their bulk phase, the scheduled too", () => {
    expect(next("lt-rt", ALL, [active("a>b", "loading")])).toBe(1);
    expect(next("lt-rt", ALL, [active("a>b", "scheduled")])).toBe(1);
    expect(next("lt-rt", ALL, [active("a>b", "running"), active("a>b", "running")])).toBe(0);
    expect(next("lt-rt:2", ALL, [active("a>b", "loading")])).toBe(0);
    const both = { ...active("a>b", "loading"), links: ["a-c", "a-b", "d-b"] };
    expect(next("lt-rt", ALL, [both])).toBeUndefined();
  });

  it("wait for start times", () => {
    for (const rule of ["shortest-first", "per-host", "lt-rt"]) {
      expect(next(rule, [waiting("a>b", 1, 11), waiting("a>c", 1, 10)])).toBe(1);
    }
  });

  it("are told apart from mistakes", () => {
    expect(() => next("lt_rt", ALL)).toThrow('no admission rule "lt_rt": choose one of serial, ');
    expect(() => next("at-once:0", ALL)).toThrow("a whole number from 1");
    expect(() => next("serial:2", ALL)).toThrow('serial has no parameter "2"');
    expect(() => next("per-host:2", ALL)).toThrow("it takes out, in, total");
  });
});
