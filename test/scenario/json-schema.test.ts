/** The JSON Schema for editors: stable, complete, and true of the examples that are shipped. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { Registry } from "../../src/migrate/registry.js";
import { representativeNames } from "../../src/migrate/representatives.js";
import { scenarioJsonSchema } from "../../src/scenario/index.js";
import { BASE, load } from "./support.js";

type Schema = Record<string, unknown>;

const EXAMPLES = new URL("../../examples/", import.meta.url);
const files = readdirSync(EXAMPLES).filter((name) => name.endsWith(".yaml"));

/** Every field of a schema, with its path. */
function fieldsOf(schema: Schema, path = ""): [string, Schema][] {
  const found: [string, Schema][] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (typeof value !== "object" || value === null) continue;
    if (key === "properties") {
      for (const [name, inner] of Object.entries(value as Record<string, Schema>)) {
        found.push([`${path}.${name}`, inner], ...fieldsOf(inner, `${path}.${name}`));
      }
    } else if (Array.isArray(value)) {
      value.forEach((inner, i) => {
        if (typeof inner === "object") found.push(...fieldsOf(inner as Schema, `${path}[${i}]`));
      });
    } else if (key !== "default") {
      found.push(...fieldsOf(value as Schema, `${path}/${key}`));
    }
  }
  return found;
}

describe("the JSON Schema of scenarios", () => {
  const schema = scenarioJsonSchema() as Schema;

  it("is JSON, the same each time, of draft 2020-12", () => {
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
    expect(JSON.stringify(scenarioJsonSchema())).toBe(JSON.stringify(schema));
    expect(schema.$schema).toBe("https://json-schema.org/draft/2020-12/schema");
    expect(schema.required).toEqual(["hosts", "guests"]);
    expect(schema.additionalProperties).toBe(false);
  });

  it("describes every field", () => {
    const fields = fieldsOf(schema);
    expect(fields.length).toBeGreaterThan(60);
    const undescribed = fields.filter(([path, field]) => {
      return typeof field.description !== "string" && !path.endsWith(".pattern");
    });
    expect(undescribed.map(([path]) => path)).toEqual([]);
  });

  it("shows defaults and examples as they are written in a file", () => {
    const fields = new Map(fieldsOf(schema));
    expect(fields.get(".links/items.bandwidth")).toMatchObject({ default: "1Gbit/s" });
    expect(fields.get(".hosts/additionalProperties.costs.suspend")).toMatchObject({
      default: "5ms",
      examples: ["5ms"],
    });
  });

  it("offers a strategy for every name, and underlines those that are not there", () => {
    const field = new Map(fieldsOf(schema)).get(".migrate/items.strategy") as Schema;
    const registry = Registry.standard();
    expect(field.examples).toEqual(representativeNames(registry));
    const pattern = new RegExp(field.pattern as string);
    const written = "pre-copy+wsclock:tau=200ms,bits=reference+auto-converge@qemu72";
    for (const name of [...representativeNames(registry), "seed:margin=0.3", written]) {
      expect([name, pattern.test(name)]).toEqual([name, true]);
      expect(() => registry.resolve(name)).not.toThrow();
    }
    const wrong = ["pre-copi", "wsclock", "pre-copy+xen", "pre-copy@wsclock", "pre-copy@xen@xen"];
    for (const name of [...wrong, "pre-copy+serial", "seed+", "pre-copy xen", ""]) {
      expect([name, pattern.test(name)]).toEqual([name, false]);
      expect(() => registry.resolve(name)).toThrow();
    }
  });

  it("knows the names of the registry that it is given", () => {
    const registry = Registry.standard();
    registry.addPredictor({ ...registry.listPredictors()[0]!, name: "mine" });
    const text = JSON.stringify(scenarioJsonSchema(registry));
    expect(text).toContain('"pre-copy+mine"');
    expect(JSON.stringify(schema)).not.toContain("mine");
  });

  it.each(files)("holds for examples/%s", (name) => {
    const validator = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
    const file: unknown = parse(readFileSync(new URL(name, EXAMPLES), "utf8"));
    expect(validator.safeParse(file).error?.issues ?? []).toEqual([]);
  });

  it("has every field explained in docs/SCENARIOS.md, and its scenario loads", async () => {
    const page = readFileSync(new URL("../docs/SCENARIOS.md", EXAMPLES), "utf8");
    const names = new Set(fieldsOf(schema).map(([path]) => path.split(".").at(-1) as string));
    expect([...names].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
    const [, scenario] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    expect((await load(scenario as string)).spec.migrations).toHaveLength(1);
  });

  it("refuses what is not a scenario", () => {
    const validator = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
    const good = parse(BASE) as Record<string, unknown>;
    expect(validator.safeParse(good).success).toBe(true);
    const bad = [
      { ...good, hosts: 3 },
      { ...good, hots: {} },
      { ...good, seed: "one" },
      { ...good, migrate: [{ guest: "web" }] },
      { hosts: {} },
      { ...good, hosts: { "1a": {} } },
    ];
    expect(bad.map((file) => validator.safeParse(file).success)).toEqual(bad.map(() => false));
  });
});
