/** Guests for the tests of the v86 adapter: the package itself, and programs assembled by hand. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { V86 } from "v86";
import { type Kernels, type PageBitmap, U32Buffer } from "../../../src/kernels/index.js";
import type { LoadedEmulator } from "../../../src/live/v86/emulator.js";
import { V86Guest, type V86GuestOptions } from "../../../src/live/v86/index.js";
import { multibootImage } from "../../../src/live/v86/multiboot.js";

const packageRoot = dirname(createRequire(import.meta.url).resolve("v86/package.json"));
export const v86Wasm = readFileSync(join(packageRoot, "build/v86.wasm"));
export { V86 };

export const MIB = 2 ** 20;
const BATCH_PAGES = 256;

export type GuestChanges = Partial<V86GuestOptions>;

/** A guest of 16 MiB; an empty machine unless it is told what to boot. */
export function makeGuest(changes: GuestChanges = {}): Promise<V86Guest> {
  return V86Guest.create({ V86, wasm: v86Wasm, memoryBytes: 16 * MIB, ...changes });
}

/** What the guest wraps. */
export function internalsOf(guest: V86Guest): LoadedEmulator {
  return (guest as unknown as { loaded: LoadedEmulator }).loaded;
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

/** Copies all memory and the device state of a paused guest to a machine. */
export function moveAll(source: V86Guest, target: V86Guest): void {
  target.memory().set(source.memory());
  target.loadDeviceState(source.deviceState());
}

/** Copies the pages of a set from one machine to another, in batches. */
export function pageCopier(kernels: Kernels) {
  const list = U32Buffer.create(kernels, BATCH_PAGES);
  const contents = new Uint8Array(BATCH_PAGES * 4096);
  return (pages: PageBitmap, from: V86Guest, to: V86Guest): void => {
    for (let at = 0; pages.nextPages(list, at, BATCH_PAGES) > 0; ) {
      at = list.at(list.length - 1) + 1;
      from.readPages("ram", list, contents);
      to.writePages("ram", list, contents);
    }
  };
}

/** A u32 of the guest's memory. */
export function wordAt(guest: V86Guest, address: number): number {
  const ram = guest.memory();
  return new DataView(ram.buffer, ram.byteOffset).getUint32(address, true);
}

/** Little-endian bytes of a u32, as operands are. */
export const le32 = (value: number): number[] => [0, 8, 16, 24].map((s) => (value >>> s) & 255);

export const ROUNDS_AT = 0x20_0000;

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

/** Identity-maps 16 MiB in pages of 4 MiB by a directory at 3 MiB, and turns paging on. */
const PAGING = [
  ...[0xbf, ...le32(0x30_0000)], //           mov edi, 0x300000
  ...[0xb8, ...le32(0x83)], //                mov eax, 0x83 (4 MiB, writable, present)
  ...[0xb9, ...le32(4)], //                   mov ecx, 4
  ...[0x89, 0x07, 0x83, 0xc7, 0x04], // entry: mov [edi], eax; add edi, 4
  ...[0x05, ...le32(0x40_0000)], //           add eax, 0x400000
  ...[0x49, 0x75, -13 & 255], //              dec ecx; jnz entry
  ...[0xb8, ...le32(0x30_0000)], //           mov eax, 0x300000
  ...[0x0f, 0x22, 0xd8], //                   mov cr3, eax
  ...[0xb8, ...le32(0x10)], //                mov eax, 0x10 (PSE)
  ...[0x0f, 0x22, 0xe0], //                   mov cr4, eax
  ...[0xb8, ...le32(0x8000_0001)], //         mov eax, PG | PE
  ...[0x0f, 0x22, 0xc0], //                   mov cr0, eax
];

/**
 * Writes at random in 8 MiB from 4 MiB on: a double word that may cross pages, a byte, a word, the
 * stack, a string of three double words; with paging on or off.
 */
export function randomWriter(seed: number, paging: boolean): Uint8Array {
  return multibootImage([
    ...(paging ? PAGING : []),
    ...[0xb8, ...le32(seed)], //              mov eax, seed
    ...[0xbc, ...le32(0x2f_f000)], //         mov esp, 0x2ff000
    ...[0x69, 0xc0, ...le32(1103515245)], // next: imul eax, eax, 1103515245
    ...[0x05, ...le32(12345)], //             add eax, 12345
    ...[0x89, 0xc3, 0xc1, 0xeb, 0x08], //     mov ebx, eax; shr ebx, 8
    ...[0x81, 0xe3, ...le32(0x7f_ffff)], //   and ebx, 0x7fffff
    ...[0x81, 0xc3, ...le32(0x40_0000)], //   add ebx, 0x400000
    ...[0x89, 0x03], //                       mov [ebx], eax
    ...[0x88, 0x83, ...le32(0x7001)], //      mov [ebx + 0x7001], al
    ...[0x66, 0x89, 0x43, 0xfd], //           mov [ebx - 3], ax
    ...[0x50, 0x5a], //                       push eax; pop edx
    ...[0x89, 0xdf], //                       mov edi, ebx
    ...[0x81, 0xc7, ...le32(0x1_0ffe)], //    add edi, 0x10ffe
    ...[0xb9, ...le32(3), 0xf3, 0xab], //     mov ecx, 3; rep stosd
    ...[0xb9, ...le32(2000)], //              mov ecx, 2000
    ...[0x49, 0x75, -3 & 255], //       wait: dec ecx; jnz wait
    ...[0xe9, ...le32(-70)], //               jmp next
  ]);
}

export const STEP_AT = 0x35_0000;

/**
 * With paging on, waits until the byte at STEP_AT is 1 and reads at 12 MiB, which it never did
 * before; waits until it is 2 and writes there. It never writes the page directory at 3 MiB.
 */
export const FIRST_USES = multibootImage([
  ...PAGING,
  ...[0x80, 0x3d, ...le32(STEP_AT), 1, 0x75, -9 & 255], // cmp byte [STEP_AT], 1; jne itself
  ...[0xa1, ...le32(0xc0_0000)], //                        mov eax, [0xc00000]
  ...[0x80, 0x3d, ...le32(STEP_AT), 2, 0x75, -9 & 255], // cmp byte [STEP_AT], 2; jne itself
  ...[0xa3, ...le32(0xc0_0000)], //                        mov [0xc00000], eax
  ...[0xeb, -2 & 255], //                                  jmp itself
]);

/** Sends back what it receives on the serial port. */
export const ECHO = multibootImage([
  ...[0x66, 0xba, 0xfd, 0x03], //       next: mov dx, 0x3fd
  ...[0xec, 0xa8, 0x01, 0x74, -9 & 255], //   in al, dx; test al, 1; jz next
  ...[0x66, 0xba, 0xf8, 0x03], //             mov dx, 0x3f8
  ...[0xec, 0xee, 0xeb, -17 & 255], //        in al, dx; out dx, al; jmp next
]);

export const BAD_AT = 0x30_0000;
export const GOOD_AT = 0x30_0004;

/**
 * Compares, and branches on the flags 3,000 jumps later: wherever it stops, flags are live. Counts
 * branches that went wrong at BAD_AT and the others at GOOD_AT. Sets the FPU's and SSE's status
 * words first.
 */
export const LIVE_FLAGS = multibootImage([
  ...[0xdb, 0xe3, 0xd9, 0xee, 0xd9, 0xee], // fninit; fldz; fldz
  ...[0xde, 0xd9], //                         fcompp (C3 := 1)
  ...[0xc7, 0x05, ...le32(0x30_0008), ...le32(0x7f80)], // mov [0x300008], 0x7f80
  ...[0x0f, 0xae, 0x15, ...le32(0x30_0008)], // ldmxcsr [0x300008] (rounding towards zero)
  ...[0x31, 0xc0, 0x83, 0xf8, 0x05], // next: xor eax, eax; cmp eax, 5
  ...Array.from({ length: 3000 }, () => [0xeb, 0x00]).flat(), // jmp to the next instruction
  ...[0x74, 11], //                           je bad
  ...[0xff, 0x05, ...le32(GOOD_AT)], //       inc [GOOD_AT]
  ...[0xe9, ...le32(-6018)], //               jmp next
  ...[0xff, 0x05, ...le32(BAD_AT)], //   bad: inc [BAD_AT]
  ...[0xe9, ...le32(-6029)], //               jmp next
]);

export const PORT_AT = 0x30_0000;

/** Moves the network card's I/O bar to 0xc000 and reads its first port into PORT_AT, over and over. */
export const MOVED_BAR = multibootImage([
  ...[0x66, 0xba, 0xf8, 0x0c], //             mov dx, 0xcf8
  ...[0xb8, ...le32(0x8000_2810), 0xef], //   mov eax, device 5, register 0x10; out dx, eax
  ...[0x66, 0xba, 0xfc, 0x0c], //             mov dx, 0xcfc
  ...[0xb8, ...le32(0xc001), 0xef], //        mov eax, 0xc001; out dx, eax
  ...[0x66, 0xba, 0x00, 0xc0, 0xec], // next: mov dx, 0xc000; in al, dx
  ...[0xa2, ...le32(PORT_AT)], //             mov [PORT_AT], al
  ...[0xfe, 0x05, ...le32(PORT_AT + 4)], //   inc byte [PORT_AT + 4]
  ...[0xeb, -18 & 255], //                    jmp next
]);
