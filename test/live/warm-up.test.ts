/** How a guest comes back to speed: windows that were made up, and a machine that is. */
import { describe, expect, it } from "vitest";
import { measureWarmUp, warmUpOf } from "../../src/live/warm-up.js";

const WINDOW_NS = 100e6;

describe("warmUpOf", () => {
  it("takes the median of the last third as what it came to", () => {
    const found = warmUpOf([80, 300, 850, 950, 1000, 990, 20, 1010, 1000], WINDOW_NS);
    // 20, 1010, 1000 are the last third; a single bad window among them does not count.
    expect(found.steadyPerSec).toBe(1000);
  });

  it("is there at the end of the first window with nine tenths of it", () => {
    expect(warmUpOf([100, 899, 900, 1000, 1000, 1000], WINDOW_NS).reachedNs).toBe(3 * WINDOW_NS);
    expect(warmUpOf([1000, 1000, 1000], WINDOW_NS).reachedNs).toBe(WINDOW_NS);
  });

  it("knows nothing of a guest that sleeps, and leaves out windows in which it slept", () => {
    expect(warmUpOf([0, 0, 0], WINDOW_NS).reachedNs).toBeUndefined();
    expect(warmUpOf([], WINDOW_NS)).toEqual({
      ...{ perSecond: [], steadyPerSec: 0, reachedNs: undefined },
    });
    const some = warmUpOf([0, 500, 0, 0, 700, 0], WINDOW_NS);
    expect(some).toMatchObject({ steadyPerSec: 700, reachedNs: 5 * WINDOW_NS });
  });
});

describe("measureWarmUp", () => {
  /** Runs 10 ms and 5,000 instructions between any two looks. */
  const machine = () => {
    let looks = 0;
    return { instructions: () => 5_000 * looks++, guestNs: () => 10e6 * (looks - 1) };
  };

  it("counts instructions a second of its turns", async () => {
    const found = await measureWarmUp(machine(), { windowNs: 1e6, windows: 4 });
    expect(found.perSecond).toEqual([500_000, 500_000, 500_000, 500_000]);
  });

  it("ends early when it is told to", async () => {
    const signal = AbortSignal.abort();
    expect((await measureWarmUp(machine(), { signal })).perSecond).toEqual([]);
  });
});
