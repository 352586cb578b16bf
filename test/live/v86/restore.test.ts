/** What v86 0.5.462 restores wrongly: right with this adapter, and wrong without each workaround. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { RestoreFix } from "../../../src/live/v86/device-state.js";
import type { V86Guest } from "../../../src/live/v86/index.js";
import {
  BAD_AT,
  ECHO,
  GOOD_AT,
  internalsOf,
  LIVE_FLAGS,
  MOVED_BAR,
  makeGuest,
  moveAll,
  PORT_AT,
  runFor,
  wordAt,
} from "./support.js";

const MOVES = 12;
/** v86's CPU state in its memory (src/rust/cpu/global_pointers.rs). */
const CPU = { at: 64, bytes: 1248 } as const;
/** What in it counts on, and what a flush of the TLB forgets. */
const NOT_COMPARED = [
  { name: "last_virt_eip, eip_phys", at: 620, bytes: 8 },
  { name: "instruction_counter", at: 664, bytes: 4 },
  { name: "current_tsc", at: 960, bytes: 8 },
];
const LAST_RESULT_AT = 112;

const guests: V86Guest[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const guest of guests.splice(0)) await guest.destroy();
});

async function pair(
  image: Uint8Array,
  without?: RestoreFix,
): Promise<{ source: V86Guest; target: V86Guest }> {
  const source = await makeGuest({ boot: { multiboot: image } });
  const target = await makeGuest(without === undefined ? {} : { without });
  guests.push(source, target);
  return { source, target };
}

function cpuOf(guest: V86Guest): Uint8Array {
  const cpu = new Uint8Array(guest.memory().buffer as ArrayBuffer, CPU.at, CPU.bytes).slice();
  for (const { at, bytes } of NOT_COMPARED) cpu.fill(0, at - CPU.at, at - CPU.at + bytes);
  return cpu;
}

/** Moves a guest with live flags often; returns how many branches went wrong at the target. */
async function wrongBranches(without?: RestoreFix): Promise<number> {
  const { source, target } = await pair(LIVE_FLAGS, without);
  let wrong = 0;
  for (let i = 0; i < MOVES; i++) {
    await runFor(source, 1e5);
    // As in a machine in which nothing has run.
    new Int32Array(target.memory().buffer as ArrayBuffer, LAST_RESULT_AT, 1)[0] = 0;
    moveAll(source, target);
    await runFor(target, 1e5);
    wrong += wordAt(target, BAD_AT);
    expect(wordAt(target, GOOD_AT)).toBeGreaterThan(wordAt(source, GOOD_AT));
  }
  expect(wordAt(source, BAD_AT)).toBe(0);
  return wrong;
}

describe("lazy flags and the FPU's and SSE's status", () => {
  it("arrive, so that the next branch goes where it would have gone", async () => {
    expect(await wrongBranches()).toBe(0);
  });

  it("are lost by v86 itself", async () => {
    expect(await wrongBranches("lazy-flags")).toBeGreaterThan(0);
  });

  it("leave no byte of the CPU's state different, however often it is loaded", async () => {
    const { source, target } = await pair(LIVE_FLAGS);
    for (let i = 0; i < 3; i++) {
      await runFor(source, 1e5);
      moveAll(source, target);
      target.loadDeviceState(source.deviceState());
      expect(cpuOf(target)).toEqual(cpuOf(source));
      const view = new DataView(target.memory().buffer);
      expect(view.getUint16(1040, true) & 0x4000).toBe(0x4000);
      expect(view.getUint32(824, true)).toBe(0x7f80);
      await runFor(target, 1e5);
    }
  });

  it("would differ in all three words", async () => {
    const { source, target } = await pair(LIVE_FLAGS, "lazy-flags");
    await runFor(source, 1e5);
    moveAll(source, target);
    const [here, there] = [cpuOf(source), cpuOf(target)];
    const words = new Set<number>();
    for (let i = 0; i < CPU.bytes; i++) if (here[i] !== there[i]) words.add((i + CPU.at) & ~3);
    expect(words).toEqual(new Set([112, 824, 1040]));
  });
});

