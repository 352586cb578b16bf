/**
 * Links that go down while a guest moves: what becomes of it follows from where the move stood. The
 * instants are taken from the same run without outages.
 */
import { describe, expect, it } from "vitest";
import type { MigrationEvent } from "../../src/migrate/messages.js";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { Simulation, simulate } from "../../src/model/simulation.js";
import type { LinkSpec, SimulationSpec } from "../../src/model/spec.js";
import { small, uniform } from "../support/specs.js";

const MS = 1_000_000;
const PATIENCE_NS = 200 * MS;
const TIMEOUT_NS = 2_000 * MS;

const moving = (strategy: string): SimulationSpec => {
  const spec = small({
    pages: 2000,
    strategy,
    activity: uniform(2000, 5_000),
    bandwidthBytesPerSec: 20_000_000,
    latencyNs: MS,
    timeoutNs: TIMEOUT_NS,
  });
  const migrations = spec.migrations.map((one) => ({ ...one, linkTimeoutNs: PATIENCE_NS }));
  return { ...spec, migrations };
};

function broken(spec: SimulationSpec, outages: LinkSpec["outages"] = []): SimulationSpec {
  return { ...spec, links: spec.links.map((link) => ({ ...link, outages })) };
}

async function move(spec: SimulationSpec): Promise<MigrationResult> {
  const { migrations } = await simulate(spec);
  return migrations[0]!;
}

/** Instants of a run's stages. */
async function marksOf(spec: SimulationSpec) {
  const events: MigrationEvent[] = [];
  const seen = (_guest: string, message: object) => {
    if ("atNs" in message) events.push(message as MigrationEvent);
  };
  const { migrations } = await simulate(spec, { observe: seen });
  const { startNs, stagesNs: s, totalNs } = migrations[0]!;
  const liveNs = startNs + s.initialisation + s.reservation;
  const pauseNs = liveNs + s.iterativePreCopy;
  const committedNs = pauseNs + s.stopAndCopy + s.commitment;
  const heard = events.find((event) => event.kind === "peer" && event.message === "running");
  return { liveNs, pauseNs, committedNs, runningHeardNs: heard!.atNs, totalNs };
}

describe("an outage that ends in time", () => {
  it("stalls what is on its way for as long as it lasts, and nothing else", async () => {
    const calm = await move(moving("suspend"));
    const spec = broken(moving("suspend"), [{ atNs: 100 * MS, forNs: 150 * MS }]);
    const stalled = await move(spec);
    expect(stalled.outcome).toBe("target-runs");
    expect(stalled.totalNs - calm.totalNs).toBe(150 * MS);
    expect(stalled.bytesSent).toBe(calm.bytesSent);
  });

  it("before a migration begins is nothing to it", async () => {
    const spec = broken(moving("pre-copy@xen"), [{ atNs: 0, forNs: MS }]);
    const late = { ...spec, migrations: spec.migrations.map((m) => ({ ...m, startNs: 5 * MS })) };
    const other = { ...late, links: moving("pre-copy@xen").links };
    expect((await move(late)).totalNs).toBe((await move(other)).totalNs);
  });

  it("several that overlap are one: the last end counts", async () => {
    const calm = await move(moving("suspend"));
    const overlapping = [
      { atNs: 100 * MS, forNs: 100 * MS },
      { atNs: 150 * MS, forNs: 100 * MS },
      { atNs: 160 * MS, forNs: 10 * MS },
    ];
    const stalled = await move(broken(moving("suspend"), overlapping));
    expect(stalled.totalNs - calm.totalNs).toBe(150 * MS);
  });

  it("holds what the target says until the link is back, in the order in which it was said", async () => {
    const spec = moving("suspend");
    const { runningHeardNs } = await marksOf(spec);
    const said: [string, number][] = [];
    const outage = { atNs: runningHeardNs - 1, forNs: 100 * MS };
    await simulate(broken(spec, [outage]), {
      observe: (_guest, message) => {
        if (message.kind === "peer") said.push([message.message, message.atNs]);
      },
    });
    const backNs = outage.atNs + outage.forNs;
    expect(said.slice(1)).toEqual([
      ["running", backNs + MS],
      ["announced", backNs + MS],
    ]);
  });
});

