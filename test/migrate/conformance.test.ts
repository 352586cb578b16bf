/** The modelled machines keep what the ports promise. */
import { describe, expect, it } from "vitest";
import { portsConformance } from "../../src/migrate/conformance/index.js";
import { modelHarness } from "../support/model-ports.js";

describe("a modelled machine", () => {
  for (const { name, run } of portsConformance(modelHarness())) it(name, run);

  it("is asked for less where the harness can show less", () => {
    const names = (harness: object) =>
      portsConformance({ ...modelHarness(), ...harness }).map(({ name }) => name);
    const all = names({});
    expect(new Set(all).size).toBe(all.length);
    const fewer = names({ steadyTime: false, directWrites: false });
    expect(all.filter((name) => !fewer.includes(name))).toEqual([
      "has each write in the next harvest, once",
      "runs slower under a brake, and as before without",
    ]);
  });
});
