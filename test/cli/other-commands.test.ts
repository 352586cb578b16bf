import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Registry } from "../../src/migrate/registry.js";
import { precopy, SMALL, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
let scenario = "";

beforeAll(() => {
  folder = temporaryFolder();
  scenario = folder.file("small.yaml", SMALL);
});
afterAll(() => folder.remove());

/** A plug-in with a preset that stops after two rounds. */
const TWO_ROUNDS = `
export default function register(registry) {
  const xen = registry.listPresets().find(({ name }) => name === "xen");
  const afterRound = ({ iteration }) =>
    iteration >= 2 ? { action: "stop", reason: "two-rounds" } : { action: "continue" };
  registry.addPreset({
    ...xen,
    name: "two-rounds",
    summary: "stops after two rounds",
    createStopRule: () => ({ beforeRound: () => ({ action: "continue" }), afterRound }),
  });
}
`;

describe("precopy", () => {
  it("teaches with examples when called without words or with --help", async () => {
    const [bare, help] = await Promise.all([precopy([]), precopy(["--help"])]);
    for (const { code, out, err } of [bare, help]) {
      expect({ code, err }).toEqual({ code: 0, err: "" });
      for (const command of ["run", "compare", "bound", "xl", "trace", "techniques", "tour"]) {
        expect(out).toMatch(new RegExp(`^  ${command}\\b`, "m"));
      }
      expect(out).toContain("precopy run examples/seed.yaml");
      expect(out).toContain("Exit codes:");
    }
  });

  it("prints its version", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(await precopy(["--version"])).toMatchObject({ code: 0, out: `${version}\n`, err: "" });
  });

  it.each(["run", "compare", "bound", "xl list", "trace info", "techniques", "schema", "tour"])(
    "has help for %s",
    async (command) => {
      const { code, out } = await precopy([...command.split(" "), "--help"]);
      expect(code).toBe(0);
      expect(out).toContain(`Usage: precopy ${command}`);
    },
  );

  it("runs every command that its help shows", async () => {
    const { out } = await precopy(["--help"]);
    const lines = out.split("\n").filter((line) => /^ {2}precopy \w/.test(line));
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) {
      const words = (line.trim().split(/ {2,}/)[0] as string).split(" ").slice(1);
      // These two have tests of their own.
      if (!["tour", "demo"].includes(words[0] as string))
        expect((await precopy(words)).code).toBe(0);
    }
  }, 60_000);
});

