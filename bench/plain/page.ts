/**
 * Contents of pages in plain TypeScript: 32-bit words. XXH64 needs 64-bit products, which only
 * BigInt has: test/model/xxh64.ts is that.
 */
const PAGE_WORDS = 1024;

export function zeroMask(words: Uint32Array, mask: Uint32Array): void {
  for (let i = 0; i < mask.length; i++) mask[i] = isZero(words, i * PAGE_WORDS) ? 1 : 0;
}

export function differing(a: Uint32Array, b: Uint32Array, mask: Uint32Array): void {
  for (let i = 0; i < mask.length; i++) mask[i] = isEqual(a, b, i * PAGE_WORDS) ? 0 : 1;
}

function isZero(words: Uint32Array, first: number): boolean {
  for (let i = first; i < first + PAGE_WORDS; i++) if (words[i] !== 0) return false;
  return true;
}

function isEqual(a: Uint32Array, b: Uint32Array, first: number): boolean {
  for (let i = first; i < first + PAGE_WORDS; i++) if (a[i] !== b[i]) return false;
  return true;
}
