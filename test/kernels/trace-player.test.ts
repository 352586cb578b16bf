import { describe, expect, it } from "vitest";
import { AssertionError } from "../../src/base/assert.js";
import { Random } from "../../src/base/random.js";
import { GuestPages, PageBitmap, TracePlayer } from "../../src/kernels/index.js";
import { BUILDS, load } from "./builds.js";

/** Durstenfeld's shuffle, from the top down. */
function shuffled<T>(values: T[], seed: number): T[] {
  const random = new Random(seed);
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

describe.each(BUILDS)("TracePlayer ($build)", ({ simd }) => {
  it.each([0, 1, 2, 100, 5000])("plays %d pages of an interval in a seeded order", (count) => {
    const kernels = load(simd);
    const player = TracePlayer.create(kernels, 5000);
    const guest = GuestPages.create(kernels, 6000);
    const written = Array.from({ length: count >> 1 }, (_, i) => i * 2);
    const read = Array.from({ length: count - written.length }, (_, i) => i * 2 + 1);
    player.load(Uint32Array.from(written), Uint32Array.from(read), 17);
    expect(player.length).toBe(count);
    const all = [
      ...written.map((page) => ({ page, write: true })),
      ...read.map((page) => ({ page, write: false })),
    ];
    const order = shuffled(all, 17);
    const cuts = [0, count >> 2, count >> 1, count];
    for (let c = 0; c + 1 < cuts.length; c++) {
      const [from, to] = [cuts[c]!, cuts[c + 1]!];
      const marked = PageBitmap.create(kernels, 6000);
      player.markWrites(marked, from, to);
      guest.dirty.reset();
      guest.referenced!.reset();
      player.apply(guest, from, to, c);
      const part = order.slice(from, to);
      const wrote = part.filter((a) => a.write);
      expect(guest.dirty.count()).toBe(wrote.length);
      expect(wrote.every((a) => guest.dirty.has(a.page))).toBe(true);
      expect(marked.equals(guest.dirty)).toBe(true);
      expect(guest.referenced!.count()).toBe(part.length);
      expect(part.every((a) => guest.referenced!.has(a.page))).toBe(true);
    }
    expect(guest.versionSum()).toBe(written.length);
  });

  it("starts afresh with each interval", () => {
    const kernels = load(simd);
    const player = TracePlayer.create(kernels, 10);
    const guest = GuestPages.create(kernels, 100);
    player.load(Uint32Array.of(1, 2, 3), Uint32Array.of(99), 1);
    player.load(Uint32Array.of(5), new Uint32Array(), 2);
    expect(player.length).toBe(1);
    player.apply(guest, 0, 1, 0);
    expect(guest.version(5)).toBe(1);
    expect(guest.versionSum()).toBe(1);
  });

  it("refuses an interval that does not fit", () => {
    const kernels = load(simd);
    const player = TracePlayer.create(kernels, 2);
    const none = new Uint32Array();
    expect(() => player.load(Uint32Array.of(1, 2), Uint32Array.of(3), 1)).toThrow(AssertionError);
    player.load(Uint32Array.of(50), none, 1);
    expect(() => player.apply(GuestPages.create(kernels, 50), 0, 1, 0)).toThrow("end at 51");
    expect(() => player.apply(GuestPages.create(kernels, 51), 0, 2, 0)).toThrow(AssertionError);
  });
});
