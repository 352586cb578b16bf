/** What a sweep is asked for, and what it refuses before anything runs. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planSweep } from "../../src/cli/sweep/plan.js";
import { parseOver } from "../../src/cli/sweep/ranges.js";
import { withParam } from "../../src/cli/sweep/strategy-params.js";
import { jobKey } from "../../src/cli/sweep/sweep-file.js";
import { Registry } from "../../src/migrate/registry.js";
import { precopy, SMALL, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
let scenario = "";
let out = "";
const OVER = ["--over", "link.mtu=1500,9000"];

beforeAll(() => {
  folder = temporaryFolder();
  scenario = folder.file("small.yaml", SMALL);
  out = join(folder.path, "never.jsonl");
});
afterAll(() => folder.remove());

describe("lists and ranges", () => {
  it.each([
    ["tau=100ms,1s", ["100ms", "1s"]],
    ["tau=1s..2s:3", ["1s", "1.5s", "2s"]],
    ["host.cpus=1..4:4", ["1", "2", "3", "4"]],
    ["margin=0.1..0.3:3", ["0.1", "0.2", "0.3"]],
    ["guest.memory=256MiB..1GiB:x2", ["256MiB", "512MiB", "1024MiB"]],
    ["link.bandwidth=10Mbit/s..5Gbit/s:x10", ["10Mbit/s", "100Mbit/s", "1000Mbit/s"]],
    ["link.latency=0us,100us..300us:2", ["0us", "100us", "300us"]],
    ["guest.trace.file=../a.gz,b.gz", ["../a.gz", "b.gz"]],
    ["tau=auto,1s", ["auto", "1s"]],
    ["x=0.1..0.8:x2", ["0.1", "0.2", "0.4", "0.8"]],
  ])("%s", (text, values) => {
    expect(parseOver(text).values).toEqual(values);
  });

  it.each([
    ["tau", "NAME=VALUES"],
    ["=1s", "NAME=VALUES"],
    ["1tau=1s", "NAME=VALUES"],
    ["tau=", "a value is missing"],
    ["tau=1s,,2s", "a value is missing"],
    ["tau=1s,1s", "1s is in it twice"],
    ["tau=1s..2s", "how many values"],
    ["tau=1s..2s:1", "how many values"],
    ["tau=1s..2s:1e9", "how many values"],
    ["tau=1s..2s:x1", "factor above 1"],
    ["tau=1s..2s:x", "factor above 1"],
    ["tau=2s..1s:3", "from the smaller to the larger"],
    ["tau=1s..2GiB:3", "not of one kind"],
    ["tau=0s..2s:x2", "begins above 0"],
    ["tau=1ns..1h:x1.0000001", "more than 1000"],
    [`tau=${"1".repeat(300)}s`, "too long"],
    [`tau=${Array.from({ length: 1001 }, (_, i) => `${i}s`).join()}`, "more than 1000"],
  ])("refuses %s", (text, said) => {
    expect(() => parseOver(text)).toThrow(said);
  });
});

describe("parameters of strategies", () => {
  const registry = Registry.standard();
  const named = (strategy: string, key: string, value: string) =>
    withParam(registry, strategy, key, value).name;

  it("are set in the part that has them", () => {
    expect(named("pre-copy+wsclock@xen", "tau", "1s")).toBe("pre-copy+wsclock:tau=1s@xen");
    expect(named("seed", "margin", "0.3")).toBe("seed:margin=0.3");
    expect(named("seed+wsclock:tick=10ms,tau=2s", "tau", "1s")).toBe(
      "seed+wsclock:tick=10ms,tau=1s",
    );
  });

  it("are set in a predictor that the strategy brings along", () => {
    expect(named("seed", "tau", "1s")).toBe("seed+wsclock:tau=1s");
    expect(named("seed:margin=0.3@xen", "tau", "1s")).toBe("seed:margin=0.3+wsclock:tau=1s@xen");
  });

  it("that nobody has are answered with those that there are", () => {
    const result = withParam(registry, "pre-copy+wsclock", "tua", "1s");
    expect(result.name).toBeUndefined();
    expect(result.name === undefined && result.refusals.join()).toContain("tau");
  });

  it("with wrong values are mistakes", () => {
    expect(() => named("pre-copy+wsclock", "tau", "soon")).toThrow('"soon" is not a duration');
    expect(() => named("seed", "margin", "7")).toThrow("from 0.01 to 1");
  });
});

describe("the plan", () => {
  it("runs strategies without a parameter once, not once for each value", async () => {
    const strategy = ["pre-copy@xen", "pre-copy+wsclock"];
    const over = ["guest.memory=64MiB,128MiB", "tau=100ms,1s,2s"];
    const { header, task } = await planSweep(scenario, { over, strategy, seeds: 2 });
    expect(header.jobs).toBe(2 * 2 + 2 * 3 * 2);
    const tasks = Array.from({ length: header.jobs }, (_, job) => task(job));
    expect(new Set(tasks.map((one) => JSON.stringify(one))).size).toBe(header.jobs);
    expect(tasks[0]).toEqual({
      changes: [{ path: ["guests", "web", "memory"], value: "64MiB" }],
      strategy: "pre-copy@xen",
      seed: 3,
    });
    expect(tasks.at(-1)).toEqual({
      changes: [{ path: ["guests", "web", "memory"], value: "128MiB" }],
      strategy: "pre-copy+wsclock:tau=2s",
      seed: 4,
    });
  });

  it("names a job by its values alone, in whatever order and company they are given", async () => {
    const keysOf = async (over: string[], strategy: string[]) => {
      const { header } = await planSweep(scenario, { over, strategy });
      return Array.from({ length: header.jobs }, (_, job) => jobKey(header.space, job));
    };
    const few = await keysOf(["guest.memory=64MiB", "tau=1s"], ["seed"]);
    const many = await keysOf(["tau=2s,1s", "guest.memory=32MiB,64MiB"], ["suspend", "seed"]);
    expect(few).toHaveLength(1);
    expect(many).toContain(few[0]);
    expect(new Set(many).size).toBe(many.length);
  });

  it("takes seeds from --over as well, and the scenario's own strategy", async () => {
    const { header } = await planSweep(scenario, { over: ["seed=7,9"] });
    expect(header.space).toEqual({ axes: [], strategies: ["pre-copy@xen"], seeds: [7, 9] });
  });
});

describe("what makes no sense", () => {
  it.each([
    ["--over guest.memry=64MiB", 'did you mean "memory"?'],
    ["--over guest.memory=64", "64 has no unit"],
    ["--over guest.memory=1B", "too small"],
    ["--over host.cpus=1..2:3", "1.5 must be a whole number"],
    ["--over host.pml=maybe", "must be true or false"],
    ["--over guest.on=xen-c", 'no host "xen-c"'],
    ["--over guests.wep.memory=64MiB", 'did you mean "web"?'],
    ["--over links.7.mtu=9000", "links.0 to links.0"],
    ["--over tau=1s", "no parameter of the strategies: pre-copy has no parameter"],
    ["--over tau=soon -s seed", '"soon" is not a duration'],
    ["--over __proto__=1", "NAME=VALUES"],
    ["--over constructor.x=1", "no field of a scenario"],
    ["--over guest.__proto__.x=1", "names no field"],
    ["--over migrate.strategy=seed", "give -s"],
    ["--over guest.memory=64MiB --over guest.memory=1GiB", "given twice"],
    ["--over seed=1,2 --seeds 3", "leave --seed and --seeds out"],
    ["--over seed=1.5", "whole numbers"],
    ["--over seed=4294967296", "whole numbers"],
    ["--seed 4294967295 --seeds 2", "pass the largest"],
    ["-s seed -s seed", "given twice"],
    ["-s sed", 'no strategy "sed"'],
    ["--jobs 0", "from 1 to 1024"],
    ["--shard 0/2", "as in 1/4"],
    ["--shard 3/2", "as in 1/4"],
    ["--shard 1", "as in 1/4"],
    ["--csv --json", "give one"],
    ["--seeds 10000 --over guest.cap=0..999:1000", "10,000,000 jobs are more than 1,000,000"],
  ])("%s", async (words, said) => {
    const varied = words.includes("--over") ? [] : OVER;
    const result = await precopy(["sweep", scenario, ...words.split(" "), ...varied, "--out", out]);
    expect(result).toMatchObject({ code: 2, out: "" });
    expect(result.err).toContain(said);
    expect(result.err).not.toContain("this is a bug");
    expect(existsSync(out)).toBe(false);
  });

  it("asks what is to be varied", async () => {
    const { code, err } = await precopy(["sweep", scenario]);
    expect(code).toBe(2);
    expect(err).toContain("required option '--over <name=values>' not specified");
  });

  it("names scenarios that cannot be read or move nothing", async () => {
    expect((await precopy(["sweep", "none.yaml", ...OVER])).err).toContain("none.yaml");
    const still = folder.file("still.yaml", SMALL.replace(/^migrate.*$/m, ""));
    expect((await precopy(["sweep", still, ...OVER])).err).toContain("migrates nothing");
    const broken = folder.file("broken.yaml", "hosts: [");
    expect((await precopy(["sweep", broken, ...OVER])).code).toBe(2);
  });

  it("asks for -s where migrations have different strategies", async () => {
    const text = SMALL.replace(
      /^migrate.*$/m,
      "migrate: [{ guest: web, to: xen-b, strategy: seed }, { guest: db, to: xen-b }]",
    );
    const two = folder.file("two.yaml", text);
    const { code, err } = await precopy(["sweep", two, ...OVER]);
    expect(code).toBe(2);
    expect(err).toContain("give -s");
    const several = await precopy(["sweep", two, "-s", "seed", "--over", "guest.memory=1GiB"]);
    expect(several.err).toContain("2 guests move (web, db): name one, as in guests.web.memory");
  });
});
