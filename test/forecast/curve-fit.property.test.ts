/** Fitted mixtures against the mixtures that the windows were computed from. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { curveOfClasses, fitCurve } from "../../src/forecast/curve-fit.js";

const WINDOWS = [0.1, 0.3, 1, 3, 10];
const classes = fc.array(
  fc.record({
    pages: fc.double({ min: 10, max: 50_000, noNaN: true }),
    writesPerPageSec: fc.double({ min: 0.05, max: 50, noNaN: true }),
  }),
  { minLength: 1, maxLength: 4 },
);

describe("a curve fitted to windows of a mixture", () => {
  it("goes through them, and between them, to 5 %", () => {
    fc.assert(
      fc.property(classes, (truth) => {
        const real = curveOfClasses(truth);
        const points = WINDOWS.map((windowSec) => ({ windowSec, pages: real(windowSec) }));
        const fitted = curveOfClasses(fitCurve(points, { pagesMax: 1e6 }));
        for (const windowSec of [0.1, 0.17, 0.3, 0.6, 1, 1.7, 3, 6, 10]) {
          expect(Math.abs(fitted(windowSec) / real(windowSec) - 1)).toBeLessThan(0.05);
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it("never falls, nor grows faster than its window, nor beyond the memory", () => {
    const steps = fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(steps, (increments) => {
        let pages = 0;
        const points = increments.map((more, i) => {
          pages += more;
          return { windowSec: i + 1, pages };
        });
        const curve = curveOfClasses(fitCurve(points, { pagesMax: 30_000 }));
        let before = 0;
        for (let sec = 0.5; sec < 64; sec *= 2) {
          const now = curve(sec);
          expect(now).toBeGreaterThanOrEqual(before - 1e-9);
          expect(now).toBeLessThanOrEqual(2 * before + (before === 0 ? 30_000 : 1e-6));
          expect(now).toBeLessThanOrEqual(30_000 * (1 + 1e-9));
          before = now;
        }
      }),
      { numRuns: 60, seed: 2 },
    );
  });

  it("refuses windows that no guest can have", () => {
    const fitted = (...pages: number[]) =>
      fitCurve(
        pages.map((count, i) => ({ windowSec: i + 1, pages: count })),
        { pagesMax: 1000 },
      );
    expect(() => fitted()).toThrow(/fitted to 0 windows/);
    expect(() => fitted(5, 4)).toThrow(/pages may not fall/);
    expect(() => fitted(5, 4000)).toThrow(/nor exceed 1000/);
  });
});
