/** The examples for embedding run against the packed package and do what they say. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { simulate } from "../../src/model/simulation.js";
import type { SimulationSpec } from "../../src/model/spec.js";
import { makeProject, runNode } from "./places.js";

describe("examples/embed", () => {
  let dir: string;
  let spec: SimulationSpec;

  beforeAll(async () => {
    dir = join(makeProject("examples", {}), "node_modules", "precopy", "examples", "embed");
    const url = pathToFileURL(join(dir, "spec.mjs")).href;
    ({ spec } = (await import(/* @vite-ignore */ url)) as { spec: SimulationSpec });
  });

  it("kernels-only finds the pages of the last three ticks", () => {
    // tau is two ticks: of pages 1001 to 1010 those of ticks 8, 9 and 10 are young enough.
    const text = runNode(dir, ["kernels-only.mjs"]);
    expect(text).toContain("103 of 4096 pages");
    expect(text).toContain("3993 pages are sent first, from page 100 on");
  });

  it("another-simulator changes nothing in the migration and shares its time", async () => {
    const text = runNode(dir, ["another-simulator.mjs"]);
    const { eventLogHash, migrations } = await simulate(spec);
    expect(text).toContain(`events ${eventLogHash}`);
    // One request each millisecond of the downtime, give or take those at its two ends.
    const waited = Number(/(\d+) had to wait/.exec(text)?.[1]);
    const downtimeMs = (migrations[0]?.downtimeNs as number) / 1e6;
    expect(downtimeMs).toBeGreaterThan(20);
    expect(Math.abs(waited - downtimeMs)).toBeLessThanOrEqual(1);
  });

  it("worker-snapshot comes to the same end here and in the worker", async () => {
    const text = runNode(dir, ["worker-snapshot.mjs"]);
    const { eventLogHash } = await simulate(spec);
    expect(text).toMatch(/^here, at 1\.3\d* s: iterative-pre-copy/);
    expect(text.split(`events ${eventLogHash}`)).toHaveLength(3);
  });
});
