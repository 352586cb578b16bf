/**
 * Page bitmaps: set algebra with counts, harvest, page numbers, runs.
 */
import { Kernels, PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import { type BenchContext, guestSizes, guestsOf } from "../context.js";
import { type BenchCase, type Contender, inProcess } from "../harness.js";
import { FNV_START, fnv, hex, randomBits, SEED } from "../inputs.js";
import type { FastBitSet, Peers, RoaringBitmap } from "../peers.js";
import * as plain from "../plain/bitmap.js";

/** Pages that are listed in a run: of several guests, so that no branch predictor knows them. */
const UNFORESEEN_PAGES = 2 ** 24;

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
  readonly words: readonly [Uint32Array, Uint32Array];
  readonly a: PageBitmap;
  readonly b: PageBitmap;
  readonly out: PageBitmap;
}

function inputs(pages: number): Inputs {
  const kernels = Kernels.loadSync({ arenaBytes: 3 * PageBitmap.bytesFor(pages) });
  const words = [randomBits(pages, 0.3, SEED), randomBits(pages, 0.3, SEED + 1)] as const;
  const [a, b] = words.map((bits) => bitmapOf(kernels, bits)) as [PageBitmap, PageBitmap];
  const out = PageBitmap.create(kernels, pages);
  touch(kernels);
  return { words, a, b, out };
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
      const { words, a, b, out } = inputs(pages);
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
      return withNative(contenders, context, operation.native, words, [pages / 64]);
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
      const { words, a, out } = inputs(pages);
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
      return withNative(contenders, context, "bitmap-harvest", words, [pages / 64]);
    },
  };
}

/** The bitmaps of several guests, one behind the other, and one list for their pages. */
function lists(context: BenchContext, pages: number, density: number, capacity: number) {
  const guests = guestsOf(context, pages, UNFORESEEN_PAGES);
  const words = randomBits(pages * guests, density, SEED);
  const kernels = Kernels.loadSync({
    arenaBytes: guests * PageBitmap.bytesFor(pages) + U32Buffer.bytesFor(capacity),
  });
  const bitmaps = Array.from({ length: guests }, (_, i) =>
    bitmapOf(kernels, words.subarray((i * pages) / 32, ((i + 1) * pages) / 32)),
  );
  const list = U32Buffer.create(kernels, capacity);
  touch(kernels);
  return { guests, words, bitmaps, list };
}

function toPagesCase(context: BenchContext, pages: number, density: number): BenchCase {
  return {
    group: "bitmap to page numbers",
    name: `${density * 100} % set`,
    pages,
    unit: "set bit",
    operations: Math.round(pages * density * guestsOf(context, pages, UNFORESEEN_PAGES)),
    repeatable: true,
    targets: [{ than: "C", atMost: 1 }],
    open: async () => {
      const { guests, words, bitmaps, list } = lists(context, pages, density, pages);
      const contenders = listContenders({
        words,
        bitmaps,
        list,
        kernel: (bitmap) => bitmap.toPages(list),
        plain: plain.toPages,
        entries: (count) => count,
      });
      if (context.peers !== undefined) {
        contenders.push(...(await peersToPages(context.peers, bitmaps, list)));
      }
      return withNative(contenders, context, "bitmap-to-pages", [words], [pages / 64, guests]);
    },
  };
}

/** Both hand back a fresh array, which is more work than writing into one that is there. */
async function peersToPages(
  peers: Peers,
  bitmaps: readonly PageBitmap[],
  list: U32Buffer,
): Promise<Contender[]> {
  const roaring: RoaringBitmap[] = [];
  for (const bitmap of bitmaps) {
    bitmap.toPages(list);
    roaring.push(await peers.roaring(list.view().slice()));
  }
  const fast = bitmaps.map((bitmap) => peers.fastBitSet(wordsOf(bitmap)));
  const roaringContender = peerToPages("roaring-wasm", roaring, (set) => set.toUint32Array());
  return [
    { ...roaringContender, close: () => roaring.forEach((set) => void set.dispose()) },
    peerToPages("typedfastbitset", fast, (set) => set.array()),
  ];
}

function peerToPages<Set>(
  name: string,
  sets: readonly Set[],
  toPages: (set: Set) => ArrayLike<number>,
): Contender {
  let counted = 0;
  let found: ArrayLike<number> = [];
  return inProcess({
    name,
    slow: true,
    run: () => {
      counted = 0;
      for (const set of sets) {
        found = toPages(set);
        counted += found.length;
      }
    },
    digest: () => hex(fnv(fnv(FNV_START, [counted]), found)),
  });
}

function runsCase(context: BenchContext, pages: number): BenchCase {
  const density = 0.1;
  return {
    group: "bitmap to runs",
    name: `${density * 100} % set`,
    pages,
    unit: "set bit",
    operations: Math.round(pages * density * guestsOf(context, pages, UNFORESEEN_PAGES)),
    repeatable: true,
    targets: [],
    open: async () => {
      const { guests, words, bitmaps, list } = lists(context, pages, density, pages + 1);
      const contenders = listContenders({
        words,
        bitmaps,
        list,
        kernel: (bitmap) => bitmap.runs(list),
        plain: plain.runs,
        entries: (count) => 2 * count,
      });
      return withNative(contenders, context, "bitmap-runs", [words], [pages / 64, guests]);
    },
  };
}

interface ListJob {
  readonly words: Uint32Array;
  readonly bitmaps: readonly PageBitmap[];
  readonly list: U32Buffer;
  kernel(bitmap: PageBitmap): number;
  plain(bits: Uint32Array, out: Uint32Array): number;
  /** Entries of the list, from what was counted. */
  entries(count: number): number;
}

/** The list that is left is that of the last guest, the count that of all. */
function listContenders({ words, bitmaps, list, kernel, plain, entries }: ListJob): Contender[] {
  const pages = (bitmaps[0] as PageBitmap).pages;
  const plainBits = bitmaps.map((_, i) => words.subarray((i * pages) / 32, ((i + 1) * pages) / 32));
  const plainList = new Uint32Array(pages + 2);
  let counted = 0;
  let last = 0;
  return [
    inProcess({
      name: "Wasm",
      run: () => {
        counted = 0;
        for (const bitmap of bitmaps) counted += kernel(bitmap);
      },
      digest: () => hex(fnv(fnv(FNV_START, [counted]), list.view())),
    }),
    inProcess({
      name: "TypeScript",
      run: () => {
        counted = 0;
        for (const bits of plainBits) {
          last = plain(bits, plainList);
          counted += last;
        }
      },
      digest: () => hex(fnv(fnv(FNV_START, [counted]), plainList, entries(last))),
    }),
  ];
}

async function withNative(
  contenders: Contender[],
  { native }: BenchContext,
  kernel: string,
  words: readonly Uint32Array[],
  numbers: readonly number[],
): Promise<Contender[]> {
  if (native === undefined) return contenders;
  return [...contenders, await native.contender(kernel, words, numbers)];
}
