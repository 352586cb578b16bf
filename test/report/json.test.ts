import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Registry } from "../../src/migrate/registry.js";
import { representativeNames } from "../../src/migrate/representatives.js";
import { simulate } from "../../src/model/simulation.js";
import { toJson } from "../../src/report/json.js";
import { small } from "../support/specs.js";
import { resultSchema } from "./result-schema.js";

/** Names of all properties of a JSON Schema. */
function keysOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, inner]) => {
    const own = key === "properties" ? Object.keys(inner) : [];
    return [...own, ...keysOf(inner)];
  });
}

describe("toJson", () => {
  it.each(representativeNames(Registry.standard()))(
    "gives the promised form for %s, and JSON keeps it whole",
    async (strategy) => {
      const result = await simulate(small({ strategy }));
      const json = toJson(result);
      const parsed = resultSchema.parse(JSON.parse(JSON.stringify(json)));
      expect(parsed).toEqual(json);
    },
  );

  it("gives stages that add up to the times", async () => {
    const { migrations } = toJson(await simulate(small({ strategy: "pre-copy+wsclock" })));
    expect(migrations).toHaveLength(1);
    for (const { stagesNs, totalNs, downtimeNs, bytes, bytesSent } of migrations) {
      expect(Object.values(stagesNs).reduce((sum, ns) => sum + ns, 0)).toBe(totalNs);
      const last = stagesNs.stopAndCopy + stagesNs.commitment + stagesNs.activation;
      expect(downtimeNs).toBe(last);
      const { total, ...parts } = bytes;
      expect(Object.values(parts).reduce((sum, n) => sum + n, 0)).toBe(total);
      expect(bytesSent).toBe(total);
    }
  });

  it("is the form of an aborted migration too", async () => {
    const result = await simulate(small({ timeoutNs: 100_000_000 }));
    const [migration] = resultSchema.parse(toJson(result)).migrations;
    expect(migration?.outcome).toBe("source-runs");
    expect(migration?.stopReason).toBe("timeout");
    expect(migration?.totalNs).toBe(100_000_000);
  });

  it("has every key told in docs/CLI.md", () => {
    const page = readFileSync(new URL("../../docs/CLI.md", import.meta.url), "utf8");
    const form = page.slice(page.indexOf("## The JSON of run"));
    const told = new Set(form.match(/\w+/g));
    const known = keysOf(z.toJSONSchema(resultSchema));
    expect(known.length).toBeGreaterThan(60);
    expect(known.filter((key) => !told.has(key))).toEqual([]);
  });

  it("is a copy: changing it leaves the result alone", async () => {
    const result = await simulate(small());
    const json = toJson(result);
    const before = result.migrations[0]?.bytes.total;
    (json.migrations[0] as { bytes: { total: number } }).bytes.total = -1;
    expect(result.migrations[0]?.bytes.total).toBe(before);
  });

  it("tells what post-copy cost, and nothing of it elsewhere", async () => {
    const read = async (strategy: string) =>
      resultSchema.parse(toJson(await simulate(small({ strategy })))).migrations[0];
    const after = await read("post-copy");
    expect(after?.postCopy?.absentPages).toBe(after?.residualPages);
    expect(after?.exposureNs).toBeGreaterThan(0);
    expect(after?.worstStallNs).toBeGreaterThanOrEqual(after?.postCopy?.worstStallNs ?? Infinity);
    const before = await read("pre-copy");
    expect(before).toMatchObject({ exposureNs: 0, residualPages: 0 });
    expect(before).not.toHaveProperty("postCopy");
  });
});
