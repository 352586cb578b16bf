import { describe, expect, it } from "vitest";
import {
  type FluidMigrationSpec,
  sequentialCurve,
  simulateFluid,
  uniformCurve,
} from "../../src/fluid/index.js";
import { xen } from "../../src/policy/presets/xen.js";
import { CONTINUE } from "../../src/policy/stop-rule.js";

const wire = { name: "wire", bandwidthBytesPerSec: 125e6, latencyNs: 0 };
/** Nothing but pages costs time: rounds can be computed by hand. */
const FREE = {
  initialiseNs: 0,
  reserveNs: 0,
  logDirtyNsPerPage: 0,
  writeFaultNs: 0,
  suspendNs: 0,
  restoreNs: 0,
  commitNs: 0,
  unpauseNs: 0,
  attachDevicesNs: 0,
  announceNs: 0,
};
/** A frame and a stream without overhead. */
const plain = { ...wire, frame: { payloadBytes: 1448, overheadBytes: 0 } };
const bare = { ...xen, stream: { perPageBytes: 0, perBatchBytes: 0 } };
const endless = {
  ...bare,
  name: "endless",
  createStopRule: () => ({ beforeRound: () => CONTINUE, afterRound: () => CONTINUE }),
};
const PAGES = 100_000;

function guest(change: Partial<FluidMigrationSpec> = {}): FluidMigrationSpec {
  const curve = sequentialCurve({ pages: PAGES, writesPerSec: 125e6 / 4096 / 2 });
  return { path: ["wire"], pages: PAGES, curve, preset: bare, costs: FREE, ...change };
}

describe("the recurrence", () => {
  it("halves a guest that dirties half of the bandwidth, five times", () => {
    const [result] = simulateFluid({ links: [plain], migrations: [guest()] });
    expect(result?.rounds.map((round) => round.pagesSent)).toEqual([
      100_000, 50_000, 25_000, 12_500, 6_250,
    ]);
    expect(result?.stopPages).toBe(3_125);
    expect(result).toMatchObject({ stopReason: "max-iterations", converged: true, roundCount: 5 });
    // 3,125 pages, and two messages of 64 bytes, at 125 MB/s.
    expect(result?.downtimeNs).toBe(((3_125 * 4096 + 128) * 1e9) / 125e6);
    expect(result?.bytesSent).toBe((200_000 - 3_125) * 4096 + 3 * 64);
    expect(result?.totalNs).toBe(Math.round(((result?.bytesSent ?? 0) * 1e9) / 125e6));
  });

  it("says why a guest did not converge", () => {
    const curve = sequentialCurve({ pages: PAGES, writesPerSec: 1e9 });
    const [result] = simulateFluid({ links: [plain], migrations: [guest({ curve })] });
    expect(result?.converged).toBe(false);
    expect(result?.whyNot).toMatch(
      /exceeds 300000000 ns: rounds ended by max-iterations with 100000 pages left/,
    );
  });

  it("halves the bandwidth of two on one link", () => {
    const curve = uniformCurve({ pages: PAGES, writesPerSec: 0 });
    const [alone] = simulateFluid({ links: [plain], migrations: [guest({ curve })] });
    const both = simulateFluid({
      links: [plain],
      migrations: [guest({ curve }), guest({ curve })],
    });
    for (const { totalNs } of both)
      expect(Math.abs(totalNs - 2 * (alone?.totalNs ?? 0))).toBeLessThan(2);
  });

  it("shares paths over several links max-min", () => {
    // Bertsekas & Gallager's classic: one flow over both links, one on each.
    const links = [
      { ...plain, name: "left" },
      { ...plain, name: "right", bandwidthBytesPerSec: 250e6 },
    ];
    const curve = uniformCurve({ pages: PAGES, writesPerSec: 0 });
    const on = (...path: string[]) => guest({ curve, path });
    const results = simulateFluid({
      links,
      migrations: [on("left", "right"), on("left"), on("right")],
    });
    const memorySec = (PAGES * 4096) / 125e6;
    const seconds = results.map(({ totalNs }) => totalNs / 1e9);
    // Left halves its 125 MB/s; right gives the rest, 187.5 MB/s, to its own.
    expect(seconds[0]).toBeCloseTo(2 * memorySec, 4);
    expect(seconds[1]).toBeCloseTo(2 * memorySec, 4);
    expect(seconds[2]).toBeCloseTo(memorySec / 1.5, 4);
  });
});

describe("bounds", () => {
  it("cuts off a rule that never stops, and says so", () => {
    const [result] = simulateFluid({ links: [plain], migrations: [guest({ preset: endless })] });
    expect(result).toMatchObject({
      outcome: "aborted",
      stopReason: "100000 rounds without an end",
    });
    expect(result?.rounds.length).toBe(100);
    expect(result?.converged).toBe(false);
  });

  it("ends by simulated time and by steps", () => {
    const curve = sequentialCurve({ pages: PAGES, writesPerSec: 1e9 });
    const spec = { links: [plain], migrations: [guest({ curve, preset: endless })] };
    const [late] = simulateFluid(spec, { untilSec: 60, stepsMax: 1e6 });
    expect(late).toMatchObject({ outcome: "cut-off", totalNs: 60e9 });
    const [long] = simulateFluid(spec, { untilSec: 1e6, stepsMax: 10 });
    expect(long?.stopReason).toBe("not over after 10 steps of all migrations together");
  });

  it("10,000 contend on one link and end", () => {
    const migrations = Array.from({ length: 10_000 }, (_, i) =>
      guest({
        startNs: (i % 100) * 1e9,
        curve: uniformCurve({ pages: 1 + (i % PAGES), writesPerSec: 10 * (i % 5000) }),
      }),
    );
    const results = simulateFluid({ links: [plain], migrations });
    expect(results.every(({ outcome }) => outcome === "target-runs")).toBe(true);
    const carriedSec = results.reduce((sum, { bytesSent }) => sum + bytesSent, 0) / 125e6;
    const lastSec = Math.max(...results.map((r) => (r.startNs + r.totalNs) / 1e9));
    // One link that is never idle: it carries all bytes in the time that it takes.
    expect(Math.abs(lastSec / carriedSec - 1)).toBeLessThan(1e-6);
  });

  it.each([
    [{ ...plain, bandwidthBytesPerSec: 0 }, {}, /more than 0/],
    [{ ...plain, bandwidthBytesPerSec: Number.NaN }, {}, /bandwidth of link "wire"/],
    [{ ...plain, bandwidthBytesPerSec: Number.POSITIVE_INFINITY }, {}, /at most 1e18/],
    [plain, { pages: 0 }, /memory in pages/],
    [plain, { pages: Number.NaN }, /memory in pages/],
    [plain, { path: [] }, /crosses no link/],
    [plain, { path: ["moon"] }, /"moon"/],
    [plain, { path: ["wire", "wire"] }, /once/],
    [plain, { curve: () => Number.NaN }, /pages dirtied/],
    [plain, { costs: { suspendNs: -1 } }, /suspendNs/],
    [plain, { preset: { ...bare, loop: "slots" as const } }, /page mode/],
  ])("refuses %#", (link, change, words) => {
    expect(() => simulateFluid({ links: [link], migrations: [guest(change)] })).toThrow(words);
  });
});
