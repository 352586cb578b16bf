/** Forecasts from dirty rates, against arithmetic and against a recorded migration. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { DirtyPoint } from "../../src/fluid/index.js";
import { type ForecastInput, forecast } from "../../src/forecast/forecast.js";

const PAGES = 65_536;

function rates(dirtied: readonly DirtyPoint[], pages = PAGES): ForecastInput["guest"] {
  return { kind: "rates", pages, dirtied };
}

const QUIET: ForecastInput = {
  guest: rates([
    { windowSec: 1, pages: 500 },
    { windowSec: 4, pages: 1200 },
  ]),
  linkBytesPerSec: 100e6,
  strategy: "pre-copy@qemu72:max-bandwidth=32Gbit/s",
};

/** 40,000 pages all the time: 164 MB that take 1.6 s, in which they are all written again. */
const BUSY: ForecastInput = {
  ...QUIET,
  guest: rates([
    { windowSec: 0.5, pages: 39_000 },
    { windowSec: 2, pages: 40_000 },
  ]),
};

const on = (strategy: string) => `${strategy}@qemu72:max-bandwidth=32Gbit/s`;

describe("a forecast from dirty rates", () => {
  it("says yes to a quiet guest: its memory's time, and the rule that ends it", () => {
    const { converges, rule, totalMs, bytes, plateau } = forecast(QUIET);
    expect(converges).toBe("yes");
    expect(rule).toBe("threshold");
    expect(plateau).toBeUndefined();
    // 65,536 pages of 4,104 bytes are 269 MB: 2.69 s, and what was written meanwhile.
    expect(totalMs.middle).toBeGreaterThan(2690);
    expect(totalMs.middle).toBeLessThan(2690 * 1.2);
    expect(bytes.low).toBeGreaterThan(PAGES * 4104);
    expect(totalMs.low).toBeLessThanOrEqual(totalMs.middle);
    expect(totalMs.middle).toBeLessThanOrEqual(totalMs.high);
  });

  it("says no where dirtying outruns the link, and where passes settle", () => {
    const { converges, rule, plateau, totalMs } = forecast(BUSY);
    expect(converges).toBe("no");
    expect(rule).toBe("timeout");
    expect(totalMs.low).toBe(Number.POSITIVE_INFINITY);
    expect(plateau?.pages).toBeGreaterThan(38_000);
    expect(plateau?.passSec).toBeCloseTo(((plateau?.pages ?? 0) * 4104) / 100e6, 3);
  });

  it("takes what helps such a guest into account", () => {
    const slowed = forecast({ ...BUSY, strategy: on("pre-copy+auto-converge") });
    // The link carries 24,000 pages in a second of the 40,000 that are written in 0.5 s.
    expect(slowed.throttlePercent.middle).toBeGreaterThanOrEqual(50);
    expect(slowed.converges).toBe("yes");
    const after = forecast({ ...BUSY, strategy: on("hybrid:rounds=1") });
    expect(after).toMatchObject({ converges: "yes", rule: "post-copy" });
    expect(after.rounds.middle).toBe(3);
    const small = forecast({
      ...BUSY,
      strategy: on("pre-copy+xbzrle:cache=1GiB"),
      content: { deltaBytes: 100 },
    });
    expect(small.converges).toBe("yes");
    const missed = forecast({
      ...BUSY,
      strategy: on("pre-copy+xbzrle:cache=1GiB"),
      content: { deltaBytes: 100, deltaMissShare: 1 },
    });
    expect(missed.converges).toBe("no");
    const packed = { zstdShare: 0.2 };
    const half = forecast({ ...QUIET, strategy: on("pre-copy+zstd+multifd"), content: packed });
    expect(half.bytes.middle / forecast(QUIET).bytes.middle).toBeCloseTo(0.2, 1);
  });

  it("throttles sooner where QEMU reads the log every 5 s", () => {
    // 40,000 pages take 16 s at 10 MB/s: by themselves two readings, a step, come in 33 s.
    const slow = { ...BUSY, linkBytesPerSec: 10e6, timeoutMs: 250_000 };
    const steps = (version: string) => {
      const { passes, throttlePercent } = forecast({
        ...{ ...slow, strategy: `pre-copy+auto-converge:version=${version}@qemu102` },
        circumstances: 0,
      });
      return { passes: passes.length, percent: throttlePercent.middle };
    };
    // From the end of the first pass, 27 s, to 250 s.
    expect(steps("7.2").passes).toBeLessThan(20);
    expect(steps("10.2").passes).toBeGreaterThan(40);
    expect(steps("10.2").percent).toBeGreaterThan(steps("7.2").percent);
  });

  it("goes by the manager above: its limits, its time-outs, its way out", () => {
    // Nova raises the limit to 2 s, KubeVirt gives 8 GB × 1 s, libvirt pauses after 20 s.
    const raised = forecast({ ...BUSY, strategy: on("pre-copy+nova:downtime=4s") });
    expect(raised).toMatchObject({ converges: "yes", rule: "threshold" });
    expect(raised.downtimeLimitMs).toBeGreaterThan(1600);
    const abort = forecast({ ...BUSY, strategy: on("pre-copy+kubevirt:completion-timeout=9") });
    expect(abort.rule).toBe("kubevirt: not completed after 9 s");
    expect(abort).toMatchObject({ converges: "no", completesShare: 0 });
    const paused = forecast({ ...BUSY, strategy: on("pre-copy+libvirt:timeout=20s") });
    expect(paused).toMatchObject({ converges: "no", completesShare: 1, rule: "libvirt: pause" });
    expect(paused.totalMs.low).toBeGreaterThan(20_000);
    // All that is written in a pass is left at most: 40,000 pages.
    expect(paused.downtimeMs.high).toBeLessThan((40_000 * 4104) / 100e3 / 0.8);
    const switched = forecast({
      ...BUSY,
      strategy: on("pre-copy+kubevirt:completion-timeout=9,post-copy"),
    });
    expect(switched).toMatchObject({ completesShare: 1, rule: "kubevirt: post-copy" });
  });

  it("asks no limit of QEMU where libvirt does not", () => {
    const fast = { ...QUIET, linkBytesPerSec: 1e9 };
    const limited = forecast({ ...fast, strategy: "pre-copy@qemu102" });
    const managed = forecast({ ...fast, strategy: "pre-copy+nova@qemu102" });
    // 128 MiB/s against the link's 1 GB/s.
    expect(limited.totalMs.middle / managed.totalMs.middle).toBeGreaterThan(4);
  });

  it("gives a wider range to a single window than to several", () => {
    const width = (dirtied: readonly DirtyPoint[]) => {
      const { totalMs } = forecast({ ...QUIET, guest: rates(dirtied) });
      return totalMs.high / totalMs.low;
    };
    const curve = (sec: number) => 9000 * (1 - Math.exp(-sec / 2));
    const points = [0.25, 0.5, 1, 2, 4, 8].map((windowSec) => ({
      windowSec,
      pages: curve(windowSec),
    }));
    expect(width([points[0]!])).toBeGreaterThan(width(points));
  });

  it("counts what a tool cuts off: 0 MiB/s is less than 1", () => {
    const none = forecast({ ...QUIET, guest: rates([{ windowSec: 1, pages: 0 }]) });
    const guest = { ...rates([{ windowSec: 1, pages: 0 }]), cutOffPagesPerSec: 256 };
    const some = forecast({ ...QUIET, guest: guest as ForecastInput["guest"] });
    // Below 256 pages in each of the first pass's 2.7 seconds.
    const more = (some.bytes.high - none.bytes.high) / 4104;
    expect(more).toBeGreaterThan(50);
    expect(more).toBeLessThan(3 * 256);
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
    const points = [0.25, 1, 4].map((windowSec) => ({ windowSec, pages: pages(windowSec) }));
    const said = forecast({
      guest: rates(points, 65_666),
      content: { zeroShare: 8231 / 65_666 },
      linkBytesPerSec: 50e6,
      strategy: "pre-copy@qemu72:max-bandwidth=32Gbit/s",
    });
    expect(said.totalMs.low).toBeLessThan(run.reported.total_time_ms);
    expect(said.totalMs.high).toBeGreaterThan(run.reported.total_time_ms);
    expect(Math.abs(said.bytes.middle / run.reported.ram.transferred - 1)).toBeLessThan(0.05);
  });

  it("ends for the largest guests and the smallest, on links from 1 kB/s on", () => {
    for (const pages of [1, 2, 2 ** 24, 2 ** 34]) {
      const one = { ...QUIET, guest: rates([{ windowSec: 1, pages: pages / 100 }], pages) };
      for (const linkBytesPerSec of [1000, 1e12]) {
        const { totalMs, rounds } = forecast({ ...one, linkBytesPerSec, circumstances: 0 });
        expect(totalMs.middle).toBeGreaterThan(0);
        expect(rounds.middle).toBeGreaterThanOrEqual(1);
      }
    }
  });

  it("refuses figures that no migration can have", () => {
    expect(() => forecast({ ...QUIET, guest: rates([], 0) })).toThrow(/0 pages/);
    expect(() => forecast({ ...QUIET, linkBytesPerSec: 0 })).toThrow(/linkBytesPerSec is 0/);
    expect(() => forecast({ ...QUIET, guest: rates([]) })).toThrow(/0 windows/);
    expect(() => forecast({ ...QUIET, downtimeLimitMs: Number.NaN })).toThrow(/is NaN/);
    expect(() => forecast({ ...QUIET, content: { zeroShare: 2 } })).toThrow(/zeroShare is 2/);
    expect(() => forecast({ ...QUIET, strategy: "pre-copy+wsclock" })).toThrow(/wsclock.*run/);
    expect(() => forecast({ ...QUIET, strategy: "pre-copy+nova@xen" })).toThrow(/nova over rounds/);
    expect(() => forecast({ ...QUIET, strategy: "pre-copy+dirty-limit" })).toThrow(/dirty-limit/);
  });
});

describe("a forecast over rounds", () => {
  it("ends after Xen's rounds whatever is left", () => {
    const { rule, converges, completesShare, rounds } = forecast({
      ...BUSY,
      strategy: "pre-copy@xen",
    });
    expect(rule).toBe("max-iterations");
    expect(converges).toBe("no");
    expect(completesShare).toBe(1);
    expect(rounds.middle).toBe(5);
  });

  it("pauses as Cloud Hypervisor does, when the rest fits", () => {
    const strategy = "pre-copy@cloud-hypervisor";
    const said = forecast({ ...QUIET, strategy });
    expect(said).toMatchObject({ converges: "yes", rule: "downtime-limit" });
    expect(said.downtimeMs.high).toBeLessThan(400);
    expect(forecast({ ...BUSY, strategy }).converges).toBe("no");
  });
});
