import { describe, expect, it } from "vitest";
import { stateText, techniqueCosts } from "../../src/report/technique-costs.js";
import { migration, paging, round } from "./results.js";

const MS = 1_000_000;
const costs = (changes: Parameters<typeof migration>[0]) =>
  Object.fromEntries(techniqueCosts(migration(changes)));

describe("techniqueCosts", () => {
  it("has nothing to say of what was not used", () => {
    expect(costs({})).toEqual({});
    // The controller was there, and the guest kept all of its CPU.
    expect(costs({ throttleState: { cpuShare: 1 } })).toEqual({});
  });

  it("tells faults, blocktime, the worst stall and exposure of post-copy", () => {
    const { stagesNs } = migration();
    const pushed = { ...stagesNs, residualPush: 700 * MS };
    const times = { worstStallNs: 25 * MS, exposureNs: 705 * MS };
    expect(costs({ postCopy: paging(), stagesNs: pushed, ...times })).toEqual({
      "post-copy": "900 pages followed the guest, 700 ms of pushing after it was announced",
      // 400 ms in 120 faults.
      faults: "120 (20 % of the 600 pages used meanwhile), 3.33 ms each, 400 ms in all",
      blocked: "VCPU 0 300 ms, VCPU 1 100 ms; all at once 30 ms",
      "worst stall": "25 ms (longest wait for a page 12 ms)",
      exposure: "705 ms (its pages were on two hosts and needed the link)",
    });
  });

  it("sums up VCPUs that are many, and names those alone that waited", () => {
    const blocked = (vcpuBlocktimeNs: number[]) =>
      costs({ postCopy: paging({ vcpuBlocktimeNs }) }).blocked;
    expect(blocked([0, 5 * MS, 0])).toBe("VCPU 1 5 ms, the others never; all at once 30 ms");
    expect(blocked([0, 0])).toBe("no VCPU");
    const many = Array.from({ length: 64 }, (_, vcpu) => (vcpu < 40 ? (vcpu + 1) * MS : 0));
    expect(blocked(many)).toBe("40 of 64 VCPUs, VCPU 39 longest, 40 ms; all at once 30 ms");
  });

  it("does without a mean where there was no fault", () => {
    const still = { faults: 0, workingSetPages: 0, faultShare: 0, stallNs: 0, worstStallNs: 0 };
    expect(costs({ postCopy: paging(still) }).faults).toBe(
      "0 (0 % of the 0 pages used meanwhile), 0 ns in all",
    );
  });

  it("tells from when on and how far a guest was slowed", () => {
    const rounds = [1, 0.8, 0.3, 0.5].map((cpuShare, i) => round({ round: i + 1, cpuShare }));
    expect(costs({ rounds, throttleState: { "cpu-throttle-percentage": 50 } }).throttle).toBe(
      "CPU 80 % from round 2 on, least 30 % in round 3 (cpu-throttle-percentage 50)",
    );
    expect(costs({ rounds: rounds.slice(0, 2) }).throttle).toBe("CPU 80 % from round 2 on");
    expect(costs({ throttleState: { stallPerFaultNs: 296_383.6 } }).throttle).toBe(
      "stall per fault 296 µs",
    );
  });

  it("puts a codec's figures together, and lets managers and strategies tell theirs", () => {
    const told = costs({
      codecState: { "zero.pages": 12_000, "xbzrle.hits": 7, "xbzrle.savedBytes": 4096 },
      managerState: { steps: 3, downtimeLimitNs: 250 * MS },
      strategyState: { chose: "post-copy" },
    });
    expect(told).toEqual({
      codecs: "zero pages 12,000; xbzrle hits 7, saved 4 KiB",
      manager: "steps 3, downtime limit 250 ms",
      strategy: "chose post-copy",
    });
  });
});

describe("stateText", () => {
  it("reads units off the names", () => {
    const state = { tauNs: 4e8, heldShare: 0.25, linkBytesPerSec: 125e6, ratio: 1 / 3 };
    expect(stateText(state)).toBe("tau 400 ms, held 25 %, link 1 Gbit/s, ratio 0.333");
  });
});
