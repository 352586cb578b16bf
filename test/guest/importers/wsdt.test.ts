import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { Wsdt1Importer } from "../../../src/guest/importers/wsdt1.js";
import { Wsdt2Importer } from "../../../src/guest/importers/wsdt2.js";
import type { Trace } from "../../../src/guest/trace.js";

function example(name: string): Uint8Array {
  return gunzipSync(readFileSync(new URL(`../../../examples/traces/${name}`, import.meta.url)));
}

/** Pages as [ascending lists], for comparing. */
function sets(trace: Trace) {
  return Array.from({ length: trace.intervals }, (_, i) => ({
    endNs: trace.endNs(i),
    written: [...trace.written(i)],
    read: [...trace.read(i)],
  }));
}

function counts(trace: Trace) {
  const written = new Set<number>();
  const read = new Set<number>();
  let maxWritten = 0;
  let maxRead = 0;
  for (let i = 0; i < trace.intervals; i++) {
    for (const page of trace.written(i)) written.add(page);
    for (const page of trace.read(i)) read.add(page);
    maxWritten = Math.max(maxWritten, trace.written(i).length);
    maxRead = Math.max(maxRead, trace.read(i).length);
  }
  return {
    intervals: trace.intervals,
    meanRead: Math.round(trace.columns.readPages.length / trace.intervals),
    meanWritten: Math.round(trace.columns.writtenPages.length / trace.intervals),
    maxRead,
    maxWritten,
    read: read.size,
    written: written.size,
  };
}

