/** What is read of a QEMU, from answers of several versions and from answers that are no good. */
import { afterEach, describe, expect, it } from "vitest";
import { parseMigrationParameter } from "../../../src/live/qemu/qemu-migration.js";
import { migrationAnswer, QemuMonitor } from "../../../src/live/qemu/qemu-monitor.js";
import { QmpClient } from "../../../src/live/qemu/qmp-client.js";
import { ACTIVE, FakeQmp, type FakeQmpOptions, fakeQemu, Refusal } from "../../support/fake-qmp.js";
import { Qemu, withoutQemu } from "../../support/qemu.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function monitorOf(options: FakeQmpOptions) {
  const server = await FakeQmp.listen(options);
  const client = await QmpClient.connect(server.path);
  ends.push(
    () => client.close(),
    () => server.close(),
  );
  return { server, monitor: new QemuMonitor(client) };
}

const NEWER = JSON.stringify({
  QMP: { version: { qemu: { major: 8, minor: 2, micro: 0 }, package: "" }, capabilities: [] },
});

describe("facts", () => {
  it("are read, and nothing but read", async () => {
    const { server, monitor } = await monitorOf({ script: fakeQemu([ACTIVE]) });
    expect(await monitor.facts()).toMatchObject({
      ...{ guest: "web1", status: "running", memoryBytes: 134_217_728, vcpus: 1, missing: [] },
      capabilities: { xbzrle: false },
      parameters: { "downtime-limit": 300 },
      migration: { status: "active", totalMs: 1000, ram: { remaining: 90_000_000 } },
    });
    expect(server.names.filter((name) => !/^(query-|qmp_)/.test(name))).toEqual([]);
  });

  it("do without what a version does not know, and say so", async () => {
    const script = fakeQemu([{}]);
    const { monitor } = await monitorOf({
      script: (command, server) =>
        /cpus|name/.test(command.execute)
          ? new Refusal("CommandNotFound", "not found")
          : script(command, server),
    });
    expect(await monitor.facts()).toMatchObject({
      ...{ guest: undefined, vcpus: undefined, missing: ["query-name", "query-cpus-fast"] },
      migration: { status: "none", ram: undefined },
    });
  });

  it("take odd answers for nothing told", () => {
    for (const value of [null, 7, "x", [], {}, { status: 3, ram: [], "total-time": "1" }]) {
      expect(migrationAnswer(value)).toMatchObject({ status: "none", ram: undefined });
    }
    const odd = { status: "active\u001b[2J", ram: { remaining: "1", transferred: 5 } };
    expect(migrationAnswer(odd)).toMatchObject({
      ...{ status: "active [2J", totalMs: undefined, ram: { transferred: 5 } },
    });
  });
});

describe("dirty rates", () => {
  it("are sampled over whole seconds in 7.2, and never by the modes that end it", async () => {
    let asked = 0;
    const script = fakeQemu([{}]);
    const { server, monitor } = await monitorOf({
      script: (command, self) => {
        if (command.execute !== "query-dirty-rate") return script(command, self);
        return ++asked < 3 ? { status: "measuring" } : { status: "measured", "dirty-rate": 8 };
      },
    });
    // 8 MiB/s and at most one more: 8.5 MiB in each of 3 s, of 4 KiB pages.
    expect(await monitor.dirtyWindow(3, 134_217_728)).toEqual({
      ...{ windowSec: 3, mibPerSec: 8, pages: 6528, samplePagesPerGib: 16_384 },
    });
    expect(server.commands.find(({ execute }) => execute === "calc-dirty-rate")).toMatchObject({
      arguments: { "calc-time": 3, "sample-pages": 16_384, mode: "page-sampling" },
    });
    for (const windowSec of [0.5, 1.5, 61, 0, Number.NaN]) {
      await expect(monitor.dirtyWindow(windowSec, 2 ** 27)).rejects.toMatchObject({
        code: "limit",
      });
    }
  });

  it("are sampled over milliseconds from 8.2 on", async () => {
    const { server, monitor } = await monitorOf({ greeting: NEWER, script: fakeQemu([{}]) });
    const { pages } = await monitor.dirtyWindow(0.25, 2 ** 40);
    expect(pages).toBe(8.5 * 256 * 0.25);
    expect(server.commands.find(({ execute }) => execute === "calc-dirty-rate")).toMatchObject({
      arguments: { "calc-time": 250, "calc-time-unit": "millisecond", "sample-pages": 512 },
    });
  });

  it("are never more than the memory", async () => {
    const { monitor } = await monitorOf({ script: fakeQemu([{}]) });
    expect((await monitor.dirtyWindow(60, 2 ** 20)).pages).toBe(256);
  });

  it("pass on that QEMU refuses, and stop by the signal", async () => {
    const refusing = await monitorOf({
      script: () => new Refusal("GenericError", "the dirty rate is already being measured"),
    });
    const refused = refusing.monitor.dirtyWindow(1, 2 ** 27);
    await expect(refused).rejects.toThrow("already being measured");
    const endless = await monitorOf({ script: () => ({ status: "measuring" }) });
    const abort = new AbortController();
    const measuring = endless.monitor.dirtyWindow(1, 2 ** 27, abort.signal);
    abort.abort(new Error("enough"));
    await expect(measuring).rejects.toThrow("enough");
  });
});

describe("parameters as words", () => {
  it.each([
    ["max-bandwidth=50000000", ["max-bandwidth", 50_000_000]],
    ["cpu-throttle-tailslow=true", ["cpu-throttle-tailslow", true]],
    ["multifd-compression=zstd", ["multifd-compression", "zstd"]],
  ])("%s", (text, parsed) => expect(parseMigrationParameter(text)).toEqual(parsed));

  it.each(["", "x", "=1", "a=", "A b=1", "__proto__=1"])("not %s", (text) => {
    expect(() => parseMigrationParameter(text)).toThrow("sets no parameter");
  });
});

describe.skipIf(withoutQemu())("QEMU itself (qemu-system-x86)", () => {
  it("tells its facts, and a dirty rate that is the guest's", async () => {
    const guest = { pattern: "sequential", pages: 8000, fillPages: 0, writesPerSec: 1000 } as const;
    const qemu = new Qemu({ guest: { ...guest, scanEveryMs: 0 }, name: "tiny" });
    ends.push(() => qemu.end());
    const monitor = new QemuMonitor(await qemu.connect());
    const before = await qemu.reported(({ n }) => n >= 20);
    const facts = await monitor.facts();
    expect(facts).toMatchObject({ guest: "tiny", status: "running", vcpus: 1, missing: [] });
    const startMs = performance.now();
    const window = await monitor.dirtyWindow(1, facts.memoryBytes);
    const wallSec = (performance.now() - startMs) / 1000;
    const after = await qemu.reported(({ n }) => n > before.n);
    // One page after the other: each write is a page of its own. 2,000 samples of 32,770 pages, a
    // figure in whole MiB/s, and a window that begins and ends somewhat later than asked.
    const written = (after.writes - before.writes) / wallSec;
    expect(window.pages).toBeGreaterThan(written * 0.6);
    expect(window.pages).toBeLessThan(written * 1.5);
  });
});
