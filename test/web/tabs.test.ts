/** Two tabs find each other by what the first one puts into the second's address. */
import { describe, expect, it } from "vitest";
import { tabPair } from "../../src/web/demo/tabs.js";

describe("a pair of tabs", () => {
  it("call on each other's channels and know one secret", () => {
    const first = tabPair("");
    const second = tabPair(first.address);
    expect([first.second, second.second]).toEqual([false, true]);
    expect([second.own, second.other]).toEqual([first.other, first.own]);
    expect(first.own).not.toBe(first.other);
    expect(second.secret).toEqual(first.secret);
    expect(first.secret).toHaveLength(16);
  });

  it("is another one for each first tab, and for an address that is none", () => {
    const [one, other, wrong] = [tabPair(""), tabPair(""), tabPair("#tab=1&secret=2")];
    expect(wrong.second).toBe(false);
    expect(new Set([one, other, wrong].map(({ own }) => own)).size).toBe(3);
    expect(one.secret).not.toEqual(other.secret);
  });
});
