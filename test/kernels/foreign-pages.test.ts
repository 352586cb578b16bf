/** Hashes of another module's pages against the model of XXH64, and changes against a list. */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/base/random.js";
import { foreignPages } from "../../src/kernels/index.js";
import { xxh64 } from "../model/xxh64.js";

const PAGE = 4096;
const PAGES = 21;
/** Where things lie in the foreign memory. */
const RAM = 0x10_000;
const HASHES = RAM + PAGES * PAGE;
const BITS = HASHES + PAGES * 8;
const BITS_BYTES = Math.ceil(PAGES / 8);

async function setUp() {
  const memory = new WebAssembly.Memory({ initial: 4 });
  const bytes = new Uint8Array(memory.buffer);
  const random = new Random(7);
  for (let i = RAM + PAGE; i < HASHES; i++) bytes[i] = random.below(256);
  return { bytes, random, kernel: await foreignPages(memory) };
}

function pagesIn(bytes: Uint8Array): number[] {
  return Array.from({ length: PAGES }, (_, i) => i).filter(
    (i) => (((bytes[BITS + (i >> 3)] as number) >> (i & 7)) & 1) === 1,
  );
}

describe("a foreign memory's pages", () => {
  it("are hashed as XXH64 does, and nothing else is written", async () => {
    const { bytes, kernel } = await setUp();
    const before = bytes.slice();
    kernel.rememberPages(RAM, PAGES, HASHES);
    const hashes = [...new BigUint64Array(bytes.buffer, HASHES, PAGES)];
    const expected = hashes.map((_, i) =>
      xxh64(before.slice(RAM + i * PAGE, RAM + (i + 1) * PAGE)),
    );
    expect(hashes).toEqual(expected);
    bytes.set(before.subarray(HASHES, BITS), HASHES);
    expect(Buffer.compare(bytes, before)).toBe(0);
  });

  it("are found when a byte of them changes, once", async () => {
    const { bytes, random, kernel } = await setUp();
    kernel.rememberPages(RAM, PAGES, HASHES);
    for (let round = 0; round < 200; round++) {
      const changed = new Set<number>();
      for (let i = random.below(6); i > 0; i--) {
        const page = random.below(PAGES);
        // A page that is changed twice could be as it was.
        if (changed.has(page)) continue;
        changed.add(page);
        const at = RAM + page * PAGE + random.below(PAGE);
        bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      }
      const expected = [...changed].sort((a, b) => a - b);
      const peeked = expected.map((page) => kernel.hasChanged(RAM, page, HASHES));
      expect(peeked).toEqual(expected.map(() => 1));
      expect(kernel.changedPages(RAM, PAGES, HASHES, BITS)).toBe(expected.length);
      expect(pagesIn(bytes)).toEqual(expected);
      expect((bytes[BITS + BITS_BYTES - 1] as number) >> (PAGES & 7)).toBe(0);
      expect(kernel.hasChanged(RAM, round % PAGES, HASHES)).toBe(0);
    }
  });

  it("cannot be bound to what is no memory", async () => {
    const none = {} as WebAssembly.Memory;
    await expect(foreignPages(none)).rejects.toThrow(/cannot be hashed in this memory/);
  });
});
