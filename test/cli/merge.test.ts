/** Parts of a sweep put together. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { precopy, SMALL, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
let sweep: string[] = [];
let whole = "";
let wholeJson = "";
const parts: string[] = [];

beforeAll(async () => {
  folder = temporaryFolder();
  const scenario = folder.file("small.yaml", SMALL);
  const over = ["--over", "guest.memory=16MiB,32MiB", "--over", "link.bandwidth=1Gbit/s,10Gbit/s"];
  sweep = ["sweep", scenario, ...over, "-s", "suspend", "-s", "pre-copy", "--out"];
  whole = path("whole.jsonl");
  wholeJson = (await precopy([...sweep, whole, "--json"])).out;
  for (const part of [1, 2, 3]) {
    const file = path(`part-${part}.jsonl`);
    const { code, out, err } = await precopy([...sweep, file, "--shard", `${part}/3`]);
    expect({ code, out }).toEqual({ code: 0, out: "" });
    expect(err).toContain(`part ${part} of 3 is in ${file}: precopy merge`);
    parts.push(file);
  }
}, 60_000);
afterAll(() => folder.remove());

function path(name: string): string {
  return join(folder.path, name);
}

function linesOf(file: string): string[] {
  return readFileSync(file, "utf8").split("\n").slice(0, -1);
}

describe("precopy merge", () => {
  it("makes the whole of its parts, which have no job in common", async () => {
    const jobs = parts.flatMap((part) => linesOf(part).slice(1));
    expect(jobs).toHaveLength(8);
    expect(parts.map((part) => linesOf(part).length - 1)).toEqual([3, 3, 2]);
    const out = path("all.jsonl");
    const { code, out: json, err } = await precopy(["merge", ...parts, "--out", out, "--json"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(json).toBe(wholeJson);
    expect(linesOf(out).sort()).toEqual(linesOf(whole).sort());
  });

  it("does not depend on the order of files, nor on what is there twice", async () => {
    const one = path("one.jsonl");
    const other = path("other.jsonl");
    await precopy(["merge", ...parts, "--out", one]);
    await precopy(["merge", whole, ...[...parts].reverse(), whole, "--out", other]);
    expect(readFileSync(other, "utf8")).toBe(readFileSync(one, "utf8"));
  });

  it("counts what is missing and exits with 3; the sweep goes on from its file", async () => {
    const out = path("some.jsonl");
    const [first = "", second = ""] = parts;
    const { code, out: printed, err } = await precopy(["merge", first, second, "--out", out]);
    expect({ code, printed }).toEqual({ code: 3, printed: "" });
    expect(err).toContain("2 jobs of 8 missing, the first with guest.memory=32MiB");
    expect(linesOf(out)).toHaveLength(7);
    expect((await precopy(["merge", first, "--out", path("csv.jsonl"), "--csv"])).out).toMatch(
      /^guest\.memory,(.*\r\n){4}$/,
    );
    const resumed = await precopy([...sweep, out, "--json"]);
    expect(resumed.err).toContain("6 of 8 jobs are in");
    expect(resumed.out).toBe(wholeJson);
  });

  it("refuses two results of one job, and writes nothing", async () => {
    const odd = path("odd.jsonl");
    const [header, line] = linesOf(whole) as [string, string];
    writeFileSync(odd, `${header}\n${line.replace(/"bytesSent":\d+/, '"bytesSent":1')}\n`);
    const out = path("conflict.jsonl");
    const { code, err } = await precopy(["merge", whole, odd, "--out", out]);
    expect(code).toBe(2);
    expect(err).toContain(`${odd}:2: another result of this job`);
    expect(existsSync(out)).toBe(false);
  });

  it("refuses files of different sweeps, and files of none", async () => {
    const other = path("different.jsonl");
    await precopy([...sweep, other, "--seeds", "2", "--shard", "1/16"]);
    const out = path("never.jsonl");
    const refused = async (...files: string[]) => {
      const { code, err } = await precopy(["merge", ...files, "--out", out]);
      expect({ files, code, written: existsSync(out) }).toEqual({ files, code: 2, written: false });
      return err;
    };
    expect(await refused(whole, other)).toContain("they differ in seeds");
    expect(await refused(path("none.jsonl"))).toContain("there is no such file");
    expect(await refused(folder.file("empty", ""))).toContain("it is empty");
    expect(await refused(folder.file("text", "a\nb\n"))).toContain("not the file of a sweep");
    const header = JSON.parse(linesOf(whole)[0] as string);
    for (const damage of [
      { jobs: 7 },
      { space: null },
      { inputs: [] },
      { space: { ...header.space, seeds: [] } },
      { space: { ...header.space, strategies: [1] } },
      { space: { ...header.space, axes: [{ name: "x", levels: [], appliesTo: [true, true] }] } },
    ]) {
      const text = `${JSON.stringify({ ...header, ...damage })}\n`;
      expect(await refused(folder.file("damaged", text))).toContain("its first line is damaged");
    }
    expect((await precopy(["merge", "--out", out])).err).toContain("missing required argument");
    expect((await precopy(["merge", whole])).err).toContain("--out");
  });
});
