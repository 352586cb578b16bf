/** The memory of a trace against the obvious one: sets of pages, interval by interval. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nothingTaken } from "../../src/forecast/slot-memory.js";
import { TraceMemory } from "../../src/forecast/trace-memory.js";
import { TraceBuilder } from "../../src/guest/trace.js";

const PAGES = 40;
const INTERVAL_NS = 10_000_000;
const FIRMWARE = 4;

function traceOf(intervals: readonly (readonly number[])[]) {
  const builder = new TraceBuilder({
    ...{ pageSizeBytes: 4096, pages: PAGES, hasReads: false, clock: "time", source: "made up" },
  });
  intervals.forEach((written, i) => {
    builder.append({ endNs: (i + 1) * INTERVAL_NS, written: [...written] });
  });
  return builder.finish();
}

const written = fc
  .uniqueArray(fc.integer({ min: 0, max: PAGES - 1 }), { maxLength: 12 })
  .map((pages) => pages.sort((a, b) => a - b));
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("sync" as const), intervals: fc.integer({ min: 0, max: 7 }) }),
    fc.record({ kind: fc.constant("take" as const), pages: fc.integer({ min: 1, max: 30 }) }),
  ),
  { maxLength: 40 },
);

describe("memory of a trace", () => {
  it("is the sets of pages that the intervals tell, round and round", () => {
    const traces = fc.array(written, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(traces, steps, fc.integer({ min: 0, max: 10 }), (intervals, script, start) => {
        const zeros = new Uint8Array(PAGES).fill(1);
        const memory = new TraceMemory({
          ...{ trace: traceOf(intervals), zeros, firmwarePages: FIRMWARE, firmwareZeroShare: 0.5 },
        });
        const at = (interval: number) => (interval * INTERVAL_NS) / 1e9;
        const wasWritten = new Set<number>();
        const logged = new Set<number>();
        const play = (from: number, to: number) => {
          for (let i = from; i < to; i++) {
            for (const page of intervals[i % intervals.length] ?? []) {
              logged.add(page);
              wasWritten.add(page);
            }
          }
        };
        play(0, start);
        logged.clear();
        memory.begin(at(start));
        const unsent = new Set(Array.from({ length: PAGES + FIRMWARE }, (_, page) => page));
        let now = start;
        let cursor = 0;
        for (const step of script) {
          if (step.kind === "sync") {
            play(now, now + step.intervals);
            now += step.intervals;
            const before = unsent.size;
            for (const page of logged) unsent.add(page);
            logged.clear();
            expect(memory.sync(at(now))).toBe(unsent.size - before);
          } else {
            const taken = nothingTaken();
            memory.take(step.pages, Number.POSITIVE_INFINITY, at(now), taken);
            let zeroPages = 0;
            for (let left = Math.min(step.pages, unsent.size); left > 0; cursor++) {
              const page = cursor % (PAGES + FIRMWARE);
              if (!unsent.delete(page)) continue;
              left--;
              const firmware = page >= PAGES;
              if (firmware ? page >= PAGES + FIRMWARE / 2 : !wasWritten.has(page)) zeroPages++;
            }
            expect(taken.zeroPages).toBe(zeroPages);
          }
          expect(memory.unsentPages).toBe(unsent.size);
        }
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});
