import { describe, expect, it } from "vitest";
import { AssertionError } from "../../src/base/assert.js";
import { STALL_BUCKETS, Stalls, StallTally } from "../../src/model/stalls.js";

const US = 1000;

describe("StallTally", () => {
  it.each([
    [0, 0],
    [999, 0],
    [1 * US, 0],
    [2 * US - 1, 0],
    [2 * US, 1],
    [4 * US - 1, 1],
    [4 * US, 2],
    [1023 * US, 9],
    [1024 * US, 10],
    [8_388_607 * US, 22],
    [8_388_608 * US, 23],
    [1e12, 23],
  ])("puts %d ns into bucket %d, the binary logarithm of its microseconds", (ns, bucket) => {
    const tally = new StallTally();
    tally.add(ns);
    expect(tally.buckets.indexOf(1)).toBe(bucket);
    expect(tally.buckets.length).toBe(STALL_BUCKETS);
  });

  it("keeps the sum and the worst", () => {
    const tally = new StallTally();
    for (const ns of [5, 70, 20]) tally.add(ns);
    expect([tally.stallNs, tally.worstNs]).toEqual([95, 70]);
  });
});

describe("Stalls", () => {
  it("counts blocktime by VCPU, and the time in which all are blocked", () => {
    const stalls = new Stalls(3);
    stalls.begin(0, 100, "remote");
    stalls.begin(1, 150, "remote");
    stalls.begin(2, 180, "local");
    stalls.end(1, 200);
    stalls.begin(1, 230, "remote");
    stalls.end(0, 260);
    stalls.end(1, 300);
    stalls.end(2, 400);
    // All blocked: 180 to 200, then 230 to 260.
    expect(stalls.allBlockedNs).toBe(50);
    expect(stalls.vcpuBlocktimeNs).toEqual([160, 120, 220]);
    expect([stalls.remote.count, stalls.local.count]).toEqual([3, 1]);
    expect([stalls.remote.stallNs, stalls.remote.worstNs]).toEqual([280, 160]);
    expect(stalls.local.stallNs).toBe(220);
  });

  it("is told of beginnings early", () => {
    const stalls = new Stalls(2);
    stalls.begin(0, 90, "remote");
    stalls.begin(1, 100, "remote");
    stalls.end(0, 95);
    stalls.begin(0, 110, "remote");
    stalls.end(1, 130);
    expect(stalls.allBlockedNs).toBe(20);
  });

  it("forgets a fault that was none", () => {
    const stalls = new Stalls(1);
    stalls.begin(0, 90, "remote");
    stalls.cancel(0);
    expect([stalls.remote.count, stalls.vcpuBlocktimeNs[0]]).toEqual([0, 0]);
    expect(() => stalls.end(0, 100)).toThrow(AssertionError);
  });
});