describe("a connection that breaks", () => {
  it("before the commit point gives the attempt up: the source runs on", async () => {
    for (const strategy of ["pre-copy@xen", "pre-copy@qemu72", "hybrid", "suspend", "post-copy"]) {
      const spec = moving(strategy);
      const { liveNs, committedNs } = await marksOf(spec);
      for (const atNs of [MS, liveNs + MS, committedNs - 2 * MS]) {
        const failed = await move(broken(spec, [{ atNs }]));
        expect(failed).toMatchObject({
          outcome: "source-runs",
          stopReason: "the link to the target was lost",
          verified: { sourceWhole: true, targetFree: true },
        });
        expect(failed.endNs).toBe(atNs + PATIENCE_NS);
      }
    }
  });

  it("a link that is down when a migration begins is given up as well", async () => {
    const failed = await move(broken(moving("pre-copy@xen"), [{ atNs: 0 }]));
    expect(failed.outcome).toBe("source-runs");
    expect(failed.endNs).toBe(PATIENCE_NS);
  });

  it("when permission was lost with it, and it never returns: in doubt, nobody runs", async () => {
    const spec = moving("pre-copy@xen");
    const { committedNs } = await marksOf(spec);
    // The link is down when the permission is given, and the image had just been acknowledged.
    const doubt = await move(broken(spec, [{ atNs: committedNs - 1 }]));
    expect(doubt).toMatchObject({
      outcome: "in-doubt",
      verified: { nobodyRuns: true, sourceMemoryKept: true },
    });
    expect(doubt.endNs).toBe(committedNs + TIMEOUT_NS);
  });

  it("and when it returns in time, permission is given again and the guest runs", async () => {
    const spec = moving("pre-copy@xen");
    const { committedNs } = await marksOf(spec);
    const moved = await move(broken(spec, [{ atNs: committedNs - 1, forNs: 500 * MS }]));
    expect(moved.outcome).toBe("target-runs");
    expect(moved.blackoutNs).toBeGreaterThan(500 * MS);
  });

  it("when the target runs and cannot say so: in doubt, the target alone runs", async () => {
    const spec = moving("pre-copy@xen");
    const { runningHeardNs } = await marksOf(spec);
    const doubt = await move(broken(spec, [{ atNs: runningHeardNs - 1 }]));
    expect(doubt).toMatchObject({
      outcome: "in-doubt",
      verified: { onlyTheTargetRuns: true, sourceMemoryKept: true },
    });
  });

  it("when only the announcement is missing, the migration is complete without it", async () => {
    const spec = moving("pre-copy@xen");
    const { runningHeardNs } = await marksOf(spec);
    const atNs = runningHeardNs + 1;
    const moved = await move(broken(spec, [{ atNs }]));
    expect(moved.outcome).toBe("target-runs");
    expect(moved.endNs).toBe(atNs + PATIENCE_NS + TIMEOUT_NS);
  });
});

