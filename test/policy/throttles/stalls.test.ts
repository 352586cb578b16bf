import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseParams } from "../../../src/base/params.js";
import { THROTTLES } from "../../../src/policy/throttles/index.js";
import { Sdps } from "../../../src/policy/throttles/sdps.js";
import { STUN_AFTER_FAULTS, StunWriters } from "../../../src/policy/throttles/stun-writers.js";
import { SECOND_NS, throttleStats } from "../throttle-stats.js";

describe("sdps", () => {
  it("stalls a writer of 100 MB/s for 40.96 us a page to halve it", () => {
    const sdps = new Sdps({ margin: 0.5, maxStallNs: 10_000_000 });
    const stats = throttleStats({ dirtiedBytes: 100e6, bandwidthBytesPerSec: 100e6 });
    expect(sdps.afterSync(stats).stallPerFaultNs).toBe(40_960);
    // With two VCPUs each has twice the time between two of its writes.
    const two = new Sdps({ margin: 0.5, maxStallNs: 10_000_000 });
    expect(two.afterSync({ ...stats, vcpus: 2 }).stallPerFaultNs).toBe(81_920);
  });

  it("lets go when the guest writes less, keeps to its limit, waits for a bandwidth", () => {
    const sdps = new Sdps({ margin: 1, maxStallNs: 50_000 });
    const seen = (dirtiedBytes: number, bandwidthBytesPerSec = 1e6): number =>
      sdps.afterSync(throttleStats({ dirtiedBytes, bandwidthBytesPerSec })).stallPerFaultNs;
    expect(seen(100e6, 0)).toBe(0);
    expect(seen(100e6)).toBe(50_000);
    expect(seen(0)).toBe(0);
  });

  it("brings a writer that does nothing but write under the transmit rate in one step", () => {
    const rate = fc.integer({ min: 100_000, max: 1_000_000_000 });
    fc.assert(
      fc.property(rate, rate, fc.integer({ min: 1, max: 64 }), (dirty, bandwidth, vcpus) => {
        const sdps = new Sdps({ margin: 0.8, maxStallNs: SECOND_NS * 100 });
        const stats = throttleStats({
          dirtiedBytes: dirty,
          bandwidthBytesPerSec: bandwidth,
          vcpus,
        });
        const stallNs = sdps.afterSync(stats).stallPerFaultNs;
        const betweenNs = (vcpus * 4096 * 1e9) / dirty + stallNs;
        const reachedBytesPerSec = (vcpus * 4096 * 1e9) / betweenNs;
        if (dirty <= 0.8 * bandwidth) return stallNs === 0;
        return Math.abs(reachedBytesPerSec / (0.8 * bandwidth) - 1) < 1e-9;
      }),
    );
  });
});

describe("stun-writers", () => {
  it("gives each process 40 write faults and touches nothing else", () => {
    expect(STUN_AFTER_FAULTS).toBe(40);
    expect(new StunWriters().afterSync(throttleStats({}))).toEqual({
      cpuShare: 1,
      stallPerFaultNs: 0,
      stunAfterFaults: 40,
    });
  });
});

describe("every throttle", () => {
  it.each(THROTTLES.map((factory) => [factory.name, factory] as const))(
    "%s keeps bounds",
    (...given) => {
      const [name, factory] = given;
      const amount = fc.integer({ min: 0, max: 2 ** 40 });
      const reading = fc.record({ dirtiedBytes: amount, sentBytes: amount, periodNs: amount });
      fc.assert(
        fc.property(fc.array(reading, { maxLength: 20 }), amount, (readings, bandwidth) => {
          const throttle = factory.create(parseParams(name, "", factory.params));
          let nowNs = 0;
          return readings.every((given, index) => {
            nowNs += given.periodNs;
            const rates = { bandwidthBytesPerSec: bandwidth, rounds: index + 1, nowNs };
            const brake = throttle.afterSync(throttleStats({ ...given, ...rates }));
            const { cpuShare, stallPerFaultNs, stunAfterFaults } = brake;
            const shareHolds = cpuShare > 0 && cpuShare <= 1;
            return shareHolds && stallPerFaultNs >= 0 && stunAfterFaults >= 0;
          });
        }),
      );
      expect(factory.create(parseParams(name, "", factory.params)).name).toBe(name);
    },
  );
});
