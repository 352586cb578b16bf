/**
 * What a peer may send by mistake or on purpose: a malformed frame, packet, window of digests or
 * answer is a `bad-input` error, and not a byte of it is applied.
 */
import { deflateRawSync } from "node:zlib";
import * as zstd from "@bokuweb/zstd-wasm";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { PrecopyError } from "../../src/base/errors.js";
import { Random } from "../../src/base/random.js";
import {
  CodecPipeline,
  HashDedupDecoder,
  HashDedupEncoder,
  PipelineDecoder,
} from "../../src/codec/index.js";
import { Kernels } from "../../src/kernels/index.js";
import { Ends, PAGE, writeTo } from "../support/codec-run.js";

const PAGES = 64;
const EOS = [0, 0, 0, 0, 0, 0, 0, 0x10];
const page = (n: number, flag: number) => [
  0,
  0,
  0,
  0,
  0,
  n >> 4,
  ((n & 15) << 4) | (flag >> 8),
  flag & 255,
];
const be32 = (n: number) => [n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255];
const ones = () => new Array(PAGE).fill(1);

beforeAll(() => zstd.init());

/** A target whose pages are not all zero, and a decoder for it. */
function target() {
  const kernels = Kernels.loadSync({ arenaBytes: 24 * 2 ** 20 });
  const memory = Uint8Array.from({ length: PAGES * PAGE }, (_, i) => (i * 7) & 255);
  const read = (n: number) => memory.subarray(n * PAGE, (n + 1) * PAGE);
  const write = writeTo(memory);
  const dedup = new HashDedupDecoder(kernels, PAGES, read);
  const decoder = new PipelineDecoder(kernels, { pages: PAGES, read, write }, { dedup, zstd });
  return { kernels, memory, dedup, decoder };
}

const deflated = (bytes: Uint8Array) => {
  const packed = deflateRawSync(bytes);
  return [...be32(packed.length), ...packed];
};

