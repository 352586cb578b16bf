/** Which pages a guest gives up, against sorting all of them by age. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GuestPages, Kernels, PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import { GivingUp } from "../../src/model/giving-up.js";
import { small } from "../support/specs.js";

const PAGES = 150;
const NOW = 1_000_000;

const cases = fc.record({
  /** Page and time of use, in any order; a page that is not here was never used. */
  uses: fc.array(fc.tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: NOW })), { maxLength: 200 }),
  gone: fc.uniqueArray(fc.nat(PAGES - 1), { maxLength: PAGES }),
  pages: fc.nat(PAGES),
  freePages: fc.nat(PAGES),
});

function listOf(bitmap: PageBitmap): number[] {
  return Array.from({ length: PAGES }, (_, page) => page).filter((page) => bitmap.has(page));
}

describe("pages that a guest gives up", () => {
  it("are those used longest ago, of equally old ones the lowest", () => {
    fc.assert(
      fc.property(cases, ({ uses, gone, pages, freePages }) => {
        const kernels = Kernels.loadSync({ arenaBytes: 1 << 20 });
        const guest = GuestPages.create(kernels, PAGES, { trackReferences: false });
        const one = U32Buffer.create(kernels, 1);
        const lastUse = new Map<number, number>();
        for (const [page, at] of [...uses].sort((a, b) => a[1] - b[1])) {
          one.set([page]);
          guest.touchReads(one, at);
          lastUse.set(page, at);
        }
        const [spec] = small({ pages: PAGES }).domains;
        const giving = new GivingUp(kernels, spec!, 1);
        const away = PageBitmap.create(kernels, PAGES);
        for (const page of gone) away.set(page);
        const given = PageBitmap.create(kernels, PAGES);
        const count = giving.choose(guest, { pages, freePages, gone: away, nowTicks: NOW }, given);
        const byAge = Array.from({ length: PAGES }, (_, page) => page)
          .filter((page) => !gone.includes(page))
          .sort((a, b) => (lastUse.get(a) ?? 0) - (lastUse.get(b) ?? 0) || a - b);
        const ascending = (list: number[]) => [...list].sort((a, b) => a - b);
        expect(listOf(given)).toEqual(ascending(byAge.slice(0, pages)));
        // Nothing is zero in a guest that says nothing of its content: the oldest count as free.
        expect(listOf(giving.empty)).toEqual(ascending(byAge.slice(0, Math.min(pages, freePages))));
        expect(count).toBe(Math.min(pages, byAge.length));
      }),
      { numRuns: 200 },
    );
  });

  it("are zero pages first, as many as are free", () => {
    const kernels = Kernels.loadSync({ arenaBytes: 1 << 20 });
    const guest = GuestPages.create(kernels, PAGES, { trackReferences: false });
    const giving = new GivingUp(kernels, { ...small({ pages: PAGES }).domains[0]! }, 1);
    const zero = new Set([3, 50, 149]);
    tellZero(giving, (page) => zero.has(page));
    const gone = PageBitmap.create(kernels, PAGES);
    const given = PageBitmap.create(kernels, PAGES);
    giving.choose(guest, { pages: 5, freePages: 3, gone, nowTicks: NOW }, given);
    expect(listOf(giving.empty)).toEqual([3, 50, 149]);
    expect(listOf(given)).toEqual([0, 1, 3, 50, 149]);
  });
});

/** What the pages hold is told instead of drawn. */
function tellZero(giving: GivingUp, isZero: (page: number) => boolean): void {
  (giving as unknown as { profile: { isZero: typeof isZero } }).profile.isZero = isZero;
}