describe("post-copy", () => {
  it("loses the guest with its link, at once", async () => {
    for (const strategy of ["post-copy", "hybrid:rounds=1@xen"]) {
      const spec = moving(strategy);
      const { runningHeardNs } = await marksOf(spec);
      const lost = await move(broken(spec, [{ atNs: runningHeardNs + MS, forNs: 300 * MS }]));
      expect(lost).toMatchObject({
        outcome: "lost",
        stopReason: "the link broke while pages were absent at the target",
        verified: { nobodyRuns: true, bothHalvesKept: true },
      });
      expect(lost.endNs).toBe(runningHeardNs + MS + PATIENCE_NS);
    }
  });

  it("with recovery waits for the link, and every page arrives once", async () => {
    const spec = moving("post-copy:recover");
    const { runningHeardNs } = await marksOf(spec);
    const calm = await move(spec);
    const atNs = runningHeardNs + 10 * MS;
    const moved = await move(broken(spec, [{ atNs, forNs: 700 * MS }]));
    expect(moved.outcome).toBe("target-runs");
    expect(moved.residualPages).toBe(2000);
    expect(moved.pagesSent).toBe(2000);
    // What was cut off in the middle is sent again, in batches cut otherwise, but counted once.
    expect(Math.abs(moved.bytesSent - calm.bytesSent)).toBeLessThan(4096);
    expect(moved.totalNs - calm.totalNs).toBeGreaterThan(690 * MS);
    expect(moved.worstStallNs).toBeGreaterThan(600 * MS);
  });

  it("recovers from break after break", async () => {
    const spec = moving("post-copy:recover,preempt");
    const { runningHeardNs } = await marksOf(spec);
    const outages = [1, 2, 3].map((n) => ({
      atNs: runningHeardNs + n * 250 * MS,
      forNs: 220 * MS,
    }));
    const moved = await move(broken(spec, outages));
    expect(moved.outcome).toBe("target-runs");
    expect(moved.pagesSent).toBe(2000);
  });

  it("a link that breaks again before the two have found each other changes nothing", async () => {
    const spec = moving("post-copy:recover");
    const { runningHeardNs } = await marksOf(spec);
    const first = { atNs: runningHeardNs + MS, forNs: 300 * MS };
    // Reconnecting takes 5 ms and two latencies: the second outage cuts into it.
    const second = { atNs: first.atNs + first.forNs + 3 * MS, forNs: 300 * MS };
    const moved = await move(broken(spec, [first, second]));
    expect(moved.outcome).toBe("target-runs");
    expect(moved.pagesSent).toBe(2000);
  });

  it("a link that does not come back within the time-out loses it in spite of recovery", async () => {
    const spec = moving("post-copy:recover");
    const { runningHeardNs } = await marksOf(spec);
    const atNs = runningHeardNs + MS;
    const lost = await move(broken(spec, [{ atNs }]));
    expect(lost).toMatchObject({ outcome: "lost", stopReason: "the link did not come back" });
    expect(lost.endNs).toBe(atNs + PATIENCE_NS + TIMEOUT_NS);
  });

  it("is not lost when the link breaks after the last page left", async () => {
    const spec = moving("post-copy");
    const calm = await move(spec);
    const atNs = calm.endNs - 1;
    const moved = await move(broken(spec, [{ atNs, forNs: 400 * MS }]));
    expect(moved.outcome).toBe("target-runs");
    const doubt = await move(broken(spec, [{ atNs }]));
    expect(doubt).toMatchObject({ outcome: "in-doubt", verified: { onlyTheTargetRuns: true } });
  });
});

describe("a cancel", () => {
  it("counts in every state before the commit point, and in none after it", async () => {
    for (const strategy of ["pre-copy@xen", "post-copy", "hybrid:rounds=1", "pre-copy@qemu102"]) {
      const spec = moving(strategy);
      const { committedNs, totalNs } = await marksOf(spec);
      const instants = Array.from({ length: 24 }, (_, i) => Math.floor((totalNs * i) / 24));
      for (const atNs of [...instants, committedNs - 1, committedNs + 1]) {
        const simulation = await Simulation.create(spec);
        simulation.advanceTo(atNs);
        simulation.cancelAll("cancelled");
        const { migrations } = await simulation.run();
        const outcome = atNs < committedNs ? "source-runs" : "target-runs";
        expect([strategy, atNs, migrations[0]!.outcome]).toEqual([strategy, atNs, outcome]);
      }
    }
  });

  it("while the target is asked for room leaves no room taken", async () => {
    const spec = moving("pre-copy@xen");
    const simulation = await Simulation.create(spec);
    simulation.advanceTo(5 * MS + 100_000);
    expect(simulation.progress()[0]!.state).toBe("reservation");
    simulation.cancelAll("cancelled");
    await simulation.run();
    simulation.dispose();
    expect(simulation.hosts.get("b")!.memory.has("guest")).toBe(false);
  });
});

describe("a specification", () => {
  it("refuses a patience that is shorter than the way there and back, and odd instants", async () => {
    const spec = moving("pre-copy@xen");
    const hasty = { ...spec, migrations: spec.migrations.map((m) => ({ ...m, linkTimeoutNs: 1 })) };
    await expect(simulate(hasty)).rejects.toThrow(/at least the 2000000 ns of the way there/);
    await expect(simulate(broken(spec, [{ atNs: -1 }]))).rejects.toThrow(/outage at -1 ns/);
    await expect(simulate(broken(spec, [{ atNs: 0, forNs: 0 }]))).rejects.toThrow(/for 0 ns/);
  });
});
