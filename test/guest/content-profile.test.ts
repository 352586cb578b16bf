import { describe, expect, it } from "vitest";
import {
  ContentProfile,
  type ContentProfileSpec,
  DELTA_OVERFLOW,
} from "../../src/guest/content-profile.js";
import {
  CONTENT_PROFILES,
  INCOMPRESSIBLE,
  MEASURED_PROFILES,
} from "../../src/guest/content-profiles.js";

const PAGES = 65_536;

describe.each(MEASURED_PROFILES)("content like $name", (spec) => {
  const profile = new ContentProfile(spec, 1);
  const all = Array.from({ length: PAGES }, (_, page) => page);
  const nonZero = all.filter((page) => !profile.isZero(page, 0));

  it("has the measured share of zero pages", () => {
    expect(1 - nonZero.length / PAGES).toBeCloseTo(spec.zeroShare, 2);
  });

  it("has the measured copies, and the largest group of them", () => {
    const groups = new Map<number, number>();
    for (const page of nonZero) {
      const digest = profile.digestOf(page, 0);
      groups.set(digest, (groups.get(digest) ?? 0) + 1);
    }
    const { share, largestShare } = spec.duplicates;
    expect(1 - groups.size / nonZero.length).toBeCloseTo(share, 1.7);
    expect(Math.max(...groups.values()) / nonZero.length).toBeCloseTo(largestShare, 2);
  });

  it("compresses to the measured mean and median", () => {
    const singles = nonZero.filter((page) => profile.originalOf(page) === page);
    const sizes = singles.map((page) => profile.deflatedBytes(page, 0, 1)).sort((a, b) => a - b);
    expect(mean(sizes) / spec.deflate.level1Mean).toBeCloseTo(1, 1.4);
    const level6 = mean(singles.map((page) => profile.deflatedBytes(page, 0, 6)));
    expect(level6 / spec.deflate.level6Mean).toBeCloseTo(1, 1.4);
    for (const [at, bytes] of spec.deflate.level1) {
      const rank = sizes.filter((size) => size <= bytes * 1.02).length / sizes.length;
      expect(rank, `rank of ${bytes}`).toBeGreaterThan(at - 0.02);
    }
  });

  it("has the measured deltas at each age", () => {
    for (const row of spec.deltas) {
      const sizes = changedAt(profile, nonZero, 1, 1 + row.versions);
      // A page that would not fit counted as a page where it was measured.
      const counted = sizes.map((bytes) => Math.min(bytes, 4096));
      expect(mean(counted) / row.meanBytes, `mean at ${row.ageMs} ms`).toBeCloseTo(1, 0.9);
      const overflow = sizes.filter((bytes) => bytes === DELTA_OVERFLOW).length / sizes.length;
      expect(Math.abs(overflow - row.overflowShare)).toBeLessThan(0.01);
    }
  });

  it("keeps the measured share of written pages as they were", () => {
    const kept = nonZero.filter((page) => profile.deltaBytes(page, 0, 5) === 0);
    expect(kept.length / nonZero.length).toBeCloseTo(spec.silentShare, 1.7);
    for (const page of kept.slice(0, 100)) {
      expect(profile.digestOf(page, 5)).toBe(profile.digestOf(page, 0));
    }
  });

  it("makes the measured share of changed pages zero", () => {
    const changing = nonZero.filter((page) => !profile.isSilent(page));
    const zero = changing.filter((page) => profile.isZero(page, 9)).length / changing.length;
    expect(Math.abs(zero - spec.becameZeroShare)).toBeLessThan(0.005);
  });

  it("is consistent from answer to answer", () => {
    const again = new ContentProfile(spec, 1);
    for (let page = 0; page < 3000; page++) {
      const [from, to] = [page % 3, (page % 3) + 1 + (page % 7)] as const;
      const delta = profile.deltaBytes(page, from, to);
      expect(again.deltaBytes(page, from, to)).toBe(delta);
      const isSame = profile.digestOf(page, from) === profile.digestOf(page, to);
      expect(delta === 0).toBe(isSame);
      expect(profile.isZero(page, to)).toBe(profile.digestOf(page, to) === 0);
    }
  });
});

describe("a content profile", () => {
  it("gives other pages for another seed", () => {
    const { zeroMap: _, ...anywhere } = MEASURED_PROFILES[0]!;
    const [a, b] = [1, 2].map((seed) => new ContentProfile(anywhere, seed));
    const differing = Array.from({ length: 1000 }, (_, page) => page).filter(
      (page) => a!.isZero(page, 0) !== b!.isZero(page, 0),
    );
    expect(differing.length).toBeGreaterThan(300);
  });

  it("has its zero pages where the map says, again and again in a larger memory", () => {
    // 3 not zero, 2 zero, 130 not zero (LEB128: 0x82 0x01), 1 zero.
    const zeroMap = { pages: 136, runs: btoa("\x03\x02\x82\x01\x01") };
    const { duplicates } = INCOMPRESSIBLE;
    const spec = { ...MEASURED_PROFILES[0]!, duplicates, zeroShare: 3 / 136, zeroMap };
    const profile = new ContentProfile(spec, 7);
    const zero = Array.from({ length: 300 }, (_, page) => page).filter((p) => profile.isZero(p, 0));
    expect(zero).toEqual([3, 4, 135, 139, 140, 271, 275, 276]);
    expect(profile.digestOf(135, 0)).toBe(0);
    expect(profile.isZero(135, 1)).toBe(false);
  });

  it("refuses a map whose zero pages are not the share", () => {
    const zeroMap = { pages: 136, runs: btoa("\x03\x02\x82\x01\x01") };
    const spec = { ...MEASURED_PROFILES[0]!, zeroShare: 5 / 136, zeroMap };
    expect(() => new ContentProfile(spec, 1)).toThrow("hold 3 pages");
  });

  it("that knows nothing compresses nothing", () => {
    const profile = new ContentProfile(INCOMPRESSIBLE, 1);
    const digests = new Set<number>();
    for (let page = 0; page < 2000; page++) {
      expect(profile.isZero(page, page % 3)).toBe(false);
      expect(profile.deflatedBytes(page, 1, 6)).toBe(4096);
      expect(profile.zstdBytes(page, 1)).toBe(4096);
      expect(profile.deltaBytes(page, 0, 1)).toBe(DELTA_OVERFLOW);
      expect(profile.deltaBytes(page, 1, 1)).toBe(0);
      digests.add(profile.digestOf(page, 0)).add(profile.digestOf(page, 1));
    }
    expect(digests.size).toBe(4000);
  });

  it("refuses shares beyond 1 and quantiles that fall", () => {
    const bad = (change: Partial<ContentProfileSpec>) => () =>
      new ContentProfile({ ...MEASURED_PROFILES[0]!, ...change }, 1);
    expect(bad({ zeroShare: 1.1 })).toThrow("from 0 to 1");
    const deflate = {
      level1Mean: 1,
      level6Mean: 1,
      level1: [
        [0.5, 9],
        [0.6, 8],
      ] as const,
    };
    expect(bad({ deflate })).toThrow("bytes ascend");
  });

  it("exists once by each name", () => {
    expect(new Set(CONTENT_PROFILES.map(({ name }) => name)).size).toBe(8);
  });
});

/** Sizes of the deltas of pages that changed, none of them zero. */
function changedAt(profile: ContentProfile, pages: number[], from: number, to: number): number[] {
  return pages
    .filter((page) => !profile.isZero(page, from) && !profile.isZero(page, to))
    .map((page) => profile.deltaBytes(page, from, to))
    .filter((bytes) => bytes > 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
