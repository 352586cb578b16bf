/**
 * Page bitmaps: set algebra with counts, harvest, page numbers, runs.
 */
import { Kernels, PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import { type BenchContext, guestSizes } from "../context.js";
import { type BenchCase, type Contender, inProcess } from "../harness.js";
import { FNV_START, fnv, hex, randomBits, SEED } from "../inputs.js";
import type { FastBitSet, Peers } from "../peers.js";
import * as plain from "../plain/bitmap.js";

const DENSITIES = [0.001, 0.01, 0.1, 0.5, 0.9];

export function bitmapCases(context: BenchContext): BenchCase[] {
  return guestSizes(context).flatMap((pages) => [
    ...SET_OPERATIONS.map((operation) => setCase(context, pages, operation)),
    harvestCase(context, pages),
    ...DENSITIES.map((density) => toPagesCase(context, pages, density)),
    runsCase(context, pages),
  ]);
}

/** Two bitmaps and room for a third, on each side of the border. */
interface Inputs {
  readonly kernels: Kernels;
  readonly words: readonly [Uint32Array, Uint32Array];
  readonly a: PageBitmap;
  readonly b: PageBitmap;
  readonly out: PageBitmap;
  readonly list: U32Buffer;
}

function inputs(pages: number, density: number, listCapacity: number): Inputs {
  const arenaBytes = 3 * PageBitmap.bytesFor(pages) + U32Buffer.bytesFor(listCapacity);
  const kernels = Kernels.loadSync({ arenaBytes });
  const words = [randomBits(pages, density, SEED), randomBits(pages, density, SEED + 1)] as const;
  const [a, b] = words.map((bits) => bitmapOf(kernels, bits)) as [PageBitmap, PageBitmap];
  const out = PageBitmap.create(kernels, pages);
  const list = U32Buffer.create(kernels, listCapacity);
  touch(kernels);
  return { kernels, words, a, b, out, list };
}

export function bitmapOf(kernels: Kernels, bits: Uint32Array): PageBitmap {
  const bitmap = PageBitmap.create(kernels, bits.length * 32);
  wordsOf(bitmap).set(bits);
  return bitmap;
}

export function wordsOf({ kernels, ptr, pages }: PageBitmap): Uint32Array {
  return kernels.u32(ptr, pages / 32);
}

/** First use of memory is the system's time, not the kernel's: reading it maps one zero page. */
export function touch(kernels: Kernels): void {
  const { memoryBytes } = kernels;
  for (let at = 0; at < memoryBytes.length; at += 4096) {
    memoryBytes[at] = memoryBytes[at] as number;
  }
}

interface SetOperation {
  readonly name: string;
  readonly native: string;
  kernel(out: PageBitmap, a: PageBitmap, b: PageBitmap): number;
  plain(out: Uint32Array, a: Uint32Array, b: Uint32Array): number;
  peer(a: FastBitSet, b: FastBitSet): FastBitSet;
  readonly writes: boolean;
}

const SET_OPERATIONS: readonly SetOperation[] = [
  {
    name: "count",
    native: "bitmap-count",
    kernel: (_out, a) => a.count(),
    plain: (_out, a) => plain.count(a),
    peer: (a) => a,
    writes: false,
  },
  {
    name: "or, count",
    native: "bitmap-or",
    kernel: (out, a, b) => out.assignOr(a, b),
    plain: plain.or,
    peer: (a, b) => a.new_union(b),
    writes: true,
  },
  {
    name: "and, count",
    native: "bitmap-and",
    kernel: (out, a, b) => out.assignAnd(a, b),
    plain: plain.and,
    peer: (a, b) => a.new_intersection(b),
    writes: true,
  },
  {
    name: "and-not, count",
    native: "bitmap-and-not",
    kernel: (out, a, b) => out.assignAndNot(a, b),
    plain: plain.andNot,
    peer: (a, b) => a.new_difference(b),
    writes: true,
  },
];

function setCase(context: BenchContext, pages: number, operation: SetOperation): BenchCase {
  return {
    group: "set algebra",
    name: operation.name,
    pages,
    unit: "page",
    operations: pages,
    repeatable: true,
    targets: [],
    open: async () => {
      const { words, a, b, out } = inputs(pages, 0.3, 0);
      const plainOut = new Uint32Array(pages / 32);
      const digest = (count: number, written: ArrayLike<number>) => {
        const start = fnv(FNV_START, [count]);
        return hex(operation.writes ? fnv(start, written, pages / 32) : start);
      };
      let counted = 0;
      const contenders = [
        inProcess({
          name: "Wasm",
          run: () => {
            counted = operation.kernel(out, a, b);
          },
          digest: () => digest(counted, wordsOf(out)),
        }),
        inProcess({
          name: "TypeScript",
          run: () => {
            counted = operation.plain(plainOut, words[0], words[1]);
          },
          digest: () => digest(counted, plainOut),
        }),
      ];
      if (context.peers !== undefined) {
        const [x, y] = words.map((bits) => (context.peers as Peers).fastBitSet(bits));
        let result = x as FastBitSet;
        contenders.push(
          inProcess({
            name: "typedfastbitset",
            run: () => {
              result = operation.peer(x as FastBitSet, y as FastBitSet);
              counted = result.size();
            },
            digest: () => digest(counted, result.words),
          }),
        );
      }
      return withNative(contenders, context, operation.native, words, pages);
    },
  };
}

function harvestCase(context: BenchContext, pages: number): BenchCase {
  return {
    group: "harvest",
    name: "read, clear, count",
    pages,
    unit: "page",
    operations: pages,
    repeatable: false,
    targets: [],
    open: async () => {
      const { words, a, out } = inputs(pages, 0.3, 0);
      const log = words[0].slice();
      const shadow = new Uint32Array(pages / 32);
      let counted = 0;
      const contenders = [
        inProcess({
          name: "Wasm",
          prepare: () => wordsOf(a).set(words[0]),
          run: () => {
            counted = a.harvestInto(out);
          },
          digest: () => hex(fnv(fnv(FNV_START, [counted]), wordsOf(out))),
        }),
        inProcess({
          name: "TypeScript",
          prepare: () => log.set(words[0]),
          run: () => {
            counted = plain.harvest(log, shadow);
          },
          digest: () => hex(fnv(fnv(FNV_START, [counted]), shadow)),
        }),
      ];
      return withNative(contenders, context, "bitmap-harvest", words, pages);
    },
  };
}

function toPagesCase(context: BenchContext, pages: number, density: number): BenchCase {
  return {
    group: "bitmap to page numbers",
    name: `${density * 100} % set`,
    pages,
    unit: "set bit",
    operations: Math.round(pages * density),
    repeatable: true,
    targets: [{ than: "C", atMost: 1 }],
    open: async () => {
      const { words, a, list } = inputs(pages, density, pages);
      const contenders = listContenders(words[0], {
        kernel: () => a.toPages(list),
        list,
        plain: plain.toPages,
        entries: (count) => count,
      });
      if (context.peers !== undefined) {
        contenders.push(...(await peersToPages(context.peers, words[0], list, a)));
      }
      return withNative(contenders, context, "bitmap-to-pages", words, pages);
    },
  };
}

/** Both hand back a fresh array, which is more work than writing into one that is there. */
async function peersToPages(
  peers: Peers,
  bits: Uint32Array,
  list: U32Buffer,
  bitmap: PageBitmap,
): Promise<Contender[]> {
  bitmap.toPages(list);
  const roaring = await peers.roaring(list.view().slice());
  const fast = peers.fastBitSet(bits);
  let found: ArrayLike<number> = [];
  const digest = () => hex(fnv(fnv(FNV_START, [found.length]), found));
  const roaringContender = inProcess({
    name: "roaring-wasm",
    run: () => {
      found = roaring.toUint32Array();
    },
    digest,
  });
  return [
    { ...roaringContender, slow: true, close: () => roaring.dispose() },
    inProcess({
      name: "typedfastbitset",
      slow: true,
      run: () => {
        found = fast.array();
      },
      digest,
    }),
  ];
}

function runsCase(context: BenchContext, pages: number): BenchCase {
  const density = 0.1;
  return {
    group: "bitmap to runs",
    name: `${density * 100} % set`,
    pages,
    unit: "set bit",
    operations: Math.round(pages * density),
    repeatable: true,
    targets: [],
    open: async () => {
      const { words, a, list } = inputs(pages, density, pages + 1);
      const contenders = listContenders(words[0], {
        kernel: () => a.runs(list),
        list,
        plain: plain.runs,
        entries: (count) => 2 * count,
      });
      return withNative(contenders, context, "bitmap-runs", words, pages);
    },
  };
}

function listContenders(
  bits: Uint32Array,
  job: {
    kernel(): number;
    list: U32Buffer;
    plain(bits: Uint32Array, out: Uint32Array): number;
    entries(count: number): number;
  },
): Contender[] {
  const plainList = new Uint32Array(bits.length * 32 + 2);
  let counted = 0;
  return [
    inProcess({
      name: "Wasm",
      run: () => {
        counted = job.kernel();
      },
      digest: () => hex(fnv(fnv(FNV_START, [counted]), job.list.view())),
    }),
    inProcess({
      name: "TypeScript",
      run: () => {
        counted = job.plain(bits, plainList);
      },
      digest: () => hex(fnv(fnv(FNV_START, [counted]), plainList, job.entries(counted))),
    }),
  ];
}

async function withNative(
  contenders: Contender[],
  { native }: BenchContext,
  kernel: string,
  words: readonly Uint32Array[],
  pages: number,
): Promise<Contender[]> {
  if (native === undefined) return contenders;
  return [...contenders, await native.contender(kernel, words, [pages / 64])];
}
