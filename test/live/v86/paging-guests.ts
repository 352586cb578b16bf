/**
 * Guests that keep their page tables in memory, for tests of what is absent: each adds up rounds in
 * 160 pages, finding in each page what it left there a round ago, and loads CR3 anew every round.
 */
import { multibootImage } from "../../../src/live/v86/multiboot.js";
import { le32 } from "./support.js";

/** Rounds, and words that were not what they had to be. */
export const ROUND_AT = 0x20_0000;
export const WRONG_AT = 0x20_0004;
/** 128 pages and 32 pages that are checked and written. */
export const CHECKED = [
  { from: 0x40_0000, to: 0x48_0000 },
  { from: 0x60_0000, to: 0x62_0000 },
] as const;

const checkAndWrite = (range: { from: number; to: number }): number[] => [
  ...[0xbf, ...le32(range.from)], //                 mov edi, from
  ...[0x39, 0x1f, 0x74, 0x06], //              page: cmp [edi], ebx; je good
  ...[0xff, 0x05, ...le32(WRONG_AT)], //             inc [WRONG_AT]
  ...[0x89, 0x2f], //                          good: mov [edi], ebp
  ...[0x81, 0xc7, ...le32(0x1000)], //               add edi, 4096
  ...[0x81, 0xff, ...le32(range.to), 0x72, 0xe6], // cmp edi, to; jb page
];

const ROUNDS = [
  ...[0x8b, 0x2d, ...le32(ROUND_AT)], //       mov ebp, [ROUND_AT]
  ...[0x45], //                         round: inc ebp
  ...[0x89, 0x2d, ...le32(ROUND_AT)], //       mov [ROUND_AT], ebp
  ...[0x8d, 0x5d, 0xff], //                    lea ebx, [ebp - 1]
  ...CHECKED.flatMap(checkAndWrite),
  ...[0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8], //  mov eax, cr3; mov cr3, eax
  ...[0xeb, 0xb0], //                          jmp round
];

const store = (at: number, value: number): number[] => [0xc7, 0x05, ...le32(at), ...le32(value)];

/** Pages from `first` on, mapped to themselves by entries of `2^shift` bytes at `table`. */
const fillTable = (table: number, first: number, count: number, shift: 2 | 3): number[] => [
  ...[0x31, 0xc9], //                                 xor ecx, ecx
  ...[0x8d, 0x81, ...le32(first)], //          entry: lea eax, [ecx + first]
  ...[0xc1, 0xe0, 0x0c, 0x83, 0xc8, 0x07], //         shl eax, 12; or eax, 7
  ...[0x89, 0x04, shift === 2 ? 0x8d : 0xcd, ...le32(table)], // mov [table + ecx << shift], eax
  ...[0x41, 0x81, 0xf9, ...le32(count), 0x72, 0xe4], // inc ecx; cmp ecx, count; jb entry
];

const turnOn = (cr4: number, cr3: number): number[] => [
  ...[0x0f, 0x20, 0xe0, 0x0d, ...le32(cr4), 0x0f, 0x22, 0xe0], // mov eax, cr4; or; mov cr4, eax
  ...[0xb8, ...le32(cr3), 0x0f, 0x22, 0xd8], //                   mov eax, cr3; mov cr3, eax
  ...[0x0f, 0x20, 0xc0, 0x0d, ...le32(2 ** 31), 0x0f, 0x22, 0xc0], // mov cr0, cr0 | PG
];

export interface PagingGuest {
  readonly name: string;
  readonly image: Uint8Array;
  /** Pages that hold its tables. */
  readonly tables: readonly number[];
}

export const PAGING_GUESTS: readonly PagingGuest[] = [
  { name: "without paging", image: multibootImage(ROUNDS), tables: [] },
  {
    name: "with pages of 4 KiB",
    image: multibootImage([
      ...[...store(0x30_0000, 0x30_1007), ...store(0x30_0004, 0x30_2007)],
      ...[...fillTable(0x30_1000, 0, 2048, 2), ...turnOn(0, 0x30_0000), ...ROUNDS],
    ]),
    tables: [0x300, 0x301, 0x302],
  },
  {
    name: "with pages of 4 MiB",
    image: multibootImage([
      ...[...store(0x30_0000, 0x30_1007), ...store(0x30_0004, 0x40_0083)],
      ...[...fillTable(0x30_1000, 0, 1024, 2), ...turnOn(0x10, 0x30_0000), ...ROUNDS],
    ]),
    tables: [0x300, 0x301],
  },
  {
    name: "with PAE",
    image: multibootImage([
      ...[...store(0x30_7020, 0x30_8001), ...store(0x30_8000, 0x83)],
      ...[...store(0x30_8008, 0x20_0083), ...store(0x30_8010, 0x40_0083)],
      ...[...store(0x30_8018, 0x30_9007), ...fillTable(0x30_9000, 0x600, 512, 3)],
      ...[...turnOn(0x30, 0x30_7020), ...ROUNDS],
    ]),
    tables: [0x307, 0x308, 0x309],
  },
];