const MALFORMED: { why: RegExp; frame: () => number[] }[] = [
  { why: /a header needs 8 bytes and 0/, frame: () => [] },
  { why: /a header needs 8 bytes and 0/, frame: () => [...page(1, 8), ...ones()] },
  { why: /a header needs 8 bytes and 7/, frame: () => EOS.slice(1) },
  { why: /bytes follow the end mark/, frame: () => [...EOS, 0] },
  { why: /the end mark has an address/, frame: () => page(1, 0x10) },
  { why: /page 64 is beyond the guest's 64/, frame: () => [...page(64, 2), 0, ...EOS] },
  { why: /unknown flag 32/, frame: () => [...page(1, 0x20), 0, ...EOS] },
  { why: /unknown flag 10/, frame: () => [...page(1, 0x0a), 0, ...EOS] },
  { why: /comes twice/, frame: () => [...page(1, 2), 0, ...page(1, 2), 0, ...EOS] },
  { why: /filled with 9/, frame: () => [...page(1, 2), 9, ...EOS] },
  { why: /a page needs 4096 bytes/, frame: () => [...page(2, 2), 0, ...page(1, 8), 1, 2, ...EOS] },
  { why: /encoding 2 is not XBZRLE/, frame: () => [...page(1, 0x40), 2, 0, 3, 0, 1, 7, ...EOS] },
  { why: /a delta of 0 bytes/, frame: () => [...page(1, 0x40), 1, 0, 0, ...EOS] },
  { why: /a delta of 4097 bytes/, frame: () => [...page(1, 0x40), 1, 16, 1, ...ones(), 1, ...EOS] },
  { why: /a delta needs 200 bytes/, frame: () => [...page(1, 0x40), 1, 0, 200, 0, 1, 7, ...EOS] },
  {
    why: /run lengths/,
    frame: () => [...page(2, 2), 0, ...page(1, 0x40), 1, 0, 4, 0, 1, 7, 1, ...EOS],
  },
  { why: /run lengths/, frame: () => [...page(1, 0x40), 1, 0, 4, 0x81, 0, 1, 7, ...EOS] },
  { why: /a compressed page of 0 bytes/, frame: () => [...page(1, 0x100), ...be32(0), ...EOS] },
  {
    why: /a compressed page of 4092 bytes/,
    frame: () => [...page(1, 0x100), ...be32(4092), ...ones(), ...EOS],
  },
  { why: /does not expand/, frame: () => [...page(1, 0x100), ...be32(3), 255, 255, 255, ...EOS] },
  {
    why: /does not expand: more than 4096 bytes/,
    frame: () => [...page(1, 0x100), ...deflated(new Uint8Array(PAGE + 1)), ...EOS],
  },
  {
    why: /does not expand: more than 4096 bytes/,
    frame: () => [...page(1, 0x100), ...deflated(new Uint8Array(2 ** 22 - 2 ** 21)), ...EOS],
  },
  {
    why: /expands to 4095 bytes/,
    frame: () => [...page(1, 0x100), ...deflated(new Uint8Array(PAGE - 1)), ...EOS],
  },
  {
    why: /does not expand: the frame states 9000 bytes/,
    frame: () => {
      const packed = zstd.compress(new Uint8Array(9000));
      return [...page(1, 0x400), ...be32(packed.length), ...packed, ...EOS];
    },
  },
  {
    why: /does not expand: the frame states -1/,
    frame: () => [...page(1, 0x400), ...be32(7), 1, 2, 3, 4, 5, 6, 7, ...EOS],
  },
];

describe("a malformed frame", () => {
  it.each(MALFORMED)("is refused whole: $why", async ({ why, frame }) => {
    const { memory, decoder } = target();
    const before = memory.slice();
    const error = await decoder.decode(Uint8Array.from(frame())).catch((caught) => caught);
    expect(error).toBeInstanceOf(PrecopyError);
    expect(error.message).toMatch(why);
    expect(error.code).toBe("bad-input");
    expect(Buffer.compare(memory, before)).toBe(0);
    const good = [...page(1, 2), 0, ...EOS];
    expect(await decoder.decode(Uint8Array.from(good))).toBe(1);
  });

  it("needs the zstd module for zstd", async () => {
    const decoder = new PipelineDecoder(Kernels.loadSync({ arenaBytes: 2 ** 23 }), {
      pages: 4,
      read: () => new Uint8Array(PAGE),
      write: () => expect.fail("nothing is written"),
    });
    const frame = Uint8Array.from([...page(1, 0x400), ...be32(1), 1, ...EOS]);
    await expect(decoder.decode(frame)).rejects.toThrow("no zstd module");
  });

  it("is refused whole or decoded, however its bytes are changed", async () => {
    const { frame, packets } = await validFrame();
    const { memory, decoder } = target();
    const before = memory.slice();
    const change = fc.record({ at: fc.nat(), value: fc.nat(255), cut: fc.nat(40) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        let bad = frame.slice();
        for (const { at, value, cut } of changes) {
          // Most of a frame is contents; what is small and near the start is structure.
          bad[at % (value < 128 ? 700 : bad.length)] = value;
          if (cut < 8) bad = bad.slice(0, Math.max(0, bad.length - cut * 9));
        }
        await expectWhole(memory, before, () => decoder.decode(bad, packets));
      }),
      { numRuns: 600 },
    );
  }, 60_000);
});

describe("a malformed multifd packet", () => {
  it("is refused whole or decoded, however its header is changed", async () => {
    const { packets } = await validFrame();
    const { memory, decoder } = target();
    const before = memory.slice();
    const frame = Uint8Array.from(EOS);
    const [packet] = packets;
    await fc.assert(
      fc.asyncProperty(fc.nat(1343), fc.nat(255), fc.nat(30), async (at, value, cut) => {
        const bytes = packet!.bytes.slice(0, packet!.bytes.length - (cut < 5 ? cut : 0));
        bytes[at] = value;
        await expectWhole(memory, before, () => decoder.decode(frame, [{ channel: 0, bytes }]));
      }),
      { numRuns: 600 },
    );
  }, 60_000);

  it.each([
    { why: /magic/, at: 0, value: 1 },
    { why: /version 2/, at: 7, value: 2 },
    { why: /flags 2 ask for a compression/, at: 11, value: 2 },
    { why: /at most 128/, at: 15, value: 129 },
    { why: /bytes for 6 pages/, at: 19, value: 6 },
    { why: /said to be/, at: 23, value: 1 },
    { why: /another block/, at: 64, value: 65 },
    { why: /no page is at/, at: 327, value: 1 },
    { why: /no page is at/, at: 322, value: 9 },
  ])("says what is wrong: $why", async ({ why, at, value }) => {
    const { packets } = await validFrame();
    const { decoder } = target();
    const bytes = packets[0]!.bytes.slice();
    bytes[at] = value;
    const decoded = decoder.decode(Uint8Array.from(EOS), [{ channel: 0, bytes }]);
    await expect(decoded).rejects.toThrow(why);
  });
});

