/** Guests for the tests of the v86 adapter: the package itself, and programs assembled by hand. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { V86 } from "v86";
import { V86Guest, type V86GuestOptions } from "../../../src/live/v86/index.js";
import { IMAGE_ENTRY, multibootImage } from "../../../src/live/v86/multiboot.js";

const packageRoot = dirname(createRequire(import.meta.url).resolve("v86/package.json"));
export const v86Wasm = readFileSync(join(packageRoot, "build/v86.wasm"));
export { V86 };

export const MIB = 2 ** 20;

export type GuestChanges = Partial<V86GuestOptions>;

/** A guest of 16 MiB; an empty machine unless it is told what to boot. */
export function makeGuest(changes: GuestChanges = {}): Promise<V86Guest> {
  return V86Guest.create({ V86, wasm: v86Wasm, memoryBytes: 16 * MIB, ...changes });
}

/** Lets whoever waits for the thread, the guest among them, run for a while. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Runs a guest until it has executed so many instructions more. */
export async function runFor(guest: V86Guest, instructions: number): Promise<void> {
  const until = guest.instructions() + instructions;
  guest.resume();
  while (guest.instructions() < until) await sleep(1);
  await guest.pause();
}

/** A u32 of the guest's memory. */
export function wordAt(guest: V86Guest, address: number): number {
  const ram = guest.memory();
  return new DataView(ram.buffer, ram.byteOffset).getUint32(address, true);
}

/** Little-endian bytes of a u32, as operands are. */
export const le32 = (value: number): number[] => [0, 8, 16, 24].map((s) => (value >>> s) & 255);

/**
 * Writes one word into each page of [from, to), over and over, and reads the page `reads` bytes
 * further on; counts its rounds at ROUNDS_AT and sends a digit for each on the serial port.
 */
export function writer(from: number, to: number, reads: number): Uint8Array {
  return multibootImage([
    ...[0x31, 0xed], //                       xor ebp, ebp
    ...[0x45], //                      round: inc ebp
    ...[0x89, 0x2d, ...le32(ROUNDS_AT)], //   mov [ROUNDS_AT], ebp
    ...[0xbf, ...le32(from)], //              mov edi, from
    ...[0x89, 0x2f], //                 page: mov [edi], ebp
    ...[0x8b, 0x87, ...le32(reads)], //       mov eax, [edi + reads]
    ...[0x81, 0xc7, ...le32(4096)], //        add edi, 4096
    ...[0x81, 0xff, ...le32(to)], //          cmp edi, to
    ...[0x72, 0xea], //                       jb page
    ...[0x66, 0xba, 0xf8, 0x03], //           mov dx, 0x3f8
    ...[0x89, 0xe8], //                       mov eax, ebp
    ...[0x24, 0x07, 0x04, 0x30], //           and al, 7; add al, '0'
    ...[0xee], //                             out dx, al
    ...[0xeb, -47 & 255], //                  jmp round
  ]);
}

export const ROUNDS_AT = 0x20_0000;
export { IMAGE_ENTRY };
