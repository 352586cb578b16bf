import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { power } from "../../src/base/math.js";
import { Random } from "../../src/base/random.js";
import { RandomStream, U32Buffer } from "../../src/kernels/index.js";
import { BUILDS, load } from "./builds.js";

describe.each(BUILDS)("one stream on both sides of the border ($build)", ({ simd }) => {
  it("draws the same numbers, draw by draw, however the batches are cut", () => {
    const kernels = load(simd);
    const out = U32Buffer.create(kernels, 1000);
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat(1000), { maxLength: 5 }), (seed, cuts) => {
        const stream = RandomStream.create(kernels, seed);
        const random = new Random(seed);
        for (const count of cuts) {
          stream.fill(out, count);
          expect([...out.view()]).toEqual(Array.from({ length: count }, () => random.next()));
        }
      }),
      { numRuns: 100 },
    );
  });

  it("scales to the same integers below n", () => {
    const kernels = load(simd);
    const out = U32Buffer.create(kernels, 100);
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 0xffffffff }), (seed, n) => {
        const random = new Random(seed);
        RandomStream.create(kernels, seed).fillBelow(out, 100, n);
        expect([...out.view()]).toEqual(Array.from({ length: 100 }, () => random.below(n)));
      }),
      { numRuns: 100 },
    );
  });

  it("raises to powers with the same bits, close to the mathematical value", () => {
    const kernels = load(simd);
    fc.assert(
      fc.property(
        fc.double({ min: 1e-300, max: 1e300, noNaN: true }),
        fc.double({ min: -20, max: 20, noNaN: true }),
        (base, exponent) => {
          const twin = power(base, exponent);
          expect(Object.is(kernels.raw.power(base, exponent), twin)).toBe(true);
          const logarithm = Math.abs(exponent * Math.log(base));
          if (logarithm > 700) return;
          // Rounding of the logarithm is multiplied by its size: 2^-52 each, with some slack.
          const error = Math.abs(twin / base ** exponent - 1);
          expect(error).toBeLessThan((4 + 2 * logarithm) * 2 ** -52);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
