import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/base/random.js";
import { Xbzrle } from "../../src/kernels/index.js";
import * as model from "../model/xbzrle.js";
import { BUILDS, load } from "./builds.js";

const PAGE = 4096;

/** A page, and changes to it: runs of new bytes, some of which repeat what is there. */
const pair = fc.record({
  seed: fc.integer(),
  runs: fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: PAGE - 1 }),
      bytes: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: PAGE })),
      alike: fc.constantFrom(0, 0.02, 0.5),
    }),
    { maxLength: 40 },
  ),
});

describe.each(BUILDS)("XBZRLE ($build)", ({ simd }) => {
  const kernels = load(simd);
  const xbzrle = new Xbzrle(kernels);
  const oldPtr = kernels.allocate(PAGE, "old");
  const freshPtr = kernels.allocate(PAGE, "fresh");
  const deltaPtr = kernels.allocate(2 * PAGE, "delta");

  it("writes what the model writes and reads it back", () => {
    fc.assert(
      fc.property(pair, ({ seed, runs }) => {
        const random = new Random(seed);
        const old = Uint8Array.from({ length: PAGE }, () => random.below(256));
        const fresh = old.slice();
        for (const { at, bytes, alike } of runs) {
          for (let i = at; i < Math.min(PAGE, at + bytes); i++) {
            if (random.unit() >= alike) fresh[i] = random.below(256);
          }
        }
        kernels.bytes(oldPtr, PAGE).set(old);
        kernels.bytes(freshPtr, PAGE).set(fresh);
        const length = xbzrle.encode(oldPtr, freshPtr, deltaPtr);
        const expected = model.encode(old, fresh);
        if (expected === null) {
          expect(length).toBe(-1);
          return;
        }
        expect(isSame(kernels.bytes(deltaPtr, length), Uint8Array.from(expected))).toBe(true);
        if (length === 0) return;
        expect(isSame(model.decode(expected, old) as Uint8Array, fresh)).toBe(true);
        expect(xbzrle.decode(deltaPtr, length, oldPtr)).toBe(true);
        expect(isSame(kernels.bytes(oldPtr, PAGE), fresh)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("accepts exactly the bytes that the model accepts", () => {
    const small = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(small, { maxLength: 60 }), (delta) => {
        const before = Uint8Array.from({ length: PAGE }, (_, i) => i % 251);
        kernels.bytes(oldPtr, PAGE).set(before);
        kernels.bytes(deltaPtr, delta.length).set(delta);
        const expected = model.decode(delta, before);
        const isApplied = xbzrle.decode(deltaPtr, delta.length, oldPtr);
        expect(isApplied).toBe(typeof expected !== "string");
        const after = isApplied ? (expected as Uint8Array) : before;
        expect(isSame(kernels.bytes(oldPtr, PAGE), after)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

/** Much faster than comparing element by element in the matcher. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
