import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { crc32 } from "../../src/guest/importers/crc32.js";
import type { Trace } from "../../src/guest/trace.js";
import { type ReadTraceOptions, readTrace } from "../../src/guest/trace-read.js";
import { lostBy, type TraceWriteFormat, writeTrace } from "../../src/guest/trace-write.js";
import { example, intervalsOf, plain, traceOf } from "./trace-fixtures.js";

async function bytesOf(trace: Trace, format?: TraceWriteFormat, gzip = false): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTrace(trace, { gzip, ...(format && { format }) })) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function read(bytes: Uint8Array, options: Partial<ReadTraceOptions> = {}) {
  return readTrace(bytes, { name: "t", ...options });
}

const TRACE = traceOf({ pages: 300, source: "hand" }, [
  { endNs: 10, written: [5, 6], read: [299], instructions: 100 },
  { endNs: 210, written: [], read: [0, 1, 2], instructions: 100 },
]);

/** {@link TRACE} by hand, from the description in docs/TRACES.md. */
const BY_HAND = Uint8Array.from([
  ...[0x50, 0x43, 0x54, 0x31, 1, 3, 0, 0], // "PCT1", version 1, reads and instructions
  ...[0x00, 0x10, 0, 0, 0x2c, 0x01, 0, 0, 17, 0, 0, 0], // 4096, 300 pages, 17 bytes of JSON
  ...new TextEncoder().encode('{"source":"hand"}'),
  ...[9, 0, 0, 0, 10, 100, 1, 5, 2, 1, 0xab, 0x02, 1], // 10 ns, 100, written 5-6, read 299
  ...[7, 0, 0, 0, 0xc8, 0x01, 0, 0, 1, 0, 3], // 200 ns, 0 more, none, read 0-2
  ...[0, 0, 0, 0, 2, 0, 0, 0], // the end, 2 intervals
]);

function withCrc(bytes: Uint8Array): Uint8Array {
  const crc = crc32(bytes);
  return Uint8Array.of(...bytes, crc & 0xff, (crc >> 8) & 0xff, (crc >> 16) & 0xff, crc >>> 24);
}

describe("the native format", () => {
  it("checks with the CRC-32 of gzip", () => {
    const text = new TextEncoder().encode("123456789");
    expect(crc32(text)).toBe(0xcbf43926); // the catalogued check value
    expect(crc32(text.subarray(4), crc32(text.subarray(0, 4)))).toBe(0xcbf43926);
  });

  it("is written as documented", async () => {
    expect([...(await bytesOf(TRACE))]).toEqual([...withCrc(BY_HAND)]);
  });

  it("reads what was written by hand", async () => {
    const { trace, format, skipped } = await read(withCrc(BY_HAND));
    expect(plain(trace)).toEqual(plain(TRACE));
    expect([format, skipped]).toEqual(["native", 0]);
  });

  it("reads the example in its description", async () => {
    const page = readFileSync(new URL("../../docs/TRACES.md", import.meta.url), "utf8");
    const lines = page
      .split("\n")
      .filter((line) => /^ {4}([0-9a-f]{2}\s+)+[0-9a-f]{2}$/.test(line));
    const bytes = Buffer.from(lines.join("").replaceAll(" ", ""), "hex");
    const { trace } = await read(bytes);
    expect(trace).toMatchObject({ pages: 300, hasReads: false, durationNs: 10 });
    expect(intervalsOf(trace).map(({ written }) => written)).toEqual([[5, 6]]);
  });

  it("turns to the instruction clock when asked, or when given its rate", async () => {
    const { trace } = await read(await bytesOf(TRACE), { clock: "instructions" });
    expect(intervalsOf(trace)).toEqual([
      { endNs: 210, written: [5, 6], read: [0, 1, 2, 299], instructions: 100 },
    ]);
    const again = await read(await bytesOf(trace), { instructionsPerSec: 1e9 });
    expect([again.trace.durationNs, again.trace.clock]).toEqual([100, "instructions"]);
    await expect(read(await bytesOf(trace), { clock: "time" })).rejects.toThrow(/no longer in it/);
  });

  it("holds every recording without loss, smaller than it was", async () => {
    for (const name of ["hotcold.wsdt2.gz", "lin-gzip-pre-50.wsdt.gz", "gzip.epochs.csv.gz"]) {
      const original = example(name);
      const { trace } = await read(original, { name });
      const packed = await bytesOf(trace, "native", true);
      expect(plain((await read(packed)).trace)).toEqual(plain(trace));
      expect(packed.length).toBeLessThan(original.length);
    }
  });
});