/** A file made by hand: 16 pages of 4 KiB, two intervals. */
const WSDT1_BY_HAND = Uint8Array.from([
  ...[0x57, 0x53, 0x44, 0x54, 0x31, 0, 0, 0], // "WSDT1"
  ...[0x00, 0x10, 0, 0, 16, 0, 0, 0, 0x50, 0xc3, 0, 0, 0, 0, 0, 0], // 4096, 16, 50000 us, 0
  ...[0x40, 0x42, 0x0f, 0x00, 0, 0, 0, 0x10], // t = 2^60 + 1,000,000 ns
  ...[7, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0], // scan, 3 dirty, unused, 5 bytes
  ...[0, 2, 5, 1, 8], // dirty 0, 1 and 7
  ...[0x41, 0x42, 0x0f, 0x00, 0, 0, 0, 0x10], // 1 ns later
  ...[7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
  16, // nothing dirty
]);

/** 300 pages; the runs need two bytes. Three intervals, the clock stands in the second. */
const WSDT2_BY_HAND = Uint8Array.from([
  ...[0x57, 0x53, 0x44, 0x54, 0x32, 0, 0, 0],
  ...[0x00, 0x10, 0, 0, 0x2c, 1, 0, 0, 0x20, 0x4e, 0, 0, 3, 0, 0, 0], // 4096, 300, 20000 us, 3
  ...[10, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0], // 10 ns, 100 instructions
  ...[1, 0, 0, 0, 2, 0, 0, 0],
  ...[4, 0, 0, 0, 0xab, 0x02, 1, 0], // read page 299 and an empty clean run
  ...[4, 0, 0, 0, 5, 2, 0xa5, 0x02], // wrote 5 and 6
  ...[20, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0], // 20 ns, still 100
  ...[0, 0, 0, 0, 1, 0, 0, 0],
  ...[2, 0, 0, 0, 0xac, 0x02], // read nothing
  ...[4, 0, 0, 0, 4, 1, 0xa7, 0x02], // wrote 4
  ...[40, 0, 0, 0, 0, 0, 0, 0, 0x2c, 1, 0, 0, 0, 0, 0, 0], // 40 ns, 300
  ...[0, 0, 0, 0, 0, 0, 0, 0],
  ...[2, 0, 0, 0, 0xac, 0x02],
  ...[2, 0, 0, 0, 0xac, 0x02],
]);

describe("WSDT1", () => {
  it("reads a file made by hand, in chunks of any size", () => {
    for (const chunk of [1, 2, 7, 1000]) {
      const importer = new Wsdt1Importer({ name: "hand" });
      for (let at = 0; at < WSDT1_BY_HAND.length; at += chunk) {
        importer.push(WSDT1_BY_HAND.subarray(at, at + chunk));
      }
      const { trace } = importer.finish();
      expect(sets(trace)).toEqual([
        { endNs: 50_000_000, written: [0, 1, 7], read: [] },
        { endNs: 50_000_001, written: [], read: [] },
      ]);
      expect(trace).toMatchObject({
        pages: 16,
        pageSizeBytes: 4096,
        hasReads: false,
        clock: "time",
        source: "hand",
      });
    }
  });

  // Intervals and page-writes counted by another reader of the format (Python).
  it.each([
    ["lin-idle-pre-100", 197, 141_731],
    ["lin-gzip-pre-50", 266, 170_459],
    ["lin-dirty-pre", 312, 210_039],
    ["lin-redisrate-pre-50", 330, 243_628],
  ])("reads the recording %s", (name, intervals, pageWrites) => {
    const importer = new Wsdt1Importer({ name });
    importer.push(example(`${name}.wsdt.gz`));
    const { trace } = importer.finish();
    expect(trace.pages).toBe(65_536);
    expect(trace.intervals).toBe(intervals);
    expect(trace.columns.writtenPages.length).toBe(pageWrites);
    expect(counts(trace).written).toBe(65_536);
  });
});

describe("WSDT2", () => {
  function byHand(options: { clock?: "time" | "instructions"; instructionsPerSec?: number }) {
    const importer = new Wsdt2Importer({ name: "hand", ...options });
    importer.push(WSDT2_BY_HAND);
    return importer.finish().trace;
  }

  it("reads a file made by hand on recorded time", () => {
    const trace = byHand({ clock: "time" });
    expect(sets(trace)).toEqual([
      { endNs: 10, written: [5, 6], read: [299] },
      { endNs: 20, written: [4], read: [] },
      { endNs: 40, written: [], read: [] },
    ]);
    expect([0, 1, 2].map((i) => trace.instructions(i))).toEqual([100, 100, 300]);
    expect(trace).toMatchObject({ pages: 300, hasReads: true, clock: "time" });
  });

  it("replays on the instruction clock by default, and merges where it stands", () => {
    // 300 instructions in 40 ns: the first 100 end after 13.3 ns.
    expect(sets(byHand({}))).toEqual([
      { endNs: 13, written: [4, 5, 6], read: [299] },
      { endNs: 40, written: [], read: [] },
    ]);
    expect(byHand({}).clock).toBe("instructions");
    expect(byHand({ instructionsPerSec: 1e9 }).columns.endsNs).toEqual(
      Float64Array.from([100, 300]),
    );
  });

  it("reads the same in chunks of one byte", () => {
    const importer = new Wsdt2Importer({ name: "hand", clock: "time" });
    for (const byte of WSDT2_BY_HAND) importer.push(Uint8Array.of(byte));
    expect(sets(importer.finish().trace)).toEqual(sets(byHand({ clock: "time" })));
  });

  // The table of the recordings' own description.
  it.each([
    ["idle", 1500, 12, 2, 206, 43, 267, 69],
    ["redis-paced", 1500, 576, 143, 1271, 390, 8979, 7599],
    ["redis", 2000, 894, 333, 1534, 824, 16_927, 16_155],
    ["gzip", 2000, 268, 83, 1011, 279, 4989, 1599],
    ["zipf", 1500, 253, 110, 313, 132, 11_755, 11_528],
    ["hotcold", 1500, 327, 183, 389, 215, 16_038, 15_809],
    ["cc1", 2000, 899, 229, 3322, 1918, 16_399, 13_141],
  ])("reads the recording %s", (name, intervals, ...means) => {
    const [meanRead, meanWritten, maxRead, maxWritten, read, written] = means;
    const importer = new Wsdt2Importer({ name, clock: "time" });
    importer.push(example(`${name}.wsdt2.gz`));
    const { trace } = importer.finish();
    expect(counts(trace)).toEqual({
      intervals,
      meanRead,
      meanWritten,
      maxRead,
      maxWritten,
      read,
      written,
    });
    expect(trace.durationNs).toBeGreaterThan(intervals * 20_000_000);
    expect(trace.durationNs).toBeLessThan(intervals * 20_000_000 + 1_000_000);
  });

  it("keeps every page of a recording that the instruction clock merges", () => {
    const importer = new Wsdt2Importer({ name: "idle" });
    importer.push(example("idle.wsdt2.gz"));
    const { trace } = importer.finish();
    // 1,385 of the 1,499 steps of this sleeping guest count no instruction.
    expect(trace.intervals).toBe(1500 - 1385);
    expect(counts(trace)).toMatchObject({ read: 267, written: 69 });
    expect(trace.instructions(trace.intervals - 1)).toBe(1_553_888);
    expect(trace.durationNs).toBe(30_000_199_997);
  });
});
