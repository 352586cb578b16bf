import { describe, expect, it } from "vitest";
import type { ImportOptions } from "../../../src/guest/importers/importer.js";
import { readTrace } from "../../../src/guest/trace-read.js";
import { traceStats } from "../../../src/guest/trace-stats.js";
import { example, intervalsOf } from "../trace-fixtures.js";

function read(text: string, options: Partial<ImportOptions> & { format?: "lackey" | "csv" } = {}) {
  return readTrace(new TextEncoder().encode(text), { name: "t", ...options });
}

const LACKEY = `==12== Lackey, an example Valgrind tool
==12== Command: /bin/true

I  04001000,3
 L 1fff000ffc,8
 S 0000002000,4
 M 00002ff8,8
 S ffffffffffffffff,1
I  04001003,2
 L 0000000000,1
--12-- a message
==12== Exit code: 0
`;

describe("lackey", () => {
  it("folds data accesses, counts both pages of a crossing, keeps 64 bits of address", async () => {
    const { trace, skipped, format } = await read(LACKEY, { epochAccesses: 3 });
    expect(format).toBe("lackey");
    expect(skipped).toBe(0);
    // Pages by address: 0, 2, 1fff000, 1fff001, fffffffffffff.
    expect(trace.pages).toBe(5);
    expect(intervalsOf(trace)).toEqual([
      { endNs: 30, written: [1], read: [1, 2, 3], instructions: undefined },
      { endNs: 50, written: [4], read: [0], instructions: undefined },
    ]);
    expect(trace).toMatchObject({ hasReads: true, clock: "time", source: "t" });
  });

  it("counts instruction fetches as reads when asked", async () => {
    const { trace } = await read(LACKEY, { includeCode: true, epochAccesses: 100 });
    // Page 4001 comes third; the last of 7 accesses ends at 70 ns.
    expect(intervalsOf(trace)).toEqual([
      { endNs: 70, written: [1, 5], read: [0, 1, 2, 3, 4], instructions: undefined },
    ]);
  });

  it("maps accesses onto time by the rate", async () => {
    const options = { epochAccesses: 2, accessesPerSec: 1e6 };
    const { trace } = await read(" L 1000,1\n L 1001,1\n L 1002,1\r\n S 1003,1", options);
    expect([...trace.columns.endsNs]).toEqual([2000, 4000]);
    const half = await read(" L 1000,1\n L 1001,1\n S 1003,1", options);
    expect([...half.trace.columns.endsNs]).toEqual([2000, 3000]);
  });

  it("keeps page numbers when asked, in a memory of the size given", async () => {
    const kept = { addresses: "keep" as const };
    expect((await read(" S 2000,4\n", kept)).trace.pages).toBe(3);
    const { trace } = await read(" S 2000,4\n", { ...kept, pages: 9 });
    expect([trace.pages, ...trace.written(0)]).toEqual([9, 2]);
    await expect(read(LACKEY, kept)).rejects.toThrow(/page 4503599627370495; the limit/);
    await expect(read(" S 2000,4\n", { ...kept, pages: 2 })).rejects.toThrow(/needs 3 pages/);
  });

  it("takes larger pages", async () => {
    const { trace } = await read(" S 1ffffe,4\n S 3ffffe,1\n", { pageSizeBytes: 2 ** 21 });
    expect([trace.pages, trace.pageSizeBytes]).toEqual([2, 2 ** 21]);
    await expect(read(" S 0,4\n", { pageSizeBytes: 5000 })).rejects.toThrow(/page size 5000/);
  });

  it.each([
    [" X 1000,4", /none of I, L, S, M/],
    ["S 1000,4", /none of I, L, S, M/],
    [" S ,4", /0 hexadecimal digits/],
    [" S 00000000000001000,4", /17 hexadecimal digits/],
    [" S 1000", /no comma/],
    [" S 1000,", /size must be/],
    [" S 1000,0", /size must be/],
    [" S 1000,4097", /size must be/],
    [" S 1000,99999999999999999999", /size must be/],
    [" S 1000,4x", /not a decimal/],
    [" S 1000,-4", /not a decimal/],
    [" S ffffffffffffffff,2", /past address 2\^64/],
  ])("refuses the line %j with its number, or skips and counts it", async (line, message) => {
    const text = ` S 2000,4\n${line}\n L 2000,4\n`;
    await expect(read(text, { format: "lackey" })).rejects.toThrow(message);
    await expect(read(text, { format: "lackey" })).rejects.toMatchObject({
      code: "bad-trace",
      place: { file: "t", line: 2 },
    });
    const { trace, skipped } = await read(text, { format: "lackey", onBadLine: "skip" });
    expect(skipped).toBe(1);
    expect(intervalsOf(trace)).toMatchObject([{ endNs: 20, written: [0], read: [0] }]);
  });

  it.each([
    { epochAccesses: 0 },
    { epochAccesses: 1.5 },
    { accessesPerSec: 0 },
    { accessesPerSec: 1e15, epochAccesses: 1 },
  ])("refuses epochs of no length: %o", async (options) => {
    await expect(read(LACKEY, options)).rejects.toMatchObject({ code: "bad-input" });
  });
});

