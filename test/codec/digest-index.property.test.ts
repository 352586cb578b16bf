import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DigestIndex, WindowDigests } from "../../src/codec/digest-index.js";

const PAGES = 40;

/** Few digests, so that pages share them, and with equal low bits, so that places collide. */
const digest = fc.record({
  low: fc.constantFrom(0, 1, 2, 128, 256, 0xffffff80, 0xffffffff),
  high: fc.constantFrom(0, 1, 0xffffffff),
});

const step = fc.oneof(
  fc.record({ kind: fc.constant("put" as const), page: fc.nat(PAGES - 1), digest }),
  fc.record({ kind: fc.constant("forget" as const), page: fc.nat(PAGES - 1), digest }),
  fc.record({ kind: fc.constant("find" as const), page: fc.nat(PAGES - 1), digest }),
);

describe("DigestIndex", () => {
  it("never names a page that does not hold the content, and knows the page that came last", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const index = new DigestIndex(PAGES);
        const holds = new Map<number, string>();
        for (const {
          kind,
          page,
          digest: { low, high },
        } of steps) {
          const key = `${low}:${high}`;
          if (kind === "forget") {
            index.forget(page);
            holds.delete(page);
            continue;
          }
          if (kind === "put") {
            index.put(page, low, high);
            holds.set(page, key);
          }
          const found = index.find(low, high);
          if (found >= 0) expect(holds.get(found)).toBe(key);
          if (kind === "put") expect(found).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("finds nearly all contents of a guest whose pages are all different, rewritten many times", () => {
    const pages = 5000;
    const index = new DigestIndex(pages);
    let found = 0;
    for (let version = 0; version < 8; version++) {
      for (let page = 0; page < pages; page++) {
        index.put(page, Math.imul(page + version * 7919, 0x9e3779b1) >>> 0, version);
      }
    }
    for (let page = 0; page < pages; page++) {
      const low = Math.imul(page + 7 * 7919, 0x9e3779b1) >>> 0;
      found += index.find(low, 7) === page ? 1 : 0;
    }
    expect(found / pages).toBeGreaterThan(0.995);
  });
});

describe("WindowDigests", () => {
  it("is a set that empties at once", () => {
    fc.assert(
      fc.property(fc.array(fc.array(digest, { maxLength: 30 }), { maxLength: 5 }), (windows) => {
        const digests = new WindowDigests(32);
        for (const window of windows) {
          digests.next();
          const set = new Set<string>();
          for (const { low, high } of window) {
            expect(digests.add(low, high)).toBe(set.has(`${low}:${high}`));
            set.add(`${low}:${high}`);
          }
        }
      }),
    );
  });
});
