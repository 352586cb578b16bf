import { afterEach, describe, expect, it, vi } from "vitest";
import { memoryPair } from "../../../src/live/transport/memory.js";
import { collect, conformance, ended, until } from "./conformance.js";

const HELD_BYTES_MAX = 2 * 1024 * 1024;

conformance({
  name: "memory",
  heldBytesMax: HELD_BYTES_MAX,
  connect: async () => memoryPair(),
});
conformance({
  name: "memory, cut and joined at random",
  heldBytesMax: HELD_BYTES_MAX,
  connect: async () => memoryPair({ chunkSeed: 7, delayMs: 1 }),
});

describe("a memory pair", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("has no more than a window under way, however much is written", async () => {
    const windowBytes = 100_000;
    const { a, b } = memoryPair({ windowBytes });
    const written = a.write([new Uint8Array(5_000_000)]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    // A chunk of 256 KiB may begin within the window and end past it.
    expect(b.bytesRead).toBeLessThan(windowBytes + 256 * 1024);
    b.onData(() => {});
    await written;
    await a.close();
    expect(b.bytesRead).toBe(5_000_000);
  });

  it("leaves no timer behind, closed, destroyed or cut", async () => {
    vi.useFakeTimers();
    const pairs = [1, 2, 3].map(() => memoryPair({ heartbeatMs: 1000 }));
    expect(vi.getTimerCount()).toBe(6);
    const closing = pairs[0]?.a.close();
    pairs[1]?.a.destroy();
    pairs[2]?.cut();
    await vi.advanceTimersByTimeAsync(50);
    await closing;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("cuts the stream into other chunks than were written, the same for one seed", async () => {
    const sizes = async (chunkSeed: number): Promise<number[]> => {
      const { a, b } = memoryPair({ chunkSeed });
      const seen: number[] = [];
      b.onData((bytes) => seen.push(bytes.length));
      for (let i = 0; i < 20; i++) void a.write([new Uint8Array(3000)]);
      await a.close();
      return seen;
    };
    const once = await sizes(1);
    expect(once.reduce((sum, size) => sum + size, 0)).toBe(60_000);
    expect(once.some((size) => size < 3000)).toBe(true);
    expect(once.some((size) => size > 3000)).toBe(true);
    expect(await sizes(1)).toEqual(once);
    expect(await sizes(2)).not.toEqual(once);
  });

  it("shows a cut to both ends with an error, and loses what is under way", async () => {
    const pair = memoryPair();
    const ends = [collect(pair.a), collect(pair.b)];
    void pair.a.write([new Uint8Array(100)]);
    pair.cut();
    for (const { bytes, error } of await Promise.all(ends)) {
      expect(bytes.length).toBe(0);
      expect(error).toMatchObject({ code: "aborted" });
      expect(error?.message).toContain("cut");
    }
    await expect(pair.a.write([Uint8Array.of(1)])).rejects.toThrow("the line was cut");
  });

  it("delivers nothing while stalled and everything afterwards", async () => {
    const pair = memoryPair();
    const seen: number[] = [];
    pair.b.onData((bytes) => seen.push(...bytes));
    pair.stall(true);
    await pair.a.write([Uint8Array.of(1)]);
    await pair.a.write([Uint8Array.of(2)]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(seen).toEqual([]);
    pair.stall(false);
    await until(() => seen.length === 2);
    expect(seen).toEqual([1, 2]);
  });

  it("breaks off a close that nobody answers, and says what was not taken", async () => {
    const pair = memoryPair({ closeTimeoutMs: 30 });
    pair.stall(true);
    void pair.a.write([new Uint8Array(77)]);
    const end = ended(pair.a);
    await pair.a.close();
    expect((await end)?.message).toContain("77 bytes not taken");
  });

  it("takes an end that gives no sign of life for dead, and only such a one", async () => {
    const quick = { heartbeatMs: 5, silentBeatsMax: 4 };
    const idle = memoryPair(quick);
    const dead = memoryPair(quick);
    dead.stall(true);
    expect((await ended(dead.a))?.message).toContain("nothing was heard");
    await idle.a.write([Uint8Array.of(1)]);
    idle.a.destroy();
    dead.b.destroy();
  });
});
