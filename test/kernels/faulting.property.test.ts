/** Runs that stop at absent pages make the accesses of runs that do not, one by one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AssertionError } from "../../src/base/assert.js";
import {
  GuestPages,
  type PageBitmap,
  TracePlayer,
  Workload,
  type WorkloadSpec,
} from "../../src/kernels/index.js";
import { FaultingGuestModel } from "../model/faulting.js";
import { type Access, WorkloadModel } from "../model/workload.js";
import { BUILDS, load } from "./builds.js";

const PAGES = 300;
const TRACKED = { trackAbsent: true } as const;

const place = fc
  .tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: PAGES }))
  .map(([firstPage, pages]) => ({ firstPage, pages: Math.min(pages, PAGES - firstPage) }));
const share = fc.constantFrom(0, 0.3, 1);
const specs: fc.Arbitrary<WorkloadSpec> = fc
  .tuple(place, share, fc.constantFrom("uniform", "zipf", "hot-cold", "sequential"))
  .map(([at, writeFraction, kind]) => {
    const component = { ...at, writeFraction };
    if (kind === "zipf") return { kind, exponent: 0.9, ...component };
    if (kind !== "hot-cold") return { kind, ...component };
    return { kind, hotPages: Math.ceil(at.pages / 4), hotFraction: 0.8, ...component };
  });
const absentPages = fc.array(fc.nat(PAGES - 1), { maxLength: PAGES });
/** Accesses asked for in one call: within the first chunk, over several, over a whole batch. */
const counts = fc.array(fc.constantFrom(0, 1, 2, 63, 64, 65, 200, 4500), {
  minLength: 1,
  maxLength: 6,
});

const pagesOf = (bitmap: PageBitmap) =>
  Array.from({ length: bitmap.pages }, (_, page) => page).filter((page) => bitmap.has(page));
const inOrder = (pages: Iterable<number>) => [...pages].sort((a, b) => a - b);

function expectEqual(guest: GuestPages, model: FaultingGuestModel): void {
  expect(model.versions.map((_, page) => guest.version(page))).toEqual(model.versions);
  expect(pagesOf(guest.dirty)).toEqual(inOrder(model.dirty));
  expect(pagesOf(guest.referenced!)).toEqual(inOrder(model.referenced));
  expect(pagesOf(guest.touched!)).toEqual(inOrder(model.touched));
}

