/**
 * docs/TECHNIQUES.md leaves no registered name out and claims nothing that is not there: a line for
 * each name, a measured row for each that can stand in a strategy, a test behind each feature.
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BASELINES, PAIR_KINDS } from "../../scripts/technique-pairs.js";
import { shortName } from "../../scripts/technique-tables.js";
import { Registry } from "../../src/migrate/registry.js";

const folder = new URL("../../docs/", import.meta.url);
const page = readFileSync(new URL("TECHNIQUES.md", folder), "utf8");
const registry = Registry.standard();

/** Where the lines of a kind stand. */
const HEADINGS: Readonly<Record<string, string>> = {
  strategy: "Strategies",
  predictor: "Predictors",
  throttle: "Throttles",
  codec: "Codecs",
  reclaim: "Reclaim",
  storage: "Storage",
  manager: "Managers",
  preset: "Presets",
  admission: "Admission",
};
const PLANS = ["evacuate", "swap", "consolidate"];

/** From a heading to the next one. */
function section(heading: string): string {
  const [, text = ""] = page.split(new RegExp(`\n##+ ${heading}\n`));
  return text.split(/\n##/)[0] as string;
}

/** Names with a line of their own: - **`name`** what it is … */
const namesIn = (text: string): string[] =>
  [...text.matchAll(/^- \*\*`([^`]+)`\*\* /gm)].map(([, name]) => name as string);

describe("docs/TECHNIQUES.md", () => {
  it.each(registry.kinds())("has a line for each %s, and for nothing else", (kind) => {
    const named = registry.listTechniques().filter((one) => one.kind === kind);
    const names = named.map(({ factory }) => factory.name);
    expect(namesIn(section(HEADINGS[kind] as string)).sort()).toEqual(names.sort());
  });

  it("has a line for each plan", () => {
    expect(namesIn(section("Plans"))).toEqual(PLANS);
  });

  it("says of each name when it wins and when it loses", () => {
    const lines = page.split("\n").filter((line) => /^- \*\*`/.test(line));
    expect(lines.filter((line) => !line.includes("*Wins*") || !line.includes("*Loses*"))).toEqual(
      [],
    );
  });

  it("has a measured row for each name that can stand in a strategy", () => {
    const measured = new Set(PAIR_KINDS.flatMap(({ pairs }) => pairs.map(({ name }) => name)));
    const missing = registry
      .listTechniques()
      .filter(({ kind, factory }) => kind !== "admission" && !measured.has(factory.name));
    expect(missing.map(({ factory }) => factory.name)).toEqual(BASELINES);
    for (const { strategy, against } of PAIR_KINDS.flatMap(({ pairs }) => pairs)) {
      registry.resolve(strategy);
      registry.resolve(against);
      expect(page).toContain(`\n| ${shortName(strategy)} | ${shortName(against)} | `);
    }
  });

  it("links each feature that this project has to a test", () => {
    const rows = section("Feature table").split("\n");
    const cells = rows.filter((row) => row.startsWith("| ")).map((row) => row.split("|").at(-2));
    const claims = cells.slice(1).map((cell) => (cell ?? "").trim());
    expect(claims.length).toBeGreaterThan(25);
    for (const claim of claims) expect(claim).toMatch(/^(n|[yp]:? .*\]\(\.\.\/test\/.*)$/);
  });

  it("links to files that are there", () => {
    const words = page.replaceAll(/`[^`\n]*`/g, "");
    const links = [...words.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
      ([, path]) => path as string,
    );
    expect(links.length).toBeGreaterThan(25);
    expect(links.filter((path) => !existsSync(new URL(path, folder)))).toEqual([]);
  });
});
