/** Forecasts from dirty rates, against arithmetic and against a recorded migration. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ForecastInput, forecast } from "../../src/forecast/forecast.js";

const GUEST: ForecastInput = {
  pages: 65_536,
  dirtied: [
    { windowSec: 1, pages: 500 },
    { windowSec: 4, pages: 1200 },
  ],
  linkBytesPerSec: 100e6,
  downtimeLimitMs: 300,
  maxBandwidthBytesPerSec: 4e9,
};

describe("a forecast from dirty rates", () => {
  it("says yes to a quiet guest: its memory's time, and the rule that ends it", () => {
    const { converges, rule, totalMs, bytes, plateau } = forecast(GUEST);
    expect(converges).toBe("yes");
    expect(rule).toBe("threshold");
    expect(plateau).toBeUndefined();
    // 65,536 pages of 4,104 bytes are 269 MB: 2.69 s, and what was written meanwhile.
    expect(totalMs.middle).toBeGreaterThan(2690);
    expect(totalMs.middle).toBeLessThan(2690 * 1.2);
    expect(bytes.low).toBeGreaterThan(65_536 * 4104);
    expect(totalMs.low).toBeLessThanOrEqual(totalMs.middle);
    expect(totalMs.middle).toBeLessThanOrEqual(totalMs.high);
  });

  it("says no where dirtying outruns the link, and where passes settle", () => {
    // 40,000 pages all the time: 164 MB that take 1.6 s each, in which they are all written again.
    const busy = {
      ...GUEST,
      dirtied: [
        { windowSec: 0.5, pages: 39_000 },
        { windowSec: 2, pages: 40_000 },
      ],
      timeoutMs: 60_000,
    };
    const { converges, rule, plateau } = forecast(busy);
    expect(converges).toBe("no");
    expect(rule).toBe("timeout");
    expect(plateau?.pages).toBeGreaterThan(38_000);
    expect(plateau?.passSec).toBeCloseTo(((plateau?.pages ?? 0) * 4104) / 100e6, 3);
    expect(forecast({ ...busy, autoConverge: true }).throttlePercent).toBeGreaterThanOrEqual(50);
    const after = forecast({ ...busy, postCopyAfterSyncs: 2 });
    expect(after).toMatchObject({ converges: "yes", rule: "post-copy" });
  });

  it("gives a wider range to a single window than to several", () => {
    const width = (dirtied: ForecastInput["dirtied"]) => {
      const { totalMs } = forecast({ ...GUEST, dirtied });
      return totalMs.high / totalMs.low;
    };
    const curve = (sec: number) => 9000 * (1 - Math.exp(-sec / 2));
    const points = [0.25, 0.5, 1, 2, 4, 8].map((windowSec) => ({
      windowSec,
      pages: curve(windowSec),
    }));
    expect(width([points[0]!])).toBeGreaterThan(width(points));
  });

  it("meets a recorded migration whose curve it is told", () => {
    const line = readFileSync("examples/runs/qemu72.jsonl", "utf8")
      .split("\n")
      .find((text) => text.includes('"id":"rep-link-hi-2"'));
    const run = JSON.parse(line!) as {
      guest: { workload: { wss: number; rate: number } };
      reported: { total_time_ms: number; ram: { transferred: number } };
    };
    const { wss, rate } = run.guest.workload;
    const pages = (sec: number) => wss * (1 - Math.exp((-rate * sec) / wss));
    const said = forecast({
      pages: 65_666,
      zeroShare: 8231 / 65_666,
      dirtied: [0.25, 1, 4].map((windowSec) => ({ windowSec, pages: pages(windowSec) })),
      linkBytesPerSec: 50e6,
      maxBandwidthBytesPerSec: 4e9,
      downtimeLimitMs: 300,
    });
    expect(said.totalMs.low).toBeLessThan(run.reported.total_time_ms);
    expect(said.totalMs.high).toBeGreaterThan(run.reported.total_time_ms);
    expect(Math.abs(said.bytes.middle / run.reported.ram.transferred - 1)).toBeLessThan(0.05);
  });

  it("refuses figures that no migration can have", () => {
    expect(() => forecast({ ...GUEST, pages: 0 })).toThrow(/pages is 0/);
    expect(() => forecast({ ...GUEST, linkBytesPerSec: 1 })).toThrow(/linkBytesPerSec is 1/);
    expect(() => forecast({ ...GUEST, dirtied: [] })).toThrow(/0 windows/);
  });
});
