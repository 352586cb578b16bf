/** Every message comes back as it was, however the bytes are cut. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32 } from "../../src/wire/crc32.js";
import type { Message } from "../../src/wire/index.js";
import { channels, joined, sourceMessage, targetMessage } from "./wire-ends.js";

/** Feeds `bytes` in chunks of these lengths, over and over. */
function receiveCut(
  receive: (bytes: Uint8Array) => Message[],
  bytes: Uint8Array,
  cuts: readonly number[],
): Message[] {
  const got: Message[] = [];
  let at = 0;
  for (let k = 0; at < bytes.length; k++) {
    const chunk = bytes.slice(at, at + (cuts[k % cuts.length] as number));
    got.push(...receive(chunk));
    at += chunk.length;
    // Whoever reads may use its buffer again.
    chunk.fill(0xee);
  }
  return got;
}

const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 });

describe("messages over a channel", () => {
  it("come as they were, both ways, with and without a secret", () => {
    const said = fc.array(sourceMessage, { minLength: 1, maxLength: 6 });
    const answers = fc.array(targetMessage, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(said, answers, cuts, fc.boolean(), (forward, back, lengths, secret) => {
        const { source, target } = channels(secret);
        const there = joined(forward.flatMap((message) => source.encode(message)));
        const here = joined(back.flatMap((message) => target.encode(message)));
        expect(receiveCut((bytes) => target.receive(bytes), there, lengths)).toEqual(forward);
        expect(receiveCut((bytes) => source.receive(bytes), here, lengths)).toEqual(back);
      }),
      { numRuns: 300 },
    );
  });
});

describe("CRC-32", () => {
  it("is zlib's, however the bytes are parted", () => {
    const slow = (bytes: Uint8Array) => {
      let c = 0xffff_ffff;
      for (const byte of bytes) {
        c ^= byte;
        for (let bit = 0; bit < 8; bit++) c = (c & 1) === 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
      }
      return ~c >>> 0;
    };
    // The check value of the catalogue of parametrised CRC algorithms, CRC-32/ISO-HDLC.
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, at) => {
        expect(crc32(bytes)).toBe(slow(bytes));
        expect(crc32(bytes.subarray(at), crc32(bytes.subarray(0, at)))).toBe(slow(bytes));
      }),
    );
  });
});
