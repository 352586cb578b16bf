/** Forecasts of scenarios beside the page-exact simulation of the same migrations. */
import { describe, expect, it } from "vitest";
import { openScenario } from "../../src/cli/scenario-file.js";
import { loadTraceFile } from "../../src/cli/trace-files.js";
import { forecast } from "../../src/forecast/forecast.js";
import { forecastInputs } from "../../src/forecast/forecast-spec.js";
import { traceCurve } from "../../src/forecast/trace-curve.js";
import { simulate } from "../../src/index.js";
import type { SimulationSpec } from "../../src/model/spec.js";

const off = (said: number, came: number) => Math.abs(said / came - 1);

async function both(spec: SimulationSpec) {
  const [one] = forecastInputs(spec);
  const { migrations } = await simulate(spec);
  const [came] = migrations;
  if (one === undefined || came === undefined) throw new Error("one migration");
  return { said: forecast(one.input), came, name: one.name };
}

describe("a forecast of a scenario", () => {
  it.each([
    ["examples/idle-server.yaml", undefined],
    ["examples/idle-server.yaml", "pre-copy@qemu72"],
    ["examples/seed.yaml", "pre-copy@xen"],
    ["examples/seed.yaml", "pre-copy@qemu102"],
    ["examples/seed.yaml", "pre-copy@cloud-hypervisor"],
    ["examples/busy-database.yaml", "pre-copy@xen"],
  ])("%s by %s is near the simulation page by page", async (file, strategy) => {
    const { spec } = await openScenario(file, {}, strategy);
    const { said, came, name } = await both(spec);
    expect(name).toBe(came.guest);
    expect(said.rule).toBe(came.stopReason);
    expect(off(said.totalMs.middle, came.totalNs / 1e6)).toBeLessThan(0.06);
    expect(off(said.bytes.middle, came.bytesSent)).toBeLessThan(0.04);
    expect(Math.abs(said.downtimeMs.middle - came.downtimeNs / 1e6)).toBeLessThan(
      Math.max(60, 0.15 * (came.downtimeNs / 1e6)),
    );
  });

  it("knows synthetic patterns, each by its own curve", async () => {
    const { spec } = await openScenario("examples/seed.yaml", {}, "pre-copy@xen");
    const domain = spec.domains.find((one) => one.name === spec.migrations[0]?.domain);
    if (domain === undefined) throw new Error("a guest moves");
    const patterns = [
      { kind: "uniform", firstPage: 1000, pages: 8000 },
      { kind: "sequential", firstPage: 10_000, pages: 4000 },
      { kind: "hot-cold", firstPage: 20_000, pages: 9000, hotPages: 500, hotFraction: 0.9 },
      { kind: "zipf", firstPage: 30_000, pages: 20_000, exponent: 1 },
    ] as const;
    for (const pattern of patterns) {
      const activity = {
        kind: "synthetic",
        components: [{ pattern, accessesPerSec: 6000 }],
      } as const;
      const alone = {
        ...spec,
        domains: [{ ...domain, activity }],
        migrations: spec.migrations.slice(0, 1),
      };
      const { said, came } = await both(alone);
      expect(said.rule, pattern.kind).toBe(came.stopReason);
      expect(off(said.totalMs.middle, came.totalNs / 1e6), pattern.kind).toBeLessThan(0.03);
      expect(off(said.bytes.middle, came.bytesSent), pattern.kind).toBeLessThan(0.03);
    }
  });

  it("refuses what it has no form for, and says what has", async () => {
    const { spec } = await openScenario("examples/seed.yaml", {}, "pre-copy+wsclock");
    const [one] = forecastInputs(spec);
    expect(() => forecast(one!.input)).toThrow(/predictor wsclock.*precopy run/);
  });
});

describe("the curve of a trace", () => {
  it("counts distinct pages of windows as sets do", async () => {
    const { trace } = await loadTraceFile("examples/traces/gzip.wsdt2.gz", { clock: "time" });
    const points = traceCurve(trace);
    const all = new Set<number>();
    let first = 0;
    for (let i = 0; i < trace.intervals; i++) {
      for (const page of trace.written(i)) all.add(page);
      if (i === 0) first = all.size;
    }
    expect(points.at(-1)?.pages).toBe(all.size);
    expect(points.at(-1)?.windowSec).toBeCloseTo(trace.durationNs / 1e9, 6);
    expect(points[0]?.pages).toBeGreaterThan(0);
    expect(first).toBeGreaterThan(0);
    for (const [i, { windowSec, pages }] of points.slice(1).entries()) {
      expect(windowSec).toBeGreaterThan(points[i]?.windowSec ?? 0);
      expect(pages).toBeGreaterThanOrEqual(points[i]?.pages ?? 0);
    }
  });
});
