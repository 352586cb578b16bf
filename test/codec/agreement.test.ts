/**
 * The cost model of each codec, and of pipelines of them, against the bytes that the real codecs make
 * of pages with the statistics of each measured guest, over some rounds; and the target's memory
 * against the source's.
 */
import { deflateRawSync } from "node:zlib";
import * as zstd from "@bokuweb/zstd-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { INCOMPRESSIBLE, MEASURED_PROFILES } from "../../src/guest/content-profiles.js";
import { runCodec, type Stage } from "../support/codec-run.js";

const level = (k: number) => (page: Uint8Array) => deflateRawSync(page, { level: k });
const ZERO: Stage = { name: "zero" };
const XBZRLE: Stage = { name: "xbzrle", params: "cache=64MiB" };
const DEFLATE: Stage = { name: "deflate", compress: level(6) };

/** The platform's compressor is slow by the page; zlib, which it is, takes the larger share. */
const PIPELINES: { name: string; stages: Stage[]; pages?: number }[] = [
  { name: "raw", stages: [] },
  { name: "zero", stages: [ZERO] },
  { name: "hash-dedup", stages: [{ name: "hash-dedup" }] },
  { name: "xbzrle", stages: [XBZRLE] },
  { name: "deflate", stages: [{ name: "deflate" }], pages: 600 },
  {
    name: "deflate, level 1",
    stages: [{ name: "deflate", params: "level=1", compress: level(1) }],
  },
  { name: "zstd", stages: [{ name: "zstd" }] },
  { name: "multifd", stages: [{ name: "multifd", params: "channels=3" }] },
  { name: "zero, trusting dedup", stages: [ZERO, { name: "hash-dedup", params: "policy=trust" }] },
  { name: "zero, small xbzrle", stages: [ZERO, { name: "xbzrle", params: "cache=4MiB" }] },
  {
    name: "zero, xbzrle, multifd",
    stages: [ZERO, XBZRLE, { name: "multifd", params: "channels=2" }],
  },
  { name: "zero, dedup, xbzrle, deflate", stages: [ZERO, { name: "hash-dedup" }, XBZRLE, DEFLATE] },
  { name: "zero, xbzrle, zstd", stages: [ZERO, XBZRLE, { name: "zstd" }] },
];

beforeAll(() => zstd.init());

describe.each([...MEASURED_PROFILES, INCOMPRESSIBLE])("on pages like those of $name", (spec) => {
  it.each(PIPELINES)(
    "$name costs what the model says",
    async ({ stages, pages = 1500 }) => {
      const guest = { spec, pages, dirtyShare: 0.5, rounds: 4, seed: 7 };
      const { rounds, isWhole } = await runCodec(guest, stages, zstd);
      expect(isWhole).toBe(true);
      for (const [i, { real, model }] of rounds.entries()) {
        expect(Math.abs(model / real - 1), `round ${i + 1}: ${model} for ${real}`).toBeLessThan(
          0.05,
        );
      }
      const sum = (key: "real" | "model") => rounds.reduce((all, round) => all + round[key], 0);
      expect(Math.abs(sum("model") / sum("real") - 1)).toBeLessThan(0.05);
    },
    60_000,
  );
});
