import { describe, expect, it } from "vitest";
import { explain } from "../../src/forecast/explain.js";
import { observedGuest } from "../../src/forecast/observed-guest.js";
import { type Replayed, replay } from "../../src/forecast/replay.js";
import { readSample, readText, sample } from "./logs/sample.js";

const of = (name: string) => explain(readSample(name));

interface Reported {
  readonly total_time_ms: number;
  readonly downtime_ms: number;
  readonly ram: { readonly transferred: number; readonly "dirty-sync-count": number };
}

/** What QEMU itself reported of a run. */
const reportedOf = (name: string) => (JSON.parse(sample(name)) as { reported: Reported }).reported;

/** Relative errors of total time and bytes. */
function errors({ totalNs, sentBytes }: Replayed, { total_time_ms, ram }: Reported) {
  return {
    total: Math.abs(totalNs / 1e6 / total_time_ms - 1),
    bytes: Math.abs(sentBytes / ram.transferred - 1),
  };
}

describe("replay", () => {
  it("comes near the runs that it was read from", () => {
    for (const name of ["qmp-run-link.jsonl", "qmp-run-dl-30.jsonl", "qmp-run-dl-500.jsonl"]) {
      const reported = reportedOf(name);
      const { own } = replay(of(name), {});
      const { total, bytes } = errors(own, reported);
      expect(own.ends, name).toBe(true);
      expect(total, name).toBeLessThan(0.05);
      expect(bytes, name).toBeLessThan(0.05);
      // The last reading is the pause's own, the first the beginning.
      expect(Math.abs(own.passes - (reported.ram["dirty-sync-count"] - 1))).toBeLessThanOrEqual(1);
    }
  });

  it("foretells another run of the same guest with another downtime limit", () => {
    const wider = replay(of("qmp-run-dl-30.jsonl"), { downtimeLimitNs: 500e6 }).changed;
    const tighter = replay(of("qmp-run-dl-500.jsonl"), { downtimeLimitNs: 30e6 }).changed;
    for (const [replayed, name] of [
      [wider, "qmp-run-dl-500.jsonl"],
      [tighter, "qmp-run-dl-30.jsonl"],
    ] as const) {
      const { total, bytes } = errors(replayed, reportedOf(name));
      expect(total, name).toBeLessThan(0.05);
      expect(bytes, name).toBeLessThan(0.05);
    }
    const real = reportedOf("qmp-run-dl-500.jsonl").downtime_ms;
    expect(Math.abs(wider.downtimeNs / 1e6 / real - 1)).toBeLessThan(0.1);
  });

  it("takes the pause for as fast as it was where QEMU's own limit held in the passes alone", () => {
    const reported = {
      ...{ total_time_ms: 5800, downtime_ms: 5 },
      ram: { total: 2.7e8, "page-size": 4096, "downtime-bytes": 4_000_000, transferred: 2.94e8 },
    };
    const fields = [
      "t_ms",
      "status",
      "transferred",
      "remaining",
      "normal",
      "duplicate",
      "dirty_sync_count",
    ];
    const rows = [
      [100, "active", 5e6, 265e6, 1220, 0, 1],
      [4700, "active", 235e6, 41e6, 57_262, 8_000, 2],
      [5500, "active", 275e6, 12e6, 67_000, 8_000, 3],
      [5790, "active", 289e6, 5e6, 70_400, 8_000, 3],
      [5800, "completed", 2.94e8, 0, 71_600, 8_000, 5],
    ];
    const params = { "max-bandwidth": 50e6, "downtime-limit": 100 };
    const run = { id: "limited", params, caps: {}, outcome: "completed", reported };
    const text = JSON.stringify({ ...run, series: { fields, rows } });
    const { own } = replay(explain(readText(text)), {});
    // 4 MB in 5 ms are 0.8 GB/s: what is left at 50 MB/s and 100 ms is some 5 MB, 6 ms.
    expect(own.downtimeNs).toBeGreaterThan(1e6);
    expect(own.downtimeNs).toBeLessThan(8e6);
  });

  it("does not end where QEMU did not, and ends once the limit holds all that is written", () => {
    const stuck = of("qmp-run-cancelled.jsonl");
    expect(replay(stuck, {}).own.ends).toBe(false);
    // The guest writes 6,000 pages: 24.6 MB, half a second at 50 MB/s.
    expect(observedGuest(stuck)?.writtenPages).toBeGreaterThan(5900);
    expect(observedGuest(stuck)?.writtenPages).toBeLessThan(6400);
    expect(replay(stuck, { downtimeLimitNs: 700e6 }).changed.ends).toBe(true);
    expect(replay(stuck, { bandwidthBytesPerSec: 1e9 }).changed.ends).toBe(true);
  });

  it("finds a PVH guest's memory behind its holes, and Xen's rule", () => {
    const explanation = of("xl-h04.log");
    // 128 MB are 32,768 pages; the pages of holes cost 8 bytes each, some 2,000 pages' worth ...
    const guest = observedGuest(explanation);
    expect(guest?.firstPages).toBeGreaterThan(32_768);
    expect(guest?.firstPages).toBeLessThan(48_000);
    const { own } = replay(explanation, {});
    expect(own).toMatchObject({ ends: true, rule: "max-iterations", passes: 5, atBest: false });
    expect(Math.abs(own.downtimeNs / 1.3307e9 - 1)).toBeLessThan(0.1);
  });

  it("shortens with the link, and tells when it leaves what the log shows", () => {
    const explanation = of("xl-x05.log");
    const { own, changed } = replay(explanation, { bandwidthBytesPerSec: 160e6 });
    expect(changed.totalNs).toBeLessThan(own.totalNs / 4);
    expect(changed.pausePages).toBeLessThan(own.pausePages);
    expect([own.atBest, changed.atBest]).toEqual([false, true]);
    expect(replay(explanation, { preset: "qemu72" }).changed.rule).toBe("threshold");
  });

  it("refuses logs without passes, and settings that mean nothing", () => {
    expect(() => replay(of("proxmox-8.log"), {})).toThrow(/^proxmox-8\.log: the log shows no pass/);
    const link = of("qmp-run-link.jsonl");
    expect(() => replay(link, { bandwidthBytesPerSec: 0 })).toThrow(
      /the bandwidth of a replay is 0/,
    );
    expect(() => replay(link, { preset: "zen" })).toThrow(/there is no preset "zen"/);
  });
});
