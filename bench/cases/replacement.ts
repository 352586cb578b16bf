/**
 * LRU list, splay tree and clock on uses of pages by Zipf's law and evenly spread.
 */
import {
  ClockRing,
  Kernels,
  LruList,
  PageBitmap,
  SplayTree,
  U32Buffer,
} from "../../src/kernels/index.js";
import { type BenchContext, nodeSizes } from "../context.js";
import { type BenchCase, type Contender, inProcess, type Target } from "../harness.js";
import { BATCH, FNV_START, fnv, hex, pageUses } from "../inputs.js";
import type { Cache, Peers } from "../peers.js";
import { PlainClock, PlainLru, PlainSplay } from "../plain/replacement.js";
import { touch, wordsOf } from "./bitmap.js";

const EXPONENT = 0.99;

interface Trace {
  readonly name: string;
  readonly exponent?: number;
}

const TRACES: readonly Trace[] = [
  { name: `Zipf ${EXPONENT}`, exponent: EXPONENT },
  { name: "uniform" },
];

export function replacementCases(context: BenchContext): BenchCase[] {
  return nodeSizes(context).flatMap((pages) =>
    TRACES.flatMap((trace) => [
      lruCase(context, pages, trace),
      splayCase(context, pages, trace),
      clockCase(context, pages, trace),
    ]),
  );
}

function base(
  context: BenchContext,
  group: string,
  pages: number,
  trace: Trace,
  targets: readonly Target[],
) {
  return {
    group,
    name: trace.name,
    pages,
    unit: "use",
    operations: usesOf(context),
    repeatable: false,
    targets,
  };
}

/** Too many to be learnt by heart, too few to wait for. */
function usesOf({ small }: BenchContext): number {
  return small ? 2 ** 13 : 2 ** 20;
}

/** The uses in lists of the longest length that one call takes. */
function lists(kernels: Kernels, uses: Uint32Array): U32Buffer[] {
  const result: U32Buffer[] = [];
  for (let at = 0; at < uses.length; at += BATCH) {
    const list = U32Buffer.create(kernels, Math.min(BATCH, uses.length - at));
    list.set(uses.subarray(at, at + BATCH));
    result.push(list);
  }
  return result;
}

function listBytes(uses: number): number {
  return Math.ceil(uses / BATCH) * U32Buffer.bytesFor(BATCH);
}

function lruCase(context: BenchContext, pages: number, trace: Trace): BenchCase {
  const capacity = pages / 4;
  const targets: Target[] =
    trace.exponent === undefined
      ? []
      : [
          { than: "C", atMost: 1.8 },
          { than: "mnemonist LRUMap", atMost: 0.2 },
        ];
  return {
    ...base(context, "LRU list", pages, trace, targets),
    open: async () => {
      const uses = pageUses(pages, usesOf(context), trace.exponent);
      const kernels = Kernels.loadSync({
        arenaBytes:
          LruList.bytesFor(pages) + listBytes(uses.length) + U32Buffer.bytesFor(capacity) + 4096,
      });
      const lru = LruList.create(kernels, pages, capacity);
      const batches = lists(kernels, uses);
      const order = U32Buffer.create(kernels, capacity);
      touch(kernels);
      const plain = new PlainLru(pages, capacity);
      let hits = 0;
      const digest = (ordered: ArrayLike<number>) => hex(fnv(fnv(FNV_START, [hits]), ordered));
      const contenders: Contender[] = [
        inProcess({
          name: "Wasm",
          prepare: () => {
            kernels.u32(lru.ptr, 1)[0] = 0;
            kernels.raw.lruInit(lru.ptr);
          },
          run: () => {
            hits = 0;
            for (const batch of batches) hits += lru.touchBatch(batch);
          },
          digest: () => {
            lru.order(order, capacity);
            return digest(order.view());
          },
        }),
        inProcess({
          name: "TypeScript",
          prepare: () => plain.empty(),
          run: () => {
            hits = plain.touchAll(uses);
          },
          digest: () => digest(plain.order()),
        }),
      ];
      if (context.peers !== undefined)
        contenders.push(...cachePeers(context.peers, uses, capacity));
      return withNative(contenders, context, "lru", uses, [pages, capacity]);
    },
  };
}

function cachePeers(peers: Peers, uses: Uint32Array, capacity: number): Contender[] {
  return [
    cachePeer("mnemonist LRUMap", () => peers.lruMap(capacity), uses),
    cachePeer("lru-cache", () => peers.lruCache(capacity), uses),
  ];
}

function cachePeer(name: string, create: () => Cache, uses: Uint32Array): Contender {
  let cache = create();
  let hits = 0;
  return inProcess({
    name,
    slow: true,
    prepare: () => {
      cache = create();
    },
    run: () => {
      hits = 0;
      for (let i = 0; i < uses.length; i++) {
        const page = uses[i] as number;
        if (cache.get(page) === undefined) cache.set(page, 1);
        else hits++;
      }
    },
    digest: () => hex(fnv(fnv(FNV_START, [hits]), [...cache.keys()])),
  });
}

