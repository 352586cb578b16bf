import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AssertionError } from "../../src/base/assert.js";
import { PageBitmap, SplayTree, U32Buffer } from "../../src/kernels/index.js";
import { BUILDS, load } from "./builds.js";

const PAGES = 130;

/** Depth and subtree size of every page, from the paths alone. */
function shape(tree: SplayTree, path: U32Buffer): Map<number, { depth: number; size: number }> {
  const nodes = new Map<number, { depth: number; size: number }>();
  for (let page = 0; page < tree.pages; page++) {
    if (tree.rootPath(page, path) === 0) continue;
    const ancestors = [...path.view()];
    expect(ancestors[0]).toBe(tree.root);
    expect(ancestors.at(-1)).toBe(page);
    for (const node of ancestors) {
      const known = nodes.get(node) ?? { depth: -1, size: 0 };
      nodes.set(node, { ...known, size: known.size + 1 });
    }
    nodes.set(page, { ...nodes.get(page)!, depth: ancestors.length - 1 });
  }
  return nodes;
}

/** Sleator & Tarjan's potential with weights of 1: the sum of log2 of the subtree sizes. */
function potential(nodes: Map<number, { size: number }>): number {
  return [...nodes.values()].reduce((sum, { size }) => sum + Math.log2(size), 0);
}

describe.each(BUILDS)("SplayTree ($build)", ({ simd }) => {
  const page = fc.nat(PAGES - 1);
  const step = fc.oneof(
    fc.record({ do: fc.constant("batch" as const), pages: fc.array(page, { maxLength: 40 }) }),
    fc.record({
      do: fc.constant("bitmap" as const),
      pages: fc.uniqueArray(page, { maxLength: 40 }),
    }),
    fc.record({ do: fc.constant("touch" as const), page }),
    fc.record({ do: fc.constant("remove" as const), page }),
  );

  it("is a search tree of what was touched and not removed, the last touch at the root", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.nat(20), (steps, depth) => {
        const kernels = load(simd, 1 << 16);
        const tree = SplayTree.create(kernels, PAGES);
        const list = U32Buffer.create(kernels, PAGES);
        const bitmap = PageBitmap.create(kernels, PAGES);
        const held = new Set<number>();
        const use = (pages: number[]): number =>
          pages.filter((p) => {
            const hit = held.has(p);
            held.add(p);
            return hit;
          }).length;
        for (const s of steps) {
          let last = -1;
          if (s.do === "batch") {
            list.set(s.pages);
            expect(tree.touchBatch(list)).toBe(use(s.pages));
            last = s.pages.at(-1) ?? -1;
          } else if (s.do === "bitmap") {
            bitmap.reset();
            for (const p of s.pages) bitmap.set(p);
            expect(tree.touchBitmap(bitmap)).toBe(use(s.pages));
            last = Math.max(-1, ...s.pages);
          } else if (s.do === "touch") {
            expect(tree.touch(s.page)).toBe(use([s.page]) === 1);
            last = s.page;
          } else {
            expect(tree.remove(s.page)).toBe(held.delete(s.page));
          }
          if (last >= 0) expect(tree.root).toBe(last);
          expect(tree.size).toBe(held.size);
        }
        // Every path is a search: each page on it lies within the bounds that those above set.
        for (let p = 0; p < PAGES; p++) {
          expect(tree.has(p)).toBe(held.has(p));
          expect(tree.rootPath(p, list)).toBe(tree.depth(p) + 1);
          let low = -1;
          let high = PAGES;
          for (const q of list.view()) {
            expect(q > low && q < high).toBe(true);
            if (p < q) high = q;
            else if (p > q) low = q;
          }
        }
        const nodes = shape(tree, list);
        expect(nodes.size).toBe(held.size);
        const near = [...nodes].filter(([, node]) => node.depth <= depth).map(([p]) => p);
        expect(tree.withinDepth(depth, bitmap)).toBe(near.length);
        expect(near.every((p) => bitmap.has(p))).toBe(true);
        expect(bitmap.count()).toBe(near.length);
      }),
      { numRuns: 60 },
    );
  });

  it("obeys the access lemma: depth + change of potential <= 3 (r(root) - r(x)) + 1", () => {
    const run = fc.record({
      inserts: fc.uniqueArray(fc.nat(47), { minLength: 1, maxLength: 48 }),
      ascending: fc.boolean(),
      // Accesses by rank of depth: 0 is the deepest page, the adversary's choice.
      accesses: fc.array(fc.oneof(fc.constant(0), fc.nat(47)), { minLength: 1, maxLength: 12 }),
    });
    fc.assert(
      fc.property(run, ({ inserts, ascending, accesses }) => {
        const kernels = load(simd, 1 << 16);
        const tree = SplayTree.create(kernels, 48);
        const path = U32Buffer.create(kernels, 48);
        const order = ascending ? [...inserts].sort((a, b) => a - b) : inserts;
        for (const p of order) tree.insert(p);
        for (const access of accesses) {
          const before = shape(tree, path);
          const deepest = [...before].sort((a, b) => b[1].depth - a[1].depth);
          const [x, node] = deepest[access % deepest.length]!;
          expect(tree.touch(x)).toBe(true);
          const after = shape(tree, path);
          const amortised = node.depth + potential(after) - potential(before);
          const bound = 3 * (Math.log2(before.size) - Math.log2(node.size)) + 1;
          expect(amortised).toBeLessThanOrEqual(bound + 1e-9);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("walks 1,000 pages in turn in O(n), which rotating one level at a time would not", () => {
    const kernels = load(simd);
    const tree = SplayTree.create(kernels, 1000);
    for (let p = 0; p < 1000; p++) tree.insert(p);
    let steps = 0;
    for (let p = 0; p < 1000; p++) {
      steps += tree.depth(p);
      tree.touch(p);
    }
    // The sequential access theorem (Tarjan 1985; Elmasry 2004: at most 4.5 n links).
    expect(steps).toBeLessThan(4.5 * 1000 + 1000);
  });

  it("refuses pages and depths that it does not have", () => {
    const kernels = load(simd);
    const tree = SplayTree.create(kernels, 10);
    expect(tree.root).toBe(-1);
    expect(tree.remove(3)).toBe(false);
    expect(tree.depth(3)).toBe(-1);
    expect(() => tree.touch(10)).toThrow(AssertionError);
    expect(() => tree.withinDepth(5000, PageBitmap.create(kernels, 10))).toThrow("from 0 to 4094");
  });
});
