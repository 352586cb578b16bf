/**
 * The preset `simgrid` beside SimGrid's own results, and beside series that can be summed by hand.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  parseSimgridCases,
  type SimgridGuest,
  type SimgridLink,
  simulateSimgrid,
  validateSimgridCases,
} from "../../src/fluid/index.js";

const link: SimgridLink = {
  bandwidthBytesPerSec: 125e6,
  latencySec: 0,
  model: "CM02",
  crossTraffic: false,
};
const guest: SimgridGuest = {
  startSec: 0,
  ramBytes: 1e9,
  capBytes: 9e8,
  migrationBytesPerSec: 125e6,
  dirtyIntensity: 0.5,
  hostFlopsPerSec: 1e9,
  load: 1,
  workFlops: 1e15,
};

describe("SimGrid's results", () => {
  it.each(["simgrid-cases.json", "simgrid-more-cases.json"])("agree in %s", (name) => {
    const file = `test/fixtures/${name}`;
    const cases = parseSimgridCases(readFileSync(file, "utf8"), file);
    expect(cases.length).toBeGreaterThan(10);
    const verdicts = validateSimgridCases(cases);
    expect(verdicts.filter(({ agrees }) => !agrees)).toEqual([]);
    // Bytes are whole numbers on both sides: nothing but equality will do.
    expect(Math.max(...verdicts.map((verdict) => verdict.stopCopyBytesError))).toBe(0);
  });
});

describe("the recurrence", () => {
  it("halves what is left until the rest fits into 30 ms", () => {
    const result = simulateSimgrid([{ link, guests: [guest] }])[0]?.[0];
    // 8 s, then 4, 2, …: 2^-6 s is the first under 0.03.
    expect(result?.rounds.map((round) => round.bytes)).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7, 8].map((k) => 1e9 / 2 ** k),
    );
    expect(result).toMatchObject({
      precopyRounds: 8,
      totalSec: 16 - 2 ** -6,
      stopCopyBytes: 1953125,
    });
    expect(result?.downtimeSec).toBe(2 ** -6);
    expect(result?.sentBytes).toBe(
      1e9 + 5e8 + 2.5e8 + 1.25e8 + 6.25e7 + 31250000 + 15625000 + 7812500 + 3906250 + 1953125,
    );
  });

  it("dirties nothing without a migration speed, as the plugin does", () => {
    const still = { ...guest, migrationBytesPerSec: 0 };
    const result = simulateSimgrid([{ link, guests: [still] }])[0]?.[0];
    expect(result).toMatchObject({ precopyRounds: 0, stopCopyBytes: 0, totalSec: 8 });
  });

  it("ends what never converges, by time or by steps, and says which", () => {
    const wild = { ...guest, dirtyIntensity: 1, workFlops: 1e18 };
    const worlds = [{ link, guests: [wild] }];
    const late = simulateSimgrid(worlds, { untilSec: 100, stepsMax: 1e6 })[0]?.[0];
    expect(late?.cutOff).toBe("not over after 100 s of simulated time");
    expect(late?.endSec).toBe(100);
    const long = simulateSimgrid(worlds, { untilSec: 1e7, stepsMax: 10 })[0]?.[0];
    expect(long?.cutOff).toBe("not over after 10 steps of all migrations together");
  });

  it.each([
    [{ bandwidthBytesPerSec: 0 }, {}],
    [{ bandwidthBytesPerSec: Number.NaN }, {}],
    [{ bandwidthBytesPerSec: Number.POSITIVE_INFINITY }, {}],
    [{ latencySec: -1 }, {}],
    [{}, { ramBytes: 0 }],
    [{}, { hostFlopsPerSec: 0 }],
    [{}, { dirtyIntensity: Number.NaN }],
    [{}, { startSec: -1 }],
    [{}, { migrationBytesPerSec: -1 }],
  ])("refuses %j %j", (linkChange, guestChange) => {
    const worlds = [{ link: { ...link, ...linkChange }, guests: [{ ...guest, ...guestChange }] }];
    expect(() => simulateSimgrid(worlds)).toThrow(/in SimGrid world 0 is .*: give/);
  });
});

describe("many", () => {
  it("10,000 on their own links go as one alone", () => {
    const alone = simulateSimgrid([{ link, guests: [guest] }])[0]?.[0];
    const worlds = Array.from({ length: 10_000 }, () => ({ link, guests: [guest] }));
    const results = simulateSimgrid(worlds);
    expect(results.every(([one]) => one?.endSec === alone?.endSec)).toBe(true);
  });

  it("10,000 on one link end, whatever their rates, and share it fully", () => {
    const guests = Array.from({ length: 10_000 }, (_, i) => ({
      ...guest,
      startSec: (i * 7919) % 1000,
      dirtyIntensity: (i % 10) / 10,
      migrationBytesPerSec: 1e5 * (1 + (i % 997)),
      workFlops: 1e9 * (1 + (i % 13)),
    }));
    const results = simulateSimgrid([{ link, guests }])[0] ?? [];
    expect(results.every(({ cutOff }) => cutOff === undefined)).toBe(true);
    const sent = results.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    const lastSec = Math.max(...results.map(({ endSec }) => endSec));
    // The link is never idle between the first start and the last end but at the very edges.
    expect(sent / 125e6).toBeLessThanOrEqual(lastSec * (1 + 1e-9));
    expect(sent / 125e6).toBeGreaterThan(lastSec * 0.9);
  });

  it("10,000 whose one limit lies at their fair share, in turn below and above it, end", () => {
    const guests = Array.from({ length: 10_000 }, (_, i) => ({
      ...guest,
      ramBytes: 1e6 + i,
      capBytes: 9e5,
      startSec: i / 1000,
      migrationBytesPerSec: (125e6 / 10_000) * 1.00005,
    }));
    const results = simulateSimgrid([{ link: { ...link, latencySec: 0.001 }, guests }])[0] ?? [];
    expect(results.filter(({ cutOff }) => cutOff !== undefined)).toEqual([]);
  });

  it("10,000 that never converge on one link end by the bound", () => {
    const guests = Array.from({ length: 10_000 }, (_, i) => ({
      ...guest,
      dirtyIntensity: 1 + i / 1000,
      workFlops: 1e18,
    }));
    const bounds = { untilSec: 1e7, stepsMax: 200_000 };
    const results = simulateSimgrid([{ link, guests }], bounds)[0] ?? [];
    expect(results.filter(({ cutOff }) => cutOff === undefined)).toEqual([]);
  });
});
