/** `precopy validate` on files with lines that cannot be used, and on files of odd shape. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { precopy, temporaryFolder } from "./run-cli.js";

const folder = temporaryFolder();
afterAll(() => folder.remove());

type Fields = Record<string, unknown>;
const linesOf = (file: string) =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Fields);
const QEMU = linesOf("examples/runs/qemu72.jsonl");
const XEN = linesOf("test/fixtures/xen-migrations.jsonl");
const qemu = (id: string) => structuredClone(QEMU.find((one) => one.id === id) as Fields);
const xen = (id: string) => structuredClone(XEN.find((one) => one.id === id) as Fields);

let files = 0;
function fileOf(lines: readonly (Fields | string)[], end = "\n"): string {
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  return folder.file(`${++files}.jsonl`, text.join(end) + end);
}

const validate = (file: string, ...flags: string[]) =>
  precopy(["validate", file, "--bounds", folder.file("none.json", "{}"), ...flags]);

const GOOD = "mem-128";
const without = (run: Fields, name: string): Fields => ({ ...run, [name]: undefined });

describe("a line that cannot be used", () => {
  const broken: readonly (readonly [string, Fields | string, string])[] = [
    ["no JSON", "{nonsense", "it is no JSON object"],
    ["a list", "[1,2]", "it is no JSON object"],
    ["no run at all", { id: "stray", colour: "red" }, "no recorded migration of QEMU"],
    ["a Xen run", xen("x01"), "no recorded migration of QEMU"],
    ["no guest.mem_mb", { ...qemu("dl-30"), guest: { workload: {} } }, "guest.mem_mb"],
    ["no result", without(qemu("dl-30"), "reported"), "the field reported is missing"],
    [
      "no trace",
      { ...qemu("lin-gzip-pre-50"), trace_file: null, calc_dirty_rate: null },
      "trace_file",
    ],
    [
      "a trace that is not there",
      { ...qemu("lin-gzip-pre-50"), trace_file: "gone.wsdt.gz" },
      "gone",
    ],
    ["the first run again", qemu(GOOD), "line 1 has the same id"],
  ];

  it.each(broken)("is refused by line, run and reason: %s", async (_name, line, reason) => {
    const file = fileOf([qemu(GOOD), line]);
    const { code, err } = await validate(file);
    expect(code).toBe(2);
    expect(err).toContain(`${file}:2: `);
    expect(err).toContain(reason);
    if (typeof line !== "string") expect(err).toContain(`run ${line.id}`);
    expect(err).toContain("--lenient");
  });

  it.each(broken)("is left out and named with --lenient: %s", async (_name, line, reason) => {
    const { code, out } = await validate(fileOf([qemu(GOOD), line]), "--lenient");
    expect(code).toBe(0);
    expect(out).toContain("1 recorded migrations");
    expect(out).toContain("left out  line 2");
    expect(out).toContain(reason);
  });

  it("is no reason to tell nothing of nothing", async () => {
    const { code, err } = await validate(fileOf(["{nonsense", "7"]), "--lenient");
    expect(code).toBe(2);
    expect(err).not.toBe("");
    const all = await validate(fileOf([{ ...qemu(GOOD), guest: null }]), "--lenient");
    expect(all.code).toBe(2);
    expect(all.err).toContain("no run can be compared: line 1: the field guest is missing");
  });
});

describe("a run without a result", () => {
  it.each(["failed", "cancelled"])("is left out and named without a flag: %s", async (outcome) => {
    const { code, out } = await validate(fileOf([{ ...qemu("dl-30"), outcome }, qemu(GOOD)]));
    expect(code).toBe(0);
    expect(out).toContain(`left out  line 1, dl-30: its outcome is ${outcome}`);
  });

  it("counts where it was given up for its time, with or without its last state", async () => {
    const timedOut = { ...qemu("wssbound-6000"), reported: null };
    const { code, out } = await validate(fileOf([timedOut]), "--json");
    expect(code).toBe(0);
    const { runs } = JSON.parse(out) as { runs: { actual: Fields; forecast: Fields }[] };
    expect(runs[0]?.actual.completed).toBe(false);
    expect(runs[0]?.forecast.completed).toBe(false);
  });

  it("of Xen likewise", async () => {
    const file = fileOf([{ ...xen("x02"), success: false }, xen("x01")]);
    const { code, out } = await precopy(["validate", file]);
    expect([0, 3]).toContain(code);
    expect(out).toContain("left out  line 1, x02: it failed");
  });
});

describe("a Xen run that lacks something", () => {
  it.each([
    ["domain_type", "domain_type"],
    ["domu", "domu"],
    ["dirtier", "dirtier"],
    ["rounds", "rounds"],
    ["stop_reason", "stop_reason"],
  ])("is refused by its name: %s", async (name, words) => {
    const file = fileOf([xen("x01"), without(xen("x02"), name)]);
    const { code, err } = await precopy(["validate", file]);
    expect(code).toBe(2);
    expect(err).toContain(`${file}:2: run x02`);
    expect(err).toContain(words);
    const lenient = await precopy(["validate", file, "--lenient"]);
    expect(lenient.out).toContain("left out  line 2, x02");
  });

  it("is forecast from the cap where no duration is told", async () => {
    const run = xen("x12");
    run.rounds = (run.rounds as Fields[]).map((round) => ({ ...round, duration: null }));
    const { out } = await precopy(["validate", fileOf([run]), "--json"]);
    const { runs } = JSON.parse(out) as { runs: { rounds: Fields }[] };
    expect(runs).toHaveLength(2);
    expect(runs[1]?.rounds).toEqual(runs[0]?.rounds);
  });

  it.each(["live_rounds", "times", "total_pages", "success"])("may lack %s", async (name) => {
    const { code } = await precopy(["validate", fileOf([without(xen("x01"), name)])]);
    expect([0, 3]).toContain(code);
  });
});

describe("the shape of a file", () => {
  it("does not matter: empty lines, carriage returns, a byte order mark, no last newline", async () => {
    const plain = await validate(fileOf([qemu(GOOD)]));
    const odd = `\uFEFF\r\n  \r\n${JSON.stringify(qemu(GOOD))}\r\n\r\n`;
    expect((await validate(folder.file("odd.jsonl", odd))).out).toBe(plain.out);
    const bare = folder.file("bare.jsonl", JSON.stringify(qemu(GOOD)));
    expect((await validate(bare)).out).toBe(plain.out);
  });

  it.each(["series", "windows", "syncs", "host", "events"])(
    "is the schema's where %s is null: the measured rate is the nominal one",
    async (name) => {
      const run = { ...qemu(GOOD), [name]: null };
      const { code, out } = await validate(fileOf([run]), "--json");
      expect(code).toBe(0);
      const { runs } = JSON.parse(out) as { runs: { forecast: Fields }[] };
      const [measured, nominal] = runs.map(({ forecast }) => forecast.totalMs as number);
      if (name === "series") expect(measured).toBe(nominal);
      expect(Math.abs((measured as number) - 1339)).toBeLessThan(60);
    },
  );

  it("may name settings that nothing is known of", async () => {
    const params = { "max-bandwidth": 4e9, "downtime-limit": 200, "x-checkpoint-delay": 20_000 };
    const run = { ...qemu(GOOD), params: { ...params, novelty: [1] }, caps: { novelty: true } };
    const { code, out } = await validate(fileOf([run]));
    expect(code).toBe(0);
    expect(out).toContain("pre-copy, link");
  });
});

describe("a guest that was only observed", () => {
  const observed = (id: string): Fields => {
    const run = qemu("rep-link-hi-2");
    const guest = { ...(run.guest as Fields), workload: { name: "web1" }, zero_share: 0.125 };
    // 8,528 writes a second to 32,768 pages: 29.3 MiB of distinct ones in 1 s.
    const raw = { status: "measured", mode: "page-sampling", "dirty-rate": 29, "calc-time": 1 };
    return { ...run, id, guest, calc_dirty_rate: [{ mode: "page-sampling", mb_per_s: 29, raw }] };
  };

  it("is validated from what QEMU measured, by itself", async () => {
    const { code, out } = await precopy(["validate", fileOf([observed("a"), observed("b")])]);
    expect(code).toBe(0);
    expect(out).toMatch(/^2 recorded migrations/);
    expect(out).toMatch(/^From QEMU's own calc-dirty-rate[\s\S]*^pre-copy, link +2 /m);
    expect(out).toContain("No bound is stated");
    expect(out).not.toContain("as measured in the first pass");
  });

  it("is named where its measurement says nothing", async () => {
    const raw = { status: "unstarted", "calc-time": 1 };
    const run = { ...observed("c"), calc_dirty_rate: [{ raw }] };
    const { code, err } = await precopy(["validate", fileOf([run])]);
    expect(code).toBe(2);
    expect(err).toMatch(/run c: .*no measured dirty rate/);
  });
});
