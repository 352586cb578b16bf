/** The no-progress throttle by hand: when it waits, when it cuts, and by how much. */
import { describe, expect, it } from "vitest";
import { NoProgressThrottle } from "../../src/policy/throttles/no-progress.js";

const MB = 1_000_000;
const SECOND = 1e9;

/** 100 MB/s; the guest dirties 200 MB/s; the pause has room for 30 MB. */
function stats(atSec: number, remainingMb: number, dirtiedMbPerSec = 200) {
  return {
    nowNs: atSec * SECOND,
    periodNs: SECOND,
    dirtiedBytes: dirtiedMbPerSec * MB,
    sentBytes: 100 * MB,
    remainingBytes: remainingMb * MB,
    thresholdBytes: 30 * MB,
    bandwidthBytesPerSec: 100 * MB,
    memoryBytes: 1000 * MB,
    vcpus: 1,
    rounds: 1,
  };
}

const throttle = () => new NoProgressThrottle({ patience: 1, margin: 0.1, shareMin: 0.01 });

describe("the no-progress throttle", () => {
  it("leaves a guest alone while what remains shrinks, however much it writes", () => {
    const it = throttle();
    for (let sec = 0; sec < 10; sec++) {
      expect(it.afterSync(stats(sec, 1000 - 90 * sec)).cpuShare).toBe(1);
    }
  });

  it("cuts after one turn without progress, to a tenth of the bandwidth", () => {
    const it = throttle();
    // 200 MB remain, a turn takes two seconds: at 1 s that is not over, at 2 s it is.
    expect(it.afterSync(stats(0, 200)).cpuShare).toBe(1);
    expect(it.afterSync(stats(1, 200)).cpuShare).toBe(1);
    // 0.1 x 100 MB/s of 200 MB/s dirtied.
    expect(it.afterSync(stats(2, 200)).cpuShare).toBeCloseTo(0.05, 12);
  });

  it("takes less than 2 % for no progress", () => {
    const it = throttle();
    it.afterSync(stats(0, 200));
    it.afterSync(stats(1, 197));
    expect(it.afterSync(stats(2, 197)).cpuShare).toBeLessThan(1);
    const more = throttle();
    more.afterSync(stats(0, 200));
    more.afterSync(stats(1, 195));
    expect(more.afterSync(stats(2, 195)).cpuShare).toBe(1);
  });

  it("does nothing when what remains fits the pause", () => {
    const it = throttle();
    for (let sec = 0; sec < 10; sec++) expect(it.afterSync(stats(sec, 30)).cpuShare).toBe(1);
  });

  it("cuts by a fifth at least, and never below the least share", () => {
    const it = throttle();
    it.afterSync(stats(0, 100, 1));
    expect(it.afterSync(stats(1, 100, 1)).cpuShare).toBeCloseTo(0.8, 12);
    for (let sec = 2; sec < 60; sec++) it.afterSync(stats(sec, 100, 1e6));
    expect(it.afterSync(stats(60, 100, 1e6)).cpuShare).toBe(0.01);
  });

  it("waits while nothing is known of the bandwidth", () => {
    const it = throttle();
    const blind = (sec: number) => ({ ...stats(sec, 200), bandwidthBytesPerSec: 0 });
    for (let sec = 0; sec < 10; sec++) expect(it.afterSync(blind(sec)).cpuShare).toBe(1);
  });
});
