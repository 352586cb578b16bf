/** A real guest that moves a hundred times between two processes is none the wiser. */
import { expect, it } from "vitest";
import { parseTinyReports } from "../../src/live/guests/tiny-reports.js";
import { hopBetweenTwo } from "../support/hoppers.js";

const HOPS = 100;
const PAGES = 4096;

it("a guest goes back and forth a hundred times between two processes", async () => {
  const words = await hopBetweenTwo(HOPS);
  const moves = words.filter(({ outcome }) => outcome !== undefined);
  expect(moves).toHaveLength(HOPS);
  for (const { isVerified, checkedPages } of moves) {
    expect(isVerified).toBe(true);
    expect(checkedPages).toBeGreaterThanOrEqual(PAGES);
  }
  const said = words.filter(({ text }) => text !== undefined);
  const inOrder = said.sort((a, b) => (a.atNs as number) - (b.atNs as number));
  const reports = parseTinyReports(inOrder.map(({ text }) => text).join(""));
  expect(reports).toMatchObject({ sound: true, bad: 0, starts: 1, missing: [], repeated: [] });
  expect(reports.reports.at(-1)?.scans).toBeGreaterThan(0);
}, 120_000);
