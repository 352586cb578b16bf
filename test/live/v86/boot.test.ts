/** What a guest starts from: a kernel with its command line, firmware, and a saved state. */
import { afterEach, describe, expect, it } from "vitest";
import type { V86Guest } from "../../../src/live/v86/index.js";
import { multibootImage } from "../../../src/live/v86/multiboot.js";
import {
  ECHO,
  internalsOf,
  MIB,
  makeGuest,
  ROUNDS_AT,
  runFor,
  v86Wasm,
  wordAt,
  writer,
} from "./support.js";

const guests: V86Guest[] = [];
afterEach(async () => {
  for (const guest of guests.splice(0)) await guest.destroy();
});

async function made(changes: Parameters<typeof makeGuest>[0]): Promise<V86Guest> {
  const guest = await makeGuest(changes);
  guests.push(guest);
  return guest;
}

function heard(guest: V86Guest): () => string {
  let text = "";
  guest.onSerial((byte) => {
    text += String.fromCharCode(byte);
  });
  return () => text;
}

describe("a multiboot kernel", () => {
  it("gets its command line", async () => {
    // The Multiboot information in ebx has the command line's address at 16.
    const image = multibootImage([
      ...[0x8b, 0x73, 0x10, 0x66, 0xba, 0xf8, 0x03], // mov esi, [ebx + 16]; mov dx, 0x3f8
      ...[0xac, 0x84, 0xc0, 0x74, 0x03], //       next: lodsb; test al, al; jz stop
      ...[0xee, 0xeb, -8 & 255], //                     out dx, al; jmp next
      ...[0xf4, 0xeb, 0xfd], //                   stop: hlt; jmp stop
    ]);
    const guest = await made({ boot: { multiboot: image, cmdline: "pages=7 hot" } });
    const text = heard(guest);
    guest.resume();
    while (!text().includes("hot")) await new Promise((resolve) => setTimeout(resolve, 1));
    await guest.pause();
    expect(text()).toBe("pages=7 hot");
  });

  it("may come in a view of a larger buffer, as may the module", async () => {
    const image = Buffer.concat([Buffer.alloc(13), ECHO, Buffer.alloc(5)]).subarray(13);
    const wasm = new DataView(v86Wasm.buffer, v86Wasm.byteOffset, v86Wasm.byteLength);
    const guest = await made({ wasm, boot: { multiboot: image } });
    const text = heard(guest);
    guest.sendSerial("!");
    await runFor(guest, 1e5);
    expect(text()).toBe("!");
  });
});

describe("firmware", () => {
  /** A BIOS that sends a letter from the reset vector and stops. */
  const [bios, vgaBios] = [new Uint8Array(65536), new Uint8Array(512)];
  bios.set([0xba, 0xf8, 0x03, 0xb0, 0x42, 0xee, 0xeb, 0xfe], 65536 - 16);

  it("runs, moves to where there is some, and not to where there is none", async () => {
    const guest = await made({ firmware: { bios, vgaBios } });
    const text = heard(guest);
    await runFor(guest, 1e4);
    expect(text()).toBe("B");
    const equal = await made({ firmware: { bios, vgaBios } });
    expect(equal.prepare(guest.describe())).toBeUndefined();
    const bare = await made({});
    expect(bare.prepare(guest.describe())).toMatch(
      /devices "firmware, VGA 256 KiB.*" there and "no firmware, VGA 256 KiB.*" here/,
    );
    const more = await made({ firmware: { bios, vgaBios }, vgaMemoryBytes: MIB });
    expect(more.prepare(guest.describe())).toMatch(/"firmware, VGA 1024 KiB, serial port" here/);
  });

  it("does not go with a multiboot kernel", async () => {
    const both = { firmware: { bios, vgaBios }, boot: { multiboot: ECHO } };
    await expect(makeGuest(both)).rejects.toThrow(/leave firmware out/);
  });
});

describe("a saved state", () => {
  it("starts a guest where it was, ours and v86's own", async () => {
    const guest = await made({ boot: { multiboot: writer(0x40_0000, 0x48_0000, 0x20_0000) } });
    await runFor(guest, 1e6);
    const rounds = wordAt(guest, ROUNDS_AT);
    const own = new Uint8Array(internalsOf(guest).emulator.v86.save_state());
    for (const state of [guest.saveState(), own]) {
      const again = await made({ boot: { state } });
      expect(Buffer.compare(again.memory(), guest.memory())).toBe(0);
      await runFor(again, 1e5);
      expect(wordAt(again, ROUNDS_AT)).toBeGreaterThan(rounds);
    }
  });

  it("of other memory is refused", async () => {
    const guest = await made({ boot: { multiboot: ECHO } });
    const boot = { state: guest.saveState() };
    await expect(makeGuest({ memoryBytes: 8 * MIB, boot })).rejects.toThrow(
      /16777216 bytes of RAM, and this has 8388608/,
    );
  });
});

describe("an end", () => {
  it("is for good, and may come twice", async () => {
    const guest = await made({ boot: { multiboot: ECHO } });
    guest.resume();
    await guest.release();
    await guest.abort();
    expect(guest.running).toBe(false);
    expect(() => guest.resume()).toThrow(/released does not run/);
  });
});
