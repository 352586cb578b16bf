import { describe, expect, it } from "vitest";
import { stagesTable } from "../../src/report/stages-table.js";
import { migration, paging } from "./results.js";

describe("stagesTable", () => {
  it("has a column per guest and rows for stages and costs", () => {
    const guests = [migration(), migration({ guest: "db", totalNs: 2_000_000_000 })];
    const lines = stagesTable(guests, [["more", ["x", "y"]]]);
    expect(lines[0]).toMatch(/^ +web +db$/);
    expect(lines).toContainEqual(expect.stringMatching(/^total time +140 ms +2 s$/));
    expect(lines).toContainEqual(expect.stringMatching(/^commitment +2 ms +2 ms$/));
    expect(lines.at(-1)).toMatch(/^more +x +y$/);
  });

  it("has rows for post-copy where one of them did it", () => {
    const { stagesNs } = migration();
    const after = migration({
      stagesNs: { ...stagesNs, residualPush: 7_000_000 },
      postCopy: paging(),
      exposureNs: 8_000_000,
    });
    const lines = stagesTable([migration(), after]);
    expect(lines).toContainEqual(expect.stringMatching(/^residual push +0 ns +7 ms$/));
    expect(lines).toContainEqual(expect.stringMatching(/^worst stall +9 ms +9 ms$/));
    expect(lines).toContainEqual(expect.stringMatching(/^exposure +0 ns +8 ms$/));
    const plain = stagesTable([migration()]).join("\n");
    expect(plain).not.toMatch(/residual push|worst stall|exposure/);
  });

  it("marks a migration that was aborted", () => {
    expect(stagesTable([migration({ outcome: "source-runs" })])[0]).toContain("web (aborted)");
  });
});
