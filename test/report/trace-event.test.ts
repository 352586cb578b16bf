import { describe, expect, it } from "vitest";
import { simulate } from "../../src/model/simulation.js";
import { type TraceEvent, toTraceEvents } from "../../src/report/trace-event.js";
import { small } from "../support/specs.js";
import { migration, resultOf } from "./results.js";

const stretches = (events: readonly TraceEvent[], track: number) =>
  events.filter(({ ph, tid }) => ph === "X" && tid === track);

describe("toTraceEvents", () => {
  it("lays the stages end to end over the whole migration, in microseconds", async () => {
    const result = await simulate(small({ strategy: "pre-copy+wsclock" }));
    const [first] = result.migrations;
    const stages = stretches(toTraceEvents(result).traceEvents, 1);
    expect(stages).toHaveLength(6);
    let atUs = (first?.startNs ?? 0) / 1000;
    for (const { ts, dur } of stages) {
      expect(ts).toBeCloseTo(atUs, 3);
      atUs += dur ?? 0;
    }
    expect(atUs).toBeCloseTo(((first?.startNs ?? 0) + (first?.totalNs ?? 0)) / 1000, 3);
  });

  it("puts the rounds within the pre-copy stage", async () => {
    const result = await simulate(small());
    const { traceEvents } = toTraceEvents(result);
    const stage = traceEvents.find(({ name }) => name === "iterative pre-copy");
    const rounds = stretches(traceEvents, 2);
    expect(rounds).toHaveLength(result.migrations[0]?.rounds.length ?? -1);
    const endUs = (stage?.ts ?? 0) + (stage?.dur ?? 0);
    for (const { ts = 0, dur = 0 } of rounds) {
      expect(ts).toBeGreaterThanOrEqual(stage?.ts ?? Number.NaN);
      expect(ts + dur).toBeLessThanOrEqual(endUs + 0.001);
    }
  });

  it("tells the faults of post-copy at the residual push", async () => {
    const result = await simulate(small({ strategy: "post-copy" }));
    const [first] = result.migrations;
    const stages = stretches(toTraceEvents(result).traceEvents, 1);
    const push = stages.at(-1);
    expect(push?.name).toBe("residual push");
    const { args = {}, ts = 0, dur = 0 } = push ?? {};
    expect(dur).toBeCloseTo((first?.stagesNs.residualPush ?? 0) / 1000, 3);
    expect(ts + dur).toBeCloseTo(((first?.startNs ?? 0) + (first?.totalNs ?? 0)) / 1000, 3);
    const { faults = 0, vcpuBlocktimeNs = [] } = first?.postCopy ?? {};
    expect(faults).toBeGreaterThan(0);
    expect(args).toMatchObject({ faults, exposureNs: first?.exposureNs });
    expect(args.vcpu0BlocktimeNs).toBe(vcpuBlocktimeNs[0]);
    const buckets = Object.entries(args).filter(([key]) => key.startsWith("stallsFrom"));
    expect(buckets.reduce((sum, [, stalls]) => sum + Number(stalls), 0)).toBe(faults);
  });

  it("gives every migration a process of its own and leaves out empty stages", () => {
    const guests = [migration({ rounds: [] }), migration({ guest: "db" })];
    const { traceEvents, otherData } = toTraceEvents(resultOf(guests, { seed: 9 }));
    expect(otherData.seed).toBe(9);
    const names = traceEvents.filter(({ name }) => name === "process_name");
    expect(names.map(({ pid, args }) => [pid, args?.name])).toEqual([
      [1, "web  pre-copy@xen"],
      [2, "db  pre-copy@xen"],
    ]);
    expect(traceEvents.some(({ name }) => name === "residual push")).toBe(false);
    expect(stretches(traceEvents, 2).every(({ pid }) => pid === 2)).toBe(true);
  });
});
