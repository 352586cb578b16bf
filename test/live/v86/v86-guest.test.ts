/** The adapter as a machine that a migration uses: what it says, logs, gives and takes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PrecopyError } from "../../../src/base/errors.js";
import { Kernels, PageBitmap, U32Buffer } from "../../../src/kernels/index.js";
import type { V86Guest } from "../../../src/live/v86/index.js";
import type { CommandOf } from "../../../src/migrate/messages.js";
import { MIB, makeGuest, ROUNDS_AT, runFor, sleep, wordAt, writer } from "./support.js";

const FIRST = 0x40_0000;
const END = 0x48_0000;
const PAGES = 16 * 256;

let kernels: Kernels;
beforeAll(async () => {
  kernels = await Kernels.load({ arenaBytes: MIB });
});

/** The writer of 128 pages from 4 MiB on, which reads the 128 pages at 6 MiB. */
function writing(changes = {}): Promise<V86Guest> {
  const boot = { multiboot: writer(FIRST, END, 0x20_0000) };
  return makeGuest({ boot, name: "writing", ...changes });
}

function references(into: PageBitmap): CommandOf<"sample"> {
  const limits = { windowNs: 0, pagesMax: PAGES };
  return { kind: "sample", id: 1, region: "ram", evidence: "references", ...limits, into };
}

describe("a guest that runs", () => {
  let guest: V86Guest;
  let output = "";
  beforeAll(async () => {
    guest = await writing();
    guest.onSerial((byte) => {
      output += String.fromCharCode(byte);
    });
  });
  afterAll(() => guest.destroy());

  it("describes what it is", () => {
    const { deviceStateBytes, ...fixed } = guest.describe();
    expect(fixed).toEqual({
      name: "writing",
      kind: "v86",
      version: expect.stringMatching(/^0\.5\.462 wasm [0-9a-f]{16}$/),
      devices: "no firmware, VGA 256 KiB, serial port",
      pages: PAGES,
      pageSizeBytes: 4096,
      vcpus: 1,
    });
    expect(deviceStateBytes).toBeGreaterThan(1000);
    expect(deviceStateBytes).toBeLessThan(32768);
  });

  it("logs writes and references apart, and each once", async () => {
    expect(guest.tracking).toBe("tlb");
    const dirty = PageBitmap.create(kernels, PAGES);
    const used = PageBitmap.create(kernels, PAGES);
    await runFor(guest, 1e6);
    guest.enableLogDirty();
    await runFor(guest, 1e6);
    const list = U32Buffer.create(kernels, 3);
    const mask = U32Buffer.create(kernels, 3);
    list.set([FIRST / 4096, 0x60_0000 / 4096, 5]);
    guest.peek("ram", list, mask);
    expect([...mask.view()]).toEqual([1, 0, 0]);

    const written = Array.from({ length: 128 }, (_, i) => FIRST / 4096 + i);
    expect(guest.sample(references(used))).toBe(258);
    expect(guest.harvest("ram", dirty)).toBe(129);
    expect([ROUNDS_AT / 4096, ...written].every((pfn) => dirty.has(pfn) && used.has(pfn))).toBe(
      true,
    );
    expect(used.has(0x60_0000 / 4096)).toBe(true);
    expect(dirty.has(0x60_0000 / 4096)).toBe(false);
    // Nothing ran since.
    expect(guest.harvest("ram", dirty)).toBe(0);
    expect(guest.sample(references(used))).toBe(0);
  });

  it("says what it cannot tell", () => {
    const into = PageBitmap.create(kernels, PAGES);
    const future = { ...references(into), evidence: "future" as const };
    expect(() => guest.sample(future)).toThrow(/no hardware tells "future" of a real guest/);
    expect(() => guest.harvest("disk:0", into)).toThrow(/no disk:0 to move/);
  });

  it("goes on elsewhere with the same memory, devices and output", async () => {
    const target = await makeGuest({ name: "target" });
    let after = "";
    target.onSerial((byte) => {
      after += String.fromCharCode(byte);
    });
    await runFor(guest, 1e6);
    expect(target.prepare(guest.describe())).toBeUndefined();
    const all = U32Buffer.create(kernels, PAGES);
    all.set(Array.from({ length: PAGES }, (_, i) => i));
    const contents = new Uint8Array(PAGES * 4096);
    guest.readPages("ram", all, contents);
    target.writePages("ram", all, contents);
    expect(Buffer.compare(target.memory(), guest.memory())).toBe(0);
    // A rehearsal beforehand changes nothing.
    target.loadDeviceState(guest.deviceState());
    target.loadDeviceState(guest.deviceState());
    const rounds = wordAt(guest, ROUNDS_AT);
    await runFor(target, 1e6);
    expect(wordAt(target, ROUNDS_AT)).toBeGreaterThan(rounds);
    const digits = output + after;
    expect(digits.length).toBeGreaterThan(output.length + 10);
    // Every round sends one digit more than the last.
    for (let i = 0; i < digits.length; i++) expect(Number(digits[i])).toBe((i + 1) % 8);
    await target.destroy();
  });
});

