import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { Registry } from "../../src/migrate/registry.js";
import { representativeNames } from "../../src/migrate/representatives.js";
import { precopy, SMALL, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
let scenario = "";

beforeAll(() => {
  folder = temporaryFolder();
  scenario = folder.file("small.yaml", SMALL);
});
afterAll(() => folder.remove());

const spread = z.strictObject({
  mean: z.number(),
  sd: z.number().min(0),
  min: z.number(),
  max: z.number(),
  runs: z.int().min(1),
});
const difference = z.strictObject({
  mean: z.number(),
  sd: z.number().min(0),
  pairs: z.int().min(1),
  less: z.int().min(0),
  more: z.int().min(0),
  relative: z.number(),
});
const METRICS = [
  "downtimeNs",
  "totalNs",
  "bytesSent",
  "guestSlowdown",
  "worstStallNs",
  "exposureNs",
] as const;
const metric = z.enum(METRICS);

const comparisonSchema = z.strictObject({
  schemaVersion: z.literal(2),
  seeds: z.array(z.int()),
  strategies: z.array(
    z.strictObject({
      strategy: z.string(),
      runs: z.array(
        z.strictObject({
          seed: z.int(),
          eventLogHash: z.string(),
          completed: z.boolean(),
          outcomes: z.array(z.enum(["target-runs", "source-runs", "in-doubt", "lost"])),
          stopReasons: z.array(z.string()),
          downtimeNs: z.int(),
          totalNs: z.int(),
          bytesSent: z.int(),
          guestSlowdown: z.number(),
          worstStallNs: z.number(),
          exposureNs: z.number(),
        }),
      ),
      completedRuns: z.int(),
      limitStops: z.int(),
      metrics: z.record(metric, spread).nullable(),
      againstFirst: z.record(metric, difference).nullable(),
    }),
  ),
  verdicts: z.array(
    z.strictObject({
      metric,
      best: z.string(),
      next: z.string(),
      difference,
      ratio: spread.nullable(),
      clear: z.boolean(),
    }),
  ),
  warnings: z.array(z.string()),
});

async function compared(...words: string[]) {
  const { code, out, err } = await precopy(["compare", scenario, "--json", ...words]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return comparisonSchema.parse(JSON.parse(out));
}

describe("precopy compare", () => {
  it("runs the scenario's own list with consecutive seeds", async () => {
    const { seeds, strategies } = await compared("--runs", "3");
    expect(seeds).toEqual([3, 4, 5]);
    expect(strategies.map(({ strategy }) => strategy)).toEqual([
      "pre-copy@xen",
      "pre-copy+recency",
    ]);
    for (const { runs } of strategies) expect(runs.map(({ seed }) => seed)).toEqual(seeds);
  });

  it("takes strategies and a seed from the command", async () => {
    const words = ["-s", "suspend", "-s", "seed", "--runs", "2", "--seed", "40"];
    const { seeds, strategies } = await compared(...words);
    expect(seeds).toEqual([40, 41]);
    expect(strategies.map(({ strategy }) => strategy)).toEqual(["suspend", "seed"]);
  });

  it("gives each strategy the runs that `run` gives with that seed", async () => {
    const { strategies } = await compared("--runs", "2");
    const [run] = strategies[1]?.runs.slice(-1) ?? [];
    const words = ["run", scenario, "-s", "pre-copy+recency", "--seed", "4", "--json"];
    const alone = JSON.parse((await precopy(words)).out);
    expect(run?.eventLogHash).toBe(alone.eventLogHash);
    expect(run?.downtimeNs).toBe(alone.migrations[0].downtimeNs);
  });

  it("agrees with its own runs", async () => {
    const { strategies } = await compared("--runs", "4");
    const [first, second] = strategies;
    for (const name of METRICS) {
      const values = second?.runs.map((run) => run[name]) ?? [];
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(second?.metrics?.[name].mean).toBeCloseTo(mean, 6);
      const others = first?.runs.map((run) => run[name]) ?? [];
      const less = values.filter((value, i) => value < (others[i] ?? Number.NaN)).length;
      expect(second?.againstFirst?.[name].less).toBe(less);
    }
  });

  it("prints a table for people, and the command that repeats it", async () => {
    const { code, out, err } = await precopy(["compare", scenario, "--runs", "2"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("2 runs each, seeds 3 to 4");
    expect(out).toMatch(/mean ± σ +min … max +against pre-copy@xen/);
    expect(out).toContain(`precopy compare ${scenario} --runs 2 --seed 3`);
  });

  it("counts its runs on a terminal", async () => {
    const words = ["compare", scenario, "--runs", "2"];
    const { err } = await precopy(words, { terminalColumns: 100 });
    for (const part of ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]) expect(err).toContain(part);
    expect(err.endsWith("\r\u001b[2K")).toBe(true);
  });

  it("exits with 3 when a limit was missed in any run", async () => {
    const words = ["compare", scenario, "--runs", "2", "--max-downtime", "1ms"];
    const { code, err } = await precopy(words);
    expect(code).toBe(3);
    expect(err).toContain("(4 of 4 migrations)");
  });

  it("exits with 4 when runs were aborted, and still compares the others", async () => {
    const text = SMALL.replace("to: xen-b", "to: xen-b, timeout: 900ms");
    const short = folder.file("short.yaml", text);
    const { code, out } = await precopy(["compare", short, "--runs", "2", "--json"]);
    const { strategies, warnings } = comparisonSchema.parse(JSON.parse(out));
    // Sampling first takes a second: recency cannot make it, plain pre-copy can.
    expect(strategies.map(({ completedRuns }) => completedRuns)).toEqual([2, 0]);
    expect(strategies[1]?.metrics).toBeNull();
    expect(warnings.join()).toContain("ended without a switch");
    expect(code).toBe(4);
  });

  it("runs everything there is with --all, and ends in one table", async () => {
    const words = ["compare", scenario, "--all", "-s", "seed:margin=0.3", "--csv", folder.path];
    const { code, out, err } = await precopy(words);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const names = ["seed:margin=0.3", ...representativeNames(Registry.standard())];
    expect(names.length).toBeGreaterThan(30);
    const lines = out.split("\n");
    const head = lines.findIndex((line) => /^ +strategy +downtime +total +bytes/.test(line));
    expect(lines[head]).toMatch(/slowdown +stall +exposure/);
    const rows = lines.slice(head + 1, lines.indexOf("", head));
    expect(rows.map((line) => line.slice(2).split(" ")[0])).toEqual(names);
    for (const line of lines) {
      if (!line.includes("repeat")) expect(line.length).toBeLessThanOrEqual(100);
    }
    const repeated = `precopy compare ${scenario} -s seed:margin=0.3 --all --runs 1 --seed 3`;
    expect(out).toContain(repeated);
    const csv = readFileSync(join(folder.path, "comparison.csv"), "utf8").trimEnd().split("\r\n");
    expect(csv.slice(1).map((line) => line.split(",")[0])).toEqual(names);
    for (const file of ["migrations.csv", "rounds.csv"]) {
      expect(readFileSync(join(folder.path, file), "utf8")).toContain("pre-copy@xen2005");
    }
  });

  it("has rows with --all, not errors, for migrations that do not complete", async () => {
    const text = SMALL.replace("to: xen-b", "to: xen-b, timeout: 100ms");
    const short = folder.file("shorter.yaml", text);
    const { code, out, err } = await precopy(["compare", short, "--all"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^ {2}pre-copy +aborted: timeout$/m);
    const json = await precopy(["compare", short, "--all", "--runs", "2", "--json"]);
    const { strategies, seeds } = comparisonSchema.parse(JSON.parse(json.out));
    expect(seeds).toHaveLength(2);
    const plain = strategies.find(({ strategy }) => strategy === "pre-copy");
    expect(plain).toMatchObject({ completedRuns: 0, metrics: null });
    expect(plain?.runs[0]?.outcomes).toEqual(["source-runs"]);
  });

  it("stops all runs at Ctrl-C", async () => {
    const { code, out } = await precopy(["compare", scenario], { interrupts: 1 });
    expect({ code, out }).toEqual({ code: 130, out: "" });
  });

  it("refuses a strategy that is given twice, and seeds past the last", async () => {
    const twice = await precopy(["compare", scenario, "-s", "seed", "-s", "seed"]);
    expect(twice.code).toBe(2);
    expect(twice.err).toContain('"seed" is given twice');
    const far = await precopy(["compare", scenario, "--seed", "4294967295", "--runs", "2"]);
    expect(far.code).toBe(2);
    expect(far.err).toContain("4294967295");
  });
});
