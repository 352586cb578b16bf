/** What is not as it was sent, or not as it may be, ends a connection and is never a message. */
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../src/base/errors.js";
import { crc32 } from "../../src/wire/crc32.js";
import { DEFAULT_LIMITS, type Message, type SourceMessage } from "../../src/wire/index.js";
import { xxh64 } from "../model/xxh64.js";
import { channels, GUEST, joined } from "./wire-ends.js";

const CONTENT = Uint8Array.from({ length: 40 }, (_, i) => i * 5);
const GO: SourceMessage = { kind: "go", epoch: 7 };
const PAGES: SourceMessage = {
  kind: "pages",
  region: "ram",
  urgent: true,
  pages: Uint32Array.of(3),
  checks: BigUint64Array.of(xxh64(CONTENT, 3n)),
  frame: CONTENT,
  packets: [],
};

/** What the target makes of these bytes: messages, an error, or nothing yet. */
function heard(bytes: Uint8Array, secret: boolean, limits = DEFAULT_LIMITS): Message[] | Error {
  try {
    return channels(secret, limits).target.receive(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(PrecopyError);
    expect((error as PrecopyError).code).toBe("protocol");
    return error as Error;
  }
}

/** A header with a right CRC and whatever is put into it. */
function header(change: (view: DataView) => void): Uint8Array {
  const bytes = joined(channels().source.encode({ kind: "bye" })).slice(0, 24);
  const view = new DataView(bytes.buffer);
  change(view);
  view.setUint32(20, crc32(bytes.subarray(0, 20)), true);
  return bytes;
}

describe("a changed byte", () => {
  for (const secret of [false, true]) {
    const how = secret ? "with a secret" : "without a secret";
    it(`is found, every one of every frame, ${how}`, () => {
      const messages: SourceMessage[] = [
        GO,
        { kind: "bye" },
        { kind: "device-state", state: CONTENT },
        { kind: "prepare", guest: GUEST, postCopy: true, codecs: "zero", deviceState: CONTENT },
        { kind: "absent", region: "ram", runs: Uint32Array.of(1, 2, 9, 1) },
        PAGES,
      ];
      let found = 0;
      for (const message of messages) {
        const frame = joined(channels(secret).source.encode(message));
        expect(heard(frame, secret)).toEqual([message]);
        for (let i = 0; i < frame.length; i++) {
          for (const flip of [0x01, 0x80, 0xff]) {
            const bad = frame.slice();
            bad[i] = (bad[i] as number) ^ flip;
            const got = heard(bad, secret);
            if (message.kind === "pages" && !secret && !(got instanceof Error)) {
              // Of a page's content the page's own check tells.
              const [{ frame: content, checks, pages } = PAGES] = got as (typeof PAGES)[];
              expect(content).not.toEqual(CONTENT);
              expect(xxh64(content, BigInt(pages[0] as number))).not.toBe(checks[0]);
            } else {
              expect(got).toBeInstanceOf(Error);
            }
            found++;
          }
        }
      }
      expect(found).toBeGreaterThan(1000);
    });
  }
});

describe("a stream that was tampered with", () => {
  for (const secret of [false, true]) {
    const how = secret ? "with a secret" : "without a secret";
    it(`ends at a frame that is repeated, left out or exchanged, ${how}`, () => {
      const { source } = channels(secret);
      const frames = [1, 2, 3].map((epoch) => joined(source.encode({ kind: "go", epoch })));
      const [a, b, c] = frames as [Uint8Array, Uint8Array, Uint8Array];
      expect(heard(joined([a, b, c]), secret)).toHaveLength(3);
      expect(`${heard(joined([a, a]), secret)}`).toMatch(/number 0 came where 1 was due/);
      expect(`${heard(joined([a, c]), secret)}`).toMatch(/number 2 came where 1 was due/);
      expect(`${heard(joined([b, a]), secret)}`).toMatch(/number 1 came where 0 was due/);
    });

    it(`gives no message as long as a byte is missing, ${how}`, () => {
      const frame = joined(channels(secret).source.encode(PAGES));
      for (let length = 0; length < frame.length; length++) {
        expect(heard(frame.slice(0, length), secret)).toEqual([]);
      }
    });
  }

  it("does not take one direction's frame for the other's", () => {
    for (const secret of [false, true]) {
      const { source } = channels(secret);
      const own = joined(source.encode(GO));
      expect(() => source.receive(own)).toThrow(/the target says something of kind 8/);
    }
  });

  it("does not take a frame made without the key, or with another connection's", () => {
    const frame = joined(channels(false).source.encode(GO));
    expect(heard(joined([frame, new Uint8Array(12)]), true)).toBeInstanceOf(Error);
  });

  it("is dead after its first error", () => {
    const { source, target } = channels();
    const bad = joined(source.encode(GO)).fill(0, 24, 25);
    expect(() => target.receive(bad)).toThrow(
      /check of frame 0, a go message of 4 bytes, is wrong/,
    );
    expect(() => target.receive(joined(channels().source.encode(GO)))).toThrow(/frame 0/);
  });
});

describe("hostile lengths", () => {
  it("are refused by the header alone", () => {
    const long = header((view) => view.setUint32(0, 0xffff_ffff, true));
    expect(`${heard(long, false)}`).toMatch(/has 4294967295 bytes, at most 8404992; raise/);
    const over = header((view) => view.setUint32(0, DEFAULT_LIMITS.frameBytesMax + 1, true));
    expect(heard(over, false)).toBeInstanceOf(Error);
    const most = header((view) => {
      view.setUint32(0, DEFAULT_LIMITS.frameBytesMax, true);
      view.setUint32(16, DEFAULT_LIMITS.frameBytesMax, true);
    });
    expect(heard(most, false)).toEqual([]);
  });

  it("and kinds, flags and checked lengths that there are not", () => {
    const wrong: ((view: DataView) => void)[] = [
      (view) => view.setUint8(4, 0),
      (view) => view.setUint8(4, 13),
      (view) => view.setUint8(4, 129),
      (view) => view.setUint8(5, 1),
      (view) => view.setUint16(6, 1, true),
      (view) => view.setUint32(16, 1, true),
      (view) => view.setUint32(12, 1, true),
    ];
    for (const change of wrong) expect(heard(header(change), false)).toBeInstanceOf(Error);
  });

  it("nor does a frame say itself how little of it is checked", () => {
    for (const [kind, body] of [
      [8, new Uint8Array(4)],
      [2, new Uint8Array(14)],
    ] as const) {
      expect(heard(framed(kind, body), false)).toHaveLength(1);
      expect(`${heard(framed(kind, body, 1), false)}`).toMatch(/has 1 bytes checked instead of/);
    }
  });

  it("inside a body are refused before anything is made of them", () => {
    // Count of pages, of packets, length of the frame.
    for (const at of [2, 6, 10]) {
      const body = new Uint8Array(14);
      new DataView(body.buffer).setUint32(at, 0xffff_ffff, true);
      expect(`${heard(framed(2, body), false)}`).toMatch(/a pages message is malformed/);
    }
    const runs = new Uint8Array(6);
    new DataView(runs.buffer).setUint32(2, 0x7fff_ffff, true);
    expect(`${heard(framed(5, runs), false)}`).toMatch(/needs 17179869176 bytes and 0 are left/);
  });

  it("leave no field out and none over", () => {
    expect(`${heard(framed(8, new Uint8Array(3)), false)}`).toMatch(/its epoch needs 4 bytes/);
    expect(`${heard(framed(8, new Uint8Array(5)), false)}`).toMatch(/1 bytes follow its last/);
    expect(`${heard(framed(11, new Uint8Array(8).fill(0xff)), false)}`).toMatch(/no whole number/);
    const twice = Uint32Array.of(2, 1, 2, 3, 1);
    const body = joined([new Uint8Array(2), new Uint8Array(twice.buffer)]);
    expect(`${heard(framed(6, body), false)}`).toMatch(/run 1 is of 1 pages from 3 on, behind 4/);
  });

  it("a smaller limit holds, and the sender says what is too long before it sends", () => {
    const limits = { frameBytesMax: 30 };
    const frame = joined(channels().source.encode({ kind: "device-state", state: CONTENT }));
    expect(`${heard(frame, false, limits)}`).toMatch(/40 bytes, at most 30/);
    const { source, target } = channels(false, limits);
    expect(() => source.encode({ kind: "device-state", state: CONTENT })).toThrow(/40 bytes is/);
    expect(target.receive(joined(source.encode(GO)))).toEqual([GO]);
  });
});

describe("what is sent", () => {
  it("has large bodies as they are, without a copy", () => {
    const parts = channels().source.encode(PAGES);
    expect(parts.some((part) => part.buffer === CONTENT.buffer)).toBe(true);
  });

  it("has reasons cut at a character", () => {
    const { source, target } = channels();
    const frame = joined(source.encode({ kind: "abort", reason: "ä".repeat(2000) }));
    expect(target.receive(frame)).toEqual([{ kind: "abort", reason: "ä".repeat(500) }]);
  });
});

/** A frame of a source's kind and any body, with right checks. */
function framed(kind: number, body: Uint8Array, covered = body.length): Uint8Array {
  const head = header((view) => {
    view.setUint32(0, body.length, true);
    view.setUint8(4, kind);
    view.setUint32(16, covered, true);
  });
  const check = new Uint8Array(4);
  new DataView(check.buffer).setUint32(0, crc32(body.subarray(0, covered), crc32(head)), true);
  return joined([head, body, check]);
}