describe.each(BUILDS)("faulting runs ($build)", ({ simd }) => {
  it("of a workload stop where the twin stops and end where the plain run ends", () => {
    fc.assert(
      fc.property(specs, absentPages, counts, fc.nat(), (spec, absent, asked, seed) => {
        const kernels = load(simd, 1 << 17);
        const guest = GuestPages.create(kernels, PAGES, TRACKED);
        const plain = GuestPages.create(kernels, PAGES);
        const workload = Workload.create(kernels, spec, seed);
        const unhindered = Workload.create(kernels, spec, seed);
        const model = new FaultingGuestModel(PAGES);
        const twin = new WorkloadModel(spec, seed);
        for (const page of absent) {
          guest.absent!.set(page);
          model.absent.add(page);
        }
        let waiting: Access | undefined;
        for (const count of asked) {
          for (let left = count; left > 0; ) {
            const made = workload.runUntilAbsent(guest, left, 7);
            let expected = 0;
            for (; expected < left; expected++) {
              waiting ??= twin.next();
              if (!model.touch(waiting)) break;
              waiting = undefined;
            }
            expect(made).toBe(expected);
            left -= made;
            if (left === 0) break;
            expect(guest.fault).toEqual(waiting);
            // Nothing arrives: the same access again, and nothing done.
            expect(workload.runUntilAbsent(guest, left, 7)).toBe(0);
            expect(guest.fault).toEqual(waiting);
            guest.absent!.clear(waiting!.page);
            model.absent.delete(waiting!.page);
          }
          unhindered.run(plain, count, 7);
        }
        expectEqual(guest, model);
        expect(guest.dirty.equals(plain.dirty)).toBe(true);
        expect(guest.newlyDirty).toBe(plain.newlyDirty);
        expect(model.versions.map((_, page) => plain.version(page))).toEqual(model.versions);
        expect([...workload.state()]).toEqual([...unhindered.state()]);
      }),
      { numRuns: 150 },
    );
  });

  it("of a recorded interval do so too", () => {
    const pages = fc.uniqueArray(fc.nat(PAGES - 1), { maxLength: PAGES });
    const split = fc.tuple(pages, fc.nat(PAGES)).map(([all, n]) => [all.slice(0, n), all.slice(n)]);
    fc.assert(
      fc.property(split, absentPages, fc.nat(), ([written = [], read = []], absent, seed) => {
        const kernels = load(simd, 1 << 17);
        const guest = GuestPages.create(kernels, PAGES, TRACKED);
        const plain = GuestPages.create(kernels, PAGES);
        const player = TracePlayer.create(kernels, PAGES);
        player.load(Uint32Array.from(written), Uint32Array.from(read), seed);
        const order = kernels.u32(player.ptr + 64, player.length);
        const model = new FaultingGuestModel(PAGES);
        for (const page of absent) {
          guest.absent!.set(page);
          model.absent.add(page);
        }
        let at = 0;
        while (at < player.length) {
          const stopped = player.applyUntilAbsent(guest, at, player.length, 3);
          for (; at < player.length; at++) {
            const word = order[at]!;
            const access = { page: word & 0x7fffffff, write: word >>> 31 === 1 };
            if (model.touch(access)) continue;
            expect(guest.fault).toEqual(access);
            guest.absent!.clear(access.page);
            model.absent.delete(access.page);
            break;
          }
          expect(stopped).toBe(at);
        }
        player.apply(plain, 0, player.length, 3);
        expectEqual(guest, model);
        expect(guest.dirty.equals(plain.dirty)).toBe(true);
        expect(guest.versionSum()).toBe(plain.versionSum());
      }),
      { numRuns: 150 },
    );
  });

  it("go over more than one batch", () => {
    const spec: WorkloadSpec = { kind: "sequential", firstPage: 0, pages: 250 };
    const kernels = load(simd);
    const guest = GuestPages.create(kernels, PAGES, TRACKED);
    const workload = Workload.create(kernels, spec, 1);
    guest.absent!.set(270);
    expect(workload.runUntilAbsent(guest, 200_000, 1)).toBe(200_000);
    guest.absent!.set(10);
    expect(workload.runUntilAbsent(guest, 100_000, 1)).toBe(10);
    expect(guest.fault).toEqual({ page: 10, write: true });
    expect(guest.versionSum()).toBe(200_010);
  });

  it("are refused for a guest that does not say which pages are absent", () => {
    const kernels = load(simd);
    const guest = GuestPages.create(kernels, PAGES);
    const spec: WorkloadSpec = { kind: "uniform", firstPage: 0, pages: 9 };
    const workload = Workload.create(kernels, spec, 1);
    expect(() => workload.runUntilAbsent(guest, 1, 0)).toThrow(AssertionError);
    const player = TracePlayer.create(kernels, 1);
    player.load(Uint32Array.of(1), new Uint32Array(), 1);
    expect(() => player.applyUntilAbsent(guest, 0, 1, 0)).toThrow(AssertionError);
    expect([guest.absent, guest.touched]).toEqual([undefined, undefined]);
  });

  it("cost two bitmaps more, which the estimate of the arena knows", () => {
    for (const pages of [1, 64, 65, 5000]) {
      const kernels = load(simd);
      GuestPages.create(kernels, pages, TRACKED);
      expect(kernels.arenaUsedBytes).toBeLessThanOrEqual(GuestPages.bytesFor(pages, TRACKED) + 63);
    }
  });
});
