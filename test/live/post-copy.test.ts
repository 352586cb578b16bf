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
  readonly pattern?: TinyGuestOptions;
  recordCommit?(source: V86Guest): void;
  readonly timeoutNs?: number;
  readonly server?: Partial<LiveServerOptions>;
  onFault?(there: GuestThread): void;
  /** After so many faults the connection breaks. */
  readonly cutAfter?: number;
  /** Connections that can be made. */
  readonly linesMax?: number;
}

/** Starts to move a tiny guest that has scanned its pages once. */
async function move(wishes: Wishes): Promise<Move> {
  const { strategy, timeoutNs, server: serverOptions, linesMax = 2, cutAfter = 0 } = wishes;
  const { image, commandLine } = tinyGuest(wishes.pattern ?? PATTERN);
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
    recordCommit: async () => wishes.recordCommit?.(source),
    observe: ({ kind }) => {
      if (kind !== "fault") return;
      if (++faults === cutAfter) lines.at(-1)?.cut();
      wishes.onFault?.(there);
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

const pageOf = (memory: Uint8Array, pfn: number) => memory.subarray(pfn * 4096, (pfn + 1) * 4096);
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
    const stalls = await moving.machine.whole;
    if (strategy === "post-copy") expect(stalls?.faults).toBeGreaterThan(0);
    // Of a page that came while it was asked for, the source never hears.
    expect(result.live.faults).toBeLessThanOrEqual(stalls?.faults ?? 0);
    expect(result.bytes.residual).toBeGreaterThan(0);
    expect(moving.lines.length).toBe(1);
  });

  it("has every page as it was left, but for those that it writes", async () => {
    let left = new Uint8Array(0);
    const pattern = { pattern: "idle", pages: 1000, fillPages: 1500, scanEveryMs: 50 } as const;
    const moving = await move({
      ...{ strategy: "post-copy", pattern },
      // Paused, and nothing has run there yet.
      recordCommit: (source) => {
        left = source.memory().slice();
      },
    });
    await expectSound(moving, await moving.migration.ended);
    const memory = await moving.there.pause();
    const differs = Array.from({ length: memory.length / 4096 }, (_, pfn) => pfn).filter(
      (pfn) => Buffer.compare(pageOf(memory, pfn), pageOf(left, pfn)) !== 0,
    );
    // Its counters and its stack, in the image at 1 MiB.
    expect(differs.length).toBeLessThan(8);
    expect(differs.every((pfn) => pfn >= 0x100 && pfn < 0x110)).toBe(true);
  });

  it("goes on where it waited when the connection is there again, with recovery", async () => {
    const moving = await move({ strategy: "post-copy:recover", cutAfter: 3 });
    const result = await moving.migration.ended;
    expect(moving.lines.length).toBe(2);
    await expectSound(moving, result);
    expect((await moving.machine.whole)?.faults).toBeGreaterThan(3);
  });

  it.each([
    { strategy: "post-copy", how: "without recovery" },
    { strategy: "post-copy:recover", how: "when the connection does not come back" },
  ])("is lost at both ends $how", async ({ strategy }) => {
    const server = { patienceNs: 0.5e9 };
    const limits = { timeoutNs: 3e9, linesMax: 1 };
    const moving = await move({ strategy, cutAfter: 3, server, ...limits });
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

  it("is lost, and said to be, when its thread dies while it waits", async () => {
    const moving = await move({
      ...{ strategy: "post-copy", timeoutNs: 3e9, linesMax: 1 },
      onFault: (there) => void there.end(),
    });
    const result = await moving.migration.ended;
    expect(result.outcome).toBe("lost");
    expect(await moving.machine.whole).toBeUndefined();
    expect(moving.source.running).toBe(false);
  });
});
