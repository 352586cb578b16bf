/**
 * Costs by hand: what each codec's model charges for pages whose content is known, and when.
 */
import { describe, expect, it } from "vitest";
import { parseParams } from "../../src/base/params.js";
import {
  type BatchCost,
  CODECS,
  type CodecModel,
  createCodecModel,
  zeroCost,
} from "../../src/codec/index.js";
import { ContentProfile, type ContentProfileSpec } from "../../src/guest/content-profile.js";
import { INCOMPRESSIBLE } from "../../src/guest/content-profiles.js";

const PAGES = 8192;

/** Every page compresses to 1,000 bytes and every delta has 50. */
const PLAIN: ContentProfileSpec = {
  ...INCOMPRESSIBLE,
  name: "plain",
  deflate: {
    level1Mean: 1000,
    level6Mean: 1000,
    level1: [
      [0.0001, 1000],
      [0.9999, 1000],
    ],
  },
  deltas: [
    {
      ageMs: 1000,
      versions: 1,
      overflowShare: 0,
      meanBytes: 50,
      quantiles: [
        [0.0001, 50],
        [0.9999, 50],
      ],
    },
  ],
};
const ZEROS: ContentProfileSpec = { ...PLAIN, name: "zeros", zeroShare: 1 };
const COPIES: ContentProfileSpec = {
  ...PLAIN,
  name: "copies",
  duplicates: { share: 1, largestShare: 1, groupPages: 4 },
};

function modelOf(spec: ContentProfileSpec, ...names: string[]): CodecModel {
  const stages = names.map((text) => {
    const [name, params] = text.split(":") as [string, string?];
    const factory = CODECS.find((codec) => codec.name === name)!;
    return { factory, params: parseParams(name, params ?? "", factory.params) };
  });
  const profile = new ContentProfile(spec, 1);
  return createCodecModel(stages, { profile, pages: PAGES, pageSizeBytes: 4096 });
}

/** What pages cost that all have one version. */
function send(model: CodecModel, pages: number[], version: number): BatchCost {
  const versions = new Uint32Array(pages.length).fill(version);
  return { ...model.batch(Uint32Array.from(pages), versions, zeroCost()), cpuNs: 0 };
}

