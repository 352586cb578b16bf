/** The aging predictor against counters kept one by one, as the textbook has them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseParams } from "../../src/base/params.js";
import { Kernels, PageBitmap } from "../../src/kernels/index.js";
import { aging } from "../../src/workingset/aging.js";

const PAGES = 40;

/** A byte a page: shifted right at each tick, the page's bit put in at the left. */
class Counters {
  private readonly counters = new Uint8Array(PAGES);

  tick(used: ReadonlySet<number>): void {
    for (let page = 0; page < PAGES; page++) {
      const bit = used.has(page) ? 0x80 : 0;
      this.counters[page] = ((this.counters[page] as number) >> 1) | bit;
    }
  }

  /** The largest first, equal ones by page number; a counter of 0 is never held. */
  hottest(pagesMax: number): number[] {
    const pages = [...this.counters.keys()].filter((page) => this.counters[page] !== 0);
    pages.sort((a, b) => (this.counters[b] as number) - (this.counters[a] as number) || a - b);
    return pages.slice(0, pagesMax).sort((a, b) => a - b);
  }
}

describe("aging", () => {
  it("holds the pages with the largest counters", () => {
    const ticks = fc.array(fc.uniqueArray(fc.nat(PAGES - 1)), { maxLength: 12 });
    fc.assert(
      fc.property(ticks, fc.nat(PAGES), (history, pagesMax) => {
        const kernels = Kernels.loadSync({ arenaBytes: 64 << 10 });
        const predictor = aging.create(
          { kernels, pages: PAGES },
          parseParams("aging", "", aging.params),
        );
        const used = PageBitmap.create(kernels, PAGES);
        const out = PageBitmap.create(kernels, PAGES);
        const counters = new Counters();
        for (const pages of history) {
          used.reset();
          for (const page of pages) used.set(page);
          predictor.observe(used);
          predictor.tick(0);
          counters.tick(new Set(pages));
        }
        const count = predictor.select(pagesMax, 0, out);
        const held: number[] = [];
        for (let page = out.nextSet(0); page >= 0; page = out.nextSet(page + 1)) held.push(page);
        expect(held).toEqual(counters.hottest(pagesMax));
        expect(count).toBe(held.length);
      }),
      { numRuns: 300 },
    );
  });
});
