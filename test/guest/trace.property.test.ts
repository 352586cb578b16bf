import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Trace } from "../../src/guest/trace.js";
import { MAX_TRACE_SOURCE } from "../../src/guest/trace.js";
import { cutTrace, tileTrace } from "../../src/guest/trace-edit.js";
import { readTrace } from "../../src/guest/trace-read.js";
import { uniqueDirty } from "../../src/guest/trace-stats.js";
import { type TraceWriteFormat, writeTrace } from "../../src/guest/trace-write.js";
import { anyTrace, intervalsOf, plain } from "./trace-fixtures.js";

async function* rechunk(
  trace: Trace,
  format: TraceWriteFormat,
  o: { gzip: boolean; size: number },
) {
  for await (const chunk of writeTrace(trace, { format, gzip: o.gzip })) {
    for (let at = 0; at < chunk.length; at += o.size) yield chunk.subarray(at, at + o.size);
  }
}

const transport = fc.record({ gzip: fc.boolean(), size: fc.constantFrom(1, 5, 64, 100_000) });

describe("traces, whatever they hold", () => {
  it("come back whole from the native format", async () => {
    await fc.assert(
      fc.asyncProperty(anyTrace, transport, async (trace, o) => {
        expect(trace.source.length).toBeLessThanOrEqual(MAX_TRACE_SOURCE);
        const back = await readTrace(rechunk(trace, "native", o), { name: "file" });
        expect(plain(back.trace)).toEqual(plain(trace));
      }),
    );
  });

  it("come back from WSDT1 with their writes and times", async () => {
    await fc.assert(
      fc.asyncProperty(anyTrace, transport, async (trace, o) => {
        const back = await readTrace(rechunk(trace, "wsdt1", o), { name: "file" });
        const writes = (of: Trace) => intervalsOf(of).map(({ endNs, written }) => [endNs, written]);
        expect(writes(back.trace)).toEqual(writes(trace));
      }),
    );
  });

  it("come back from CSV with their sets, epoch by epoch", async () => {
    await fc.assert(
      fc.asyncProperty(anyTrace, transport, async (trace, o) => {
        const kept = { addresses: "keep" as const, pages: trace.pages };
        const back = await readTrace(rechunk(trace, "csv", o), { name: "file", ...kept });
        const sets = (of: Trace) => intervalsOf(of).map(({ written, read }) => [written, read]);
        expect(sets(back.trace)).toEqual(sets(trace));
      }),
    );
  });

  it("are never read from a damaged native file as something else", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyTrace,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (trace, at, x) => {
          const chunks: Uint8Array[] = [];
          for await (const chunk of writeTrace(trace)) chunks.push(chunk);
          const bytes = new Uint8Array(Buffer.concat(chunks));
          const index = at % bytes.length;
          bytes[index] = (bytes[index] as number) ^ x;
          await expect(readTrace(bytes, { name: "file" })).rejects.toMatchObject({
            code: "bad-trace",
          });
        },
      ),
    );
  });

  it("fall apart at any cut into two that make the whole", () => {
    fc.assert(
      fc.property(anyTrace, fc.nat(), (trace, at) => {
        const k = at % trace.intervals;
        const splitNs = trace.endNs(k);
        const first = intervalsOf(cutTrace(trace, { toNs: splitNs }));
        const rest = k + 1 < trace.intervals ? cutTrace(trace, { fromNs: splitNs }) : undefined;
        const base = trace.instructions(k);
        const moved = (rest ? intervalsOf(rest) : []).map((interval) => ({
          ...interval,
          endNs: interval.endNs + splitNs,
          instructions: base === undefined ? undefined : (interval.instructions ?? 0) + base,
        }));
        expect([...first, ...moved]).toEqual(intervalsOf(trace));
      }),
    );
  });

  it("write in every copy of a tiled memory the pages that they write", () => {
    fc.assert(
      fc.property(anyTrace, fc.integer({ min: 1, max: 4 }), fc.nat(), (trace, copies, seed) => {
        const pages = trace.pages * copies + (seed % 3);
        const tiled = tileTrace(trace, { pages, copies, seed });
        const distinct = new Set(trace.columns.writtenPages);
        const seen = Array.from({ length: copies }, () => new Set<number>());
        for (const page of tiled.columns.writtenPages) {
          seen[Math.floor(page / trace.pages)]?.add(page % trace.pages);
        }
        for (const set of seen) expect(set).toEqual(distinct);
        expect(tiled.columns.endsNs).toEqual(trace.columns.endsNs);
      }),
    );
  });

  it("write no more different pages in a window than in all", () => {
    fc.assert(
      fc.property(anyTrace, fc.integer({ min: 1, max: 2 ** 30 }), (trace, windowNs) => {
        const distinct = new Set(trace.columns.writtenPages).size;
        const whole = uniqueDirty(trace, trace.durationNs);
        expect(whole).toMatchObject({ windows: 1, meanPages: distinct, maxPages: distinct });
        const point = uniqueDirty(trace, windowNs);
        expect(point.maxPages).toBeLessThanOrEqual(distinct);
        expect(point.meanPages).toBeLessThanOrEqual(point.maxPages);
      }),
    );
  });
});
