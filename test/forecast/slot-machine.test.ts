/** QEMU's loop on guests so simple that a pencil gives the result. */
import { describe, expect, it } from "vitest";
import { ClassMemory } from "../../src/forecast/class-memory.js";
import { type LoopCosts, QEMU72_COSTS } from "../../src/forecast/loop-costs.js";
import { SlotMachine } from "../../src/forecast/slot-machine.js";
import {
  AUTO_CONVERGE,
  catchingUp,
  cpuBoundPace,
  pacedUpTo,
  ThrottleModel,
} from "../../src/forecast/throttle-model.js";
import { qemu72 } from "../../src/policy/presets/qemu72.js";

const FREE: LoopCosts = {
  ...QEMU72_COSTS,
  setupMs: 0,
  wakeUpMs: 0,
  syncMs: 0,
  pageUs: 0,
  loopbackPageUs: 0,
  socketBytes: 0,
  deviceStateBytes: 0,
  stopMs: 0,
  resumeMs: 0,
};
const UNLIMITED = 4e9;

function machine(
  pages: number,
  writesPerPageSec: number,
  o: { maxBandwidth: number; link: number },
) {
  const memory = new ClassMemory({ classes: [{ pages, writesPerPageSec }], wroteBeforeSec: 0 });
  const loop = qemu72.configure!({ "max-bandwidth": o.maxBandwidth }).slots!;
  const options = {
    memory,
    loop,
    costs: FREE,
    downtimeLimitMs: 100,
    timeoutMs: 30_000,
    guestSec: 0,
  };
  return new SlotMachine({ ...options, linkBytesPerSec: o.link }).run();
}

describe("the slot machine", () => {
  it("sends an idle guest once, at the link's rate", () => {
    // 25,000 pages at 41.04 MB/s, 4,104 bytes each: 2,500 ms.
    const idle = machine(25_000, 0, { maxBandwidth: UNLIMITED, link: 41_040_000 });
    expect(idle.totalMs).toBeCloseTo(2500, 0);
    // Set-up, when less than the limit was left, and in the pause.
    expect(idle.syncs).toBe(3);
    expect(idle.bytes).toBeGreaterThan(25_000 * 4104);
    expect(idle.bytes).toBeLessThan(25_000 * 4104 + 2000);
    // Slices of 51 ms and more: the pause takes what the limit holds, less at most one of them.
    expect(idle.downtimeMs).toBeLessThanOrEqual(100);
    expect(idle.downtimeMs).toBeGreaterThan(40);
  });

  it("keeps to windows under its own limit, and lifts it in the pause", () => {
    // A tenth of 41.04 MB in each window: 1,000 pages and the one that passes the quota, of which
    // two windows' worth fits into 200 ms; at 100 ms one is left: 24 windows go.
    const idle = machine(25_000, 0, { maxBandwidth: 41_040_000, link: Number.POSITIVE_INFINITY });
    expect(idle.totalMs).toBeCloseTo(2400, 0);
    expect(idle.downtimeMs).toBe(0);
  });

  it("sends whole packets where pages travel in packets", () => {
    const classes = [{ pages: 10_240, writesPerPageSec: 0 }];
    // A window's 4.1 MB pass in the eighth packet of 128 pages: 1,024 of them go, not 1,000.
    const loop = qemu72.configure!({ "max-bandwidth": 41_040_000 }).slots!;
    const options = {
      ...{ loop, costs: FREE, downtimeLimitMs: 0, timeoutMs: 30_000, guestSec: 0 },
      linkBytesPerSec: Number.POSITIVE_INFINITY,
    };
    const bytes = (packetPages: number) => {
      const memory = new ClassMemory({ classes, wroteBeforeSec: 0 });
      return new SlotMachine({ ...options, memory, packetPages, timeoutMs: 450 }).run().bytes;
    };
    // Five windows have begun at 450 ms, and the wait for the sixth ends with its pages.
    expect(bytes(128) / 4104).toBeCloseTo(6 * 1024, -1);
    expect(bytes(1) / 4104).toBeCloseTo(6 * 1000, -1);
  });

  it("goes on at another rate after the first pass", () => {
    const memory = new ClassMemory({
      classes: [{ pages: 10_000, writesPerPageSec: 1000 }],
      wroteBeforeSec: 0,
    });
    const loop = qemu72.configure!({ "max-bandwidth": UNLIMITED }).slots!;
    const { passes } = new SlotMachine({
      ...{ memory, loop, costs: FREE, downtimeLimitMs: 60, timeoutMs: 2200, guestSec: 0 },
      ...{ linkBytesPerSec: 41_040_000, laterBytesPerSec: 82_080_000 },
    }).run();
    // 10,000 pages of 4,104 bytes: a second, then half of one, but for what the limit holds.
    const [first = 0, second = 0] = passes.map(({ endMs }) => endMs);
    expect(first).toBeGreaterThan(900);
    expect(first).toBeLessThan(1000);
    expect(second - first).toBeGreaterThan(420);
    expect(second - first).toBeLessThan(500);
  });

  it("never ends where the guest writes more than the link carries", () => {
    const busy = machine(25_000, 50, { maxBandwidth: UNLIMITED, link: 41_040_000 });
    expect(busy.end).toBe("timeout");
    expect(busy.syncs).toBeGreaterThan(10);
  });

  it("goes on in post-copy when it was asked to, without another pass", () => {
    const memory = new ClassMemory({
      classes: [{ pages: 25_000, writesPerPageSec: 50 }],
      wroteBeforeSec: 0,
    });
    const loop = qemu72.configure!({ "max-bandwidth": UNLIMITED }).slots!;
    const outcome = new SlotMachine({
      ...{ memory, loop, costs: { ...FREE, discardPageUs: 0, discardRunUs: 0 }, guestSec: 0 },
      ...{ downtimeLimitMs: 100, timeoutMs: 30_000, linkBytesPerSec: 41_040_000 },
      postCopy: { syncs: 2, afterMs: 1e9 },
    }).run();
    expect(outcome.end).toBe("post-copy");
    expect(outcome.syncs).toBe(3);
    // One pass and once more all that it wrote, which is all: twice the memory.
    expect(outcome.totalMs).toBeGreaterThan(4700);
    expect(outcome.totalMs).toBeLessThanOrEqual(5000);
  });
});

