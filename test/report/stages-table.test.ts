import { describe, expect, it } from "vitest";
import { stagesTable } from "../../src/report/stages-table.js";
import { migration } from "./results.js";

describe("stagesTable", () => {
  it("has a column per guest and rows for stages and costs", () => {
    const guests = [migration(), migration({ guest: "db", totalNs: 2_000_000_000 })];
    const lines = stagesTable(guests, [["more", ["x", "y"]]]);
    expect(lines[0]).toMatch(/^ +web +db$/);
    expect(lines).toContainEqual(expect.stringMatching(/^total time +140 ms +2 s$/));
    expect(lines).toContainEqual(expect.stringMatching(/^commitment +2 ms +2 ms$/));
    expect(lines.at(-1)).toMatch(/^more +x +y$/);
  });

  it("marks a migration that was aborted", () => {
    expect(stagesTable([migration({ outcome: "source-runs" })])[0]).toContain("web (aborted)");
  });
});
