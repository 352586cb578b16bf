/**
 * The dirty log of a v86 whose TLB fill is patched (tlb-fill-patch.ts): one byte of flags a page,
 * bit 0 referenced, bit 1 modified. Reading a flag clears it and flushes v86's TLB, so that the
 * next use of the page is seen again; modified and referenced pages are read apart from each other.
 *
 * Devices write memory past the TLB. Those of 0.5.462 were read for it: IDE (PIO and bus master),
 * floppy and sound (DMA controller), virtio buffers and NICs over virtio, and what a boot loads go
 * through `cpu.write_blob`; virtio rings and page-table bits through `write8/16/32`, which are
 * patched; ne2k has memory of its own; VGA and SVGA memory is not RAM and travels with the device
 * state. The BIOS window below 4 GiB writes the first MiB by itself. The last way is JavaScript as
 * the first is, and both are wrapped here.
 */
import { assert } from "../../base/assert.js";
import { PAGE_SIZE_BYTES } from "../../base/units.js";
import type { PageBitmap, U32Buffer } from "../../kernels/index.js";
import type { GuestMemory } from "./guest-memory.js";
import type { PageTracking } from "./page-tracking.js";
import { MODIFIED, PATCH_WORDS, REFERENCED } from "./tlb-fill-patch.js";
import type { V86Cpu, V86Exports } from "./v86-internals.js";

/** v86 maps a BIOS a second time at the end of the address space: 1 MiB in entries of 128 KiB. */
const BIOS_WINDOW = { first: 0xfff0_0000 >>> 17, entries: 8, mask: 0xf_ffff } as const;

export class TlbTracking implements PageTracking {
  readonly kind = "tlb";
  private bytes: Uint8Array;
  private words: Uint32Array;
  private readonly flagsAt: number;

  constructor(
    private readonly cpu: V86Cpu,
    exports: V86Exports,
    private readonly memory: GuestMemory,
  ) {
    const { pages, ramBase } = memory;
    // Whole words, aligned.
    this.flagsAt = ((exports.v86_malloc(pages + 16) + 7) & ~7) >>> 0;
    [this.bytes, this.words] = this.views();
    this.bytes.fill(0);
    const parameters = new Uint32Array(memory.memory.buffer, PATCH_WORDS.flags, 4);
    assert(
      parameters.every((word) => word === 0),
      "v86 leaves the words of the patch alone",
    );
    parameters.set([this.flagsAt, ramBase, pages, 0]);
    this.watchDevices();
  }

  start(): void {
    this.current().fill(0);
    this.cpu.full_clear_tlb();
  }

  harvest(into: PageBitmap): number {
    return this.take(MODIFIED, into);
  }

  readonly references = (into: PageBitmap): number => this.take(REFERENCED, into);

  readonly firstWrites = (): number =>
    new Uint32Array(this.memory.memory.buffer, PATCH_WORDS.newlyModified, 1)[0] as number;

  peek(pages: U32Buffer, mask: U32Buffer): void {
    pages.assertBelow(this.memory.pages);
    mask.length = pages.length;
    const flags = this.current();
    const [list, out] = [pages.view(), mask.view()];
    for (let i = 0; i < list.length; i++) out[i] = ((flags[list[i] as number] as number) >> 1) & 1;
  }

  /** One byte a page, live until v86's memory grows. */
  flags(): Uint8Array {
    return this.current();
  }

  /** What the log says of one page: REFERENCED, MODIFIED. */
  flagsOf(pfn: number): number {
    return this.current()[pfn] as number;
  }

  /** Moves one flag of every page into a bitmap, four pages a word, and re-arms the log. */
  private take(flag: number, into: PageBitmap): number {
    assert(into.pages === this.memory.pages, `${into.pages} pages are the guest's`);
    this.current();
    const { words } = this;
    const mask = flag * 0x0101_0101;
    const bits = into.kernels.memoryBytes;
    into.reset();
    let count = 0;
    for (let w = 0; w < words.length; w++) {
      const word = words[w] as number;
      if (word === 0) continue;
      const found = (flag === MODIFIED ? (word & mask) >>> 1 : word & mask) | 0;
      if (found === 0) continue;
      words[w] = word & ~mask;
      // Bits 0, 8, 16 and 24 become bits 0 to 3.
      const nibble = (found | (found >>> 7) | (found >>> 14) | (found >>> 21)) & 15;
      const at = into.ptr + (w >>> 1);
      bits[at] = (bits[at] as number) | (nibble << ((w & 1) * 4));
      count += (nibble & 1) + ((nibble >>> 1) & 1) + ((nibble >>> 2) & 1) + (nibble >>> 3);
    }
    this.cpu.full_clear_tlb();
    return count;
  }

  private watchDevices(): void {
    const { cpu } = this;
    const writeBlob = cpu.write_blob;
    cpu.write_blob = (bytes, address) => {
      if (bytes.length > 0) this.markBytes(address, bytes.length);
      writeBlob.call(cpu, bytes, address);
    };
    for (let i = 0; i < BIOS_WINDOW.entries; i++) {
      const write = cpu.memory_map_write8[BIOS_WINDOW.first + i];
      if (write === undefined) continue;
      cpu.memory_map_write8[BIOS_WINDOW.first + i] = (address, value) => {
        this.markBytes(address & BIOS_WINDOW.mask, 1);
        write(address, value);
      };
    }
  }

  private markBytes(address: number, length: number): void {
    const flags = this.current();
    const last = Math.min((address + length - 1) >>> 12, this.memory.pages - 1);
    for (let pfn = address >>> 12; pfn <= last; pfn++)
      flags[pfn] = (flags[pfn] as number) | MODIFIED;
  }

  private current(): Uint8Array {
    if (this.bytes.buffer !== this.memory.memory.buffer) [this.bytes, this.words] = this.views();
    return this.bytes;
  }

  private views(): [Uint8Array, Uint32Array] {
    const { pages, memory } = this.memory;
    const words = Math.ceil(pages / 4);
    assert(pages * PAGE_SIZE_BYTES === this.memory.sizeBytes, "RAM is whole pages");
    return [
      new Uint8Array(memory.buffer, this.flagsAt, pages),
      new Uint32Array(memory.buffer, this.flagsAt, words),
    ];
  }
}
