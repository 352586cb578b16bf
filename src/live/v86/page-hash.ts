/**
 * The dirty log where v86's TLB fill cannot be patched: every page's hash is compared with that of
 * the last reading, in place (kernels/foreign-pages.ts). Sees writes of every kind, a device's too,
 * and no more than those that changed something; a reading costs the time to hash all memory, and
 * nothing tells which pages were only read.
 */
import { assert } from "../../base/assert.js";
import {
  type ForeignPages,
  foreignPages,
  PageBitmap,
  type U32Buffer,
} from "../../kernels/index.js";
import type { GuestMemory } from "./guest-memory.js";
import type { PageTracking } from "./page-tracking.js";
import type { V86Exports } from "./v86-internals.js";

const HASH_BYTES = 8;

export class HashTracking implements PageTracking {
  readonly kind = "hash";
  readonly references = undefined;
  readonly firstWrites = undefined;

  static async create(exports: V86Exports, memory: GuestMemory): Promise<HashTracking> {
    const { pages } = memory;
    const bitsBytes = PageBitmap.bytesFor(pages);
    const hashes = exports.v86_malloc(pages * HASH_BYTES + bitsBytes + HASH_BYTES);
    const aligned = ((hashes + HASH_BYTES - 1) & ~(HASH_BYTES - 1)) >>> 0;
    return new HashTracking(await foreignPages(memory.memory), memory, aligned);
  }

  private constructor(
    private readonly kernel: ForeignPages,
    private readonly memory: GuestMemory,
    private readonly hashes: number,
  ) {
    this.start();
  }

  start(): void {
    this.kernel.rememberPages(this.memory.ramBase, this.memory.pages, this.hashes);
  }

  harvest(into: PageBitmap): number {
    const { pages, ramBase, memory } = this.memory;
    assert(into.pages === pages, `${into.pages} pages are the guest's`);
    const bits = this.hashes + pages * HASH_BYTES;
    const count = this.kernel.changedPages(ramBase, pages, this.hashes, bits);
    into.reset();
    into.kernels
      .bytes(into.ptr, Math.ceil(pages / 8))
      .set(new Uint8Array(memory.buffer, bits, Math.ceil(pages / 8)));
    return count;
  }

  peek(pages: U32Buffer, mask: U32Buffer): void {
    pages.assertBelow(this.memory.pages);
    mask.length = pages.length;
    const [list, out] = [pages.view(), mask.view()];
    const { ramBase } = this.memory;
    for (let i = 0; i < list.length; i++) {
      out[i] = this.kernel.hasChanged(ramBase, list[i] as number, this.hashes);
    }
  }
}
