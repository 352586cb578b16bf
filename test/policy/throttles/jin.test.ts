import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JinCpuController, jin } from "../../../src/policy/throttles/jin.js";
import { SECOND_NS, throttleStats } from "../throttle-stats.js";

describe("Jin's CPU controller", () => {
  it("halves the guest when it dirties twice what margin x bandwidth allows", () => {
    const controller = new JinCpuController({ margin: 0.5, shareMin: 0.1 });
    // 400 bytes in 4 s are 100 a second, at a bandwidth of 100 a second.
    const stats = throttleStats({ dirtiedBytes: 400, periodNs: 4 * SECOND_NS });
    expect(controller.afterSync(stats)).toEqual({
      cpuShare: 0.5,
      stallPerFaultNs: 0,
      stunAfterFaults: 0,
    });
  });

  it("works from the share that the rate was measured at", () => {
    const controller = new JinCpuController({ margin: 0.5, shareMin: 0.1 });
    controller.afterSync(throttleStats({ dirtiedBytes: 100 }));
    // At half the CPU it still dirties all of B x margin x 2: another halving.
    expect(controller.afterSync(throttleStats({ dirtiedBytes: 100 })).cpuShare).toBe(0.25);
  });

  it("gives the CPU back, and never goes under its minimum", () => {
    const controller = new JinCpuController({ margin: 0.8, shareMin: 0.2 });
    expect(controller.afterSync(throttleStats({ dirtiedBytes: 1e9 })).cpuShare).toBe(0.2);
    expect(controller.afterSync(throttleStats({ dirtiedBytes: 0 })).cpuShare).toBe(1);
  });

  it("changes nothing before a bandwidth was measured", () => {
    const controller = new JinCpuController();
    const stats = throttleStats({ dirtiedBytes: 1e9, bandwidthBytesPerSec: 0 });
    expect(controller.afterSync(stats).cpuShare).toBe(1);
  });

  it("stays within its bounds, and brakes a faster writer no less", () => {
    const rate = fc.integer({ min: 1, max: 1e9 });
    fc.assert(
      fc.property(rate, rate, rate, (first, second, bandwidthBytesPerSec) => {
        const share = (dirtiedBytes: number): number =>
          jin
            .create({ margin: 0.8, "min-share": 0.1 })
            .afterSync(throttleStats({ dirtiedBytes, bandwidthBytesPerSec })).cpuShare;
        const slow = share(Math.min(first, second));
        const fast = share(Math.max(first, second));
        return fast <= slow && fast >= 0.1 && slow <= 1;
      }),
    );
  });
});
