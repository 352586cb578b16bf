/** What docs/LIVE-VALIDATION.md shows was printed by its command from what test/fixtures keeps of its runs. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LINKS } from "../../scripts/validate-live/guests.js";
import { readFound, tablesOf } from "../../scripts/validate-live/page.js";

const page = readFileSync(new URL("../../docs/LIVE-VALIDATION.md", import.meta.url), "utf8");
const found = readFound();
const tables = tablesOf(found);

describe("docs/LIVE-VALIDATION.md", () => {
  it.each(tables)("has the table of %s as the command prints it", (mark, table) => {
    expect(table.split("\n").length).toBeGreaterThan(2);
    expect(page).toContain(`<!-- ${mark}: begin -->\n\n${table}\n\n<!-- ${mark}: end -->`);
  });

  it("has at least five runs of each side in each row, and rows for both links", () => {
    for (const { live, model, atItsRate } of found.cells) {
      for (const runs of [live, model, atItsRate]) expect(runs.length).toBeGreaterThanOrEqual(5);
      expect(live.every(({ moved }) => moved)).toBe(true);
    }
    for (const { name } of LINKS) {
      expect(found.cells.filter(({ link }) => link === name).length).toBeGreaterThan(20);
    }
  });
});
