import { describe, expect, it } from "vitest";
import type { Manager } from "../../../src/policy/manager.js";
import { DowntimeRamp, kubevirtTimeoutSec } from "../../../src/policy/managers/kubevirt.js";
import { StallDetector } from "../../../src/policy/managers/stall-detector.js";
import { drive, GIB, manager, progress, words } from "./drive.js";

/** Makes progress all the time, so that only the completion time-out counts. */
const shrinking = (sec: number) => ({ remainingBytes: GIB - Math.round(sec * 1000) });
const floored = (done: readonly [number, string][]): [number, string][] =>
  done.map(([sec, word]) => [Math.floor(sec), word]);

describe("kubevirt's time-outs", () => {
  it("are 150 s for each GB begun: 8 GiB are 9 GB", () => {
    expect(kubevirtTimeoutSec(8 * GIB, 150)).toBe(1350);
    expect(kubevirtTimeoutSec(1e9, 150)).toBe(150);
  });

  it("abort once more whole seconds than that have passed", () => {
    expect(floored(drive(manager("kubevirt", ""), shrinking, 3000))).toEqual([[1351, "cancel"]]);
  });

  it("switch to post-copy where allowed, and then leave the guest alone", () => {
    const postCopy = manager("kubevirt", "post-copy");
    expect(floored(drive(postCopy, shrinking, 5000))).toEqual([[1351, "post-copy"]]);
  });

  it("pause where disruption is allowed, and abort at twice the time", () => {
    const pause = manager("kubevirt", "workload-disruption");
    expect(floored(drive(pause, shrinking, 5000))).toEqual([
      [1351, "pause"],
      [2701, "cancel"],
    ]);
  });

  it("abort what has not shrunk for more than 150 s; growth and shrinking again is progress", () => {
    const stuck = drive(manager("kubevirt", ""), () => ({}), 3000);
    expect(floored(stuck)).toEqual([[151, "cancel"]]);
    const saw = (sec: number) => ({ remainingBytes: GIB + (Math.floor(sec / 50) % 2) * 1000 });
    expect(floored(drive(manager("kubevirt", ""), saw, 3000))).toEqual([[1351, "cancel"]]);
  });

  it("are none where they are 0", () => {
    const none = manager("kubevirt", "completion-timeout=0,progress-timeout=0");
    expect(drive(none, () => ({}), 10_000)).toEqual([]);
  });
});

describe("kubevirt's downtime ramp (VEP 291)", () => {
  it("goes from 150 to 900 ms by (900 - 150) / 7 = 107 ms each 10 s from iteration 3 on", () => {
    const kubevirt = manager("kubevirt", "ramp");
    const at = (sec: number) => ({ ...shrinking(sec), iteration: sec < 75.2 ? 2 : 3 });
    expect(floored(drive(kubevirt, at, 300))).toEqual([
      [0, "150 ms"],
      [75, "257 ms"],
      [85, "364 ms"],
      [95, "471 ms"],
      [105, "578 ms"],
      [115, "685 ms"],
      [125, "792 ms"],
      [135, "899 ms"],
      [145, "900 ms"],
    ]);
  });

  it("waits out the cooldown of the first limit too", () => {
    const at = (sec: number) => ({ ...shrinking(sec), iteration: Math.floor(sec) });
    const done = drive(manager("kubevirt", "ramp,ramp-cooldown=4"), at, 9);
    expect(done).toEqual([
      [0, "150 ms"],
      [4, "257 ms"],
      [8, "364 ms"],
    ]);
  });

  it("starts at the highest limit where that is lower than the first", () => {
    const options = { steps: 7, startAfterIteration: 0, cooldownSec: 1 };
    const ramp = new DowntimeRamp({ ...options, initialMs: 150, maxDowntimeMs: 100 });
    expect(ramp.poll(progress({}))).toBe(100);
    expect(ramp.poll(progress({ elapsedNs: 5e9, iteration: 9 }))).toBeUndefined();
  });
});

