/** `precopy validate` on recorded migrations of QEMU, as docs/VALIDATION.md shows it. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { precopy, temporaryFolder } from "./run-cli.js";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const DOCUMENT = readFileSync("docs/VALIDATION.md", "utf8");
const XEN = "test/fixtures/xen-migrations.jsonl";
const RUNS = "examples/runs/qemu72.jsonl";
const FRESH = "examples/runs/qemu72-fresh.jsonl";

describe("precopy validate on recorded runs", () => {
  const lines = readFileSync(RUNS, "utf8").trim().split("\n");
  const pick = (...ids: string[]) =>
    lines.filter((line) => ids.includes((JSON.parse(line) as { id: string }).id)).join("\n");

  it("holds the default bounds on all that are shipped, as the document shows", async () => {
    const { code, out } = await precopy(["validate", RUNS, "--traces", "examples/traces"]);
    expect(DOCUMENT).toContain(`$ precopy validate ${RUNS} --traces examples/traces\n${out}`);
    expect(out).toContain("All bounds are held.");
    expect(code).toBe(0);
    expect(out).toContain(`${lines.length} recorded migrations`);
  }, 60_000);

  it("tells of the runs that no constant was looked up in what the document shows", async () => {
    const { code, out } = await precopy(["validate", FRESH]);
    expect(DOCUMENT).toContain(`$ precopy validate ${FRESH}\n${out}`);
    expect(out).toContain("34 recorded migrations");
    expect([0, 3]).toContain(code);
  }, 30_000);

  it("ends with 3 and names the bound where one is missed", async () => {
    const file = folder.file("runs.jsonl", `${pick("rep-link-hi-1", "rep-link-mid-1")}\n`);
    const bounds = folder.file("bounds.json", '{"pre-copy, link":{"totalMedian":0}}');
    const { code, out } = await precopy(["validate", file, "--bounds", bounds]);
    expect(code).toBe(3);
    expect(out).toContain("missed   pre-copy, link: total, median");
  });

  it("forecasts without looking at what came of a run", async () => {
    const line = JSON.parse(pick("lk-50-0.05")) as Record<string, Record<string, unknown>>;
    const forecasts = async (run: object) => {
      const file = folder.file("one.jsonl", `${JSON.stringify(run)}\n`);
      const { out } = await precopy(["validate", file, "--json", "--bounds", "default"]);
      const { runs } = JSON.parse(out) as { runs: { rate: string; forecast: object }[] };
      return runs.find(({ rate }) => rate === "nominal")?.forecast;
    };
    const ram = { transferred: 1, duplicate: 2, normal: 3, "dirty-sync-count": 4 };
    const altered = {
      ...line,
      reported: { total_time_ms: 1, downtime_ms: 1, ram },
      measured: { ...line.measured, wall_ms: 1, event_blackout_ms: 1 },
      series: { fields: ["t_ms", "transferred", "duplicate"], rows: [] },
      syncs: [],
    };
    expect(await forecasts(altered)).toEqual(await forecasts(line));
  });

  it("holds Xen's bounds, as the document shows", async () => {
    const { code, out } = await precopy(["validate", XEN]);
    expect(DOCUMENT).toContain(`$ precopy validate ${XEN}\n${out}`);
    expect(code).toBe(0);
  });

  it("names what is wrong with a file", async () => {
    const broken = folder.file("broken.jsonl", `${pick("lk-50-0.05")}\nnonsense\n`);
    const { code, err } = await precopy(["validate", broken]);
    expect(code).toBe(2);
    expect(err).toContain("broken.jsonl:2: the run: it is no JSON object");
    const bare = folder.file("bare.jsonl", '{"id":"a","net":{},"guest":{"kind":"baremetal"}}\n');
    const second = await precopy(["validate", bare]);
    expect(second.code).toBe(2);
    expect(second.err).toContain("bare.jsonl:1: run a: the field guest.workload is missing");
  });
});
