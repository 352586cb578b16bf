import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitCurve } from "../../../src/forecast/curve-fit.js";
import { type DirtyRateReading, dirtyPoints } from "../../../src/forecast/rates/index.js";
import { MIB, readSample, readText } from "./sample.js";

const readingsOf = (text: string): readonly DirtyRateReading[] => readText(text).readings;

describe("points from readings", () => {
  it("take the median of a window and tell its spread", () => {
    const { readings } = readSample("kubevirt-matrix.json", { guest: "shop/db-0" });
    const { points, windows } = dirtyPoints(readings);
    // 52, 54, 55, 56 and 200 MiB/s
    expect(points).toEqual([{ windowSec: 1, pages: 55 * 256 }]);
    expect(windows[0]).toMatchObject({
      readings: 5,
      quartilePages: [54 * 256, 56 * 256],
      rangePages: [52 * 256, 200 * 256],
      resolutionPages: 256,
    });
    // 2 MiB a sample: of 27 to 100 dirty ones, 27.5 in the median.
    expect(windows[0]?.standardErrorPages).toBeCloseTo(512 * Math.sqrt(27.5), 6);
  });

  it("level longer windows with fewer pages, and keep their lengths", () => {
    const { points, windows, notes } = dirtyPoints(
      readingsOf("20s 300pages\n1s 100pages\n5s 240pages\n10s 200pages"),
    );
    expect(points).toEqual([
      { windowSec: 1, pages: 100 },
      { windowSec: 5, pages: 220 },
      { windowSec: 10, pages: 220 },
      { windowSec: 20, pages: 300 },
    ]);
    expect(windows.map(({ medianPages }) => medianPages)).toEqual([100, 240, 200, 300]);
    expect(notes).toEqual([expect.stringMatching(/longer windows.*: 5 s, 10 s have their mean/)]);
  });

  it("leave equal pages as they are, without a word", () => {
    const { points, notes } = dirtyPoints(
      readingsOf("1s 0pages\n5s 0pages\n9s 7pages\n12s 7pages"),
    );
    expect(points.map(({ pages }) => pages)).toEqual([0, 0, 7, 7]);
    expect(notes).toEqual([]);
  });

  it("carry what a cut rate may hide: 1 MiB/s over the window", () => {
    const { readings } = readSample("domstats-all-domains.txt", { guest: "idle" });
    expect(dirtyPoints(readings).windows[0]).toMatchObject({ pages: 0, resolutionPages: 256 });
    const long = readSample("domstats-two-windows.txt").readings;
    expect(dirtyPoints(long).windows[1]?.resolutionPages).toBe((10 * MIB) / 4096);
  });

  it("refuse no readings, and those of several guests", () => {
    expect(() => dirtyPoints([])).toThrow("there is no reading");
    const { readings } = readSample("kubevirt-scrape.txt");
    expect(() => dirtyPoints(readings)).toThrow(
      "dirty rates of 3 guests; choose one: shop/db-0, shop/web, test/web",
    );
  });

  it("are always such that a curve can be fitted", () => {
    const reading = fc.record({
      sec: fc.constantFrom(0.05, 0.2, 1, 1.0004, 2, 5, 10, 60),
      pages: fc.oneof(fc.constant(0), fc.nat(1e6)),
    });
    fc.assert(
      fc.property(fc.array(reading, { minLength: 1, maxLength: 30 }), (list) => {
        const readings = list.map(({ sec, pages }, i): DirtyRateReading => {
          const bytesPerSec = (pages * 4096) / sec;
          return { line: i + 1, windowSec: sec, bytesPerSec, pagesPerWindow: pages };
        });
        const { points } = dirtyPoints(readings);
        expect(() => fitCurve(points, { pagesMax: 2e6 })).not.toThrow();
        const told = list.map(({ pages }) => pages);
        for (const { pages } of points) {
          expect(pages).toBeGreaterThanOrEqual(Math.min(...told));
          expect(pages).toBeLessThanOrEqual(Math.max(...told));
        }
      }),
      { numRuns: 200 },
    );
  });
});
