/** What every transport must do, whatever carries it: run once for each kind. */
import { afterEach, describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.js";
import type { Transport } from "../../../src/live/transport/transport.js";

/** Two connected ends, and what takes away the rest when a test is over. */
export interface Ends {
  readonly a: Transport;
  readonly b: Transport;
  /** Listeners that the transports have put on what they were given; 0 when they are gone. */
  listeners?(): number;
  dispose?(): Promise<void> | void;
}

export interface Kind {
  readonly name: string;
  /** Most that may be on its way unread: our buffer, a write, and what the system holds. */
  readonly heldBytesMax: number;
  readonly connect: () => Promise<Ends>;
}

const MIB = 1024 * 1024;

export function conformance({ name, heldBytesMax, connect }: Kind): void {
  describe(name, () => {
    let ends: Ends;
    const open = async (): Promise<Ends> => {
      ends = await connect();
      return ends;
    };
    afterEach(async () => {
      ends.a.destroy();
      ends.b.destroy();
      await ends.dispose?.();
    });

    it("keeps order and content over 10 MB in random chunks, both ways at once", async () => {
      const { a, b } = await open();
      const there = expectStream(b, 10_000_000, 1);
      const back = expectStream(a, 10_000_000, 2);
      await Promise.all([sendStream(a, 10_000_000, 1), sendStream(b, 10_000_000, 2)]);
      await Promise.all([there, back]);
      expect([a.bytesWritten, a.bytesRead]).toEqual([10_000_000, 10_000_000]);
      expect([b.bytesWritten, b.bytesRead]).toEqual([10_000_000, 10_000_000]);
    });

    it("takes the bytes: the caller may overwrite its buffers at once", async () => {
      const { a, b } = await open();
      const got = collect(b);
      const buffer = new Uint8Array(300_000);
      const writes: Promise<void>[] = [];
      for (let round = 1; round <= 10; round++) {
        buffer.fill(round);
        writes.push(a.write([buffer.subarray(0, 1000), buffer.subarray(1000)]));
      }
      buffer.fill(0xee);
      await Promise.all(writes);
      await a.close();
      const { bytes } = await got;
      expect(bytes.length).toBe(3_000_000);
      for (let at = 0; at < bytes.length; at += 997) {
        expect(bytes[at]).toBe(Math.floor(at / 300_000) + 1);
      }
    });

    it("holds the writer back while nobody reads, and lets it go on afterwards", async () => {
      const { a, b } = await open();
      const block = new Uint8Array(256 * 1024);
      let written = 0;
      let isStopped = false;
      const writer = (async () => {
        while (!isStopped && written < 4 * heldBytesMax) {
          written += block.length;
          await a.write([block]);
        }
      })();
      await settled(() => written);
      expect(written).toBeLessThanOrEqual(heldBytesMax);
      expect(a.bufferedBytes).toBeLessThanOrEqual(MIB + block.length);
      isStopped = true;
      let read = 0;
      b.onData((bytes) => {
        read += bytes.length;
      });
      await writer;
      await until(() => read === written);
      await until(() => a.bufferedBytes === 0);
    });

    it("keeps what arrives before there is a handler", async () => {
      const { a, b } = await open();
      await a.write([Uint8Array.of(1, 2, 3)]);
      await a.write([Uint8Array.of(4)]);
      await until(() => b.bytesRead === 4);
      const seen: number[] = [];
      b.onData((bytes) => seen.push(...bytes));
      expect(seen).toEqual([]);
      await until(() => seen.length === 4);
      expect(seen).toEqual([1, 2, 3, 4]);
    });

    it("hands the next bytes to the handler that was set last", async () => {
      const { a, b } = await open();
      const seen: string[] = [];
      b.onData((first) => {
        seen.push(`first ${first.length}`);
        b.onData((second) => seen.push(`second ${second.length}`));
      });
      await a.write([Uint8Array.of(1)]);
      await until(() => seen.length === 1);
      await a.write([Uint8Array.of(2)]);
      await until(() => seen.length === 2);
      expect(seen).toEqual(["first 1", "second 1"]);
    });

    it("delivers what was written before the close, then ends both in order", async () => {
      const { a, b } = await open();
      const got = collect(b);
      const ownEnd = ended(a);
      // One write far past what may be under way at once.
      const written = a.write([new Uint8Array(12 * MIB).fill(1), Uint8Array.of(2)]);
      await a.close();
      await written;
      const { bytes, error } = await got;
      expect(bytes.length).toBe(12 * MIB + 1);
      expect(bytes.at(-1)).toBe(2);
      expect(error).toBeUndefined();
      expect(await ownEnd).toBeUndefined();
    });

    it("ends only behind the bytes, though the handlers come late", async () => {
      const { a, b } = await open();
      await a.write([new Uint8Array(5000)]);
      await a.close();
      const seen: string[] = [];
      b.onClose((error) => seen.push(`end ${error}`));
      await turn(10);
      expect(seen).toEqual([]);
      let bytes = 0;
      b.onData((chunk) => {
        bytes += chunk.length;
      });
      await until(() => seen.length > 0);
      expect(bytes).toBe(5000);
      b.onData(() => seen.push("data"));
      await turn(10);
      expect(seen).toEqual(["end undefined"]);
    });

    it("closes from both ends at once, and a second close and a destroy do no harm", async () => {
      const { a, b } = await open();
      const ends = [collect(a), collect(b)];
      await Promise.all([a.close(), b.close(), a.close()]);
      await a.close();
      a.destroy();
      expect((await Promise.all(ends)).map(({ error }) => error)).toEqual([undefined, undefined]);
    });

    it("takes no write after the close, at neither end", async () => {
      const { a, b } = await open();
      const theirs = ended(b);
      b.onData(() => {});
      const closing = a.close();
      await expect(a.write([Uint8Array.of(1)])).rejects.toMatchObject({ code: "aborted" });
      await closing;
      await theirs;
      const failure = expect.objectContaining({ name: "PrecopyError", code: "aborted" });
      await expect(a.write([Uint8Array.of(1)])).rejects.toEqual(failure);
      await expect(b.write([Uint8Array.of(1)])).rejects.toEqual(failure);
    });

    it("shows a destroy to the other end, once, and refuses its waiting writes", async () => {
      const { a, b } = await open();
      let ends = 0;
      a.onClose(() => ends++);
      const own = ended(b);
      const stuck = fill(a);
      await settled(() => a.bytesWritten);
      b.destroy();
      expect(await own).toBeUndefined();
      await expect(stuck).rejects.toMatchObject({ name: "PrecopyError", code: "aborted" });
      await until(() => ends === 1);
      await a.close();
      expect(ends).toBe(1);
      await expect(b.write([Uint8Array.of(1)])).rejects.toMatchObject({ code: "aborted" });
    });

    it("ends with what a handler throws, and hands it nothing more", async () => {
      const { a, b } = await open();
      const fault = new Error("not a frame");
      let calls = 0;
      b.onData(() => {
        calls++;
        throw fault;
      });
      const theirs = ended(a);
      await a.write([new Uint8Array(10)]);
      expect(await ended(b)).toBe(fault);
      await theirs;
      expect(calls).toBe(1);
    });

    it("ends with what a handler throws, though the orderly end came before", async () => {
      const { a, b } = await open();
      const fault = new Error("not a frame");
      await a.write([new Uint8Array(10)]);
      await a.close();
      await until(() => b.bytesRead === 10);
      b.onData(() => {
        throw fault;
      });
      expect(await ended(b)).toBe(fault);
    });

    it("leaves no listener behind", async () => {
      const { a, b, listeners } = await open();
      expect(listeners?.() ?? 1).toBeGreaterThan(0);
      const theirs = collect(b);
      await a.write([new Uint8Array(10)]);
      await a.close();
      await theirs;
      await b.close();
      expect(listeners?.() ?? 0).toBe(0);
    });
  });
}

/** Byte `at` of the stream with this key: no period that a chunk size could hide behind. */
function streamByte(at: number, key: number): number {
  return (Math.imul(at, 0x9e3779b1) ^ Math.imul(key, 0x85ebca6b) ^ (at >>> 11)) & 0xff;
}

export async function sendStream(to: Transport, sizeBytes: number, key: number): Promise<void> {
  const random = new Random(key);
  for (let at = 0; at < sizeBytes; ) {
    const parts: Uint8Array[] = [];
    for (let left = random.below(4); left >= 0 && at < sizeBytes; left--) {
      const most = random.below(3) === 0 ? 16 : 400_000;
      const part = new Uint8Array(Math.min(sizeBytes - at, random.below(most)));
      for (let i = 0; i < part.length; i++) part[i] = streamByte(at + i, key);
      parts.push(part);
      at += part.length;
    }
    await to.write(parts);
  }
}

/** Resolves when the stream has arrived whole, rejects at the first wrong byte. */
export function expectStream(from: Transport, sizeBytes: number, key: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let at = 0;
    from.onClose((error) => reject(error ?? new Error(`closed after ${at} bytes`)));
    from.onData((bytes) => {
      for (let i = 0; i < bytes.length; i++) {
        if (bytes[i] !== streamByte(at + i, key)) reject(new Error(`byte ${at + i} is wrong`));
      }
      at += bytes.length;
      if (at === sizeBytes) resolve();
      if (at > sizeBytes) reject(new Error(`${at} bytes of ${sizeBytes}`));
    });
  });
}

export interface Collected {
  readonly bytes: Uint8Array;
  readonly error: Error | undefined;
}

/** All bytes until the end. */
export function collect(from: Transport): Promise<Collected> {
  const chunks: Uint8Array[] = [];
  from.onData((bytes) => chunks.push(bytes));
  return ended(from).then((error) => ({ bytes: Buffer.concat(chunks), error }));
}

export function ended(of: Transport): Promise<Error | undefined> {
  return new Promise((resolve) => of.onClose(resolve));
}

/** Writes until it is refused. */
export async function fill(to: Transport): Promise<never> {
  for (;;) await to.write([new Uint8Array(256 * 1024)]);
}

/** Waits until the condition holds; the test's own time-out bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn(2);
}

/** Waits until the value has stayed the same for a while, and is not 0. */
export async function settled(value: () => number): Promise<void> {
  let last = 0;
  for (let quiet = 0; quiet < 30; quiet++) {
    await turn(5);
    if (value() !== last || last === 0) quiet = 0;
    last = value();
  }
}

function turn(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
