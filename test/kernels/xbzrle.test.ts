import { describe, expect, it } from "vitest";
import { Xbzrle } from "../../src/kernels/index.js";
import * as model from "../model/xbzrle.js";
import { BUILDS, load } from "./builds.js";

const PAGE = 4096;

/** Places of bytes that differ from a page of zeros, the delta that comes of it, and what it shows. */
const VECTORS: { what: string; fresh: () => Uint8Array; delta: number[] | "equal" | "overflow" }[] =
  [
    { what: "equal pages", fresh: () => page(), delta: "equal" },
    { what: "the first byte", fresh: () => page([0, 7]), delta: [0, 1, 7] },
    { what: "a byte after 127 equal ones", fresh: () => page([127, 9]), delta: [127, 1, 9] },
    { what: "a length of two bytes", fresh: () => page([128, 9]), delta: [0x80, 1, 1, 9] },
    { what: "the last byte", fresh: () => page([4095, 5]), delta: [0xff, 0x1f, 1, 5] },
    {
      what: "two runs, the second reset by one equal byte",
      fresh: () => page([3, 1], [4, 2], [6, 3]),
      delta: [3, 2, 1, 2, 1, 1, 3],
    },
    {
      what: "the longest run at the start",
      fresh: () => page().fill(1, 0, 4091),
      delta: [0, 0xfb, 0x1f, ...new Array(4091).fill(1)],
    },
    { what: "one byte more at the start", fresh: () => page().fill(1, 0, 4092), delta: "overflow" },
    {
      what: "the longest run at the end",
      fresh: () => page().fill(1, 3),
      delta: [3, 0xfd, 0x1f, ...new Array(4093).fill(1)],
    },
    { what: "one byte more at the end", fresh: () => page().fill(1, 2), delta: "overflow" },
    { what: "every other byte", fresh: () => page().map((_, i) => i & 1), delta: "overflow" },
  ];

const MALFORMED: { why: string; delta: number[] }[] = [
  { why: "empty", delta: [] },
  { why: "truncated length", delta: [0] },
  { why: "truncated length", delta: [0, 1, 7, 1] },
  { why: "truncated length", delta: [0x80, 1] },
  { why: "truncated bytes", delta: [0, 2, 7] },
  { why: "truncated bytes", delta: [0, 1, 7, 1, 3, 1, 1] },
  { why: "empty run of differing bytes", delta: [5, 0, 7] },
  { why: "empty run of equal bytes", delta: [0, 1, 7, 0, 1, 7] },
  { why: "overlong length", delta: [0x81, 0, 1, 7] },
  { why: "overlong length", delta: [1, 0x81, 0, 7] },
  { why: "length of three bytes", delta: [0x81, 0x81, 1, 1, 7] },
  { why: "past the page", delta: [0x81, 0x20, 1, 7] },
  { why: "past the page", delta: [0xff, 0x1f, 2, 7, 7] },
  { why: "past the page", delta: [0x80, 0x20, 1, 7] },
  { why: "longer than a page", delta: [0, 0xfd, 0x1f, ...new Array(4093).fill(1), 1, 1, 7] },
];

describe.each(BUILDS)("XBZRLE ($build)", ({ simd }) => {
  const kernels = load(simd);
  const xbzrle = new Xbzrle(kernels);
  const old = kernels.allocate(PAGE, "old");
  const fresh = kernels.allocate(PAGE, "fresh");
  const delta = kernels.allocate(2 * PAGE, "delta");

  it.each(VECTORS)("encodes $what", (vector) => {
    kernels.bytes(old, PAGE).fill(0);
    kernels.bytes(fresh, PAGE).set(vector.fresh());
    const length = xbzrle.encode(old, fresh, delta);
    if (vector.delta === "equal") expect(length).toBe(0);
    else if (vector.delta === "overflow") expect(length).toBe(-1);
    else {
      expect([...kernels.bytes(delta, length)]).toEqual(vector.delta);
      expect(xbzrle.decode(delta, length, old)).toBe(true);
      expect(kernels.bytes(old, PAGE)).toEqual(vector.fresh());
    }
  });

  it.each(MALFORMED)("refuses a delta that is malformed ($why) and changes nothing", (bad) => {
    const before = page([1, 1], [4000, 2]);
    kernels.bytes(old, PAGE).set(before);
    kernels.bytes(delta, bad.delta.length).set(bad.delta);
    expect(model.decode(bad.delta, before)).toBe(bad.why);
    expect(xbzrle.decode(delta, bad.delta.length, old)).toBe(false);
    expect(kernels.bytes(old, PAGE)).toEqual(before);
  });

  it("agrees with the model that those vectors are right", () => {
    for (const vector of VECTORS) {
      const expected =
        vector.delta === "equal" ? [] : vector.delta === "overflow" ? null : vector.delta;
      expect(model.encode(page(), vector.fresh()), vector.what).toEqual(expected);
    }
  });
});

function page(...bytes: [at: number, value: number][]): Uint8Array {
  const made = new Uint8Array(PAGE);
  for (const [at, value] of bytes) made[at] = value;
  return made;
}
