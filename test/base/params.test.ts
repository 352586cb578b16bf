import { describe, expect, it } from "vitest";
import { formatParam, type ParamSpecs, parseParams } from "../../src/base/params.js";

const specs = {
  cache: { kind: "size", default: 64 * 2 ** 20, min: 4096, max: 2 ** 40, help: "cache" },
  rate: {
    kind: "bandwidth",
    default: Number.POSITIVE_INFINITY,
    min: 125_000,
    max: Number.POSITIVE_INFINITY,
    help: "limit",
  },
  wait: { kind: "duration", default: 200_000_000, help: "wait" },
} as const satisfies ParamSpecs;

const parse = (text: string): unknown => parseParams("x", text, specs);

describe("sizes and bandwidths as parameters", () => {
  it("are bytes and bytes a second, with their defaults", () => {
    expect(parse("")).toEqual({
      cache: 67_108_864,
      rate: Number.POSITIVE_INFINITY,
      wait: 200_000_000,
    });
    expect(parse("cache=2GiB,rate=1Gbit/s")).toMatchObject({
      cache: 2_147_483_648,
      rate: 125_000_000,
    });
    expect(parse("rate=unlimited")).toMatchObject({ rate: Number.POSITIVE_INFINITY });
    expect(parse("rate=128MiB/s")).toMatchObject({ rate: 134_217_728 });
  });

  it("allow their limits and nothing beyond", () => {
    expect(parse("cache=4096B,rate=1Mbit/s")).toMatchObject({ cache: 4096, rate: 125_000 });
    expect(() => parse("cache=4095B")).toThrow(
      'x:cache is "4095B": it must be a size from 4 KiB to 1 TiB',
    );
    expect(() => parse("rate=999kbit/s")).toThrow(
      'x:rate is "999kbit/s": it must be a bandwidth from 1 Mbit/s to unlimited',
    );
  });

  it("ask for a unit and for a value", () => {
    expect(() => parse("cache=4096")).toThrow('"4096" is not a size');
    expect(() => parse("cache")).toThrow("x:cache needs a value, as in x:cache=64MiB");
    expect(() => parse("rate")).toThrow("as in x:rate=unlimited");
    expect(() => parse("wait")).toThrow("as in x:wait=200ms");
  });

  it("are never rounded when written", () => {
    const values = [134_217_728, 125_000_001, 0, 1_048_576_000];
    const spec = { kind: "bandwidth", min: 0, max: 1e12, help: "" } as const;
    const written = values.map((value) => formatParam({ ...spec, default: value }));
    expect(written).toEqual(["128MiB/s", "125000001B/s", "0bit/s", "1000MiB/s"]);
    const read = written.map((text) =>
      parseParams("x", `v=${text}`, { v: { ...spec, default: 0 } }),
    );
    expect(read).toEqual(values.map((v) => ({ v })));
  });

  it("are written as they are read", () => {
    expect(Object.values(specs).map(formatParam)).toEqual(["64MiB", "unlimited", "200ms"]);
  });
});
