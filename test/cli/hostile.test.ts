import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { precopy, SMALL, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
let scenario = "";

beforeAll(() => {
  folder = temporaryFolder();
  scenario = folder.file("small.yaml", SMALL);
});
afterAll(() => folder.remove());

/** Runs it and expects bad input: code 2, nothing on stdout. Returns what was said. */
async function refused(...words: string[]): Promise<string> {
  const { code, out, err } = await precopy(words);
  expect({ words, code, out }).toEqual({ words, code: 2, out: "" });
  expect(err).not.toContain("this is a bug");
  expect(err).not.toMatch(/^ +at .*\.ts:/m);
  return err;
}

describe("words that make no sense", () => {
  it.each([
    ["runn", "Did you mean run?"],
    ["run", "missing required argument 'scenario'"],
    ["run a.yaml b.yaml", "too many arguments"],
    ["run a.yaml --sed 1", "Did you mean --seed?"],
    ["run a.yaml --seed", "argument missing"],
    ["run a.yaml --seed -1", "whole number from 0 to 4294967295"],
    ["run a.yaml --seed 1e3", "whole number"],
    ["run a.yaml --seed 4294967296", "whole number"],
    ["run a.yaml -s seed -s suspend", "precopy compare takes several"],
    ["compare a.yaml --runs 0", "from 1 to 10000"],
    ["compare a.yaml --runs 99999999999999999999", "from 1 to 10000"],
    ["run a.yaml --max-downtime 300", "not a duration"],
    ["run a.yaml --max-downtime -1ms", "not a duration"],
    ["run a.yaml --max-slowdown 0.1", "as in 10%"],
    ["run a.yaml --max-slowdown 101%", "0% to 100%"],
    ["xl", "Usage: precopy xl"],
    ["xl dance", "unknown command"],
  ])("%s", async (words, said) => {
    expect(await refused(...words.split(" "))).toContain(said);
  });
});

describe("scenarios that cannot be read", () => {
  it("names a file that is not there", async () => {
    const err = await refused("run", "no/such.yaml");
    expect(err).toBe("precopy: no/such.yaml: cannot be read: there is no such file or folder\n");
  });

  it("names a folder", async () => {
    expect(await refused("run", folder.path)).toContain("it is a folder");
    expect(await refused("run", join(scenario, "x"))).toContain("part of the path is not a folder");
    expect(await refused("run", "examples")).toContain("it is a folder");
  });

  it("stops reading at the limit, of a device without end too", async () => {
    const large = folder.file("large.yaml", "#".repeat(2 ** 20 + 1));
    expect(await refused("run", large)).toContain("larger than 1 MiB");
    expect(await refused("run", "/dev/zero")).toContain("larger than 1 MiB");
  });

  it("refuses names with a null byte, and the empty name", async () => {
    await refused("run", "a\0b.yaml");
    await refused("run", "");
  });

  it("points at mistakes within the file", async () => {
    const wrong = folder.file("wrong.yaml", SMALL.replace("64MiB", "64"));
    const err = await refused("run", wrong);
    expect(err).toMatch(/wrong\.yaml:\d+:\d+: guests\.web\.memory/);
    expect(err).toContain("^^");
    for (const text of ["", "\0\0", "[1, 2", "- a", "migrate: {}", "hosts: 5"]) {
      await refused("run", folder.file("broken.yaml", text));
    }
  });

  it("says that nothing is to be migrated", async () => {
    const still = folder.file("still.yaml", SMALL.replace(/^migrate.*$/m, ""));
    expect(await refused("run", still)).toContain("migrates nothing");
    expect(await refused("compare", still)).toContain("migrates nothing");
  });

  it("names a trace that is missing at the place that asks for it", async () => {
    const text = SMALL.replace(
      /workload: \[\{ pattern: hot-cold.*?\}\]/,
      "trace: { file: gone.gz }",
    );
    const err = await refused("run", folder.file("gone.yaml", text));
    expect(err).toContain("gone.gz");
    expect(err).toContain("guests.web.trace.file");
  });
});

describe("names that do not exist", () => {
  it("are answered with those that do", async () => {
    expect(await refused("run", scenario, "-s", "precopy")).toContain("suspend, pre-copy");
    expect(await refused("run", scenario, "-s", "pre-copy+lru")).toContain("lru-splay");
    expect(await refused("run", scenario, "-s", "pre-copy@kvm")).toContain("xen2005");
    expect(await refused("run", scenario, "-s", "")).toContain("is not a strategy");
    expect(await refused("run", scenario, "-s", "a+b+c@d@e")).toContain("is not a strategy");
    expect(await refused("compare", scenario, "-s", "seed", "-s", "sed")).toContain('"sed"');
  });

  it("are refused before anything runs", async () => {
    const words = ["compare", scenario, "-s", "seed", "-s", "pre-copy+wsclock:tau=x"];
    const { code, err } = await precopy(words, { terminalColumns: 80 });
    expect(code).toBe(2);
    expect(err).not.toContain("\r");
  });
});

describe("plug-ins that do not work", () => {
  it.each([
    ["export const x = 1;", "has no default export"],
    ["export default 5;", "exports no function"],
    ["this is not JavaScript", "cannot be loaded"],
    ["throw new Error('early');", "early"],
    ["export default () => {};", "registered nothing"],
    ["export default () => { throw new Error('late'); };", "late"],
  ])("%s", async (text, said) => {
    const name = `plugin-${text.length}.mjs`;
    const plugin = folder.file(name, text);
    const err = await refused("run", scenario, "--plugin", plugin);
    expect(err).toContain(said);
    expect(err).toContain(name);
  });

  it("are named when they are not there", async () => {
    const err = await refused("strategies", "--plugin", join(folder.path, "none.mjs"));
    expect(err).toContain("none.mjs");
    expect(err).toContain("cannot be loaded");
  });
});

describe("places that cannot be written", () => {
  it("leaves nothing half written", async () => {
    const blocked = folder.file("blocked", "a file, not a folder");
    const { code, err } = await precopy(["run", scenario, "--csv", blocked]);
    expect(code).toBe(2);
    expect(err).toMatch(/blocked.*cannot be written: /);
    const csv = join(folder.path, "taken");
    mkdirSync(join(csv, "migrations.csv"), { recursive: true });
    const taken = await precopy(["run", scenario, "--csv", csv]);
    expect(taken.code).toBe(2);
    expect(taken.err).toContain("migrations.csv");
    expect(readdirSync(csv)).toEqual(["migrations.csv"]);
  });

  it("replaces files of an earlier run", async () => {
    const csv = join(folder.path, "again");
    mkdirSync(csv);
    writeFileSync(join(csv, "rounds.csv"), "old");
    expect((await precopy(["run", scenario, "--csv", csv])).code).toBe(0);
    expect(readdirSync(csv).sort()).toEqual(["migrations.csv", "rounds.csv"]);
  });
});