describe("auto-converge", () => {
  it("slows by 20, then 10 more, after two bad periods of a second each", () => {
    const throttle = new ThrottleModel(AUTO_CONVERGE, cpuBoundPace);
    const steps: number[] = [];
    for (let second = 1; second <= 8; second++) {
      throttle.synced(second * 1001, 60e6, second * 100e6);
      steps.push(throttle.percent);
    }
    expect(steps).toEqual([0, 20, 20, 30, 30, 40, 40, 50]);
    expect(throttle.share()).toBeCloseTo(0.5, 9);
  });

  it("leaves a guest alone that dirties less than half of what is sent", () => {
    const throttle = new ThrottleModel(AUTO_CONVERGE, cpuBoundPace);
    for (let second = 1; second <= 5; second++) {
      throttle.synced(second * 1001, 49e6, second * 100e6);
    }
    expect(throttle.percent).toBe(0);
    expect(throttle.share()).toBe(1);
  });

  it("steps no further than the rates ask for where it ends slowly", () => {
    const throttle = new ThrottleModel({ ...AUTO_CONVERGE, tailslow: true }, cpuBoundPace);
    for (let second = 1; second <= 2; second++) {
      throttle.synced(second * 1001, 60e6, second * 100e6);
    }
    // 60 MB dirtied where 50 would do: 80 % of a CPU become 66 %, 55 MB would ask for 8 % less.
    for (let second = 3; second <= 4; second++) {
      throttle.synced(second * 1001, 55e6, second * 100e6);
    }
    expect(throttle.percent).toBe(20 + 8);
    for (let second = 5; second <= 6; second++) {
      throttle.synced(second * 1001, 90e6, second * 100e6);
    }
    expect(throttle.percent).toBe(28 + 10);
  });

  it("makes a reading wait until the VCPU is awake", () => {
    const throttle = new ThrottleModel({ ...AUTO_CONVERGE, initialPercent: 90 }, cpuBoundPace);
    expect(throttle.waitMs(500)).toBe(0);
    throttle.synced(1001, 60e6, 100e6);
    throttle.synced(2002, 60e6, 200e6);
    // It sleeps 90 ms of each 100, from the moment on that it is slowed.
    expect(throttle.waitMs(2002)).toBeCloseTo(90, 6);
    expect(throttle.waitMs(2092)).toBeCloseTo(0, 6);
    expect(throttle.waitMs(2099)).toBe(0);
    expect(throttle.waitMs(2302 + 50)).toBeCloseTo(40, 6);
  });

  it("does nothing to a guest that catches up, until its CPU is too short", () => {
    const pace = catchingUp(4);
    expect(pace(0.3, 23)).toBe(1);
    expect(pace(0.1, 90)).toBeCloseTo(0.4, 9);
  });

  it("does nothing to a paced guest while its sleeps are short", () => {
    const pace = pacedUpTo(3, 1);
    expect(pace(0.8, 2.5)).toBe(1);
    expect(pace(0.7, 4.3)).toBe(0.7);
  });
});
