/**
 * One digest of all of a machine's memory, equal at both ends if every byte is: XXH64 of every page,
 * mixed with its number, and HMAC-SHA-256 with a fixed key over those. It finds what went wrong on the way, not what
 * somebody forged on purpose: that is the frames' business (docs/PROTOCOL.md).
 */
import { type Kernels, U32Buffer } from "../kernels/index.js";
import type { WireCrypto } from "../wire/index.js";
import { PageChecks } from "./page-checks.js";

const CHUNK_PAGES = 64;
const PAGE_BYTES = 4096;
const LABEL = new TextEncoder().encode("precopy memory digest");

/** What can be read page by page: a source's or a target's machine. */
export interface ReadableMemory {
  readPages(region: "ram", pages: U32Buffer, into: Uint8Array): void;
}

export class MemoryDigest {
  private readonly list: U32Buffer;
  private readonly ptr: number;
  private readonly checks: PageChecks;

  static readonly arenaBytes =
    CHUNK_PAGES * PAGE_BYTES + U32Buffer.bytesFor(CHUNK_PAGES) + PageChecks.arenaBytes(CHUNK_PAGES);

  constructor(private readonly kernels: Kernels) {
    this.list = U32Buffer.create(kernels, CHUNK_PAGES, "pages to digest");
    this.ptr = kernels.allocate(CHUNK_PAGES * PAGE_BYTES, "contents to digest");
    this.checks = new PageChecks(kernels, CHUNK_PAGES);
  }

  /** 32 bytes; of a machine that is paused. */
  of(machine: ReadableMemory, pages: number, crypto: WireCrypto): Uint8Array {
    const hashes = new BigUint64Array(pages);
    for (let at = 0; at < pages; at += CHUNK_PAGES) {
      const count = Math.min(CHUNK_PAGES, pages - at);
      const chunk = Uint32Array.from({ length: count }, (_, i) => at + i);
      this.list.set(chunk);
      machine.readPages("ram", this.list, this.kernels.bytes(this.ptr, count * PAGE_BYTES));
      hashes.set(this.checks.of(chunk, this.ptr), at);
    }
    return crypto.hmacSha256(LABEL, new Uint8Array(hashes.buffer));
  }
}