describe("precopy techniques", () => {
  it("lists every name of every kind with its parameters and source", async () => {
    const { code, out } = await precopy(["techniques"]);
    expect(code).toBe(0);
    const all = Registry.standard().listTechniques();
    expect(all.length).toBeGreaterThan(25);
    for (const { name, summary, source, params = {} } of all.map(({ factory }) => factory)) {
      expect(out).toMatch(new RegExp(`^  ${name} +\\S`, "m"));
      expect(out).toContain(summary);
      expect(out).toContain(source);
      for (const key of Object.keys(params)) expect(out).toMatch(new RegExp(`^ +${key}\\b`, "m"));
    }
    expect(out).toMatch(/tau=auto +age/);
    expect(out).toMatch(/bits=write\|reference +R bit/);
    expect(out).toContain("strategy[:params](+technique[:params])*[@preset[:params]]");
    for (const line of out.split("\n").slice(0, 2)) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("is what strategies was", async () => {
    const [old, now] = await Promise.all([precopy(["strategies"]), precopy(["techniques"])]);
    expect(old).toEqual(now);
  });

  it("tells one in full: source, how it is written, what its parameters may be", async () => {
    const { code, out } = await precopy(["techniques", "auto-converge"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^auto-converge {2}throttle\n/);
    expect(out).toMatch(/written +pre-copy\+auto-converge@qemu72\n/);
    expect(out).toMatch(/initial=20\n.*a whole number from 1 to 99\n/);
    expect(out).toMatch(/version=10\.2\|7\.2\n.*one of 10\.2, 7\.2\n/);
    const strategy = await precopy(["techniques", "seed"]);
    expect(strategy.out).toMatch(/predictor +wsclock\n +preset +xen\n/);
    expect((await precopy(["techniques", "serial"])).out).toContain("It takes no parameters.");
  });

  it("has a near name for one that is not there", async () => {
    const { code, out, err } = await precopy(["techniques", "ws-clok"]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain('nothing is named "ws-clok": did you mean "wsclock"?');
  });

  it("gives the same as JSON, with names that run takes", async () => {
    const { code, out } = await precopy(["techniques", "--json"]);
    expect(code).toBe(0);
    const json = JSON.parse(out);
    const registry = Registry.standard();
    const listed = registry.listTechniques().map(({ kind, factory }) => [kind, factory.name]);
    expect(json).toMatchObject({ schemaVersion: 1, kinds: registry.kinds() });
    const read = json.techniques.map(({ kind, name }: Record<string, string>) => [kind, name]);
    expect(read).toEqual(listed);
    const wsclock = json.techniques.find(({ name }: { name: string }) => name === "wsclock");
    expect(wsclock.params.tau).toMatchObject({ kind: "duration", default: "auto" });
    expect(wsclock.params.bits.choices).toEqual(["write", "reference"]);
    for (const { kind, name, written } of json.techniques) {
      expect(written).toContain(name);
      if (kind !== "admission") expect(registry.resolve(written).name).toBe(written);
    }
  });

  it("lists admission rules, which run takes as --admission", async () => {
    const { out } = await precopy(["techniques"]);
    for (const { name, summary } of Registry.standard().listAdmissions()) {
      expect(out).toMatch(new RegExp(`^  ${name} +${summary}`, "m"));
    }
    const ran = await precopy(["run", scenario, "--admission", "lt-rt:2"]);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain(`precopy run ${scenario} --admission lt-rt:2 --seed`);
    const { code, err } = await precopy(["run", scenario, "--admission", "lt-rt:0"]);
    expect(code).toBe(2);
    expect(err).toContain('lt-rt:n is "0"');
  });

  it("lists what a plug-in brings, which run takes then", async () => {
    const plugin = folder.file("two.mjs", TWO_ROUNDS);
    const { code, out } = await precopy(["techniques", "--plugin", plugin]);
    expect(code).toBe(0);
    expect(out).toContain("stops after two rounds");
    const words = ["run", scenario, "-s", "pre-copy@two-rounds", "--plugin", plugin, "--json"];
    const ran = await precopy(words);
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.out).migrations[0]).toMatchObject({
      preset: "two-rounds",
      stopReason: "two-rounds",
      rounds: [{ round: 1 }, { round: 2 }],
    });
  });
});

describe("precopy schema", () => {
  it("is a JSON Schema that knows the scenario's keys", async () => {
    const { code, out } = await precopy(["schema"]);
    expect(code).toBe(0);
    const schema = JSON.parse(out);
    expect(schema.$schema).toContain("json-schema.org");
    expect(Object.keys(schema.properties)).toEqual(
      expect.arrayContaining(["hosts", "links", "guests", "migrate", "compare"]),
    );
  });

  it("knows the names of plug-ins, for editors that check them", async () => {
    const plugin = folder.file("two-more.mjs", TWO_ROUNDS);
    const { code, out } = await precopy(["schema", "--plugin", plugin]);
    expect(code).toBe(0);
    expect(JSON.parse(out).properties.compare.items.examples).toContain("pre-copy@two-rounds");
  });
});

describe("precopy xl", () => {
  it("lists the source of the first migration, or the host asked for", async () => {
    const source = await precopy(["xl", "list", scenario]);
    expect(source.code).toBe(0);
    const names = source.out
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/\s+/)[0]);
    expect(names).toEqual(["Name", "Domain-0", "web", "db"]);
    const target = await precopy(["xl", "list", scenario, "--host", "xen-b", "--at", "300ms"]);
    expect(target.out).toContain("web--incoming");
    const after = await precopy(["xl", "list", scenario, "--host", "xen-b", "--at", "20s"]);
    expect(after.out).toMatch(/^web +\d+ +64 +1 /m);
  });

  it("prints the other tables", async () => {
    const titles = {
      "vcpu-list": "Affinity",
      "sched-credit": "Cpupool Pool-0",
      info: "total_memory",
    };
    for (const [table, title] of Object.entries(titles)) {
      const { code, out } = await precopy(["xl", table, scenario, "--at", "100ms"]);
      expect(code).toBe(0);
      expect(out).toContain(title);
    }
    const { out } = await precopy(["xl", "list", "-v", scenario]);
    expect(out).toContain("UUID");
  });

  it("takes two samples for top, with CPU use in between", async () => {
    const words = ["xl", "top", scenario, "--at", "100ms", "--delay", "200ms"];
    const { code, out } = await precopy(words);
    expect(code).toBe(0);
    const percents = [...out.matchAll(/^ +db +\S+ +\d+ +(\S+)/gm)].map(([, percent]) => percent);
    expect(percents).toEqual(["0.0", "100.0"]);
  });

  it("needs no migrations", async () => {
    const still = folder.file("still.yaml", SMALL.replace(/^migrate.*$/m, ""));
    const { code, out } = await precopy(["xl", "list", still, "--at", "1s"]);
    expect(code).toBe(0);
    expect(out).toContain("web");
  });

  it("refuses hosts that are not there and times that are none", async () => {
    expect(await precopy(["xl", "list", scenario, "--host", "x"])).toMatchObject({ code: 2 });
    expect(await precopy(["xl", "list", scenario, "--at", "soon"])).toMatchObject({ code: 2 });
    expect(await precopy(["xl", "top", scenario, "--delay", "0s"])).toMatchObject({ code: 2 });
  });
});

