import { describe, expect, it } from "vitest";
import type { Outcome } from "../../src/migrate/messages.js";
import { compareRuns } from "../../src/report/compare.js";
import { comparisonCsv, migrationsCsv, roundsCsv } from "../../src/report/csv.js";
import { migration, paging, resultOf, round } from "./results.js";

/** RFC 4180, by a slow and obvious reader. */
function parseCsv(text: string): Record<string, string>[] {
  const rows: string[][] = [[]];
  let cell = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') cell += text[++i];
      else if (c === '"') quoted = false;
      else cell += c;
    } else if (c === '"') {
      quoted = true;
    } else if (c === "," || c === "\r") {
      (rows.at(-1) as string[]).push(cell);
      cell = "";
    } else if (c === "\n") {
      rows.push([]);
    } else {
      cell += c;
    }
  }
  rows.pop();
  const [head = [], ...body] = rows;
  return body.map((row) => {
    expect(row).toHaveLength(head.length);
    return Object.fromEntries(head.map((name, i) => [name, row[i] as string]));
  });
}

describe("migrationsCsv", () => {
  it("has a row per migration, numbered within each run", () => {
    const first = resultOf([migration(), migration({ guest: "db" })], { seed: 5 });
    const rows = parseCsv(migrationsCsv([first, resultOf([migration()], { seed: 6 })]));
    expect(rows.map(({ seed, migration: n, guest }) => [seed, n, guest])).toEqual([
      ["5", "1", "web"],
      ["5", "2", "db"],
      ["6", "1", "web"],
    ]);
    expect(rows[0]).toMatchObject({
      name: "pre-copy@xen",
      outcome: "target-runs",
      stopAndCopyNs: "10000000",
      totalNs: "140000000",
      downtimeNs: "15000000",
      bytesSent: "5000000",
      pauseBytes: "99808",
      rounds: "2",
      guestSlowdown: "0.02",
    });
  });

  it("has the costs of post-copy where there was one, and empty cells elsewhere", () => {
    const guests = [
      migration({ techniques: ["auto-converge", "kubevirt"], worstStallNs: 7, exposureNs: 8 }),
      migration({ residualPages: 9, postCopy: paging() }),
    ];
    const [plain, after] = parseCsv(migrationsCsv([resultOf(guests)]));
    const techniques = "auto-converge+kubevirt";
    expect(plain).toMatchObject({ techniques, worstStallNs: "7", exposureNs: "8", faults: "" });
    expect(after).toMatchObject({
      techniques: "",
      residualPages: "9",
      faults: "120",
      workingSetPages: "600",
      faultShare: "0.2",
      stallNs: "400000000",
      blocktimeNs: "30000000",
    });
  });

  it("keeps commas, quotes and line ends within a cell", () => {
    const guest = 'a, "b"\r\nc';
    const [row] = parseCsv(migrationsCsv([resultOf([migration({ guest })])]));
    expect(row?.guest).toBe(guest);
  });

  it("is a head alone without migrations", () => {
    const text = migrationsCsv([resultOf([])]);
    expect(text.endsWith("\r\n")).toBe(true);
    expect(parseCsv(text)).toEqual([]);
  });
});

describe("comparisonCsv", () => {
  it("has a row per strategy, empty figures where no run completed", () => {
    const of = (strategy: string, times: number[], outcome: Outcome = "target-runs") => ({
      strategy,
      results: times.map((totalNs, i) =>
        resultOf([migration({ outcome, stopReason: i === 0 ? "timeout" : "x" })], {
          seed: i,
          makespanNs: totalNs,
        }),
      ),
    });
    const comparison = compareRuns([of("a+b:c,d", [10, 30]), of("e", [5, 6], "lost")]);
    const [first, second] = parseCsv(comparisonCsv(comparison));
    expect(first).toMatchObject({
      strategy: "a+b:c,d",
      runs: "2",
      completedRuns: "2",
      outcomes: "target-runs",
      stopReasons: "timeout; x",
      totalNsMean: "20",
      exposureNsMean: "0",
    });
    expect(Number(first?.totalNsSd)).toBeCloseTo(Math.sqrt(200), 9);
    expect(second).toMatchObject({ completedRuns: "0", outcomes: "lost", totalNsMean: "" });
  });
});

describe("roundsCsv", () => {
  it("has a row per round and nothing where nobody read the log", () => {
    const rounds = [round(), round({ round: 2, pagesDirtied: -1, pagesSent: 176 })];
    const rows = parseCsv(roundsCsv([resultOf([migration({ rounds })])]));
    expect(rows.map((row) => row.round)).toEqual(["1", "2"]);
    expect(rows.map((row) => row.pagesDirtied)).toEqual(["176", ""]);
    expect(rows.map((row) => row.pagesSent)).toEqual(["1000", "176"]);
  });
});