describe("readTrace", () => {
  it("tells formats by content, gzipped or not, whatever the name", async () => {
    const cases = [
      ["wsdt2", example("idle.wsdt2.gz")],
      ["wsdt1", example("lin-idle-pre-100.wsdt.gz")],
      ["csv", example("gzip.epochs.csv.gz")],
      ["lackey", new TextEncoder().encode("==1== Lackey\n==1== \n L 1000,4\n")],
      ["native", await bytesOf(TRACE)],
      ["native", await bytesOf(TRACE, "native", true)],
    ] as const;
    for (const [format, bytes] of cases) {
      expect((await read(bytes, { name: "x.csv" })).format).toBe(format);
    }
  });

  it("goes by the name only when the content could be either", async () => {
    const text = new TextEncoder().encode("? 1\n? 2\n0,a,1,1\n L 1000,4\n");
    const skip = { onBadLine: "skip" as const };
    expect(await read(text, { ...skip, name: "a.lackey" })).toMatchObject({ skipped: 3 });
    expect(await read(text, { ...skip, name: "a.CSV" })).toMatchObject({ skipped: 3 });
    await expect(read(text, skip)).rejects.toThrow(/begins with 3f 20 31.*no trace known/);
  });

  it("reads from a stream in chunks of any size, and closes it after an error", async () => {
    const bytes = gzipSync(withCrc(BY_HAND));
    let closed = 0;
    async function* chunks(of: Uint8Array, size: number) {
      try {
        for (let at = 0; at < of.length; at += size) yield of.subarray(at, at + size);
      } finally {
        closed++;
      }
    }
    for (const size of [1, 3, 1000]) {
      expect(plain((await readTrace(chunks(bytes, size), { name: "t" })).trace)).toEqual(
        plain(TRACE),
      );
    }
    expect(closed).toBe(3);
    for (const bad of [new Uint8Array(10_000), gzipSync(new Uint8Array(10_000_000).fill(65))]) {
      await expect(readTrace(chunks(bad, 1), { name: "t", format: "native" })).rejects.toThrow();
    }
    expect(closed).toBe(5);
  });

  it("hands on an error of the stream as it is", async () => {
    async function* broken() {
      yield gzipSync(BY_HAND).subarray(0, 20);
      throw new Error("the disk went away");
    }
    await expect(readTrace(broken(), { name: "t" })).rejects.toThrow(/^the disk went away$/);
  });

  it("refuses a rate for recorded time", async () => {
    const both = { clock: "time", instructionsPerSec: 1e9 } as const;
    await expect(read(example("idle.wsdt2.gz"), both)).rejects.toMatchObject({ code: "bad-input" });
  });
});

describe("writeTrace", () => {
  it("says what a format cannot hold", () => {
    expect(lostBy(TRACE, "native")).toEqual([]);
    expect(lostBy(TRACE, "wsdt1")).toEqual(["reads", "instruction counts"]);
    expect(lostBy(TRACE, "csv")).toContain("interval times");
  });

  it("writes WSDT1 that reads back as the writes and their times", async () => {
    const trace = traceOf({ hasReads: false }, [
      { endNs: 50_000_000, written: [0, 1, 7, 15] },
      { endNs: 50_000_001, written: [] },
    ]);
    const { trace: back, format } = await read(await bytesOf(trace, "wsdt1", true));
    expect(format).toBe("wsdt1");
    expect(intervalsOf(back)).toEqual(intervalsOf(trace));
  });

  it("writes CSV that reads back as the same sets, idle epochs at the end included", async () => {
    const trace = traceOf({}, [
      { endNs: 5, written: [], read: [] },
      { endNs: 6, written: [3, 15], read: [3, 4] },
      { endNs: 9, written: [], read: [] },
    ]);
    const csv = await bytesOf(trace, "csv");
    expect(new TextDecoder().decode(csv)).toBe(
      "epoch,page,reads,writes\n1,3,1,1\n1,4,1,0\n1,f,0,1\n2,3,0,0\n",
    );
    const back = (await read(csv, { addresses: "keep", pages: 16, epochNs: 3 })).trace;
    expect(intervalsOf(back).map(({ written, read }) => [written, read])).toEqual(
      intervalsOf(trace).map(({ written, read }) => [written, read]),
    );
    expect([...back.columns.endsNs]).toEqual([3, 6, 9]);
  });
});
