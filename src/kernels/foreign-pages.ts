/**
 * Hashes of the pages of another module's memory, worked out in place by a small module that
 * imports that memory (assembly/page-hash.ts): what changed since they were last looked at, for a
 * machine that keeps no log of its writes.
 */
import { pageHashBase64 } from "../../build/wasm.js";
import { PrecopyError } from "../base/errors.js";
import { decodeBase64 } from "./base64.js";

/** Addresses are those of the foreign memory; hashes take 8 bytes a page, bits 1 in 8. */
export interface ForeignPages {
  /** hashes[i] := hash of page i. */
  rememberPages(pages: number, count: number, hashes: number): void;
  /** Bitmap of the pages that are not as remembered, which are remembered anew; returns how many. */
  changedPages(pages: number, count: number, hashes: number, bits: number): number;
  /** Whether a page is not as remembered (0 or 1); changes nothing. */
  hasChanged(pages: number, page: number, hashes: number): number;
}

/** Binds the module to a memory of at least one Wasm page. */
export async function foreignPages(memory: WebAssembly.Memory): Promise<ForeignPages> {
  try {
    const wasm = decodeBase64(pageHashBase64);
    const { instance } = await WebAssembly.instantiate(wasm, { env: { memory } });
    return instance.exports as unknown as ForeignPages;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PrecopyError("unsupported", `pages cannot be hashed in this memory: ${reason}`);
  }
}
