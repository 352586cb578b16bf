/** Turns and pauses by a clock that the test moves: shares, stalls, counts. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GuestGone } from "../../../src/live/v86/absent-pages.js";
import { GuestTurns } from "../../../src/live/v86/guest-turns.js";
import type { V86Emulator } from "../../../src/live/v86/v86-internals.js";
import { NO_BRAKE } from "../../../src/policy/throttle.js";

let nowMs = 0;
beforeEach(() => {
  nowMs = 1000;
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
});
afterEach(() => {
  vi.restoreAllMocks();
});

interface Fake {
  readonly turns: GuestTurns;
  readonly v86: V86Emulator["v86"];
  writes: number;
  /** What the guest asks to sleep after each turn. */
  sleepMs: number;
  /** Runs for so long of the test's clock; timers of whole milliseconds come late by `lateMs`. */
  runMs(durationMs: number, lateMs: number): void;
}

/** A machine whose turn takes 1 ms, in which it executes 2^30 instructions and writes 10 pages. */
function fake(): Fake {
  const counter = [0];
  const cpu = {
    instruction_counter: counter,
    main_loop: () => {
      nowMs += 1;
      counter[0] = ((counter[0] as number) + 2 ** 30) >>> 0;
      made.writes = (made.writes + 10) >>> 0;
      return made.sleepMs;
    },
  };
  const emulator = { v86: { cpu, stopping: false, running: true } } as unknown as V86Emulator;
  const turns = new GuestTurns(emulator, () => made.writes);
  const made: Fake = {
    turns,
    v86: emulator.v86,
    writes: 0,
    sleepMs: 0,
    runMs(durationMs, lateMs) {
      for (const untilMs = nowMs + durationMs; nowMs < untilMs; ) {
        const askedMs = cpu.main_loop();
        // As Node's loop: at once below 1 ms, else whole milliseconds and late.
        if (askedMs >= 1) nowMs += Math.floor(askedMs) + lateMs;
      }
    },
  };
  return made;
}

describe("the guest's share", () => {
  it.each([
    [1, 0],
    [0.5, 0],
    [0.5, 0.7],
    [0.25, 1.9],
    [0.1, 0.4],
    [0.05, 5],
  ])("of %f holds with timers that come %f ms late", (cpuShare, lateMs) => {
    const machine = fake();
    machine.turns.setBrake({ ...NO_BRAKE, cpuShare });
    machine.runMs(4000, lateMs);
    expect(machine.turns.ranNs / 4e9).toBeGreaterThan(cpuShare * 0.97);
    expect(machine.turns.ranNs / 4e9).toBeLessThan(cpuShare * 1.03);
  });

  it("is taken from a guest that sleeps of its own will only as far as it runs", () => {
    const machine = fake();
    machine.sleepMs = 3;
    machine.turns.setBrake({ ...NO_BRAKE, cpuShare: 0.5 });
    machine.runMs(4000, 0);
    // It sleeps longer than it would have to.
    expect(machine.turns.ranNs / 4e9).toBeCloseTo(0.25, 2);
    expect(machine.turns.idleNs / 4e9).toBeCloseTo(0.75, 2);
  });

  it("is whole again once the brake is off", () => {
    const machine = fake();
    machine.turns.setBrake({ ...NO_BRAKE, cpuShare: 0.01 });
    machine.runMs(200, 0);
    machine.turns.setBrake(NO_BRAKE);
    const before = machine.turns.ranNs;
    machine.runMs(100, 0);
    expect(machine.turns.ranNs - before).toBe(100e6);
  });
});

it("stalls are charged for first writes", () => {
  const machine = fake();
  machine.runMs(100, 0);
  // 10 pages a turn of 1 ms, at 300 us each: 3 ms of standing still for each ms.
  machine.turns.setBrake({ ...NO_BRAKE, stallPerFaultNs: 300_000 });
  const before = machine.turns.ranNs;
  machine.runMs(4000, 0.5);
  expect((machine.turns.ranNs - before) / 4e9).toBeCloseTo(0.25, 2);
});

it("instructions count on over 2^32", () => {
  const machine = fake();
  machine.runMs(100, 0);
  expect(machine.turns.instructions).toBe(100 * 2 ** 30);
});

describe("a turn in which the guest waits for a page", () => {
  it("counts without the wait, for time and for the brake", () => {
    const machine = fake();
    machine.turns.before = () => {
      nowMs += 7;
      machine.turns.waitedNs += 7e6;
    };
    machine.turns.setBrake({ ...NO_BRAKE, cpuShare: 0.5 });
    machine.runMs(900, 0);
    // 1 ms of 9: run, wait 7, and pause 1 for the half of what ran.
    expect(machine.turns.ranNs).toBe(100e6);
  });

  it("is its last where the page will not come", () => {
    const machine = fake();
    let stops = 0;
    Object.assign(machine.v86, { stop: () => stops++ });
    machine.runMs(10, 0);
    machine.turns.before = () => {
      throw new GuestGone("no page");
    };
    machine.v86.cpu.main_loop();
    expect([stops, machine.turns.gone, machine.turns.turning]).toEqual([1, true, false]);
    expect(machine.turns.ranNs).toBe(10e6);
    expect(() => machine.turns.start()).toThrow(/does not run again/);
    machine.turns.before = () => {
      throw new RangeError("a bug");
    };
    expect(() => machine.v86.cpu.main_loop()).toThrow("a bug");
  });
});