describe("the stall detector (VEP 248)", () => {
  const feed = (detector: StallDetector, levels: readonly [number, number][]): boolean[] =>
    levels.map(([sec, remainingBytes]) =>
      detector.iteration({ elapsedMs: sec * 1000, remainingBytes }),
    );
  function sampled(): StallDetector {
    const detector = new StallDetector();
    detector.sampleBandwidth(1000);
    return detector;
  }

  it("compares with the best of more than 40 s ago, less 4 %", () => {
    const detector = sampled();
    const shrinks: [number, number][] = [
      [0, 1000],
      [10, 800],
      [20, 600],
      [30, 500],
      [40, 500], // against 1000: 960
      [50, 500], // against 800: 768
      [60, 500], // against 600: 576
    ];
    expect(feed(detector, shrinks)).toEqual(shrinks.map(() => false));
    // Against 500: 480 is stalled, 479 would not have been.
    expect(feed(detector, [[70, 480]])).toEqual([true]);
    expect(detector.bestBytes).toBe(480);
    const other = sampled();
    feed(other, shrinks);
    expect(feed(other, [[70, 479]])).toEqual([false]);
  });

  it("allows a rise in between, as long as the trend is down", () => {
    const detector = sampled();
    const levels: [number, number][] = [
      [0, 1000],
      [10, 1500],
      [20, 1400],
      [50, 900],
      [70, 700],
      [95, 500],
    ];
    expect(feed(detector, levels).includes(true)).toBe(false);
  });

  it("is at a local minimum within 4 % above the best", () => {
    const detector = sampled();
    feed(detector, [
      [0, 500],
      [40, 600],
    ]);
    expect([detector.stalled, detector.bestBytes]).toEqual([true, 500]);
    const at = (remainingBytes: number) =>
      detector.atLocalMinimum({ elapsedMs: 0, remainingBytes });
    expect([at(520), at(521)]).toEqual([true, false]);
  });

  it("relaxes to the lowest level since the stall, after 40 s, then 20, then 10", () => {
    const detector = sampled();
    feed(detector, [
      [0, 500],
      [40, 600],
      [60, 700],
      [79, 650],
    ]);
    expect(detector.bestBytes).toBe(500);
    feed(detector, [[80, 800]]);
    expect(detector.bestBytes).toBe(650);
    feed(detector, [[99, 900]]);
    expect(detector.bestBytes).toBe(650);
    feed(detector, [[100, 900]]);
    expect(detector.bestBytes).toBe(700);
    feed(detector, [[110, 900]]);
    expect(detector.bestBytes).toBe(800);
  });

  it("smooths the bandwidth: 0.4 of the newest sample", () => {
    const detector = sampled();
    detector.sampleBandwidth(2000);
    expect(detector.bandwidthBytesPerSec).toBe(1400);
    expect(detector.impliedDowntimeMs({ elapsedMs: 0, remainingBytes: 700 })).toBe(500);
  });
});

describe("kubevirt with the stall detector", () => {
  /** A reading every 10 s that always leaves 500 MB: stalled at 50 s, 40 s after the first one. */
  function run(polled: Manager, bandwidthBytesPerSec: number, untilSec: number) {
    const at = (sec: number) => ({
      bandwidthBytesPerSec,
      remainingBytes: 500_000_000,
      iteration: Math.floor(sec / 10),
    });
    return floored(drive(polled, at, untilSec));
  }

  it("starts at 300 ms, or at the highest downtime where that is less", () => {
    const first = (text: string) => manager("kubevirt", text).poll(progress({})).map(words);
    expect(first("stall-detector")).toEqual(["300 ms"]);
    expect(first("stall-detector,max-downtime=200ms")).toEqual(["200 ms"]);
    expect(manager("kubevirt", "stall-detector").pollsOnSync).toBe(true);
  });

  it("raises the limit where the pause is short enough, and aborts if no switch comes in 60 s", () => {
    // 500 MB at 10^9 bytes a second are 500 ms.
    expect(run(manager("kubevirt", "stall-detector"), 1e9, 300)).toEqual([
      [0, "300 ms"],
      [50, "900 ms"],
      [111, "cancel"],
    ]);
  });

  it("tries its luck up to 1.5 times the highest downtime, beyond that aborts", () => {
    // 500 MB at 400 MB/s are 1250 ms, at 300 MB/s 1666 ms; 1.5 x 900 = 1350.
    expect(run(manager("kubevirt", "stall-detector"), 400e6, 60)[1]).toEqual([50, "900 ms"]);
    expect(run(manager("kubevirt", "stall-detector"), 300e6, 60)[1]).toEqual([50, "cancel"]);
  });

  it("forces the switch where disruption is allowed, by post-copy where that is", () => {
    const forced = manager("kubevirt", "stall-detector,workload-disruption");
    expect(run(forced, 300e6, 60)[1]).toEqual([50, "2000000 ms"]);
    const postCopy = manager("kubevirt", "stall-detector,post-copy");
    expect(run(postCopy, 300e6, 60)[1]).toEqual([50, "post-copy"]);
  });

  it("waits while a pause could not end within twice the completion time-out", () => {
    // 1 GB: 150 s, twice 300 s. 500 MB at 1 MB/s are 500 s.
    const slow = run(manager("kubevirt", "stall-detector,workload-disruption", 0.9), 1e6, 200);
    expect(slow).toEqual([
      [0, "300 ms"],
      [151, "cancel"],
    ]);
  });

  it("at the time-out, not stalled, switches if that can end in time", () => {
    const at = (sec: number) => ({
      bandwidthBytesPerSec: 1e8,
      remainingBytes: Math.round(4e8 / (1 + sec)),
      iteration: Math.floor(sec / 10),
    });
    const done = drive(manager("kubevirt", "stall-detector,post-copy", 0.9), at, 400);
    expect(floored(done)).toEqual([
      [0, "300 ms"],
      [151, "post-copy"],
    ]);
    expect(floored(drive(manager("kubevirt", "stall-detector", 0.9), at, 400))).toEqual([
      [0, "300 ms"],
      [151, "cancel"],
    ]);
  });
});
