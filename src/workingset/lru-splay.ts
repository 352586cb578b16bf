/**
 * LRU list and splay tree (Zaw & Thein, "Improved live VM migration using LRU and splay tree
 * algorithm", IJCST 3(3), 2012): every used page moves to the head of an LRU list and is splayed
 * to the root of a tree over page numbers; the predicted working set is what stands at the head of
 * the list and near the root.
 *
 * A log of writes tells no order within a tick; pages of one tick are fed in a pseudo-random order
 * (ascending order would turn the tree into a chain). "Near the root" is not defined in the text;
 * here it is a depth of at most `depth` times log2 of the tree's size.
 */

import type { ParamValues } from "../base/params.js";
import { LruList, PageBitmap, SplayTree, U32Buffer } from "../kernels/index.js";
import { inScanOrder } from "./page-lists.js";
import {
  type PredictorContext,
  type PredictorFactory,
  SAMPLING_PARAMS,
  type WorkingSetPredictor,
} from "./predictor.js";

const CHUNK_PAGES = 4096;

class LruSplay implements WorkingSetPredictor {
  readonly evidence = "writes";
  readonly windowNs = 0;
  readonly tickNs: number;
  readonly warmupTicks: number;
  private readonly depthFactor: number;
  private readonly lru: LruList;
  private readonly tree: SplayTree;
  private readonly pending: PageBitmap;
  private readonly near: PageBitmap;
  private readonly chunk: U32Buffer;
  private readonly order: U32Buffer;

  constructor({ kernels, pages }: PredictorContext, params: ParamValues) {
    this.tickNs = params.tick as number;
    this.warmupTicks = params.warmup as number;
    this.depthFactor = params.depth as number;
    const capacity = Math.max(1, Math.floor(pages * (params.head as number)));
    this.lru = LruList.create(kernels, pages, capacity);
    this.tree = SplayTree.create(kernels, pages);
    this.pending = PageBitmap.create(kernels, pages, "lru-splay, since the last tick");
    this.near = PageBitmap.create(kernels, pages, "lru-splay, near the root");
    this.chunk = U32Buffer.create(kernels, CHUNK_PAGES);
    this.order = U32Buffer.create(kernels, capacity);
  }

  observe(used: PageBitmap): void {
    this.pending.or(used);
  }

  tick(): void {
    const { pending, chunk } = this;
    if (pending.isEmpty()) return;
    inScanOrder(pending, chunk, () => {
      this.lru.touchBatch(chunk);
      this.tree.touchBatch(chunk);
    });
    pending.reset();
  }

  select(pagesMax: number, _virtualNs: number, out: PageBitmap): number {
    const { near, order } = this;
    const size = this.tree.size;
    const depth = Math.ceil(this.depthFactor * log2Ceil(Math.max(2, size)));
    this.tree.withinDepth(depth, near);
    this.lru.order(order, order.capacity);
    // What is far from the root drops out of the list, order kept; the head fills the budget.
    out.reset();
    const pages = order.view();
    let kept = 0;
    for (let i = 0; i < pages.length && kept < pagesMax; i++) {
      const page = pages[i] as number;
      if (!near.has(page)) continue;
      out.set(page);
      kept++;
    }
    return kept;
  }

  describe(): Record<string, number> {
    return { treePages: this.tree.size, listPages: this.lru.size };
  }
}

function log2Ceil(n: number): number {
  return 32 - Math.clz32(n - 1);
}

export const lruSplay: PredictorFactory = {
  name: "lru-splay",
  summary: "head of an LRU list and near the root of a splay tree",
  source: "Zaw & Thein, IJCST 3(3), 2012; Sleator & Tarjan, JACM 32(3), 1985",
  params: {
    head: { kind: "number", default: 0.25, min: 0.0001, max: 1, help: "LRU list, share of memory" },
    depth: { kind: "number", default: 2, min: 0, max: 64, help: "near the root: x log2(size)" },
    ...SAMPLING_PARAMS,
  },
  evidence: () => "writes",
  arenaBytes: (pages) =>
    (pages + 2) * 24 + 2 * PageBitmap.bytesFor(pages) + (CHUNK_PAGES + pages) * 8,
  create: (context, params) => new LruSplay(context, params),
};
