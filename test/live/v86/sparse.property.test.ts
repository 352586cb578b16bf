/** Packing without runs of zeros is lossless, and what was not packed so is refused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packSparse, unpackSparse } from "../../../src/live/v86/sparse.js";

const BLOCK = 256;

/** Bytes in which blocks are zero, full, or hold a single byte, at any place in their buffer. */
const bytes = fc
  .tuple(
    fc.array(fc.constantFrom("zero", "full", "first", "last"), { maxLength: 20 }),
    fc.integer({ min: 0, max: BLOCK - 1 }),
    fc.integer({ min: 0, max: 5 }),
  )
  .map(([blocks, tail, offset]) => {
    const all = new Uint8Array(offset + blocks.length * BLOCK + tail);
    const made = all.subarray(offset);
    blocks.forEach((kind, i) => {
      if (kind === "full") made.fill(7, i * BLOCK, (i + 1) * BLOCK);
      if (kind === "first") made[i * BLOCK] = 1;
      if (kind === "last") made[(i + 1) * BLOCK - 1] = 1;
    });
    if (tail > 0) made[made.length - 1] = 9;
    return made;
  });

describe("sparse bytes", () => {
  it("come back as they were, behind room for a header", () => {
    fc.assert(
      fc.property(bytes, fc.integer({ min: 0, max: 40 }), (before, header) => {
        const packed = packSparse(before, header);
        expect(unpackSparse(packed.subarray(header), before.length)).toEqual(before.slice());
        const kept = Array.from({ length: Math.ceil(before.length / BLOCK) }, (_, i) =>
          before.subarray(i * BLOCK, (i + 1) * BLOCK).some((byte) => byte !== 0),
        );
        const bitmapBytes = Math.ceil(kept.length / 8);
        expect(packed.length).toBe(header + bitmapBytes + BLOCK * kept.filter(Boolean).length);
      }),
    );
  });

  it("are refused with a byte more or less", () => {
    fc.assert(
      fc.property(bytes, (before) => {
        fc.pre(before.some((byte) => byte !== 0));
        const packed = packSparse(before, 0);
        expect(unpackSparse(packed.subarray(0, packed.length - 1), before.length)).toBeUndefined();
        expect(unpackSparse(Uint8Array.of(...packed, 0), before.length)).toBeUndefined();
      }),
    );
  });
});
