/**
 * Does the patched module log every write? Run once for a build before it is trusted: a machine of
 * 2 MiB with 20 instructions that write 16 pages and read 16 others; after each turn all of memory
 * is compared with a copy, so that a write past the log shows wherever it went.
 */
import { PrecopyError } from "../../base/errors.js";
import { PAGE_SIZE_BYTES } from "../../base/units.js";
import { TlbTracking } from "./dirty-tracking.js";
import { loadEmulator } from "./emulator.js";
import { multibootImage } from "./multiboot.js";
import { MODIFIED, REFERENCED } from "./tlb-fill-patch.js";
import type { V86Class } from "./v86-internals.js";

const MEMORY_BYTES = 2 ** 21;
/** Enough that the loop is compiled, and the compiled loop tested, too. */
const TURNS = 8;
const WRITTEN = { first: 0x180, pages: 16 } as const;
const READ = { first: 0x1c0, pages: 16 } as const;

const PROGRAM = multibootImage([
  ...[0x31, 0xed], //                               xor ebp, ebp
  ...[0x45], //                              round: inc ebp
  ...[0xbf, 0x00, 0x00, 0x18, 0x00], //             mov edi, 0x180000
  ...[0x89, 0x2f], //                         page: mov [edi], ebp
  ...[0x8b, 0x87, 0x00, 0x00, 0x04, 0x00], //       mov eax, [edi + 0x40000]
  ...[0x81, 0xc7, 0x00, 0x10, 0x00, 0x00], //       add edi, 4096
  ...[0x81, 0xff, 0x00, 0x00, 0x19, 0x00], //       cmp edi, 0x190000
  ...[0x72, 0xea], //                               jb page
  ...[0xeb, 0xe2], //                               jmp round
]);

/** Throws PrecopyError ("unsupported") where the log and the comparison disagree. */
export async function testPatchedModule(V86: V86Class, module: WebAssembly.Module): Promise<void> {
  const options = {
    memory_size: MEMORY_BYTES,
    vga_memory_size: 2 ** 18,
    multiboot: { buffer: PROGRAM.slice().buffer },
  };
  const { emulator, exports, memory } = await loadEmulator(V86, module, options);
  try {
    const tracking = new TlbTracking(emulator.v86.cpu, exports, memory);
    for (let turn = 0; turn < TURNS; turn++) {
      tracking.start();
      const before = memory.bytes().slice();
      emulator.v86.cpu.main_loop();
      checkTurn(tracking, before, memory.bytes());
      // What the guest ran often is compiled meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  } finally {
    await emulator.destroy();
  }
}

function checkTurn(tracking: TlbTracking, before: Uint8Array, after: Uint8Array): void {
  for (let pfn = 0; pfn < after.length / PAGE_SIZE_BYTES; pfn++) {
    const flags = tracking.flagsOf(pfn);
    if (isWithin(pfn, WRITTEN)) {
      expect(flags === (REFERENCED | MODIFIED), pfn, "was written, which the log does not say");
    } else if (isWithin(pfn, READ)) {
      expect(flags === REFERENCED, pfn, "was only read, and the log says otherwise");
    } else if ((flags & MODIFIED) === 0) {
      expect(isSame(before, after, pfn), pfn, "changed, which the log does not say");
    }
  }
}

function isWithin(pfn: number, range: { first: number; pages: number }): boolean {
  return pfn >= range.first && pfn < range.first + range.pages;
}

function isSame(a: Uint8Array, b: Uint8Array, pfn: number): boolean {
  for (let i = pfn * PAGE_SIZE_BYTES; i < (pfn + 1) * PAGE_SIZE_BYTES; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

function expect(holds: boolean, pfn: number, what: string): void {
  if (holds) return;
  throw new PrecopyError(
    "unsupported",
    `the dirty log of this build of v86 failed its self-test: page ${pfn} ${what}; use v86 ` +
      `0.5.462, or tracking "hash"`,
  );
}
