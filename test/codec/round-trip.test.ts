/**
 * Every pipeline brings real pages over whole: parts of a program, of Wasm, of text, zeros and noise,
 * in the first version and in later ones.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as zstd from "@bokuweb/zstd-wasm";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/base/random.js";
import { xxh64 } from "../model/xxh64.js";
import { Ends, PAGE, type Stage } from "../support/codec-run.js";

const PIPELINES: Stage[][] = [
  [],
  [{ name: "zero" }],
  [{ name: "hash-dedup" }],
  [{ name: "hash-dedup", params: "policy=trust" }],
  [{ name: "xbzrle", params: "cache=1MiB" }],
  [{ name: "deflate" }],
  [{ name: "zstd" }],
  [{ name: "multifd", params: "channels=3" }],
  ...["deflate", "zstd", "multifd"].map((last) => [
    { name: "zero" },
    { name: "hash-dedup" },
    { name: "xbzrle", params: "cache=1MiB" },
    { name: last },
  ]),
];

const root = new URL("../../", import.meta.url);

/** Every k-th page of a file, at most `max`. */
function pagesOf(path: string, every: number, max: number): Uint8Array[] {
  const file = readFileSync(path);
  const pages: Uint8Array[] = [];
  for (let at = 0; at + PAGE <= file.length && pages.length < max; at += every * PAGE) {
    pages.push(Uint8Array.from(file.subarray(at, at + PAGE)));
  }
  return pages;
}

function realPages(): Uint8Array[] {
  const random = new Random(5);
  const noise = () => Uint8Array.from({ length: PAGE }, () => random.below(256));
  const program = pagesOf(process.execPath, 331, 60);
  return [
    ...program,
    ...pagesOf(fileURLToPath(new URL("build/kernels.simd.wasm", root)), 1, 7),
    ...pagesOf(fileURLToPath(new URL("package-lock.json", root)), 2, 20),
    ...program.slice(0, 9),
    ...Array.from({ length: 9 }, () => new Uint8Array(PAGE)),
    ...Array.from({ length: 9 }, noise),
  ];
}

beforeAll(() => zstd.init());

describe.each(PIPELINES)("%j %j %j %j", (...given) => {
  const stages = given.filter((stage) => typeof stage === "object");

  it("brings real pages and their changes over", async () => {
    const memory = realPages();
    const ends = new Ends(memory.length, stages, zstd);
    const random = new Random(6);
    for (let round = 0; round < 5; round++) {
      const dirty = memory.map((_, page) => page).filter(() => round === 0 || random.unit() < 0.7);
      if (round > 0) for (const page of dirty) scribble(memory, page, random);
      if (round === 4) ends.pipeline.lastStage();
      await ends.send(Uint32Array.from(dirty), join(dirty.map((page) => memory[page]!)));
      expect(Buffer.compare(ends.memory, join(memory))).toBe(0);
      ends.pipeline.roundEnded();
    }
  }, 30_000);
});

describe("a whole pipeline", () => {
  it("ends with the source's memory whatever is written between rounds", async () => {
    const PAGES = 12;
    const write = fc.record({
      page: fc.nat(PAGES - 1),
      at: fc.nat(PAGE - 1),
      bytes: fc.uint8Array({ minLength: 0, maxLength: 600 }),
    });
    const rounds = fc.array(fc.array(write, { maxLength: 12 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(rounds, fc.nat(PIPELINES.length - 1), async (writes, which) => {
        const ends = new Ends(PAGES, PIPELINES[which]!, zstd);
        const memory = new Uint8Array(PAGES * PAGE);
        let dirty = Array.from({ length: PAGES }, (_, page) => page);
        for (const some of writes) {
          const touched = new Set(dirty);
          for (const { page, at, bytes } of some) {
            memory.set(bytes.subarray(0, PAGE - at), page * PAGE + at);
            touched.add(page);
            if (bytes.length < 500) continue;
            // Pages become equal.
            memory.copyWithin(0, page * PAGE, (page + 1) * PAGE);
            touched.add(0);
          }
          dirty = [...touched];
          const contents = dirty.map((page) => memory.slice(page * PAGE, (page + 1) * PAGE));
          await ends.send(Uint32Array.from(dirty), join(contents));
          expect(Buffer.compare(ends.memory, memory)).toBe(0);
          ends.pipeline.roundEnded();
          dirty = [];
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it("takes equal XXH64 for equal pages only by the policy trust", async () => {
    const [one, other] = collidingPages();
    for (const [policy, isWhole] of [
      ["verify", true],
      ["trust", false],
    ] as const) {
      const ends = new Ends(2, [{ name: "hash-dedup", params: `policy=${policy}` }], zstd);
      const contents = join([one, other]);
      await ends.send(Uint32Array.of(0, 1), contents);
      expect(Buffer.compare(ends.memory, contents) === 0).toBe(isWhole);
    }
  });
});

/**
 * Two pages with one XXH64. Each of the four lanes takes a word by acc' = rotl(acc + word * P2, 31) *
 * P1, which can be undone: whatever the first word of a lane adds, its second can take back.
 */
function collidingPages(): [Uint8Array, Uint8Array] {
  const P1 = 0x9e3779b185ebca87n;
  const P2 = 0xc2b2ae3d27d4eb4fn;
  const u64 = (x: bigint) => BigInt.asUintN(64, x);
  const after = (word: bigint) => {
    const sum = u64(P1 + P2 + word * P2);
    return u64(u64((sum << 31n) | (sum >> 33n)) * P1);
  };
  const one = new Uint8Array(PAGE).fill(3);
  const other = one.slice();
  const [a, b] = [one, other].map((page) => new DataView(page.buffer)) as [DataView, DataView];
  b.setBigUint64(0, 77n, true);
  const difference = after(a.getBigUint64(0, true)) - after(77n);
  const second = a.getBigUint64(32, true) + u64(difference) * inverse(P2);
  b.setBigUint64(32, u64(second), true);
  expect(xxh64(one)).toBe(xxh64(other));
  return [one, other];
}

/** Of an odd number modulo 2^64, by Newton's iteration. */
function inverse(odd: bigint): bigint {
  let x = odd;
  for (let i = 0; i < 6; i++) x = BigInt.asUintN(64, x * (2n - odd * x));
  return x;
}

/** A few changed bytes, a page of noise, a zero page, or a copy of another. */
function scribble(memory: Uint8Array[], page: number, random: Random): void {
  const kind = random.unit();
  const next = memory[page]!.slice();
  if (kind < 0.6) for (let k = 0; k < 20; k++) next[random.below(PAGE)] = random.below(256);
  else if (kind < 0.7) next.fill(0);
  else if (kind < 0.8) next.set(memory[random.below(memory.length)]!);
  else if (kind < 0.9) for (let i = 0; i < PAGE; i++) next[i] = random.below(256);
  memory[page] = next;
}

function join(pages: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pages.length * PAGE);
  pages.forEach((page, i) => {
    all.set(page, i * PAGE);
  });
  return all;
}
