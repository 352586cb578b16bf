/** How many pages ballooning takes back, against figures worked out by hand. */
import { describe, expect, it } from "vitest";
import { parseParams } from "../../../src/base/params.js";
import { ActiveShare } from "../../../src/policy/reclaim/active-share.js";
import { Balloon, balloon } from "../../../src/policy/reclaim/balloon.js";
import { dsb } from "../../../src/policy/reclaim/dsb.js";
import { freePageCache } from "../../../src/policy/reclaim/free-page-cache.js";
import type { ReclaimFactory } from "../../../src/policy/reclaim.js";

const MEMORY = { pages: 10_000, freePages: 2000, cachePages: 1500 };
const make = (factory: ReclaimFactory, params = "") =>
  factory.create(parseParams(factory.name, params, factory.params));

describe("the active share by sampling", () => {
  it("is all of the memory before a period is over", () => {
    expect(new ActiveShare().value).toBe(1);
  });

  it("begins with the first period's share", () => {
    const share = new ActiveShare();
    share.sampled(20, 100);
    expect(share.value).toBe(0.2);
  });

  it("rises at once and falls slowly", () => {
    const share = new ActiveShare();
    share.sampled(20, 100);
    share.sampled(60, 100);
    // Slow 0.2 + 0.4 / 8, fast 0.2 + 0.4 / 2, current 0.6.
    expect(share.value).toBe(0.6);
    share.sampled(0, 100);
    // Slow 0.25 - 0.25 / 8 = 0.21875, fast 0.4 / 2 = 0.2, current 0.
    expect(share.value).toBeCloseTo(0.218_75, 12);
  });
});

describe("balloon", () => {
  it("takes back the tax of what is idle", () => {
    const reclaim = make(balloon);
    reclaim.sampled(20, 100);
    // 75 % of 80 % of 10,000.
    expect(reclaim.pagesToReclaim(MEMORY)).toBe(6000);
    expect(reclaim.describe()).toEqual({ activeShare: 0.2, tax: 0.75 });
  });

  it("takes nothing where nothing was sampled, all is used, or nothing is taxed", () => {
    expect(make(balloon).pagesToReclaim(MEMORY)).toBe(0);
    const busy = make(balloon);
    busy.sampled(100, 100);
    expect(busy.pagesToReclaim(MEMORY)).toBe(0);
    const untaxed = make(balloon, "tax=0");
    untaxed.sampled(0, 100);
    expect(untaxed.pagesToReclaim(MEMORY)).toBe(0);
  });

  it("takes all that is idle at a tax of 1, and rounds down", () => {
    const reclaim = make(balloon, "tax=1");
    reclaim.sampled(1, 3);
    expect(reclaim.pagesToReclaim({ pages: 1000 } as typeof MEMORY)).toBe(666);
  });

  it("samples as asked", () => {
    const reclaim = make(balloon, "samples=50,period=30s,periods=4");
    expect(reclaim.sampling).toEqual({ periodNs: 30e9, periods: 4, pages: 50 });
    expect(reclaim).toBeInstanceOf(Balloon);
  });
});

describe("free-page-cache and dsb", () => {
  it("take what is free, with the cache and without", () => {
    expect(make(freePageCache).pagesToReclaim(MEMORY)).toBe(3500);
    expect(make(dsb).pagesToReclaim(MEMORY)).toBe(2000);
    expect(make(dsb).sampling).toBeUndefined();
  });

  it("state what a page costs that is used again", () => {
    expect(make(freePageCache, "refault=8ms,grow-back=2us,refault-window=1s").refault).toEqual({
      diskNs: 8e6,
      emptyNs: 2000,
      windowNs: 1e9,
    });
  });
});
