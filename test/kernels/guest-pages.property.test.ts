import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  exactWorkingSet,
  GuestPages,
  type Kernels,
  PageBitmap,
  PageVersions,
  U32Buffer,
} from "../../src/kernels/index.js";
import { BUILDS, load, SIZES } from "./builds.js";

const PAGES = 150;

const accesses = fc.array(
  fc.record({
    pages: fc.array(fc.nat(PAGES - 1), { maxLength: 30 }),
    write: fc.boolean(),
    take: fc.boolean(),
    now: fc.nat(0xffff),
  }),
  { maxLength: 12 },
);

function bits(bitmap: PageBitmap): number[] {
  return Array.from({ length: bitmap.pages }, (_, page) => page).filter((p) => bitmap.has(p));
}

describe.each(BUILDS)("GuestPages ($build)", ({ simd }) => {
  it.each([
    { trackReferences: true, trackLastUse: true },
    { trackReferences: false, trackLastUse: true },
    { trackReferences: true, trackLastUse: false },
    { trackReferences: false, trackLastUse: false },
  ])("keeps what each access says, with $trackReferences, $trackLastUse", (options) => {
    fc.assert(
      fc.property(accesses, (steps) => {
        const kernels = load(simd, 1 << 16);
        const guest = GuestPages.create(kernels, PAGES, options);
        const list = U32Buffer.create(kernels, 30);
        const versions: number[] = Array(PAGES).fill(0);
        const lastUse: (number | undefined)[] = Array(PAGES).fill(undefined);
        const dirty = new Set<number>();
        let fresh = 0;
        for (const { pages, write, take, now } of steps) {
          list.set(pages);
          if (write) guest.touchWrites(list, now);
          else guest.touchReads(list, now);
          for (const page of pages) {
            lastUse[page] = now;
            if (!write) continue;
            versions[page]!++;
            if (!dirty.has(page)) fresh++;
            dirty.add(page);
          }
          expect(guest.newlyDirty).toBe(fresh);
          if (!take) continue;
          expect(guest.takeNewlyDirty()).toBe(fresh);
          fresh = 0;
        }
        expect(bits(guest.dirty)).toEqual([...dirty].sort((a, b) => a - b));
        expect(versions.map((_, page) => guest.version(page))).toEqual(versions);
        expect(guest.versionSum()).toBe(versions.reduce((a, b) => a + b, 0));
        const used = lastUse.flatMap((at, page) => (at === undefined ? [] : [page]));
        if (guest.referenced !== undefined) expect(bits(guest.referenced)).toEqual(used);
        expect(guest.referenced !== undefined).toBe(options.trackReferences);
        expect(guest.lastUsePtr !== 0).toBe(options.trackLastUse);
        if (!options.trackLastUse) return;
        const out = PageBitmap.create(kernels, PAGES);
        for (const tau of [0, 100, 30_000, 0x1_0000]) {
          const within = used.filter((page) => 0x1_0000 - lastUse[page]! <= tau);
          expect(exactWorkingSet(guest, 0x1_0000, tau, out)).toBe(within.length);
          expect(bits(out)).toEqual(within);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("finds no page past the last one, at every size", () => {
    for (const pages of SIZES) {
      const kernels = load(simd, 1 << 16);
      const guest = GuestPages.create(kernels, pages);
      const out = PageBitmap.create(kernels, pages);
      const list = U32Buffer.create(kernels, 1);
      list.set([pages - 1]);
      guest.touchReads(list, 5);
      // At tick 5 the storage behind the last page would be as young as that page.
      expect(exactWorkingSet(guest, 5, 10, out)).toBe(1);
      expect(bits(out)).toEqual([pages - 1]);
      expect(out.count()).toBe(1);
    }
  });

  it("keeps old pages old when the time of last use wraps", () => {
    const kernels = load(simd);
    const guest = GuestPages.create(kernels, 3);
    const out = PageBitmap.create(kernels, 3);
    const list = U32Buffer.create(kernels, 1);
    list.set([1]);
    guest.touchWrites(list, 10);
    let now = 10;
    for (let step = 0; step < 40; step++) {
      expect(exactWorkingSet(guest, now, 1000, out)).toBe(step === 0 ? 1 : 0);
      now += 2 ** 30 - 12345;
    }
    expect(now).toBeGreaterThan(9 * 2 ** 32);
    list.set([2]);
    guest.touchReads(list, now);
    expect(exactWorkingSet(guest, now + 1000, 1000, out)).toBe(1);
    expect(out.has(2)).toBe(true);
  });

  it("fits its own estimate of the arena", () => {
    for (const pages of [1, 63, 64, 65, 1000]) {
      const kernels = load(simd);
      GuestPages.create(kernels, pages);
      expect(kernels.arenaUsedBytes).toBeLessThanOrEqual(GuestPages.bytesFor(pages) + 63);
    }
  });
});

describe.each(BUILDS)("PageVersions ($build)", ({ simd }) => {
  it("gathers, scatters and compares like arrays", () => {
    const page = fc.nat(PAGES - 1);
    const pair = fc.record({ page, version: fc.nat(3) });
    fc.assert(
      fc.property(
        fc.array(pair, { maxLength: 40 }),
        fc.array(page, { maxLength: 40 }),
        (put, writes) => {
          const kernels: Kernels = load(simd, 1 << 16);
          const guest = GuestPages.create(kernels, PAGES);
          const held = PageVersions.create(kernels, PAGES);
          const list = U32Buffer.create(kernels, 40);
          const values = U32Buffer.create(kernels, 40);
          const source: number[] = Array(PAGES).fill(0);
          const target: number[] = Array(PAGES).fill(0);
          list.set(writes);
          guest.touchWrites(list, 0);
          for (const p of writes) source[p]!++;
          guest.gather(list, values);
          expect([...values.view()]).toEqual(writes.map((p) => source[p]));
          list.set(put.map((x) => x.page));
          values.set(put.map((x) => x.version));
          held.scatter(list, values);
          for (const x of put) target[x.page] = x.version;
          expect(target.map((_, p) => held.version(p))).toEqual(target);
          const equal = put.filter((x) => target[x.page] === x.version).length;
          expect(held.countEqualTo(list, values)).toBe(equal);
          const differing = target.flatMap((v, p) => (v === source[p] ? [] : [p]));
          expect(held.countDiffering(guest)).toBe(differing.length);
          expect(held.firstDiffering(guest)).toBe(differing[0] ?? -1);
          const copy = PageVersions.create(kernels, PAGES);
          copy.fill(2);
          expect(copy.countDiffering(held)).toBe(target.filter((v) => v !== 2).length);
        },
      ),
      { numRuns: 150 },
    );
  });
});
