/**
 * Which pages of a foreign memory changed, by their hashes: a module of its own that imports the
 * memory of the machine it watches, so that no page is copied. It has no data and no heap; what it
 * writes is the hashes and the bitmap that its caller allocated there.
 *
 *   hashes ┌──────────┬──────────┬─ ···     XXH64 of each page (page.ts), u64
 *          └──────────┴──────────┴─ ···
 *   bits   bit i of the bitmap: page i changed, rounded up to 8 pages
 *
 * A change is missed when two contents have one hash: 2^-64 for each write of a page. Time O(bytes).
 */
import { pageHash64 } from "./page";

const PAGE: usize = 4096;

/** hashes[i] := hash of page i. */
export function rememberPages(pages: usize, count: u32, hashes: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u64>(hashes + ((<usize>i) << 3), pageHash64(pages + <usize>i * PAGE));
  }
}

/** Bits of the pages that are not as remembered; remembers them as they are. Returns how many. */
export function changedPages(pages: usize, count: u32, hashes: usize, bits: usize): u32 {
  let changed: u32 = 0;
  let byte: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const at = hashes + ((<usize>i) << 3);
    const hash = pageHash64(pages + <usize>i * PAGE);
    const differs = u32(hash !== load<u64>(at));
    store<u64>(at, hash);
    changed += differs;
    byte |= differs << (i & 7);
    if ((i & 7) === 7 || i + 1 === count) {
      store<u8>(bits + (i >> 3), <u8>byte);
      byte = 0;
    }
  }
  return changed;
}

/** Whether the page is not as remembered; changes nothing. */
export function hasChanged(pages: usize, page: u32, hashes: usize): bool {
  return pageHash64(pages + <usize>page * PAGE) !== load<u64>(hashes + ((<usize>page) << 3));
}
