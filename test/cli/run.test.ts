import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resultSchema } from "../report/result-schema.js";
import { precopy, SMALL, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
let scenario = "";

beforeAll(() => {
  folder = temporaryFolder();
  scenario = folder.file("small.yaml", SMALL);
});
afterAll(() => folder.remove());

describe("precopy run", () => {
  it("reports on stdout and leaves stderr alone", async () => {
    const { code, out, err } = await precopy(["run", scenario]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("Small shop");
    expect(out).toMatch(/web +64 MiB, 16,384 pages +xen-a → xen-b/);
    expect(out).toContain(`repeat           precopy run ${scenario} --seed 3`);
  });

  it("prints the promised JSON, and nothing else, with --json", async () => {
    const { code, out, err } = await precopy(["run", scenario, "--json"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const result = resultSchema.parse(JSON.parse(out));
    expect(result.seed).toBe(3);
    expect(result.migrations).toHaveLength(1);
    expect(result.migrations[0]).toMatchObject({ guest: "web", outcome: "target-runs" });
  });

  it("says the same with the same seed, and something else with another", async () => {
    const hash = async (...words: string[]) => {
      const { out } = await precopy(["run", scenario, "--json", ...words]);
      return resultSchema.parse(JSON.parse(out)).eventLogHash;
    };
    const [first, again, other, scalar] = await Promise.all([
      hash(),
      hash("--seed", "3"),
      hash("--seed", "4"),
      hash("--scalar"),
    ]);
    expect(again).toBe(first);
    expect(scalar).toBe(first);
    expect(other).not.toBe(first);
  });

  it("takes another strategy, and names it in the command that repeats the run", async () => {
    const name = "pre-copy+wsclock:tau=300ms@xen2005";
    const { out } = await precopy(["run", scenario, "-s", name]);
    expect(out).toContain(`precopy run ${scenario} -s ${name} --seed 3`);
    const json = await precopy(["run", scenario, "-s", name, "--json"]);
    expect(resultSchema.parse(JSON.parse(json.out)).migrations[0]).toMatchObject({
      name,
      predictor: "wsclock",
      preset: "xen2005",
    });
  });

  it("writes CSV files whole, into a folder that it makes", async () => {
    const csv = join(folder.path, "deep", "csv");
    const { code, out } = await precopy(["run", scenario, "--json", "--csv", csv]);
    expect(code).toBe(0);
    expect(readdirSync(csv).sort()).toEqual(["migrations.csv", "rounds.csv"]);
    const { migrations } = resultSchema.parse(JSON.parse(out));
    const lines = (name: string) => readFileSync(join(csv, name), "utf8").trimEnd().split("\r\n");
    expect(lines("migrations.csv")).toHaveLength(2);
    expect(lines("rounds.csv")).toHaveLength(1 + (migrations[0]?.rounds.length ?? 0));
  });
});

describe("run --trace-events", () => {
  it("writes a file that a trace viewer reads", async () => {
    const file = join(folder.path, "viewer", "run.json");
    const { code } = await precopy(["run", scenario, "--trace-events", file]);
    expect(code).toBe(0);
    const { traceEvents } = JSON.parse(readFileSync(file, "utf8"));
    expect(traceEvents.map(({ name }: { name: string }) => name)).toContain("stop-and-copy");
  });
});

describe("exit codes of run", () => {
  it("is 3 when a stated limit was missed, and says by what", async () => {
    const { code, out, err } = await precopy(["run", scenario, "--max-downtime", "1ms"]);
    expect(code).toBe(3);
    expect(err).toMatch(
      /^precopy: limit missed: downtime of web by .* is .* ms, the limit is 1 ms$/m,
    );
    expect(out).toMatch(/^✗ downtime/m);
  });

  it("is 0 when every stated limit was kept", async () => {
    const limits = ["--max-downtime", "10s", "--max-total", "1min", "--max-slowdown", "90%"];
    const { code, out } = await precopy(["run", scenario, ...limits]);
    expect(code).toBe(0);
    expect(out.match(/^✓/gm)).toHaveLength(3);
  });

  it("is 4 when the migration was aborted, missed limits or not", async () => {
    const aborting = folder.file(
      "abort.yaml",
      SMALL.replace("to: xen-b", "to: xen-b, timeout: 100ms"),
    );
    const { code, out, err } = await precopy(["run", aborting, "--max-total", "1ms"]);
    expect(code).toBe(4);
    expect(err).toContain("migration of web by pre-copy@xen ended without a switch");
    expect(out).toContain("Aborted: the time limit was reached (timeout).");
  });

  it("is 130 after Ctrl-C, with no report", async () => {
    const { code, out, err } = await precopy(["run", scenario], { interrupts: 1 });
    expect({ code, out }).toEqual({ code: 130, out: "" });
    expect(err).toContain("interrupted");
  });

  it("ends at once at a second Ctrl-C", async () => {
    expect((await precopy(["run", scenario], { interrupts: 1 })).exits).toEqual([]);
    expect((await precopy(["run", scenario], { interrupts: 2 })).exits).toEqual([130]);
  });

  it("is 1 for a bug, with the command that repeats it and what to do", async () => {
    const plugin = folder.file(
      "breaks.mjs",
      `export default function register(registry) {
        registry.addPredictor({
          name: "breaks", summary: "s", source: "t", params: {},
          evidence: () => "writes", arenaBytes: () => 0,
          create: () => { throw new Error("the plug-in broke"); },
        });
      }`,
    );
    const words = ["run", scenario, "-s", "pre-copy+breaks", "--plugin", plugin];
    const { code, out, err } = await precopy(words);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    for (const part of [
      "the plug-in broke",
      "this is a bug",
      "Please report it",
      process.version,
    ]) {
      expect(err).toContain(part);
    }
    expect(err).toContain(`precopy run ${scenario} -s pre-copy+breaks --plugin ${plugin} --seed 3`);
  });
});

describe("the progress line", () => {
  const FAR = SMALL.replace("memory: 64MiB", "memory: 2GiB");

  it("is drawn on a terminal and gone at the end", async () => {
    const far = folder.file("far.yaml", FAR);
    const { code, err } = await precopy(["run", far], { terminalColumns: 60 });
    expect(code).toBe(0);
    const draws = err.split("\r\u001b[2K");
    expect(draws.length).toBeGreaterThan(2);
    expect(draws[1]).toMatch(/^web +pre-copy@xen +iterative-pre-copy, round/);
    for (const line of draws) expect(line.length).toBeLessThan(60);
    expect(draws.at(-1)).toBe("");
  });

  it("is not drawn into a pipe or on a dumb terminal", async () => {
    const far = folder.file("far.yaml", FAR);
    expect((await precopy(["run", far])).err).toBe("");
    const dumb = { terminalColumns: 80, env: { TERM: "dumb" } };
    expect((await precopy(["run", far], dumb)).err).toBe("");
  });
});

describe("colour", () => {
  const ESCAPE = "\u001b[";
  const colours = async (options: Parameters<typeof precopy>[1]) =>
    (await precopy(["run", scenario], options)).out.includes(ESCAPE);

  it("is for terminals", async () => {
    expect(await colours({ terminalColumns: 100 })).toBe(true);
    expect(await colours({})).toBe(false);
  });

  it("can be switched off and on", async () => {
    expect(await colours({ terminalColumns: 100, env: { NO_COLOR: "1" } })).toBe(false);
    expect(await colours({ terminalColumns: 100, env: { NO_COLOR: "" } })).toBe(true);
    expect(await colours({ terminalColumns: 100, env: { TERM: "dumb" } })).toBe(false);
    expect(await colours({ env: { FORCE_COLOR: "1" } })).toBe(true);
    expect(await colours({ env: { FORCE_COLOR: "1", NO_COLOR: "1" } })).toBe(false);
  });

  it("changes nothing but colour", async () => {
    const plain = await precopy(["run", scenario], {
      terminalColumns: 100,
      env: { NO_COLOR: "1" },
    });
    const coloured = await precopy(["run", scenario], { terminalColumns: 100 });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences.
    expect(coloured.out.replace(/\u001b\[\d+m/g, "")).toBe(plain.out);
  });
});

describe("examples", () => {
  it("are found from any folder", async () => {
    expect(existsSync("examples/idle-server.yaml")).toBe(true);
    const before = process.cwd();
    process.chdir(folder.path);
    try {
      const { code, err } = await precopy(["run", "examples/idle-server.yaml", "--json"]);
      expect({ code, err }).toEqual({ code: 0, err: "" });
    } finally {
      process.chdir(before);
    }
  });
});
