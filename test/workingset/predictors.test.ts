/**
 * Every predictor behind its interface: what it holds after a few ticks that can be followed by
 * hand, hottest first under a cap, nothing at all when nothing was written.
 */
import { describe, expect, it } from "vitest";
import { parseParams } from "../../src/base/params.js";
import { Kernels, PageBitmap } from "../../src/kernels/index.js";
import { PREDICTORS } from "../../src/workingset/index.js";
import { bestBin } from "../../src/workingset/wsclock.js";

const PAGES = 1000;
const MS = 1_000_000;
const SAMPLING = ["recency", "aging", "lru-splay", "clock", "wsclock"];

function make(name: string, params = "") {
  const factory = PREDICTORS.find((predictor) => predictor.name === name)!;
  const values = parseParams(name, params, factory.params);
  const arenaBytes = factory.arenaBytes(PAGES) + 8 * PageBitmap.bytesFor(PAGES) + 4096;
  const kernels = Kernels.loadSync({ arenaBytes });
  const predictor = factory.create({ kernels, pages: PAGES }, values);
  const used = PageBitmap.create(kernels, PAGES);
  const out = PageBitmap.create(kernels, PAGES);
  let nowNs = 0;
  const tick = (pages: readonly number[]): void => {
    used.reset();
    for (const page of pages) used.set(page);
    nowNs += 100 * MS;
    predictor.observe(used);
    predictor.tick(nowNs);
  };
  const select = (pagesMax = PAGES): number[] => {
    const count = predictor.select(pagesMax, nowNs, out);
    const list: number[] = [];
    for (let p = out.nextSet(0); p >= 0; p = out.nextSet(p + 1)) list.push(p);
    expect(list.length).toBe(count);
    return list;
  };
  return { factory, predictor, tick, select, out };
}

describe.each(SAMPLING)("%s", (name) => {
  it("holds nothing before anything was written", () => {
    expect(make(name).select()).toEqual([]);
    const quiet = make(name);
    quiet.tick([]);
    expect(quiet.select()).toEqual([]);
  });

  it("holds what was just written", () => {
    const it = make(name);
    it.tick([3, 500, 999]);
    expect(it.select()).toEqual([3, 500, 999]);
  });

  it("never holds more than it may", () => {
    const it = make(name);
    it.tick([...Array(100).keys()]);
    for (const cap of [0, 1, 50, 99, 100, 101]) {
      const held = it.select(cap).length;
      expect(held).toBeLessThanOrEqual(Math.min(cap, 100));
      // These two hold all that was written; the others have a size of their own.
      if (name === "recency" || name === "wsclock") expect(held).toBe(Math.min(cap, 100));
    }
  });

  it("takes what a round's end showed into account before the next tick", () => {
    const { predictor, select, out } = make(name);
    if (name === "lru-splay" || name === "clock") return; // these look at ticks alone
    out.reset();
    out.set(42);
    predictor.observe(out);
    expect(select()).toEqual([42]);
  });
});

describe("wsclock", () => {
  it("drops a page when its age passes tau, and keeps it at exactly tau", () => {
    const it = make("wsclock", "tau=200ms");
    it.tick([7]);
    it.tick([]);
    it.tick([]);
    expect(it.select()).toEqual([7]);
    it.tick([]);
    expect(it.select()).toEqual([]);
  });

  it("under a cap keeps the page that was written more often of two of the same age", () => {
    const it = make("wsclock", "tau=1s");
    it.tick([10, 900]);
    it.tick([900]);
    it.tick([10, 900]);
    expect(it.select(1)).toEqual([900]);
  });

  it("under a cap keeps the younger page", () => {
    const it = make("wsclock", "tau=1s");
    it.tick([10]);
    it.tick([10]);
    it.tick([900]);
    expect(it.select(1)).toEqual([900]);
  });

  it("the literal order of the bullets gives unused pages a fresh time of last use", () => {
    const it = make("wsclock", "tau=100ms,literal");
    it.tick([7]);
    expect(it.select().length).toBeGreaterThan(1);
  });

  it("tau=auto takes the interval at which pages come back", () => {
    const it = make("wsclock", "tau=auto,tick=100ms");
    // Ten pages come back every third tick; four hundred are written once each and never again.
    let once = 500;
    for (let tick = 0; tick < 30; tick++) {
      const hot = tick % 3 === 0 ? [...Array(10).keys()] : [];
      it.tick([...hot, ...Array.from({ length: 13 }, () => once++)]);
    }
    expect(it.predictor.describe()).toEqual({ tauNs: 350 * MS });
  });
});

describe("the choice of tau", () => {
  it("is the bin where re-references gained, less pages held, is greatest", () => {
    expect(bestBin([90, 5, 5, 0], [10, 10, 40, 40])).toBe(0);
    expect(bestBin([10, 80, 10, 0], [10, 10, 40, 40])).toBe(1);
    expect(bestBin([0, 0, 0, 0], [1, 2, 3, 4])).toBe(-1);
    expect(bestBin([1, 1, 1], [0, 0, 0])).toBe(-1);
  });
});

describe("lru-splay", () => {
  it("under a cap keeps what was written last", () => {
    const it = make("lru-splay");
    it.tick([1, 2, 3]);
    it.tick([700]);
    it.tick([800]);
    expect(it.select(2)).toEqual([700, 800]);
  });

  it("leaves out what has sunk far from the root", () => {
    const near = make("lru-splay", "depth=0");
    near.tick([1, 2, 3]);
    near.tick([700]);
    expect(near.select()).toEqual([700]);
  });
});

describe("clock", () => {
  it("keeps as many pages as it has frames", () => {
    const it = make("clock", "frames=0.01");
    it.tick([...Array(100).keys()]);
    expect(it.select().length).toBe(10);
  });
});

describe("recency", () => {
  it("forgets what was not written since the tick before", () => {
    const it = make("recency");
    it.tick([1]);
    it.tick([2]);
    expect(it.select()).toEqual([2]);
  });
});

describe("every predictor", () => {
  it.each(PREDICTORS.map((p) => [p.name, p] as const))(
    "%s names its source and its evidence",
    (_n, p) => {
      expect(p.summary.length).toBeGreaterThan(10);
      expect(p.source.length).toBeGreaterThan(5);
      const values = parseParams(p.name, "", p.params);
      const { predictor } = make(p.name);
      expect(predictor.evidence).toBe(p.evidence(values));
    },
  );
});

describe("wsclock", () => {
  it("tells a user whose window is too long how long it may be", () => {
    expect(() => make("wsclock", "tau=1073s")).not.toThrow();
    expect(() => make("wsclock", "tau=1h")).toThrowError(
      expect.objectContaining({
        code: "limit",
        message: expect.stringMatching(/at most .* or auto/),
      }),
    );
  });
});
