import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ClockRing, Kernels, LruList, U32Buffer } from "../../src/kernels/index.js";
import { clockMisses, fifoMisses, lruMisses, optimalMisses } from "../model/replacement.js";
import { zipfTrace } from "../model/zipf-trace.js";
import { BUILDS, load } from "./builds.js";

/** Misses of strings that textbooks work through; the two clocks load a page with R = 1 and 0. */
const STRINGS = [
  {
    name: "Silberschatz",
    references: [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1],
    rows: [
      { frames: 3, fifo: 15, lru: 12, opt: 9, clock1: 14, clock0: 11 },
      { frames: 4, fifo: 10, lru: 8, opt: 8, clock1: 9, clock0: 8 },
    ],
  },
  {
    name: "Belady's anomaly",
    references: [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5],
    rows: [
      { frames: 3, fifo: 9, lru: 10, opt: 7, clock1: 9, clock0: 10 },
      { frames: 4, fifo: 10, lru: 8, opt: 6, clock1: 10, clock0: 8 },
    ],
  },
  {
    name: "Tanenbaum",
    references: [0, 1, 7, 2, 3, 2, 7, 1, 0, 3],
    rows: [{ frames: 4, fifo: 6, lru: 7, opt: 6, clock1: 6, clock0: 7 }],
  },
  {
    name: "Stallings",
    references: [2, 3, 2, 1, 5, 2, 4, 5, 3, 2, 5, 2],
    rows: [{ frames: 3, fifo: 9, lru: 7, opt: 6, clock1: 8, clock0: 6 }],
  },
];
const CASES = STRINGS.flatMap(({ name, references, rows }) =>
  rows.map((row) => ({ name, references, ...row })),
);

describe("the models of page replacement", () => {
  it.each(CASES)("$name, $frames frames", ({ references, frames, ...expected }) => {
    expect(fifoMisses(references, frames)).toBe(expected.fifo);
    expect(lruMisses(references, frames)).toBe(expected.lru);
    expect(optimalMisses(references, frames)).toBe(expected.opt);
    expect(clockMisses(references, frames, true)).toBe(expected.clock1);
    expect(clockMisses(references, frames, false)).toBe(expected.clock0);
  });
});

describe.each(BUILDS)("page replacement in Wasm ($build)", ({ simd }) => {
  it.each(CASES)("$name, $frames frames", ({ references, frames, lru, clock1, clock0 }) => {
    const kernels = load(simd);
    const list = U32Buffer.create(kernels, references.length);
    list.set(references);
    const misses = (hits: number) => references.length - hits;
    expect(misses(LruList.create(kernels, 8, frames).touchBatch(list))).toBe(lru);
    expect(misses(ClockRing.create(kernels, 8, frames).accessBatch(list))).toBe(clock1);
    const unreferenced = ClockRing.create(kernels, 8, frames, { loadReferenced: false });
    expect(misses(unreferenced.accessBatch(list))).toBe(clock0);
  });
});

/** From a C program of exact counts; libCacheSim agrees to all digits that it prints. */
const ZIPF_MISSES = [
  { frames: 10_000, lru: 4_151_398, clock: 4_055_697, fifo: 4_500_187 },
  { frames: 100_000, lru: 2_231_287, clock: 2_164_541, fifo: 2_527_397 },
  { frames: 500_000, lru: 923_737, clock: 912_713, fifo: 1_046_969 },
];

describe("ten million requests by Zipf's law", () => {
  const trace = zipfTrace();

  it("are the published trace", () => {
    const digest = createHash("sha256").update(new Uint8Array(trace.buffer)).digest("hex");
    expect(digest.startsWith("07dbaeac")).toBe(true);
    expect(new Set(trace).size).toBe(763_387);
  });

  it.each(BUILDS)(
    "miss as often as in the exact count ($build)",
    ({ simd }) => {
      const kernels = Kernels.loadSync({ arenaBytes: 64 << 20, simd });
      const chunk = U32Buffer.create(kernels, 65536);
      const pages = 1_000_000;
      const lru = ZIPF_MISSES.map(({ frames }) => LruList.create(kernels, pages, frames));
      const clock = ZIPF_MISSES.map(({ frames }) =>
        ClockRing.create(kernels, pages, frames, { loadReferenced: false }),
      );
      const lruCounts = [0, 0, 0];
      const clockCounts = [0, 0, 0];
      for (let at = 0; at < trace.length; at += 65536) {
        chunk.set(trace.subarray(at, at + 65536));
        for (let i = 0; i < 3; i++) {
          lruCounts[i]! += chunk.length - lru[i]!.touchBatch(chunk);
          clockCounts[i]! += chunk.length - clock[i]!.accessBatch(chunk);
        }
      }
      expect(lruCounts).toEqual(ZIPF_MISSES.map((row) => row.lru));
      expect(clockCounts).toEqual(ZIPF_MISSES.map((row) => row.clock));
    },
    60_000,
  );
});
