import { describe, expect, it } from "vitest";
import {
  curveOfSynthetic,
  plateauSec,
  sequentialCurve,
  sumOfCurves,
  tabulatedCurve,
  uniformCurve,
} from "../../src/fluid/index.js";

describe("curves", () => {
  it("uniform: after W / r seconds 1 - 1/e of the pages, and never more than all", () => {
    const curve = uniformCurve({ pages: 1000, writesPerSec: 500 });
    expect(curve(0)).toBe(0);
    expect(curve(2)).toBeCloseTo(1000 * (1 - 1 / Math.E), 9);
    expect(curve(1e6)).toBe(1000);
  });

  it("uniform: as drawing pages one by one, 1 - (1 - 1/W)^n", () => {
    const curve = uniformCurve({ pages: 10_000, writesPerSec: 5_000 });
    expect(curve(1)).toBeCloseTo(10_000 * (1 - (1 - 1e-4) ** 5_000), 0);
  });

  it("sequential: every write a new page until it comes around", () => {
    const curve = sequentialCurve({ pages: 100, writesPerSec: 10 });
    expect([curve(0), curve(3), curve(10), curve(11)]).toEqual([0, 30, 100, 100]);
  });

  it("a sum: classes side by side", () => {
    const one = sequentialCurve({ pages: 100, writesPerSec: 10 });
    expect(sumOfCurves([one, one])(3)).toBe(60);
  });

  it("tabulated: lines through the origin and the points, level after the last", () => {
    const curve = tabulatedCurve([
      { windowSec: 1, pages: 100 },
      { windowSec: 5, pages: 300 },
    ]);
    expect([0, 0.5, 1, 2, 5, 60].map(curve)).toEqual([0, 50, 100, 150, 300, 300]);
  });

  it.each([
    [[]],
    [[{ windowSec: 0, pages: 1 }]],
    [[{ windowSec: Number.NaN, pages: 1 }]],
    [
      [
        { windowSec: 1, pages: 2 },
        { windowSec: 2, pages: 1 },
      ],
    ],
    [
      [
        { windowSec: 1, pages: 1 },
        { windowSec: 1, pages: 2 },
      ],
    ],
  ])("tabulated: refuses %j", (points) => {
    expect(() => tabulatedCurve(points)).toThrow(/a dirty curve/);
  });

  it.each([
    [0, 1],
    [1, -1],
    [Number.NaN, 1],
    [1, Number.POSITIVE_INFINITY],
  ])("refuses %f pages and %f writes a second", (pages, writesPerSec) => {
    expect(() => uniformCurve({ pages, writesPerSec })).toThrow(/a dirty curve/);
    expect(() => sequentialCurve({ pages, writesPerSec })).toThrow(/a dirty curve/);
  });
});

describe("the curve of a synthetic guest", () => {
  it("counts writes only, by classes", () => {
    const curve = curveOfSynthetic({
      components: [
        {
          pattern: { kind: "sequential", firstPage: 50, pages: 100, writeFraction: 0.5 },
          accessesPerSec: 20,
        },
        {
          pattern: { kind: "hot-cold", firstPage: 200, pages: 100, hotPages: 10, hotFraction: 1 },
          accessesPerSec: 1e6,
        },
      ],
    });
    expect(curve(1)).toBeCloseTo(10 + 10, 9);
  });

  it("refuses what has no formula", () => {
    const pattern = { kind: "uniform", firstPage: 0, pages: 10 } as const;
    const one = { pattern, accessesPerSec: 1 };
    expect(() => curveOfSynthetic({ components: [one, one] })).toThrow(/overlap/);
    const zipf = { pattern: { ...pattern, kind: "zipf", exponent: 1 } as const, accessesPerSec: 1 };
    expect(() => curveOfSynthetic({ components: [zipf] })).toThrow(/zipf/);
  });
});

describe("the plateau", () => {
  it("cloud-hypervisor #7799: 5,418 MiB all written all the time at 1,850 MiB/s take 2.93 s", () => {
    const pages = (5418 * 2 ** 20) / 4096;
    const curve = sequentialCurve({ pages, writesPerSec: pages * 10 });
    const at = plateauSec(curve, { pages, bytesPerPage: 4096, bytesPerSec: 1850 * 2 ** 20 });
    expect(at).toBeCloseTo(5418 / 1850, 6);
  });

  it("is where D(t) c = B t, and nowhere when the link is faster", () => {
    const curve = uniformCurve({ pages: 10_000, writesPerSec: 40_000 });
    const link = { pages: 10_000, bytesPerPage: 4096, bytesPerSec: 4096 * 20_000 };
    const at = plateauSec(curve, link);
    expect(curve(at)).toBeCloseTo(20_000 * at, 3);
    expect(plateauSec(curve, { ...link, bytesPerSec: 4096 * 40_001 })).toBe(0);
  });
});