function splayCase(context: BenchContext, pages: number, trace: Trace): BenchCase {
  return {
    ...base(context, "splay tree", pages, trace, [{ than: "C", atMost: 1.3 }]),
    open: async () => {
      const uses = pageUses(pages, usesOf(context), trace.exponent);
      const kernels = Kernels.loadSync({
        arenaBytes: SplayTree.bytesFor(pages) + listBytes(uses.length) + 4096,
      });
      const tree = SplayTree.create(kernels, pages);
      const batches = lists(kernels, uses);
      touch(kernels);
      const plain = new PlainSplay(pages);
      let hits = 0;
      const digest = (spine: readonly number[]) => hex(fnv(fnv(FNV_START, [hits]), spine));
      const contenders: Contender[] = [
        inProcess({
          name: "Wasm",
          prepare: () => {
            kernels.u32(tree.ptr, 2).fill(0);
            kernels.raw.splayInit(tree.ptr);
          },
          run: () => {
            hits = 0;
            for (const batch of batches) hits += tree.touchBatch(batch);
          },
          digest: () => digest(rightSpine(tree)),
        }),
        inProcess({
          name: "TypeScript",
          prepare: () => plain.empty(),
          run: () => {
            hits = plain.touchAll(uses);
          },
          digest: () => digest(plain.rightSpine()),
        }),
      ];
      if (context.peers !== undefined && trace.exponent !== undefined) {
        contenders.push(splayPeer(context.peers, uses));
      }
      return withNative(contenders, context, "splay", uses, [pages, 0]);
    },
  };
}

/** The pages from the root along right children: the path to the highest page of all. */
function rightSpine({ kernels, ptr }: SplayTree): number[] {
  const nodes = (ptr + 64) / 4;
  const spine: number[] = [];
  let node = kernels.memoryWords[ptr / 4] as number;
  for (; node !== 0; node = kernels.memoryWords[nodes + 2 * node + 1] as number) {
    spine.push(node - 1);
  }
  return spine;
}

/** Find, then insert: it splays twice on a miss and leaves another tree, so only hits are checked. */
function splayPeer(peers: Peers, uses: Uint32Array): Contender {
  const known = uses.length - new Set(uses).size;
  let tree = peers.splayTree();
  let hits = 0;
  return inProcess({
    name: "splaytree",
    slow: true,
    prepare: () => {
      tree = peers.splayTree();
    },
    run: () => {
      hits = 0;
      for (let i = 0; i < uses.length; i++) {
        const page = uses[i] as number;
        if (tree.find(page) === null) tree.insert(page, 1);
        else hits++;
      }
    },
    digest: () => {
      if (hits !== known) throw new Error(`splaytree hits ${hits} times, not ${known}`);
      return undefined;
    },
  });
}

function clockCase(context: BenchContext, pages: number, trace: Trace): BenchCase {
  const frames = pages / 4;
  return {
    ...base(context, "clock", pages, trace, []),
    open: async () => {
      const uses = pageUses(pages, usesOf(context), trace.exponent);
      const kernels = Kernels.loadSync({
        arenaBytes:
          ClockRing.bytesFor(pages, frames) +
          listBytes(uses.length) +
          PageBitmap.bytesFor(pages) +
          4096,
      });
      const clock = ClockRing.create(kernels, pages, frames);
      const batches = lists(kernels, uses);
      const resident = PageBitmap.create(kernels, pages);
      touch(kernels);
      const plain = new PlainClock(pages, frames);
      const plainResident = new Uint32Array(pages / 32);
      let hits = 0;
      const digest = (bits: Uint32Array) => hex(fnv(fnv(FNV_START, [hits]), bits));
      const contenders: Contender[] = [
        inProcess({
          name: "Wasm",
          prepare: () => {
            kernels.u32(clock.ptr, 2).fill(0);
            kernels.raw.clockInit(clock.ptr);
          },
          run: () => {
            hits = 0;
            for (const batch of batches) hits += clock.accessBatch(batch);
          },
          digest: () => {
            clock.residentInto(resident);
            return digest(wordsOf(resident));
          },
        }),
        inProcess({
          name: "TypeScript",
          prepare: () => plain.empty(),
          run: () => {
            hits = plain.accessAll(uses);
          },
          digest: () => {
            plain.residentInto(plainResident);
            return digest(plainResident);
          },
        }),
      ];
      return withNative(contenders, context, "clock", uses, [pages, frames]);
    },
  };
}

async function withNative(
  contenders: Contender[],
  { native }: BenchContext,
  kernel: string,
  uses: Uint32Array,
  numbers: readonly number[],
): Promise<Contender[]> {
  if (native === undefined) return contenders;
  return [...contenders, await native.contender(kernel, [uses], [...numbers, uses.length])];
}
