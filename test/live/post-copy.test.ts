/**
 * Post-copy and hybrid of a real guest: it runs in a thread of its own before its pages are there,
 * while this thread receives them; and what becomes of it when the connection breaks meanwhile.
 */
import { afterEach, describe, expect, it } from "vitest";
import { PrecopyError } from "../../src/base/errors.js";
import { type TinyGuestOptions, tinyGuest } from "../../src/live/guests/tiny.js";
import { parseTinyReports } from "../../src/live/guests/tiny-reports.js";
import { LiveMigration } from "../../src/live/live-migration.js";
import type { LiveResult } from "../../src/live/live-result.js";
import { LiveServer, type LiveServerOptions } from "../../src/live/live-server.js";
import { nodeCrypto as crypto } from "../../src/live/node-crypto.js";
import { ShadowMachine } from "../../src/live/shadow/index.js";
import { type MemoryPair, memoryPair } from "../../src/live/transport/memory.js";
import type { V86Guest } from "../../src/live/v86/index.js";
import { type GuestThread, startGuestThread } from "./shadow/thread.js";
import { makeGuest, sleep } from "./v86/support.js";

const PATTERN: TinyGuestOptions = {
  pattern: "uniform",
  pages: 1000,
  fillPages: 1500,
  writesPerSec: 20_000,
  scanEveryMs: 50,
};

interface Move {
  readonly source: V86Guest;
  readonly there: GuestThread;
  readonly machine: ShadowMachine;
  readonly migration: LiveMigration;
  /** All connections so far, the last one in use. */
  readonly lines: MemoryPair[];
  /** What the guest printed at both ends. */
  text(): string;
}

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of undo.splice(0).reverse()) await end();
});

interface Wishes {
  readonly strategy: string;
  readonly timeoutNs?: number;
  readonly server?: Partial<LiveServerOptions>;
  /** After so many faults the connection breaks. */
  readonly cutAfter?: number;
  /** Connections that can be made. */
  readonly linesMax?: number;
}

/** Starts to move a tiny guest that has scanned its pages once. */
async function move(wishes: Wishes): Promise<Move> {
  const { strategy, timeoutNs, server: serverOptions, linesMax = 2, cutAfter = 0 } = wishes;
  const { image, commandLine } = tinyGuest(PATTERN);
  const source = await makeGuest({ boot: { multiboot: image, cmdline: commandLine } });
  const there = startGuestThread();
  undo.push(
    () => source.destroy(),
    () => there.end(),
  );
  let before = "";
  source.onSerial((byte) => {
    before += String.fromCharCode(byte);
  });
  source.resume();
  while (!/scans=1 /.test(before)) await sleep(10);

  const machine = new ShadowMachine(there.port);
  const createMachine = () => Promise.resolve(machine);
  const server = new LiveServer({ crypto, createMachine, ...serverOptions });
  undo.push(() => server.close());
  const lines: MemoryPair[] = [];
  let faults = 0;
  const migration = await LiveMigration.start({
    machine: source,
    crypto,
    strategy,
    baselineNs: 0,
    bandwidthBytesPerSec: 25e6,
    // Hardly more than what no page causes: what is left by hybrid's rounds does not fit.
    downtimeLimitNs: 16e6,
    ...(timeoutNs !== undefined && { timeoutNs }),
    observe: ({ kind }) => {
      if (kind === "fault" && ++faults === cutAfter) lines.at(-1)?.cut();
    },
    connect: () => {
      if (lines.length >= linesMax) return Promise.reject(new PrecopyError("aborted", "no way"));
      const line = memoryPair();
      lines.push(line);
      void server.accept(line.b);
      return Promise.resolve(line.a);
    },
  });
  return { source, there, machine, migration, lines, text: () => before + there.serial() };
}

const scansOf = (text: string) => parseTinyReports(text).reports.at(-1)?.scans ?? 0;

async function expectSound({ there, text }: Move, result: LiveResult): Promise<void> {
  expect(result.outcome).toBe("target-runs");
  expect(await there.arrived).toEqual({ arrived: true, running: true });
  const scans = scansOf(text());
  while (scansOf(text()) < scans + 2) await sleep(10);
  expect(parseTinyReports(text())).toMatchObject({
    sound: true,
    bad: 0,
    missing: [],
    repeated: [],
  });
}

describe("a guest that runs before its pages are there", () => {
  it.each(["post-copy", "hybrid"])("is whole and sound after %s", async (strategy) => {
    const moving = await move({ strategy });
    const result = await moving.migration.ended;
    await expectSound(moving, result);
    const waits = await moving.machine.whole;
    expect(result.live.faults).toBe(waits?.count);
    expect(result.bytes.residual).toBeGreaterThan(0);
    expect(waits?.count).toBeGreaterThan(0);
    expect(moving.lines.length).toBe(1);
  });

  it("goes on where it waited when the connection is there again, with recovery", async () => {
    const moving = await move({ strategy: "post-copy:recover", cutAfter: 20 });
    const result = await moving.migration.ended;
    expect(moving.lines.length).toBe(2);
    await expectSound(moving, result);
    const waits = await moving.machine.whole;
    expect(waits?.count).toBeGreaterThan(20);
  });

  it.each([
    { strategy: "post-copy", how: "without recovery" },
    { strategy: "post-copy:recover", how: "when the connection does not come back" },
  ])("is lost at both ends $how", async ({ strategy }) => {
    const server = { patienceNs: 0.5e9 };
    const limits = { timeoutNs: 3e9, linesMax: 1 };
    const moving = await move({ strategy, cutAfter: 20, server, ...limits });
    const result = await moving.migration.ended;
    expect(result.outcome).toBe("lost");
    expect(await moving.there.arrived).toEqual({ arrived: false, running: false });
    expect(await moving.machine.whole).toBeUndefined();
    expect(moving.source.running).toBe(false);
    const printed = moving.text();
    await sleep(200);
    expect(moving.text()).toBe(printed);
    expect(parseTinyReports(printed)).toMatchObject({ sound: true, bad: 0 });
  });
});