describe("precopy bound", () => {
  it("gives a floor that no unthrottled pre-copy within the limit goes below", async () => {
    const names = ["pre-copy@xen", "pre-copy+recency", "pre-copy+oracle", "pre-copy@xen2005"];
    const words = ["bound", scenario, "--json", ...names.flatMap((name) => ["-s", name])];
    const { code, out } = await precopy(words);
    expect(code).toBe(0);
    const { bounds } = JSON.parse(out);
    expect(bounds.map((bound: { strategy: string }) => bound.strategy)).toEqual(names);
    for (const { floor, factor, tookNs, outside } of bounds) {
      expect(floor.feasible).toBe(true);
      expect(floor.downtimeNs).toBeLessThanOrEqual(300_000_000);
      expect(factor).toBeCloseTo(tookNs / floor.migrationTotalNs, 9);
      if (outside === null) expect(factor).toBeGreaterThanOrEqual(1);
    }
  });

  it("says which strategies do not belong to the class", async () => {
    const text = SMALL.replace("to: xen-b", "to: xen-b, downtime-limit: 60ms");
    const tight = folder.file("tight.yaml", text);
    const { code, out } = await precopy(["bound", tight, "-s", "suspend"]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /suspend +web .*\(paused longer than the limit\)\n\n.*does not belong to the class/,
    );
  });

  it("takes the scenario's own strategy without -s", async () => {
    const { out } = await precopy(["bound", scenario]);
    expect(out).toMatch(/^pre-copy@xen +web /m);
  });
});

describe("precopy trace", () => {
  it("keeps its own errors to the exit codes of all commands", async () => {
    const missing = await precopy(["trace", "info", "no-such-trace"]);
    expect(missing).toMatchObject({ code: 2, out: "" });
    expect(missing.err).toContain("no-such-trace");
    expect(await precopy(["trace", "cut", "x"])).toMatchObject({ code: 2 });
  });
});

describe("precopy tour", () => {
  it("shows the host, every strategy, what was checked, and what to try next", async () => {
    const { code, out, err } = await precopy(["tour"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^Domain-0 +0 /m);
    for (const guest of ["redis", "gzip", "zipf", "idle"]) {
      expect(out).toMatch(new RegExp(`^${guest} +\\d`, "m"));
    }
    const names = ["suspend", "pre-copy@xen", "pre-copy+lru-splay", "pre-copy+wsclock", "seed"];
    names.forEach((name, i) => {
      expect(out).toContain(`\n${i + 1}. ${name}\n`);
    });
    expect(out.match(/target equals source/g)).toHaveLength(5);
    expect(out.match(/knew the guest's future/g)).toHaveLength(5);
    expect(out).toContain("Least downtime:");
    expect(out).toContain("Next:");
  }, 60_000);
});
