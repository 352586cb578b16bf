/** Recordings of migrations whose answers are told by a script. */
import { afterEach, describe, expect, it } from "vitest";
import { readMigrationLog } from "../../../src/forecast/logs/index.js";
import { isQemuRun, parseQemuRun } from "../../../src/forecast/qemu-run.js";
import {
  type MigrationSample,
  type RecordOptions,
  type RunLabels,
  recordMigration,
} from "../../../src/live/qemu/migration-recorder.js";
import { startMigration } from "../../../src/live/qemu/qemu-migration.js";
import { QmpClient } from "../../../src/live/qemu/qmp-client.js";
import {
  ACTIVE,
  COMPLETED,
  FakeQmp,
  type FakeScript,
  fakeQemu,
  Refusal,
} from "../../support/fake-qmp.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const LABELS: RunLabels = {
  id: "one",
  guest: { kind: "qemu", mem_mb: 128, vcpus: 1, workload: { name: "web1" } },
  net: { kind: "max-bandwidth", bytes_per_s: 50_000_000, transport: null },
  params: { "downtime-limit": 300 },
  caps: {},
};

async function connected(script: FakeScript) {
  const server = await FakeQmp.listen({ script });
  const client = await QmpClient.connect(server.path);
  ends.push(
    () => client.close(),
    () => server.close(),
  );
  return { server, client };
}

async function record(script: FakeScript, options: Partial<RecordOptions> = {}) {
  const { server, client } = await connected(script);
  const run = await recordMigration(client, { labels: LABELS, intervalMs: 5, ...options });
  return { server, run };
}

describe("a recording", () => {
  it("reads as a recorded run, for validate and for explain", async () => {
    const samples: MigrationSample[] = [];
    const later = { ...ACTIVE, ram: { ...ACTIVE.ram, "dirty-sync-count": 4 } };
    const { run, server } = await record(fakeQemu([ACTIVE, later, COMPLETED]), {
      onSample: (sample) => void samples.push(sample),
    });
    const line = JSON.parse(JSON.stringify(run)) as Record<string, unknown>;
    expect(isQemuRun(line)).toBe(true);
    expect(parseQemuRun(line)).toMatchObject({
      known: { id: "one", strategy: "precopy", memoryPages: 32_768, bytesPerSec: 50_000_000 },
      actual: { completed: true, totalMs: 4000, downtimeMs: 12, bytes: 140_000_000, syncs: 5 },
    });
    expect(samples.map(({ status, syncs }) => [status, syncs])).toEqual([
      ...[
        ["active", 2],
        ["active", 4],
        ["completed", 5],
      ],
    ]);
    expect(run.syncs).toHaveLength(5);
    expect(run.series.rows).toHaveLength(3);
    const log = readMigrationLog(JSON.stringify(run), { file: "one" });
    expect(log).toMatchObject({ outcome: { value: "completed" }, format: "qmp" });
    expect(server.names.filter((name) => !/^(query-migrate$|qmp_)/.test(name))).toEqual([]);
  });

  it("begins when QEMU's clock says, if the migration ran before", async () => {
    const { run } = await record(fakeQemu([ACTIVE, COMPLETED]));
    expect(run.series.rows[0]?.[0]).toBeGreaterThanOrEqual(1000);
    expect(run.series.rows[0]?.[0]).toBeLessThan(1000 + 5000);
  });

  it("looks on when completed comes without its figures", async () => {
    const { "total-time": _total, downtime: _down, ...bare } = COMPLETED;
    const zero = { ...COMPLETED, "total-time": 0 };
    const { run } = await record(fakeQemu([ACTIVE, bare, zero, COMPLETED]));
    expect(run.reported).toMatchObject({ total_time_ms: 4000, downtime_ms: 12 });
  });

  it("takes the last figures where they never come", async () => {
    const zero = { ...COMPLETED, "total-time": 0 };
    const { run } = await record(fakeQemu([ACTIVE, zero]), { intervalMs: 500 });
    expect(run.outcome).toBe("completed");
    expect(run.reported.total_time_ms).toBeGreaterThan(0);
  });

  it.each([
    ["from the source's STOP to the destination's RESUME", true, 42],
    ["not at all where QEMU did not tell of the STOP", false, null],
  ])("times the pause %s", async (_what, tellsStop, blackoutMs) => {
    const target = await connected(() => ({}));
    const stopMs = Date.now();
    const script = fakeQemu([ACTIVE, COMPLETED]);
    const { run } = await record(
      (command, server) => {
        if (tellsStop) server.event("STOP", {}, stopMs);
        return script(command, server);
      },
      {
        startedMs: stopMs - 500,
        target: target.client,
        // Told when the source has ended: it is waited for.
        onSample: ({ status }) => {
          if (status === "completed") target.server.event("RESUME", {}, stopMs + 42);
        },
      },
    );
    expect(run.measured).toMatchObject({
      stop_event_ms: tellsStop ? 500 : null,
      dst_resume_event_ms: 542,
      event_blackout_ms: blackoutMs,
    });
    expect(run.events.at(-1)).toEqual([542, "dst", "RESUME", null]);
  });

  it("keeps events of the source, by QEMU's clock unless it is another machine's", async () => {
    const startedMs = Date.now();
    const script = fakeQemu([ACTIVE, COMPLETED]);
    let told = false;
    const { run } = await record(
      (command, server) => {
        if (command.execute === "query-migrate" && !told) {
          told = true;
          server.event("MIGRATION", { status: "active" }, startedMs + 7);
          server.event("STOP", {}, startedMs - 86_400_000);
        }
        return script(command, server);
      },
      { startedMs },
    );
    expect(run.events[0]).toEqual([expect.closeTo(7, 1), "src", "MIGRATION", "active"]);
    const stopMs = run.measured.stop_event_ms ?? Number.NaN;
    expect(stopMs).toBeGreaterThanOrEqual(0);
    expect(stopMs).toBeLessThan(60_000);
  });

  it.each([
    ["failed", { status: "failed", "error-desc": "Connection refused" }, "Connection refused"],
    ["cancelled", { status: "cancelled" }, undefined],
  ])("tells of one that %s, with the counts of its last look", async (outcome, answer, error) => {
    const { run } = await record(fakeQemu([ACTIVE, answer]));
    expect(run).toMatchObject({ outcome, reported: { ram: { transferred: 40_000_000 } } });
    expect(run.error).toBe(error);
    const line = JSON.parse(JSON.stringify(run)) as Record<string, unknown>;
    expect(() => parseQemuRun(line)).toThrow(`its outcome is ${outcome}: there is nothing`);
  });

  it("is whole even if it failed before anything was sent", async () => {
    const { run } = await record(fakeQemu([{ status: "failed", "error-desc": "no host" }]), {
      startedMs: Date.now() - 10,
    });
    const { outcome, reported } = run;
    expect(outcome).toBe("failed");
    expect(reported.ram).toMatchObject({ transferred: 0, "dirty-sync-count": 0 });
  });

  it("names the strategy by what went on, not by what was allowed", async () => {
    const caps = { "postcopy-ram": true };
    const never = await record(fakeQemu([ACTIVE, COMPLETED]), { labels: { ...LABELS, caps } });
    expect(never.run.strategy).toBe("precopy");
    const active = { ...ACTIVE, status: "postcopy-active" };
    const did = await record(fakeQemu([active, COMPLETED]), { labels: { ...LABELS, caps } });
    expect(did.run.strategy).toBe("postcopy");
  });
});

