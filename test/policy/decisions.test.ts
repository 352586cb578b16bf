import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AdaptiveBandwidth } from "../../src/policy/bandwidth.js";
import { holdBackCapPages } from "../../src/policy/hold-back.js";

describe("hold-back cap", () => {
  const budget = {
    downtimeLimitNs: 300_000_000,
    fixedNs: 50_000_000,
    bandwidthBytesPerSec: 100_000_000,
    bytesPerPage: 4100,
    otherPages: 0,
  };

  it("fills the budget: 250 ms at 100 MB/s are 25 MB, that is 6097 pages of 4100 bytes", () => {
    expect(holdBackCapPages(budget)).toBe(6097);
  });

  it("leaves room for what remains besides", () => {
    expect(holdBackCapPages({ ...budget, otherPages: 6000 })).toBe(97);
    expect(holdBackCapPages({ ...budget, otherPages: 7000 })).toBe(0);
  });

  it("holds nothing where the fixed costs use up the limit, or the link is down", () => {
    expect(holdBackCapPages({ ...budget, fixedNs: 300_000_000 })).toBe(0);
    expect(holdBackCapPages({ ...budget, bandwidthBytesPerSec: 0 })).toBe(0);
    expect(holdBackCapPages({ ...budget, bandwidthBytesPerSec: Number.NaN })).toBe(0);
  });

  it("never lets held and other pages together overrun the budget", () => {
    const positive = { min: 0, max: 2 ** 24 };
    fc.assert(
      fc.property(fc.nat(10 ** 9), fc.nat(10 ** 9), fc.integer(positive), (limit, fixed, other) => {
        const given = { ...budget, downtimeLimitNs: limit, fixedNs: fixed, otherPages: other };
        const cap = holdBackCapPages(given);
        const neededNs = ((cap + (cap > 0 ? other : 0)) * 4100 * 1e9) / 1e8;
        return cap >= 0 && (cap === 0 || neededNs <= limit - fixed + 1);
      }),
    );
  });
});

describe("Clark's rate control as the paper has it", () => {
  it("follows the dirtying rate down as well, and says when it would pass the maximum", () => {
    const rate = new AdaptiveBandwidth({
      minimumBytesPerSec: 100,
      maximumBytesPerSec: 500,
      incrementBytesPerSec: 50,
      onlyRises: false,
    });
    rate.afterRound({ dirtyBytesPerSec: 300 });
    expect([rate.limitBytesPerSec, rate.exceeded]).toEqual([350, false]);
    rate.afterRound({ dirtyBytesPerSec: 120 });
    expect([rate.limitBytesPerSec, rate.exceeded]).toEqual([170, false]);
    rate.afterRound({ dirtyBytesPerSec: 10 });
    expect([rate.limitBytesPerSec, rate.exceeded]).toEqual([100, false]);
    rate.afterRound({ dirtyBytesPerSec: 451 });
    expect([rate.limitBytesPerSec, rate.exceeded]).toEqual([500, true]);
  });
});
