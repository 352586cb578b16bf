import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseParams } from "../../../src/base/params.js";
import type { Preset } from "../../../src/policy/preset.js";
import { qemu72, qemu72NextStep, qemuEstimate } from "../../../src/policy/presets/qemu72.js";
import { qemu102, qemu102NextStep } from "../../../src/policy/presets/qemu102.js";
import type { SlotLoop } from "../../../src/policy/slot-loop.js";
import { answer, roundStats } from "../round-stats.js";

function slots(preset: Preset, text = ""): SlotLoop {
  const configured = preset.configure?.(parseParams(preset.name, text, preset.params ?? {}));
  return configured?.slots as SlotLoop;
}

describe("QEMU's slots", () => {
  it("sends a tenth of max-bandwidth in 100 ms: 12.8 MiB by default, then 50 MB/s", () => {
    expect(slots(qemu72)).toMatchObject({
      slotNs: 100_000_000,
      quotaBytes: 13_421_772,
      sliceNs: 50_000_000,
      slicePages: 64,
      stopBandwidthBytesPerSec: Number.POSITIVE_INFINITY,
      stream: { pageHeaderBytes: 8, zeroPageBytes: 9, blockNameBytes: 7, sectionBytes: 18 },
    });
    expect(slots(qemu102, "max-bandwidth=50MB/s").quotaBytes).toBe(5_000_000);
    expect(slots(qemu72, "max-bandwidth=unlimited").quotaBytes).toBe(Number.POSITIVE_INFINITY);
  });

  it("measures the window in whole milliseconds, lag included", () => {
    const window = { bytes: 5_100_000, elapsedNs: 102_900_000, downtimeLimitNs: 300_000_000 };
    // 5,100,000 / 102 ms = 50,000 bytes a ms; times 300.
    expect(qemuEstimate(window)).toEqual({
      bandwidthBytesPerSec: 50_000_000,
      thresholdBytes: 15_000_000,
    });
  });

  it("10.2 goes by a stated switchover bandwidth, and still reports what it measured", () => {
    const window = { bytes: 5_000_000, elapsedNs: 100_000_000, downtimeLimitNs: 300_000_000 };
    const stated = slots(qemu102, "switchover-bandwidth=100MB/s").closeWindow(window);
    expect(stated).toEqual({ bandwidthBytesPerSec: 50_000_000, thresholdBytes: 30_000_000 });
    expect(slots(qemu102).closeWindow(window).thresholdBytes).toBe(15_000_000);
  });

  // remaining, threshold, synced, 7.2, 10.2
  const vectors: [number, number, boolean, string, string][] = [
    [20_000, 15_000, false, "send", "send"],
    [14_999, 15_000, false, "sync", "sync"],
    [14_999, 15_000, true, "stop", "stop"],
    [15_000, 15_000, false, "send", "stop"],
    [15_000, 15_000, true, "send", "stop"],
    [15_001, 15_000, true, "send", "send"],
    [0, 15_000, false, "sync", "sync"],
    [0, 15_000, true, "stop", "stop"],
    // Before the first window has closed nothing is below the threshold.
    [4096, 0, false, "send", "send"],
    [0, 0, false, "stop", "stop"],
  ];
  it.each(vectors)("%i left of %i, synced %s: 7.2 %s, 10.2 %s", (...given) => {
    const [remainingBytes, thresholdBytes, synced, in72, in102] = given;
    const state = { remainingBytes, thresholdBytes, synced };
    expect([qemu72NextStep(state), qemu102NextStep(state)]).toEqual([in72, in102]);
  });

  it("never reads the log twice without sending between, nor stops with more than fits", () => {
    const bytes = fc.integer({ min: 0, max: 1e9 });
    fc.assert(
      fc.property(bytes, bytes, (remainingBytes, thresholdBytes) =>
        [qemu72NextStep, qemu102NextStep].every((next) => {
          const synced = next({ remainingBytes, thresholdBytes, synced: true });
          return synced !== "sync" && (synced !== "stop" || remainingBytes <= thresholdBytes);
        }),
      ),
    );
  });

  it("in rounds: not before the first, then when the rest fits into the limit", () => {
    const rule = qemu72.createStopRule();
    const given = { dirtyCount: 3662, dirtyBytes: 15_000_000, bandwidthBytesPerSec: 50e6 };
    expect(answer(rule.beforeRound(roundStats(given)))).toBe("stop: downtime-limit");
    expect(answer(rule.beforeRound(roundStats({ ...given, dirtyBytes: 15_000_001 })))).toBe(
      "continue",
    );
    expect(answer(rule.beforeRound(roundStats({ ...given, iteration: 0 })))).toBe("continue");
    const { limitBytesPerSec, stopLimitBytesPerSec } = qemu72.createBandwidth();
    expect([limitBytesPerSec, stopLimitBytesPerSec]).toEqual([134_217_728, Infinity]);
  });
});
