import { describe, expect, it } from "vitest";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { compareRuns } from "../../src/report/compare.js";
import { comparisonTable, nameLines } from "../../src/report/compare-table.js";
import { comparisonText } from "../../src/report/compare-text.js";
import { migration, resultOf } from "./results.js";

const MS = 1_000_000;

/** A strategy with a run for each of these changes, seeds from 1. */
function ran(strategy: string, ...changes: Partial<MigrationResult>[]) {
  const results = changes.map((change, i) =>
    resultOf([migration({ name: strategy, ...change })], { seed: i + 1 }),
  );
  return { strategy, results };
}

const table = (...all: ReturnType<typeof ran>[]) => comparisonTable(compareRuns(all), {});

describe("comparisonTable", () => {
  it("has a row per strategy with all six figures, the least of a column marked", () => {
    const lines = table(
      ran("slow", { downtimeNs: 40 * MS, guestSlowdown: 0.5 }),
      ran("first", { downtimeNs: 30 * MS, worstStallNs: 2 * MS, exposureNs: 900 * MS }),
    );
    expect(lines[0]).toMatch(/^ {2}strategy +downtime +total +bytes +slowdown +stall +exposure *$/);
    expect(lines[1]).toMatch(/^ {2}slow +40 ms +140 ms +4\.77 MiB +50 % +9 ms +–$/);
    expect(lines[2]).toMatch(/^ {2}first +30 ms\* +140 ms +4\.77 MiB +2 %\* +2 ms\* +900 ms$/);
  });

  it("says in a row how a migration ended that did not complete", () => {
    const aborted = { outcome: "source-runs", stopReason: "progress timeout" } as const;
    const lost = { outcome: "lost", stopReason: "link lost" } as const;
    const lines = table(ran("fine", {}, {}), ran("broken", aborted, lost), ran("half", {}, lost));
    expect(lines[2]).toBe("  broken    aborted: progress timeout; guest lost: link lost");
    expect(lines[1]).toMatch(/–$/);
    expect(lines[3]).toMatch(/^ {2}half .* 1\/2$/);
    expect(lines[0]).toMatch(/runs$/);
    expect(lines.join(" ")).toContain("how many completed");
  });

  it("marks who paused because of a limit", () => {
    const lines = table(ran("a", { stopReason: "max-iterations" }), ran("b", {}));
    expect(lines[1]).toMatch(/^! a /);
    expect(lines[2]).toMatch(/^ {2}b /);
    expect(lines.join(" ")).toContain("! paused because of a limit");
    expect(table(ran("b", {})).join(" ")).not.toContain("!");
  });

  it("breaks long names below one another and keeps to 100 columns", () => {
    const long = "pre-copy+wsclock:tau=200ms,bits=reference,literal+auto-converge+kubevirt@qemu102";
    const all = Array.from({ length: 40 }, (_, i) => ran(i === 7 ? long : `name-${i}`, {}));
    const lines = table(...all);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
    const at = lines.findIndex((line) => line.includes("pre-copy+wsclock:tau=200ms,"));
    expect(lines[at]).toMatch(/15 ms/);
    const parts = [lines[at]?.slice(0, 40), ...lines.slice(at + 1, at + 6)].join("");
    expect(parts.replace(/ /g, "")).toContain(long);
  });

  it("takes the place of the blocks where strategies are many", () => {
    const few = Array.from({ length: 8 }, (_, i) => ran(`name-${i}`, {}));
    const options = { repeat: "again", guests: 1 };
    expect(comparisonText(compareRuns(few), options)).not.toContain("exposure");
    const aborted = ran("gone", { outcome: "source-runs", stopReason: "timeout" });
    const text = comparisonText(compareRuns([...few, aborted]), options);
    expect(text.match(/name-3/g)).toHaveLength(1);
    expect(text).toMatch(/gone +aborted: timeout/);
    expect(text).not.toContain("Warning");
  });
});

describe("nameLines", () => {
  it("breaks before + and @ and behind commas, else where it must", () => {
    expect(nameLines("pre-copy@xen", 20)).toEqual(["pre-copy@xen"]);
    expect(nameLines("pre-copy+wsclock@xen2005", 16)).toEqual(["pre-copy+wsclock", "  @xen2005"]);
    expect(nameLines("seed:margin=0.5,flush", 16)).toEqual(["seed:margin=0.5,", "  flush"]);
    expect(nameLines("a".repeat(20), 12)).toEqual(["a".repeat(12), `  ${"a".repeat(8)}`]);
  });
});