describe("PCI of a guest without a BIOS", () => {
  it("arrives with the bars that the guest moved, and moves on", async () => {
    const { source, target } = await pair(MOVED_BAR);
    await runFor(source, 1e4);
    const port = wordAt(source, PORT_AT) & 255;
    expect(port).not.toBe(255);
    for (let i = 0; i < 2; i++) {
      moveAll(source, target);
      target.memory()[PORT_AT] = 0xee;
      await runFor(target, 1e4);
      expect(wordAt(target, PORT_AT) & 255).toBe(port);
    }
    const third = await makeGuest();
    guests.push(third);
    moveAll(target, third);
    third.memory()[PORT_AT] = 0xee;
    await runFor(third, 1e4);
    expect(wordAt(third, PORT_AT) & 255).toBe(port);
  });

  it("is refused by v86 itself", async () => {
    const { source, target } = await pair(MOVED_BAR, "pci");
    await runFor(source, 1e4);
    expect(() => moveAll(source, target)).toThrow(/v86 refuses it \(.*original_bar/);
  });
});

/** What a guest that echoes sends after it was moved with unread input. */
async function echoed(without?: RestoreFix): Promise<string> {
  const { source, target } = await pair(ECHO, without);
  await runFor(source, 1e4);
  source.sendSerial("abc");
  let text = "";
  target.onSerial((byte) => {
    text += String.fromCharCode(byte);
  });
  moveAll(source, target);
  await runFor(target, 1e5);
  return text;
}

describe("serial input that the guest has not read", () => {
  it("arrives", async () => {
    expect(await echoed()).toBe("abc");
  });

  it("is bounded, and arrives up to its bound", async () => {
    const { source, target } = await pair(ECHO);
    source.sendSerial("x".repeat(2 ** 16));
    expect(() => source.sendSerial("y")).toThrow(/left 65536 characters unread and 1 more/);
    moveAll(source, target);
    expect(internalsOf(target).emulator.v86.cpu.devices.uart0.input.length).toBe(2 ** 16);
  });

  it("is lost by v86 itself", async () => {
    expect(await echoed("serial-input")).not.toBe("abc");
  });
});

/** How far the timer's start is from the clock at the source and at the target. */
async function timerPhases(without?: RestoreFix): Promise<{ before: number; after: number }> {
  const { source, target } = await pair(ECHO, without);
  await runFor(source, 1e4);
  const startOf = (guest: V86Guest): number =>
    internalsOf(guest).emulator.v86.cpu.devices.pit.counter_start_time[0] as number;
  const clock = vi.spyOn(performance, "now");
  clock.mockReturnValue(5_000);
  const state = source.deviceState();
  const before = startOf(source) - 5_000;
  clock.mockReturnValue(9_000);
  target.loadDeviceState(state);
  return { before, after: startOf(target) - 9_000 };
}

describe("the timer's phase", () => {
  it("is the same by the target's clock", async () => {
    const { before, after } = await timerPhases();
    expect(after).toBeCloseTo(before, 6);
  });

  it("is off by the difference of the clocks in v86 itself", async () => {
    const { before, after } = await timerPhases("pit");
    expect(after).toBeCloseTo(before - 4_000, 6);
  });
});

/** The time-stamp counter as it was stored last; now, after `store_current_tsc`. */
function storedCounter(guest: V86Guest): number {
  const { current_tsc: counter } = internalsOf(guest).emulator.v86.cpu;
  return (counter[1] as number) * 2 ** 32 + (counter[0] as number);
}

/** How far the counter is off after each of three loads, beyond the time that they took, ms. */
async function counterErrorsMs(without?: RestoreFix): Promise<number[]> {
  const { source, target } = await pair(ECHO, without);
  // Seven minutes ahead, as that of a process that has run for longer.
  internalsOf(source).emulator.v86.cpu.set_tsc(0, 100);
  await runFor(source, 1e5);
  const state = source.deviceState();
  const saved = storedCounter(source);
  return [1, 2, 3].map(() => {
    const startMs = performance.now();
    target.loadDeviceState(state);
    internalsOf(target).emulator.v86.cpu.store_current_tsc();
    const tookMs = performance.now() - startMs;
    const aheadMs = (storedCounter(target) - saved) / 1e6;
    return aheadMs < 0 ? aheadMs : Math.max(0, aheadMs - tookMs);
  });
}

describe("the time-stamp counter", () => {
  it("goes on from where it was, however often the state is loaded", async () => {
    for (const errorMs of await counterErrorsMs()) expect(Math.abs(errorMs)).toBeLessThan(0.1);
  });

  it("is off by the offset of before in v86 itself", async () => {
    const errorsMs = await counterErrorsMs("tsc");
    expect(Math.max(...errorsMs.map(Math.abs))).toBeGreaterThan(1_000);
  });
});

describe("a state that is none", () => {
  it("is refused, whatever is wrong with it", async () => {
    const { source, target } = await pair(ECHO);
    await runFor(source, 1e4);
    const state = source.deviceState();
    const changed = (at: number, value: number): Uint8Array => {
      const copy = state.slice();
      new DataView(copy.buffer).setUint32(at, value, true);
      return copy;
    };
    const load = (bytes: Uint8Array) => () => target.loadDeviceState(bytes);
    expect(load(new Uint8Array(0))).toThrow(/does not begin as one/);
    expect(load(changed(0, 1))).toThrow(/does not begin as one/);
    expect(load(changed(4, 9))).toThrow(/version 9, and 1 is known/);
    expect(load(changed(16, 2 ** 31 + 1))).toThrow(/claims 2147483649 bytes of state/);
    expect(load(changed(20, 2 ** 16 + 1))).toThrow(/65537 of serial input/);
    expect(load(state.subarray(0, state.length - 1))).toThrow(/are not what it claims/);
    expect(load(changed(12, 0x7ff0_0000))).toThrow(/clock is no number/);
    expect(() => target.run()).toThrow(/could not be loaded does not run/);
    target.loadDeviceState(state);
    target.run();
    const small = await makeGuest({ memoryBytes: 2 ** 23 });
    guests.push(small);
    expect(() => small.loadDeviceState(state)).toThrow(
      /16777216 bytes of RAM, and this has 8388608/,
    );
  });
});
