/** A running QEMU's settings, put as the name of a strategy. */
import { describe, expect, it } from "vitest";
import {
  forecastOf,
  type ObservedSettings,
  pointsOf,
  strategyOf,
} from "../../src/cli/live/observe-forecast.js";

const SETTINGS: ObservedSettings = {
  ...{ qemuMajor: 7, memoryBytes: 2 ** 28, zeroShare: 0, linkBytesPerSec: undefined },
  ...{ parameters: { "max-bandwidth": 50e6, "downtime-limit": 300 }, capabilities: {} },
};

describe("the strategy that a QEMU is set to", () => {
  it("names its version, its limit, and what is turned on", () => {
    expect(strategyOf(SETTINGS)).toBe("pre-copy@qemu72:max-bandwidth=50000000B/s");
    const all = strategyOf({
      ...SETTINGS,
      qemuMajor: 10,
      postCopyAfterSyncs: 3,
      capabilities: { "auto-converge": true, xbzrle: true, multifd: true },
      parameters: {
        ...{ "cpu-throttle-initial": 30, "cpu-throttle-tailslow": true },
        ...{ "xbzrle-cache-size": 2 ** 24, "multifd-compression": "none", "multifd-channels": 4 },
      },
    });
    expect(all).toBe(
      "hybrid:rounds=2" +
        "+auto-converge:version=10.2,initial=30,increment=10,max=99,threshold=50,tailslow" +
        "+xbzrle:cache=16777216B+multifd:channels=4@qemu102:max-bandwidth=134217728B/s",
    );
  });

  it.each([
    { "auto-converge": true },
    { xbzrle: true },
    { multifd: true },
    { "auto-converge": true, xbzrle: true },
  ])("is one that a forecast understands: %j", (capabilities) => {
    const parameters = { ...SETTINGS.parameters, "multifd-compression": "zstd" };
    const { forecast } = forecastOf({ ...SETTINGS, parameters, capabilities }, [
      { windowSec: 1, pages: 300 },
    ]);
    // 256 MiB at 50 MB/s take 5.4 s; zstd halves that at best.
    expect(forecast?.converges).toBe("yes");
    expect(forecast?.totalMs.middle).toBeGreaterThan(2500);
    expect(forecast?.totalMs.middle).toBeLessThan(7000);
  });
});

describe("measured windows", () => {
  it("rise, whatever the sampling said, and stay within the memory", () => {
    const points = pointsOf(
      [
        { windowSec: 3, pages: 90 },
        { windowSec: 1, pages: 100 },
        { windowSec: 10, pages: 5000 },
      ],
      1000,
    );
    expect(points.at(-1)).toEqual({ windowSec: 10, pages: 1000 });
    for (const [i, one] of points.slice(1).entries()) {
      expect(one.windowSec).toBeGreaterThan(points[i]!.windowSec);
      expect(one.pages).toBeGreaterThanOrEqual(points[i]!.pages);
    }
  });
});