function cost(parts: Partial<BatchCost>): BatchCost {
  return { ...zeroCost(), ...parts };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe("the model of", () => {
  it("raw: a header and a page", () => {
    const expected = cost({ bodyBytes: 3 * 4096, headerPages: 3, rawPages: 3 });
    expect(send(modelOf(PLAIN), [1, 2, 3], 0)).toEqual(expected);
    expect(send(modelOf(PLAIN, "raw"), [1, 2, 3], 0)).toEqual(expected);
  });

  it("zero: a header and a byte", () => {
    const model = modelOf(ZEROS, "zero");
    expect(send(model, [1, 2], 0)).toEqual(cost({ bodyBytes: 2, headerPages: 2, zeroPages: 2 }));
    expect(send(model, [1], 1)).toEqual(cost({ bodyBytes: 4096, headerPages: 1, rawPages: 1 }));
  });

  it("hash-dedup: digests for all, one copy, an answer a window", () => {
    const model = modelOf(COPIES, "hash-dedup");
    const first = cost({ bodyBytes: 3 * 40 + 4096, headerPages: 4, rawPages: 1, roundTrips: 1 });
    expect(send(model, [1, 2, 3], 0)).toEqual(first);
    const later = cost({ bodyBytes: 2000 * 40, headerPages: 2000, roundTrips: 2 });
    expect(send(model, range(4, 2004), 0)).toEqual(later);
    expect(model.describe()["hash-dedup.hits"]).toBe(2002);
    const trusting = modelOf(COPIES, "hash-dedup:policy=trust");
    expect(send(trusting, [1, 2, 3], 0).bodyBytes).toBe(3 * 8 + 4096);
  });

  it("hash-dedup: a content goes with the last page that held it", () => {
    const model = modelOf(COPIES, "hash-dedup:policy=trust");
    send(model, [1], 0);
    expect(send(model, [1], 1).rawPages).toBe(1);
    expect(send(model, [2], 0).rawPages).toBe(1);
    expect(send(model, [3], 0).rawPages).toBe(0);
  });

  it("hash-dedup: the target may have contents from elsewhere", () => {
    const model = modelOf(PLAIN, "hash-dedup:present=0.25");
    const { rawPages } = send(model, range(0, 4000), 0);
    expect(rawPages / 4000).toBeCloseTo(0.75, 1.5);
    expect(send(model, range(4000, 4100), 1).rawPages).toBe(100);
  });

  it("xbzrle: nothing in round 1, the cache fills in round 2, deltas from round 3", () => {
    const model = modelOf(PLAIN, "xbzrle");
    const raw = cost({ bodyBytes: 2 * 4096, headerPages: 2, rawPages: 2 });
    expect(send(model, [1, 2], 0)).toEqual(raw);
    model.roundEnded();
    expect(send(model, [1, 2], 1)).toEqual(raw);
    model.roundEnded();
    expect(send(model, [1, 2], 2)).toEqual(cost({ bodyBytes: 2 * (3 + 50), headerPages: 2 }));
    expect(send(model, [1, 2], 2)).toEqual(cost({ unchangedPages: 2 }));
    expect(model.describe()).toMatchObject({
      "xbzrle.misses": 2,
      "xbzrle.deltas": 2,
      "xbzrle.unchanged": 2,
      "xbzrle.hitRate": 2 / 3,
      "xbzrle.meanDeltaBytes": 50,
      "xbzrle.savedBytes": 4 * 4096 - 2 * 53,
    });
  });

  it("xbzrle: a page is kept two generations against others of its place", () => {
    const model = modelOf(PLAIN, "xbzrle:cache=1MiB");
    const [page, rival] = [5, 5 + 256];
    model.roundEnded();
    send(model, [page], 1);
    expect(send(model, [rival], 1).rawPages).toBe(1);
    expect(send(model, [page], 2).rawPages).toBe(0);
    model.roundEnded();
    send(model, [rival], 2);
    expect(send(model, [page], 3).rawPages).toBe(0);
    model.roundEnded();
    model.roundEnded();
    expect(send(model, [rival], 3).rawPages).toBe(1);
    expect(send(model, [rival], 4).rawPages).toBe(0);
    expect(send(model, [page], 4).rawPages).toBe(1);
  });

  it("xbzrle: the last stage takes nothing in, and deltas go on", () => {
    const model = modelOf(PLAIN, "xbzrle");
    model.roundEnded();
    send(model, [1], 1);
    model.lastStage();
    expect(send(model, [1, 2], 2).rawPages).toBe(1);
    expect(send(model, [2], 3).rawPages).toBe(1);
  });

  it("xbzrle: an overflow goes whole and stands in the cache; zero pages do too", () => {
    const overflowing = modelOf(INCOMPRESSIBLE, "xbzrle");
    overflowing.roundEnded();
    send(overflowing, [1], 1);
    expect(send(overflowing, [1], 2).rawPages).toBe(1);
    expect(send(overflowing, [1], 2).unchangedPages).toBe(1);
    const zeros = modelOf(ZEROS, "zero", "xbzrle");
    zeros.roundEnded();
    send(zeros, [1], 0);
    expect(send(zeros, [1], 1).rawPages).toBe(1);
    expect(zeros.describe()["xbzrle.overflows"]).toBe(1);
  });

  it.each(["deflate", "zstd"])("%s: a length and the compressed page", (name) => {
    const model = modelOf(PLAIN, name);
    expect(send(model, [1, 2], 0)).toEqual(cost({ bodyBytes: 2 * 1004, headerPages: 2 }));
    const raw = cost({ bodyBytes: 4096, headerPages: 1, rawPages: 1 });
    expect(send(modelOf(INCOMPRESSIBLE, name), [1], 0)).toEqual(raw);
  });

  it("multifd: a packet for 128 pages, and one a channel between rounds", () => {
    const model = modelOf(PLAIN, "multifd:channels=3");
    const packet = 64 + 256 + 128 * 8;
    const pages = cost({ bodyBytes: 129 * 4096 + 2 * packet, rawPages: 129 });
    expect(send(model, range(0, 129), 0)).toEqual(pages);
    model.roundEnded();
    expect(send(model, [1], 1)).toEqual(cost({ bodyBytes: 4096 + 4 * packet, rawPages: 1 }));
  });

  it("a pipeline: each page to the first stage that takes it, CPU for each that looks", () => {
    const model = modelOf(ZEROS, "zero:cpu=1us", "deflate:cpu=50us");
    const pages = Uint32Array.of(1, 2);
    const { cpuNs, ...rest } = model.batch(pages, Uint32Array.of(0, 3), zeroCost());
    expect(cpuNs).toBe(2 * 1000 + 50_000);
    expect({ ...rest, cpuNs: 0 }).toEqual(cost({ bodyBytes: 1005, headerPages: 2, zeroPages: 1 }));
  });
});

describe("a pipeline", () => {
  it("refuses stages behind one that takes all, and a codec twice", () => {
    expect(() => modelOf(PLAIN, "raw", "zero")).toThrow("codec zero stands behind raw");
    expect(() => modelOf(PLAIN, "zero", "zero")).toThrow("codec zero stands twice");
  });

  it("refuses caches that are no power of two, and pages that are not of 4 KiB", () => {
    expect(() => modelOf(PLAIN, "xbzrle:cache=3MiB")).toThrow("power of two");
    const profile = new ContentProfile(PLAIN, 1);
    for (const factory of CODECS) {
      const params = parseParams(factory.name, "", factory.params);
      const make = () => factory.createModel({ profile, pages: 9, pageSizeBytes: 2 ** 21 }, params);
      if (["raw", "zero"].includes(factory.name)) expect(make).not.toThrow();
      else expect(make, factory.name).toThrow("pages of 4096 bytes");
    }
  });

  it("names each codec once and says where it comes from", () => {
    expect(CODECS.map(({ name }) => name)).toEqual([
      "zero",
      "hash-dedup",
      "xbzrle",
      "deflate",
      "zstd",
      "multifd",
      "raw",
    ]);
    for (const { source, summary } of CODECS) expect(source.length * summary.length).not.toBe(0);
  });
});
