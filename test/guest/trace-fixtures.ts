/** Traces for tests, and their content as plain values to compare. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import {
  type Trace,
  TraceBuilder,
  type TraceHeader,
  type TraceInterval,
} from "../../src/guest/trace.js";

export function example(name: string): Uint8Array {
  return readFileSync(new URL(`../../examples/traces/${name}`, import.meta.url));
}

export function traceOf(header: Partial<TraceHeader>, intervals: readonly TraceInterval[]): Trace {
  const builder = new TraceBuilder({
    pageSizeBytes: 4096,
    pages: 16,
    hasReads: true,
    clock: "time",
    source: "test",
    ...header,
  });
  for (const interval of intervals) builder.append(interval);
  return builder.finish();
}

/** Everything a trace says, as plain values. */
export function plain(trace: Trace) {
  const { pageSizeBytes, pages, hasReads, clock, source, durationNs } = trace;
  return {
    pageSizeBytes,
    pages,
    hasReads,
    clock,
    source,
    durationNs,
    intervals: intervalsOf(trace),
  };
}

export function intervalsOf(trace: Trace) {
  return Array.from({ length: trace.intervals }, (_, i) => ({
    endNs: trace.endNs(i),
    written: [...trace.written(i)],
    read: [...trace.read(i)],
    instructions: trace.instructions(i),
  }));
}

function pageSet(pages: number) {
  const few = fc.uniqueArray(fc.nat(pages - 1), { maxLength: 40 });
  return few.map((list) => list.sort((a, b) => a - b));
}

/** Any small trace; its first interval's length is whole microseconds, which all formats hold. */
export const anyTrace: fc.Arbitrary<Trace> = fc
  .record({
    pages: fc.constantFrom(1, 2, 127, 128, 129, 300, 70_000),
    hasReads: fc.boolean(),
    counts: fc.boolean(),
    clock: fc.constantFrom("time" as const, "instructions" as const),
    source: fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
    pageSizeBytes: fc.constantFrom(512, 4096, 2 ** 21),
  })
  .chain(({ counts, ...header }) =>
    fc
      .array(
        fc.record({
          lengthNs: fc.oneof(
            fc.integer({ min: 1, max: 200 }),
            fc.integer({ min: 1, max: 2 ** 40 }),
          ),
          executed: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 40 })),
          written: pageSet(header.pages),
          read: header.hasReads ? pageSet(header.pages) : fc.constant([]),
        }),
        { minLength: 1, maxLength: 12 },
      )
      .map((rows) => {
        let endNs = 0;
        let instructions = 0;
        const intervals = rows.map(({ lengthNs, executed, written, read }, i) => {
          endNs += i === 0 ? (1 + (lengthNs % 2 ** 20)) * 1000 : lengthNs;
          instructions += executed;
          return { endNs, written, read, ...(counts && { instructions }) };
        });
        return traceOf({ ...header, source: `s${header.source}s` }, intervals);
      }),
  );