describe("an empty machine", () => {
  it("refuses a guest that it does not fit, with both values", async () => {
    const target = await makeGuest({ name: "target" });
    const guest = { ...target.describe(), name: "web" };
    expect(target.prepare(guest)).toBeUndefined();
    expect(target.prepare({ ...guest, pages: 8192 })).toBe(
      'web does not fit target: pages "8192" there and "4096" here',
    );
    expect(target.prepare({ ...guest, version: "0.5.1", devices: "none" })).toMatch(
      /version "0\.5\.1" there and "0\.5\.462 wasm \w+" here, devices "none" there and "no firmware/,
    );
    expect(target.prepare({ ...guest, kind: "model" })).toMatch(
      /kind "model" there and "v86" here/,
    );
    await target.destroy();
  });

  it("is all zero once it is prepared", async () => {
    const target = await makeGuest();
    target.memory().fill(0xa5);
    expect(target.prepare(target.describe())).toBeUndefined();
    expect(target.memory().every((byte) => byte === 0)).toBe(true);
    await target.destroy();
  });
});

describe("options", () => {
  it.each([
    [{ memoryBytes: 3 * MIB + 1 }, /memoryBytes is 3145729 and has to be a multiple of 131072/],
    [{ memoryBytes: 2 ** 31 }, /from 1048576 to 2147352576/],
    [{ vgaMemoryBytes: 3 * 2 ** 18 }, /vgaMemoryBytes is 786432 and has to be a power of two/],
    [{ boot: { multiboot: new Uint8Array(64) } }, /no Multiboot 1 header/],
    [{ boot: { bzimage: new Uint8Array(64) } }, /pass SeaBIOS as firmware/],
    [{ boot: { state: new Uint8Array(64) } }, /device state cannot be loaded: v86 refuses it/],
    [{ wasm: new Uint8Array(8) }, /cannot be used|malformed/],
  ])("refuses %o", async (changes, message) => {
    await expect(makeGuest(changes)).rejects.toThrow(message);
    await expect(makeGuest(changes)).rejects.toBeInstanceOf(PrecopyError);
  });
});

describe("pausing", () => {
  it("is at once, and after the turn where the guest's own output asks for it", async () => {
    const guest = await writing();
    guest.resume();
    await sleep(5);
    expect(guest.pause()).toBeUndefined();
    const executed = guest.instructions();
    await sleep(5);
    expect(guest.instructions()).toBe(executed);

    const asked = new Promise<void>((resolve, reject) => {
      guest.onSerial(() => Promise.resolve(guest.pause()).then(resolve, reject));
    });
    guest.resume();
    await asked;
    expect(guest.running).toBe(false);
    const after = guest.instructions();
    await sleep(5);
    expect(guest.instructions()).toBe(after);
    await guest.destroy();
  });
});