describe("digests", () => {
  const window = async (contents: Uint8Array[], answer?: Uint8Array) => {
    const { kernels, memory, dedup, decoder } = target();
    let message = new Uint8Array();
    const ask = async (digests: Uint8Array) => {
      message = digests.slice();
      return answer ?? dedup.want(digests);
    };
    const pipeline = new CodecPipeline(kernels, [new HashDedupEncoder(kernels, ask)]);
    const pages = Uint32Array.from(contents, (_, i) => i);
    const { frame } = await pipeline.encode(pages, Buffer.concat(contents));
    return { memory, dedup, decoder, frame, message };
  };
  const a = new Uint8Array(PAGE).fill(1);
  const b = new Uint8Array(PAGE).fill(2);

  it("refuse an answer of the wrong length, or with bits behind the last", async () => {
    for (const answer of [[], [3, 0], [7], [0xff]]) {
      await expect(window([a, b], Uint8Array.from(answer))).rejects.toThrow("target's answer");
    }
    await expect(window([a, b], Uint8Array.of(3))).resolves.toBeDefined();
  });

  it("refuse a page that is not what its digest said", async () => {
    const { memory, decoder, frame } = await window([a, b]);
    const before = memory.slice();
    const bad = frame.slice();
    bad[100] = 99;
    await expect(decoder.decode(bad)).rejects.toThrow("page 0 is not what its digest said");
    expect(Buffer.compare(memory, before)).toBe(0);
    expect(await decoder.decode(frame)).toBe(2);
  });

  it("refuse a frame that lacks a wanted page, or brings one that was not", async () => {
    const { decoder, frame } = await window([a, b]);
    const lacking = Uint8Array.from([...frame.subarray(0, 8 + PAGE), ...EOS]);
    await expect(decoder.decode(lacking)).rejects.toThrow("page 1 was wanted and did not come");
    const again = await window([a, a]);
    const extra = Uint8Array.from([
      ...again.frame.subarray(0, 8 + PAGE),
      ...page(1, 8),
      ...a,
      ...EOS,
    ]);
    await expect(again.decoder.decode(extra)).rejects.toThrow("page 1 came and was not wanted");
    expect(await again.decoder.decode(again.frame)).toBe(2);
  });

  it("that are malformed are refused", async () => {
    const { dedup, message } = await window([a, b]);
    const cut = message.slice(0, 70);
    await expect(dedup.want(cut)).rejects.toThrow("a SHA-256 needs 32 bytes");
    const twice = Uint8Array.from([...message.slice(0, 48), ...message.slice(0, 48), ...EOS]);
    await expect(dedup.want(twice)).rejects.toThrow("page 0 is announced twice");
    const flag = message.slice();
    flag[6] = 0;
    await expect(dedup.want(flag)).rejects.toThrow("is not a digest's");
  });

  it("are answered or refused, however their bytes are changed", async () => {
    const { dedup, message, memory } = await window([a, b, a]);
    const before = memory.slice();
    await fc.assert(
      fc.asyncProperty(fc.nat(message.length - 1), fc.nat(255), async (at, value) => {
        const bad = message.slice();
        bad[at] = value;
        await expectWhole(memory, before, () => dedup.want(bad));
        expect(Buffer.compare(memory, before)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

/** Records of every kind, and packets, made by a source whose first rounds the target missed. */
async function validFrame() {
  const random = new Random(3);
  const noise = () => Uint8Array.from({ length: PAGE }, () => random.below(256));
  const text = Uint8Array.from({ length: PAGE }, (_, i) => 97 + (i % 23) + (i & 1));
  const memory = [new Uint8Array(PAGE), text, ...Array.from({ length: 6 }, noise)];
  const stages = ["zero", "xbzrle", "deflate", "multifd"].map((name) => ({ name }));
  const ends = new Ends(8, stages);
  const pages = Uint32Array.from(memory, (_, i) => i);
  await ends.send(pages, Buffer.concat(memory));
  ends.pipeline.roundEnded();
  await ends.send(pages.slice(2, 5), Buffer.concat(memory.slice(2, 5)));
  for (const n of [2, 3, 4]) memory[n]![n * 100] = 1 ^ memory[n]![n * 100]!;
  return ends.pipeline.encode(pages, Buffer.concat(memory));
}

async function expectWhole(memory: Uint8Array, before: Uint8Array, act: () => Promise<unknown>) {
  try {
    await act();
    memory.set(before);
  } catch (error) {
    expect(error).toBeInstanceOf(PrecopyError);
    expect(Buffer.compare(memory, before)).toBe(0);
  }
}
