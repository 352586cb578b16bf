import { describe, expect, it } from "vitest";
import { uniformCurve } from "../../src/fluid/index.js";
import type { ObservedGuest } from "../../src/forecast/observed-guest.js";
import { runSlotCounts } from "../../src/forecast/slot-counts.js";
import { qemu72 } from "../../src/policy/presets/qemu72.js";
import type { SlotLoop } from "../../src/policy/slot-loop.js";

const slots: SlotLoop = { ...(qemu72.slots as SlotLoop), quotaBytes: Number.POSITIVE_INFINITY };

function guestOf(change: Partial<ObservedGuest>): ObservedGuest {
  return {
    ...{ curve: () => 0, writtenPages: 0, shortestWindowSec: 0, longestWindowSec: 1e9 },
    ...{ firstPages: 100_000, suspendDirtiesPages: 0, fixedDowntimeNs: 0 },
    ...{ bytesPerPage: 4096, resentBytesPerPage: 4096 },
    ...change,
  };
}

describe("QEMU's loop by counts", () => {
  it("sends the memory of an idle guest once, down to the limit", () => {
    // 40,960,000 bytes/s are 500 pages a slice; 300 ms hold 3,000 pages: less is left after 195 slices.
    const counts = runSlotCounts(guestOf({}), {
      ...{ slots, bandwidthBytesPerSec: 40_960_000, downtimeLimitNs: 300e6, untilSec: 100 },
    });
    expect(counts).toMatchObject({
      ended: true,
      passes: 2,
      liveBytes: 97_500 * 4096,
      pausePages: 2_500,
    });
    expect(counts.liveSec).toBeCloseTo(9.75, 9);
  });

  it("does not end where the guest writes faster than the link carries and the limit is small", () => {
    const writer = guestOf({
      ...{ curve: uniformCurve({ pages: 50_000, writesPerSec: 40_000 }), writtenPages: 50_000 },
    });
    const options = { slots, bandwidthBytesPerSec: 40_960_000, untilSec: 60 };
    const tight = runSlotCounts(writer, { ...options, downtimeLimitNs: 300e6 });
    expect(tight.ended).toBe(false);
    // 6 s hold 60,000 pages, more than are ever written.
    const wide = runSlotCounts(writer, { ...options, downtimeLimitNs: 6e9 });
    expect(wide.ended).toBe(true);
    expect(wide.pausePages).toBeLessThanOrEqual(60_000);
  });

  it("keeps to the preset's own rate limit where it has one", () => {
    const limited = { ...slots, quotaBytes: 2_048_000 };
    const options = { bandwidthBytesPerSec: 40_960_000, downtimeLimitNs: 300e6, untilSec: 100 };
    const counts = runSlotCounts(guestOf({}), { ...options, slots: limited });
    // Half the rate: 250 pages a slice, 1,500 pages fit.
    expect(counts.liveSec).toBeCloseTo(98_750 / 5_000, 9);
  });
});
