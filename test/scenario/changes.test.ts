import { describe, expect, it } from "vitest";
import { applyChanges, fieldPaths } from "../../src/scenario/changes.js";
import { loadScenario } from "../../src/scenario/index.js";
import { quantityOf, scalarOf } from "../../src/scenario/quantity.js";

const FILE = {
  hosts: { a: {}, "b.c": {}, b: {} },
  links: [{ between: ["a", "b"] }, { between: ["a", "b.c"] }],
  guests: { web: { on: "a" }, "web.c": { on: "a" } },
  migrate: [{ guest: "web", to: "b" }],
};

describe("short names of fields", () => {
  it.each([
    ["guest.memory", [["guests", "web", "memory"]]],
    ["guest.workload.0.rate", [["guests", "web", "workload", 0, "rate"]]],
    ["guests.web.memory", [["guests", "web", "memory"]]],
    ["guests.web.c.memory", [["guests", "web.c", "memory"]]],
    ["hosts.b.c.pml", [["hosts", "b.c", "pml"]]],
    ["links.1.mtu", [["links", 1, "mtu"]]],
    ["migrate.timeout", [["migrate", 0, "timeout"]]],
    ["seed", [["seed"]]],
    ["at-once", [["at-once"]]],
  ])("%s", (name, paths) => {
    expect(fieldPaths(name, FILE)).toEqual(paths);
  });

  it("of all hosts and of all links", () => {
    expect(fieldPaths("host.costs.suspend", FILE)?.map((path) => path.join("."))).toEqual([
      "hosts.a.costs.suspend",
      "hosts.b.c.costs.suspend",
      "hosts.b.costs.suspend",
    ]);
    expect(fieldPaths("link.mtu", FILE)).toEqual([
      ["links", 0, "mtu"],
      ["links", 1, "mtu"],
    ]);
  });

  it("leave other words to others", () => {
    for (const name of ["tau", "tau.x", "", "__proto__"]) {
      expect(fieldPaths(name, FILE)).toBeUndefined();
    }
  });

  it("that mean nothing are refused with what to write", () => {
    const two = { ...FILE, migrate: [...FILE.migrate, { guest: "web.c", to: "b" }] };
    expect(() => fieldPaths("guest.memory", two)).toThrow("guests.web.memory");
    expect(() => fieldPaths("guest.memory", {})).toThrow("no guest moves");
    expect(() => fieldPaths("guests.wep.memory", FILE)).toThrow('did you mean "web"?');
    expect(() => fieldPaths("guests.web", FILE)).toThrow("name one of its fields");
    expect(() => fieldPaths("link", FILE)).toThrow("link.bandwidth");
    expect(() => fieldPaths("link.", FILE)).toThrow("link.bandwidth");
    expect(() => fieldPaths("link.mtu", { links: [] })).toThrow("has no links");
    expect(() => fieldPaths("seed.x", FILE)).toThrow("no fields of its own");
  });
});

describe("changes", () => {
  it("are written into mappings and lists, which are made where they are missing", () => {
    const file = { migrate: [{ guest: "web" }, { guest: "db" }] };
    const changed = applyChanges(file, [
      { path: ["migrate", 1, "timeout"], value: "1s" },
      { path: ["hosts", "a", "dom0", "vcpus"], value: 2 },
    ]);
    expect(changed).toEqual({
      migrate: [{ guest: "web" }, { guest: "db", timeout: "1s" }],
      hosts: { a: { dom0: { vcpus: 2 } } },
    });
  });

  it("do not reach into what has no fields, nor beyond a list, nor into a prototype", () => {
    const set = (path: (string | number)[], file: unknown) => () =>
      applyChanges(file, [{ path, value: 1 }]);
    expect(set(["title", "x"], { title: "t" })).toThrow('title is "t"');
    expect(set(["links", 2, "mtu"], { links: [{}] })).toThrow("links.0 to links.0");
    expect(set(["links", "mtu"], { links: [] })).toThrow("it is empty");
    expect(set(["__proto__", "polluted"], {})).toThrow("names no field");
    expect(set(["hosts", "toString", "x"], { hosts: {} })()).toEqual({
      hosts: { toString: { x: 1 } },
    });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("are checked like the file, with their own values in the messages", async () => {
    const text = `
hosts: { a: {}, b: {} }
links: [{ between: [a, b] }]
guests: { web: { on: a, memory: 64MiB } }
migrate: [{ guest: web, to: b }]
`;
    const load = (path: (string | number)[], value: string | number) =>
      loadScenario(text, {
        file: "x.yaml",
        readTrace: () => Promise.reject(new Error("has no trace")),
        changes: [{ path, value }],
      });
    const { spec } = await load(["guests", "web", "memory"], "128MiB");
    expect(spec.domains[0]?.pages).toBe(32_768);
    await expect(load(["guests", "web", "memory"], 64)).rejects.toThrow("64 has no unit");
    await expect(load(["guests", "web", "memry"], "1GiB")).rejects.toThrow('"memory"?');
    await expect(load(["guests", "web", "on"], "c")).rejects.toThrow('no host "c"');
    await expect(load(["hosts", "a", "memory"], "1GiB")).rejects.toThrow("do not fit");
  });
});

describe("values as they are written", () => {
  it("are told apart by their units", () => {
    expect(quantityOf("512MiB")).toEqual({ kind: "size", value: 2 ** 29, unit: "MiB" });
    expect(quantityOf(" 1.5 s")).toEqual({ kind: "duration", value: 1.5e9, unit: "s" });
    expect(quantityOf("1Gbit/s")).toEqual({ kind: "rate", value: 1.25e8, unit: "Gbit/s" });
    expect(quantityOf("8k/s")).toEqual({ kind: "per-second", value: 8000, unit: "k/s" });
    expect(quantityOf("0.3")).toEqual({ kind: "number", value: 0.3, unit: "" });
    for (const text of ["auto", "", "1 2", "-1s", "1parsec", "1e999s", "s"]) {
      expect(quantityOf(text), text).toBeUndefined();
    }
  });

  it("are numbers and flags where they look so", () => {
    expect(["4", "0.5", "true", "false", "4GiB", "all", "-1"].map(scalarOf)).toEqual([
      ...[4, 0.5, true, false],
      ...["4GiB", "all", "-1"],
    ]);
  });
});
