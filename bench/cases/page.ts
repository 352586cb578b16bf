/**
 * Contents of pages: all zero, equal, XXH64; a set that fits the cache and one that does not.
 */
import { Kernels, PageContents, U32Buffer } from "../../src/kernels/index.js";
import { xxh64 } from "../../test/model/xxh64.js";
import type { BenchContext } from "../context.js";
import { type BenchCase, type Contender, inProcess } from "../harness.js";
import { FNV_START, fnv, hex, randomWords, SEED } from "../inputs.js";
import * as plain from "../plain/page.js";
import { touch } from "./bitmap.js";

const PAGE_BYTES = 4096;

export function pageCases(context: BenchContext): BenchCase[] {
  const sizes = context.small ? [4] : [256, 8192];
  return sizes.flatMap((pages) => [
    pageCase(context, pages, ZERO),
    pageCase(context, pages, DIFFERING),
    pageCase(context, pages, HASH),
  ]);
}

/** Two sets of pages on this side, the same two in the arena, and room for answers. */
interface Pages {
  readonly count: number;
  readonly a: Uint32Array;
  readonly b: Uint32Array;
  readonly contents: PageContents;
  readonly aPtr: number;
  readonly bPtr: number;
  readonly mask: U32Buffer;
  readonly plainMask: Uint32Array;
  readonly hashes: Uint32Array;
  readonly hashesPtr: number;
  readonly plainHashes: BigUint64Array;
}

interface PageOperation {
  readonly name: string;
  readonly native: string;
  /** Zeros, or noise. */
  readonly noise: boolean;
  readonly slow?: boolean;
  kernel(pages: Pages): void;
  plain(pages: Pages): void;
  kernelAnswer(pages: Pages): Uint32Array;
  plainAnswer(pages: Pages): Uint32Array;
}

const ZERO: PageOperation = {
  name: "all zero",
  native: "page-zero",
  noise: false,
  kernel: ({ contents, aPtr, count, mask }) => contents.zeroMask(aPtr, count, mask),
  plain: ({ a, plainMask }) => plain.zeroMask(a, plainMask),
  kernelAnswer: ({ mask }) => mask.view(),
  plainAnswer: ({ plainMask }) => plainMask,
};

const DIFFERING: PageOperation = {
  name: "compare equal pages",
  native: "page-differing",
  noise: true,
  kernel: ({ contents, aPtr, bPtr, count, mask }) => contents.differing(aPtr, bPtr, count, mask),
  plain: ({ a, b, plainMask }) => plain.differing(a, b, plainMask),
  kernelAnswer: ({ mask }) => mask.view(),
  plainAnswer: ({ plainMask }) => plainMask,
};

const HASH: PageOperation = {
  name: "XXH64",
  native: "page-hash",
  noise: true,
  slow: true,
  kernel: ({ contents, aPtr, count, hashesPtr }) => contents.hashMany(aPtr, count, hashesPtr),
  plain: ({ a, plainHashes }) => {
    const bytes = new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
    for (let i = 0; i < plainHashes.length; i++) {
      plainHashes[i] = xxh64(bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES));
    }
  },
  kernelAnswer: ({ hashes }) => hashes,
  plainAnswer: ({ plainHashes }) => new Uint32Array(plainHashes.buffer),
};

function pageCase(context: BenchContext, count: number, operation: PageOperation): BenchCase {
  return {
    group: "page contents",
    name: operation.name,
    pages: count,
    unit: "KiB",
    operations: count * 4,
    repeatable: true,
    targets: [],
    open: async () => {
      const pages = makePages(count, operation.noise);
      const contenders: Contender[] = [
        inProcess({
          name: "Wasm",
          run: () => operation.kernel(pages),
          digest: () => hex(fnv(FNV_START, operation.kernelAnswer(pages))),
        }),
        inProcess({
          name: "TypeScript",
          slow: operation.slow === true,
          run: () => operation.plain(pages),
          digest: () => hex(fnv(FNV_START, operation.plainAnswer(pages))),
        }),
      ];
      if (context.native === undefined) return contenders;
      const input = [pages.a, pages.b];
      return [...contenders, await context.native.contender(operation.native, input, [count])];
    },
  };
}

function makePages(count: number, noise: boolean): Pages {
  const bytes = count * PAGE_BYTES;
  const kernels = Kernels.loadSync({
    arenaBytes: 2 * bytes + count * 8 + 64 + U32Buffer.bytesFor(count),
  });
  const aPtr = kernels.allocate(bytes, "pages");
  const bPtr = kernels.allocate(bytes, "pages");
  const hashesPtr = kernels.allocate(count * 8, "hashes");
  const mask = U32Buffer.create(kernels, count);
  touch(kernels);
  const a = noise ? randomWords(bytes / 4, SEED) : new Uint32Array(bytes / 4);
  const b = a.slice();
  kernels.u32(aPtr, bytes / 4).set(a);
  kernels.u32(bPtr, bytes / 4).set(b);
  const contents = new PageContents(kernels);
  const hashes = kernels.u32(hashesPtr, 2 * count);
  const plainMask = new Uint32Array(count);
  const plainHashes = new BigUint64Array(count);
  return { count, a, b, contents, aPtr, bPtr, mask, plainMask, hashes, hashesPtr, plainHashes };
}
