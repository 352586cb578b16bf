/**
 * A v86 guest's RAM, 4 KiB pages in v86's own WebAssembly memory. Views are made anew when that
 * memory has grown, which takes the old ones' buffer away: hold none over an `await`.
 */
import { assert } from "../../base/assert.js";
import { PrecopyError } from "../../base/errors.js";
import { PAGE_SIZE_BYTES } from "../../base/units.js";
import type { U32Buffer } from "../../kernels/index.js";
import type { Region } from "../../migrate/messages.js";

export class GuestMemory {
  readonly pages: number;
  private view: Uint8Array;

  /** @param ramBase where RAM begins in `memory`, bytes */
  constructor(
    readonly memory: WebAssembly.Memory,
    readonly ramBase: number,
    readonly sizeBytes: number,
  ) {
    this.pages = sizeBytes / PAGE_SIZE_BYTES;
    this.view = new Uint8Array(memory.buffer, ramBase, sizeBytes);
  }

  /** All of RAM, live. */
  bytes(): Uint8Array {
    if (this.view.buffer !== this.memory.buffer) {
      this.view = new Uint8Array(this.memory.buffer, this.ramBase, this.sizeBytes);
    }
    return this.view;
  }

  /** One page, live. */
  page(pfn: number): Uint8Array {
    assert(Number.isInteger(pfn) && pfn >= 0 && pfn < this.pages, `page ${pfn} is RAM`);
    return this.bytes().subarray(pfn * PAGE_SIZE_BYTES, (pfn + 1) * PAGE_SIZE_BYTES);
  }

  /** Copies the pages out, in the order of the list. */
  read(region: Region, pages: U32Buffer, into: Uint8Array): void {
    const list = this.checked(region, pages, into);
    const ram = this.bytes();
    for (let i = 0; i < list.length; i++) {
      const at = (list[i] as number) * PAGE_SIZE_BYTES;
      into.set(ram.subarray(at, at + PAGE_SIZE_BYTES), i * PAGE_SIZE_BYTES);
    }
  }

  /** Copies the pages in. Code that v86 compiled from them is the caller's to drop. */
  write(region: Region, pages: U32Buffer, contents: Uint8Array): void {
    const list = this.checked(region, pages, contents);
    const ram = this.bytes();
    for (let i = 0; i < list.length; i++) {
      const from = i * PAGE_SIZE_BYTES;
      ram.set(contents.subarray(from, from + PAGE_SIZE_BYTES), (list[i] as number) * 4096);
    }
  }

  private checked(region: Region, pages: U32Buffer, contents: Uint8Array): Uint32Array {
    checkRegion(region);
    pages.assertBelow(this.pages);
    const { length } = pages;
    assert(
      contents.length >= length * PAGE_SIZE_BYTES,
      `${contents.length} bytes hold the ${length} pages of the list`,
    );
    return pages.view();
  }
}

/** A v86 guest has RAM to move and nothing else. */
export function checkRegion(region: Region): void {
  if (region === "ram") return;
  throw new PrecopyError("unsupported", `a v86 guest has no ${region} to move; move its RAM alone`);
}
