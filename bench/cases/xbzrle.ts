/**
 * XBZRLE deltas of pages whose versions differ in a few words, in a good part of their bytes, or not
 * at all.
 */
import { Random } from "../../src/base/random.js";
import { Kernels, Xbzrle } from "../../src/kernels/index.js";
import type { BenchContext } from "../context.js";
import { type BenchCase, type Contender, inProcess } from "../harness.js";
import { FNV_START, fnv, hex, randomWords, SEED } from "../inputs.js";
import { encodeMany } from "../plain/xbzrle.js";
import { touch } from "./bitmap.js";

const PAGE_BYTES = 4096;

/** How the second version of a page differs: so many runs of so many bytes. */
interface Change {
  readonly name: string;
  readonly runs: number;
  readonly bytes: number;
}

const CHANGES: readonly Change[] = [
  { name: "encode equal pages", runs: 0, bytes: 0 },
  { name: "encode 8 changed words a page", runs: 8, bytes: 8 },
  { name: "encode 64 changed runs a page", runs: 64, bytes: 24 },
];

export function xbzrleCases(context: BenchContext): BenchCase[] {
  const sizes = context.small ? [4] : [256, 8192];
  return sizes.flatMap((pages) => CHANGES.map((change) => xbzrleCase(context, pages, change)));
}

function xbzrleCase(context: BenchContext, pages: number, change: Change): BenchCase {
  return {
    group: "XBZRLE",
    name: change.name,
    pages,
    unit: "page",
    operations: pages,
    repeatable: true,
    targets: [],
    open: async () => {
      const a = new Uint8Array(randomWords((pages * PAGE_BYTES) / 4, SEED).buffer);
      const b = changed(a, change);
      const contenders: Contender[] = [kernel(pages, a, b), plain(pages, a, b)];
      if (context.native === undefined) return contenders;
      const input = [a, b].map((bytes) => new Uint32Array(bytes.buffer));
      return [...contenders, await context.native.contender("xbzrle-encode", input, [pages])];
    },
  };
}

function kernel(pages: number, a: Uint8Array, b: Uint8Array): Contender {
  const bytes = pages * PAGE_BYTES;
  const kernels = Kernels.loadSync({ arenaBytes: 3 * bytes });
  const [aPtr, bPtr, outPtr] = [0, 1, 2].map(() => kernels.allocate(bytes, "pages")) as [
    number,
    number,
    number,
  ];
  touch(kernels);
  kernels.bytes(aPtr, bytes).set(a);
  kernels.bytes(bPtr, bytes).set(b);
  const xbzrle = new Xbzrle(kernels);
  const lengths = new Int32Array(pages);
  return inProcess({
    name: "Wasm",
    run: () => {
      for (let i = 0; i < pages; i++) {
        const at = i * PAGE_BYTES;
        lengths[i] = xbzrle.encode(aPtr + at, bPtr + at, outPtr + at);
      }
    },
    digest: () => digest(lengths, kernels.bytes(outPtr, bytes)),
  });
}

function plain(pages: number, a: Uint8Array, b: Uint8Array): Contender {
  const out = new Uint8Array(pages * PAGE_BYTES);
  const lengths = new Int32Array(pages);
  return inProcess({
    name: "TypeScript",
    run: () => encodeMany(a, b, out, lengths),
    digest: () => digest(lengths, out),
  });
}

function changed(a: Uint8Array, { runs, bytes }: Change): Uint8Array {
  const random = new Random(SEED);
  const b = a.slice();
  for (let page = 0; page < a.length; page += PAGE_BYTES) {
    for (let run = 0; run < runs; run++) {
      const at = page + random.below(PAGE_BYTES - bytes);
      for (let k = at; k < at + bytes; k++) b[k] = random.below(256);
    }
  }
  return b;
}

function digest(lengths: Int32Array, deltas: Uint8Array): string {
  let hash = FNV_START;
  lengths.forEach((length, i) => {
    hash = fnv(hash, [length]);
    hash = fnv(hash, deltas.subarray(i * PAGE_BYTES, i * PAGE_BYTES + Math.max(0, length)));
  });
  return hex(hash);
}
