import { describe, expect, it } from "vitest";
import { simulate } from "../../src/model/simulation.js";
import { toJson } from "../../src/report/json.js";
import { small } from "../support/specs.js";
import { resultSchema } from "./result-schema.js";

describe("toJson", () => {
  it.each(["suspend", "pre-copy@xen", "pre-copy+wsclock@xen2005", "seed"])(
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

  it("is a copy: changing it leaves the result alone", async () => {
    const result = await simulate(small());
    const json = toJson(result);
    const before = result.migrations[0]?.bytes.total;
    (json.migrations[0] as { bytes: { total: number } }).bytes.total = -1;
    expect(result.migrations[0]?.bytes.total).toBe(before);
  });
});