describe("epoch CSV", () => {
  it("reads rows, fills epochs without any, and compacts pages in order of address", async () => {
    const text = "epoch,page,reads,writes\n0,1fff000,5,0\n0,a,0,1\n3,a,2,2\n3,a,0,1\n3,b,0,0\n";
    const { trace, format } = await read(text);
    expect(format).toBe("csv");
    expect(trace.pages).toBe(3);
    expect(intervalsOf(trace)).toMatchObject([
      { endNs: 1_000_000, written: [0], read: [2] },
      { endNs: 2_000_000, written: [], read: [] },
      { endNs: 3_000_000, written: [], read: [] },
      { endNs: 4_000_000, written: [0], read: [0] },
    ]);
  });

  it("has no reads when no row has, needs no head, and takes 0x and another epoch", async () => {
    const { trace } = await read("0,0x1F,0,3\r\n1,20,0,1", { epochNs: 7 });
    expect(trace.hasReads).toBe(false);
    expect(intervalsOf(trace)).toMatchObject([
      { endNs: 7, written: [0] },
      { endNs: 14, written: [1] },
    ]);
  });

  it.each([
    ["1,a,1", /the line is not epoch,page,reads,writes/],
    ["1,xyz,1,1", /the line is not/],
    ["1,a,-1,1", /the line is not/],
    ["epoch,page,reads,writes", /the line is not/],
    ["0,a,1,1", /epoch 0 comes after epoch 1/],
    ["4194304,a,1,1", /over the limit/],
    ["1,10000000000000,1,1", /page number is over/],
    ["\u001b[31m", /\\u001b/],
  ])("refuses the row %j with its number, or skips and counts it", async (line, message) => {
    const text = `1,a,1,0\n${line}\n1,b,0,1\n`;
    await expect(read(text, { format: "csv" })).rejects.toThrow(message);
    await expect(read(text, { format: "csv" })).rejects.toMatchObject({ place: { line: 2 } });
    const { trace, skipped } = await read(text, { format: "csv", onBadLine: "skip" });
    expect([skipped, trace.intervals]).toEqual([1, 2]);
    expect(intervalsOf(trace)[1]).toMatchObject({ written: [1], read: [0] });
  });

  it("refuses what holds no row, and a line without end", async () => {
    await expect(read("epoch,page,reads,writes\n")).rejects.toThrow(/holds no access/);
    const long = read(`0,a,1,1\n${"1".repeat(5000)}`, { onBadLine: "skip" });
    await expect(long).rejects.toMatchObject({ place: { line: 2 } });
    await expect(read("0,a,1,1\n", { epochNs: 0.5 })).rejects.toMatchObject({ code: "bad-input" });
  });

  it("reads the recording of gzip: the counts in its description", async () => {
    const { trace } = await readTrace(example("gzip.epochs.csv.gz"), { name: "gzip" });
    expect(trace.intervals).toBe(505);
    expect(trace.pages).toBe(252);
    const stats = traceStats(trace);
    expect(stats.touchedPages).toBe(252);
    expect(stats.written.distinctPages).toBe(109);
    expect(stats.written.entries).toBe(10_105);
  });
});
