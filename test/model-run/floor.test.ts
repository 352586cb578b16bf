/** The floor lies under every run of its class, whatever suspending itself dirties. */
import { describe, expect, it } from "vitest";
import { floorOfMigration } from "../../src/model/floor.js";
import { simulate } from "../../src/model/simulation.js";
import { hotCold, small } from "../support/specs.js";

describe("the floor of a migration", () => {
  it.each(["suspend", "pre-copy@xen", "pre-copy@xen-skip"])("lies under %s", async (strategy) => {
    const spec = small({
      pages: 8192,
      strategy,
      activity: hotCold(8192, 3000),
      suspendDirtiesPages: 400,
      bandwidthBytesPerSec: 12_500_000,
      downtimeLimitNs: 5_000_000_000,
    });
    const floor = await floorOfMigration(spec, 0);
    const [run] = (await simulate(spec)).migrations;
    expect(floor.migrationTotalNs).toBeLessThanOrEqual(run!.totalNs);
  });
});
