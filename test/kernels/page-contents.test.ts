import { describe, expect, it } from "vitest";
import { Random } from "../../src/base/random.js";
import { PageContents, U32Buffer } from "../../src/kernels/index.js";
import { xxh64 } from "../model/xxh64.js";
import { BUILDS, load } from "./builds.js";

const PAGE = 4096;

describe("the model of XXH64", () => {
  it("gives the values that the xxHash project publishes", () => {
    const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
    expect(xxh64(ascii(""))).toBe(0xef46db3751d8e999n);
    expect(xxh64(ascii("a"))).toBe(0xd24ec4f1a98c6e5bn);
    expect(xxh64(ascii("abc"))).toBe(0x44bc2cf5ad770999n);
    expect(xxh64(ascii("Nobody inspects the spammish repetition"))).toBe(0xfbcea83c8a378bf1n);
  });
});

describe.each(BUILDS)("PageContents ($build)", ({ simd }) => {
  function pages(count: number, fill: (at: number) => number) {
    const kernels = load(simd);
    const ptr = kernels.allocate(count * PAGE, "pages");
    const bytes = kernels.bytes(ptr, count * PAGE);
    for (let i = 0; i < bytes.length; i++) bytes[i] = fill(i);
    return { kernels, ptr, bytes, contents: new PageContents(kernels) };
  }

  it("hashes as XXH64 does", () => {
    const random = new Random(1);
    const { kernels, ptr, bytes, contents } = pages(9, (i) => (i < PAGE ? 0 : random.below(256)));
    const out = kernels.allocate(9 * 8, "hashes");
    const expected = Array.from({ length: 9 }, (_, i) =>
      xxh64(bytes.slice(i * PAGE, (i + 1) * PAGE)),
    );
    expect(expected.map((_, i) => contents.hash64(ptr + i * PAGE))).toEqual(expected);
    for (const count of [0, 1, 2, 9]) {
      kernels.bytes(out, 72).fill(0);
      contents.hashMany(ptr, count, out);
      const hashes = new BigUint64Array(kernels.bytes(out, 72).slice().buffer);
      expect([...hashes]).toEqual(expected.map((hash, i) => (i < count ? hash : 0n)));
    }
  });

  it("finds one byte that is not zero, wherever it is", () => {
    const { kernels, ptr, bytes, contents } = pages(3, () => 0);
    const mask = U32Buffer.create(kernels, 3);
    expect(contents.zeroMask(ptr, 3, mask)).toBe(3);
    for (let at = 0; at < PAGE; at++) {
      bytes[PAGE + at] = 1 << (at & 7);
      expect(contents.isZero(ptr + PAGE)).toBe(false);
      expect(contents.isZero(ptr)).toBe(true);
      expect(contents.isZero(ptr + 2 * PAGE)).toBe(true);
      bytes[PAGE + at] = 0;
    }
    bytes[PAGE - 1] = 255;
    expect(contents.zeroMask(ptr, 3, mask)).toBe(2);
    expect([...mask.view()]).toEqual([0, 1, 1]);
  });

  it("finds one byte that differs, wherever it is", () => {
    const { kernels, ptr, bytes, contents } = pages(4, (i) => (i * 7) & 255);
    const mask = U32Buffer.create(kernels, 2);
    expect(contents.differing(ptr, ptr + 2 * PAGE, 2, mask)).toBe(0);
    for (let at = 0; at < PAGE; at++) {
      bytes[3 * PAGE + at]! ^= 1 << (at & 7);
      expect(contents.equal(ptr + PAGE, ptr + 3 * PAGE)).toBe(false);
      expect(contents.equal(ptr, ptr + 2 * PAGE)).toBe(true);
      bytes[3 * PAGE + at]! ^= 1 << (at & 7);
    }
    bytes[0]! ^= 128;
    expect(contents.differing(ptr, ptr + 2 * PAGE, 2, mask)).toBe(1);
    expect([...mask.view()]).toEqual([1, 0]);
  });
});
