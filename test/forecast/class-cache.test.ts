/** The cache of expected counts beside the rules of migration/page_cache.c, by hand. */
import { describe, expect, it } from "vitest";
import { ClassCache } from "../../src/forecast/class-cache.js";
import { ClassMemory } from "../../src/forecast/class-memory.js";
import { deltaBytesOf } from "../../src/forecast/dirtier-memory.js";
import type { DirtierWorkload } from "../../src/forecast/dirtier-workload.js";
import { nothingTaken } from "../../src/forecast/slot-memory.js";

const cells = (...firstPages: number[]) =>
  firstPages.map((firstPage) => ({ firstPage, pages: 64 }));

describe("XBZRLE's cache", () => {
  it("holds from the next reading on what was looked up, and not before", () => {
    const cache = new ClassCache(cells(0), 128, 64);
    cache.lookUp(0, 32);
    expect(cache.share(0)).toBe(0);
    cache.read();
    expect(cache.share(0)).toBeCloseTo(0.5, 9);
  });

  it("keeps a page for two readings against one that wants its slot", () => {
    const cache = new ClassCache(cells(0, 64), 64, 64);
    cache.lookUp(0, 64);
    cache.read();
    cache.lookUp(1, 64);
    expect(cache.share(0)).toBe(1);
    cache.read();
    // Now what is there is two readings old: all of it gives way.
    cache.lookUp(1, 64);
    cache.read();
    expect(cache.share(0)).toBeCloseTo(0, 9);
    expect(cache.share(1)).toBeCloseTo(1, 9);
  });

  it("lets pages alone whose slots are others", () => {
    const cache = new ClassCache(cells(0, 64), 128, 64);
    cache.lookUp(0, 64);
    cache.lookUp(1, 64);
    cache.read();
    expect([cache.share(0), cache.share(1)]).toEqual([1, 1]);
  });
});

describe("pages that are sent again", () => {
  const memory = (pages: number) =>
    new ClassMemory({
      classes: [{ pages: 64, writesPerPageSec: 1 }],
      wroteBeforeSec: 0,
      deltas: { pages, bytesOf: () => 100 },
    });
  const send = (of: ClassMemory, sec: number) => {
    const taken = nothingTaken();
    of.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, sec, taken);
    return taken;
  };

  it("are whole, then whole and kept, then differences or nothing at all", () => {
    const guest = memory(1024);
    guest.begin(0);
    expect(send(guest, 1).rawPages).toBeCloseTo(64, 9);
    guest.sync(1);
    expect(send(guest, 1).deltaPages).toBe(0);
    guest.sync(3);
    const { rawPages, deltaPages, samePages, deltaBytes } = send(guest, 3);
    // Logged in the second before: 64 (1 - e^-1) were sent then, and so many are in the cache.
    const kept = 1 - Math.exp(-1);
    expect(rawPages).toBeCloseTo(64 * (1 - Math.exp(-2)) * (1 - kept), 6);
    // Whatever was written since the log was read was written since it was sent.
    expect(samePages).toBeCloseTo(0, 9);
    expect(deltaPages).toBeCloseTo(64 * (1 - Math.exp(-2)) * kept, 6);
    expect(deltaBytes).toBeCloseTo(deltaPages * 100, 6);
  });

  it("cost nothing where they were written before they were sent, and not since", () => {
    const guest = memory(1024);
    guest.begin(0);
    send(guest, 0);
    guest.sync(1);
    // Sent a long time after the log was read: what was written meanwhile went with it.
    send(guest, 4);
    guest.sync(4);
    // In the cache is what went the second time; logged is what was written in the last three.
    const kept = 64 * (1 - Math.exp(-1));
    expect(send(guest, 4).samePages).toBeCloseTo(kept * (1 - Math.exp(-3)), 6);
  });
});

describe("bytes of a difference", () => {
  const of = (content: "inc" | "delta" | "rand", dn: number, writes: number) =>
    deltaBytesOf({ content, dn } as DirtierWorkload, writes);

  it("are two lengths and a byte where a counter goes up", () => {
    expect(of("inc", 1, 1)).toBeCloseTo(3, 1);
  });

  it("are 6 for each of 64 words that lie apart, and as many again for the next write", () => {
    // 60 bytes between two of them: one byte tells either length.
    expect(of("delta", 64, 1)).toBeCloseTo(384, 0);
    expect(of("delta", 64, 2)).toBeGreaterThan(680);
    expect(of("delta", 64, 2)).toBeLessThanOrEqual(768);
    // Farther apart than 127 bytes: two bytes tell how far.
    expect(of("delta", 8, 1)).toBeCloseTo(56, 0);
  });

  it("are a page where nothing is as it was", () => {
    expect(of("rand", 1, 1)).toBe(4096);
    expect(of("delta", 1024, 1)).toBe(4096);
    expect(of("delta", 300, 50)).toBe(4096);
  });
});