describe("what ends a recording early", () => {
  it("is said when no migration runs", async () => {
    await expect(record(fakeQemu([{}]))).rejects.toThrow("no migration runs (none)");
    await expect(record(fakeQemu([COMPLETED]))).rejects.toThrow("no migration runs (completed)");
  });

  it("QEMU that goes away: completed if it had said so, else unknown", async () => {
    for (const [says, outcome] of [
      [true, "completed"],
      [false, "unknown"],
    ] as const) {
      const script = fakeQemu([ACTIVE]);
      let looks = 0;
      const { run } = await record((command, server) => {
        if (command.execute === "query-migrate" && ++looks > 2) {
          if (says) server.event("MIGRATION", { status: "completed" });
          for (const socket of server.sockets) socket.end();
          return undefined;
        }
        return script(command, server);
      });
      expect(run.outcome).toBe(outcome);
      expect(run.reported.total_time_ms).toBe(1000);
    }
  });

  it("QEMU that goes away before the first answer", async () => {
    const leave: FakeScript = (_command, server) => {
      server.hangUp();
      return undefined;
    };
    await expect(record(leave)).rejects.toMatchObject({ code: "aborted" });
  });

  it("the signal, with its reason, without a command more than looks", async () => {
    const abort = new AbortController();
    const { server, client } = await connected(fakeQemu([ACTIVE]));
    const recording = recordMigration(client, {
      ...{ labels: LABELS, intervalMs: 5, signal: abort.signal },
      onSample: () => abort.abort(new Error("enough")),
    });
    await expect(recording).rejects.toThrow("enough");
    expect(new Set(server.names)).toEqual(new Set(["qmp_capabilities", "query-migrate"]));
  });
});

describe("a start", () => {
  const uri = "tcp:10.0.0.2:4444";

  it("sets what was wished, with events, and then migrates", async () => {
    const { server, client } = await connected(() => ({}));
    const parameters = { "downtime-limit": 500 };
    await startMigration(client, { uri, parameters, capabilities: { xbzrle: true } });
    expect(server.commands.slice(1).map(({ execute, arguments: args }) => [execute, args])).toEqual(
      [
        [
          "migrate-set-capabilities",
          {
            capabilities: [
              { capability: "xbzrle", state: true },
              { capability: "events", state: true },
            ],
          },
        ],
        ["migrate-set-parameters", parameters],
        ["migrate", { uri }],
      ],
    );
  });

  it("does not migrate where a setting is refused", async () => {
    const { server, client } = await connected(({ execute }) =>
      execute === "migrate-set-parameters" ? new Refusal("GenericError", "no such") : {},
    );
    const starting = startMigration(client, { uri, parameters: { x: 1 } });
    await expect(starting).rejects.toThrow("no such");
    expect(server.names).not.toContain("migrate");
  });
});
