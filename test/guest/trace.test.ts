import { describe, expect, it } from "vitest";
import { MAX_TRACE_PAGES, MAX_TRACE_SOURCE, TraceBuilder } from "../../src/guest/trace.js";
import { onInstructionClock } from "../../src/guest/trace-clock.js";
import { intervalsOf, traceOf } from "./trace-fixtures.js";

describe("Trace", () => {
  it("gives back the intervals that were appended", () => {
    const intervals = [
      { endNs: 10, written: [0, 15], read: [3], instructions: 7 },
      { endNs: 11, written: [], read: [], instructions: 7 },
      { endNs: 500, written: [4], read: [0, 1, 2], instructions: 9 },
    ];
    const trace = traceOf({}, intervals);
    expect(intervalsOf(trace)).toEqual(intervals);
    expect(trace).toMatchObject({
      intervals: 3,
      startNs: 0,
      durationNs: 500,
      hasInstructions: true,
    });
  });

  it("copies the page lists it is given", () => {
    const written = Uint32Array.of(1, 2);
    const trace = traceOf({}, [{ endNs: 1, written }]);
    written[0] = 9;
    expect([...trace.written(0)]).toEqual([1, 2]);
  });

  it("keeps its source on one line of bounded length", () => {
    const trace = traceOf({ source: `a\u001b[2J\nb${"x".repeat(1000)}` }, [
      { endNs: 1, written: [] },
    ]);
    expect(trace.source.startsWith("a [2J b")).toBe(true);
    expect(trace.source.length).toBe(MAX_TRACE_SOURCE);
  });

  it.each([
    ["time that stands still", { endNs: 10, written: [] }, /ends at 10 ns/],
    ["time that goes back", { endNs: 9, written: [] }, /ends at 9 ns/],
    ["time that is no integer", { endNs: 10.5, written: [] }, /ends at 10.5 ns/],
    ["a page outside the memory", { endNs: 11, written: [16] }, /page 16.*16 pages/],
    ["a negative page", { endNs: 11, written: [-1] }, /page -1/],
    ["pages out of order", { endNs: 11, written: [2, 1] }, /page 1 after 2/],
    ["a page twice", { endNs: 11, written: [2, 2] }, /page 2 after 2/],
    ["a page that is no integer", { endNs: 11, written: [0.5] }, /page 0.5/],
    ["reads where none are recorded", { endNs: 11, written: [], read: [1] }, /writes only/],
    ["instructions now and then", { endNs: 11, written: [], instructions: 5 }, /instructions/],
  ])("refuses %s", (_, second, message) => {
    const append = () =>
      traceOf({ hasReads: false, source: "f" }, [{ endNs: 10, written: [] }, second]);
    expect(append).toThrow(message);
    expect(append).toThrow(/^f: interval 1 /);
    expect(append).toThrow(expect.objectContaining({ code: "bad-trace" }));
  });

  it("refuses instructions that go back", () => {
    const intervals = [5, 4].map((instructions, i) => ({
      endNs: i + 1,
      written: [],
      instructions,
    }));
    expect(() => traceOf({}, intervals)).toThrow(/4 instructions, fewer than the 5/);
  });

  it.each([
    { pages: 0 },
    { pages: MAX_TRACE_PAGES + 1 },
    { pages: 1.5 },
    { pageSizeBytes: 4095 },
    { pageSizeBytes: 256 },
    { pageSizeBytes: 2 ** 31 },
  ])("refuses a header of %o", (wrong) => {
    const header = { pages: 1, pageSizeBytes: 4096, hasReads: false, clock: "time", source: "f" };
    expect(() => new TraceBuilder({ ...header, ...wrong } as never)).toThrow(
      expect.objectContaining({ code: "bad-trace" }),
    );
  });

  it("refuses to be without intervals", () => {
    expect(() => traceOf({}, [])).toThrow(/no interval/);
  });
});

describe("the instruction clock", () => {
  const recorded = traceOf({}, [
    { endNs: 100, written: [9], read: [], instructions: 0 },
    { endNs: 200, written: [1, 3], read: [1], instructions: 10 },
    { endNs: 300, written: [2, 3], read: [4], instructions: 10 },
    { endNs: 400, written: [5], read: [], instructions: 40 },
    { endNs: 500, written: [6], read: [], instructions: 40 },
  ]);

  it("joins what happened while it stood to the interval before, at the start to the next", () => {
    expect(intervalsOf(onInstructionClock(recorded))).toEqual([
      { endNs: 125, written: [1, 2, 3, 9], read: [1, 4], instructions: 10 },
      { endNs: 500, written: [5, 6], read: [], instructions: 40 },
    ]);
  });

  it("runs at the rate it is given", () => {
    // 10 and 40 instructions at 2 instructions a ns
    const trace = onInstructionClock(recorded, 2e9);
    expect([...trace.columns.endsNs]).toEqual([5, 20]);
    expect(trace.clock).toBe("instructions");
  });

  it("runs by a table of times, and refuses one that falls", () => {
    const times = new Map([
      [0, 0],
      [10, 7],
      [40, 1000.4],
    ]);
    const trace = onInstructionClock(recorded, (count) => times.get(count) as number);
    expect([...trace.columns.endsNs]).toEqual([7, 1000]);
    expect(() => onInstructionClock(recorded, (count) => 50 - count)).toThrow(
      /gives 40 ns at the end of interval 1, after 50 ns/,
    );
    expect(() => onInstructionClock(recorded, () => Number.NaN)).toThrow(/gives NaN ns/);
  });

  it("refuses rates and traces that give no clock", () => {
    expect(() => onInstructionClock(recorded, 0)).toThrow(/instruction rate is 0/);
    expect(() => onInstructionClock(recorded, Number.NaN)).toThrow(/instruction rate is NaN/);
    expect(() => onInstructionClock(recorded, 1e15)).toThrow(/lasts 0 ns/);
    const without = traceOf({}, [{ endNs: 1, written: [] }]);
    expect(() => onInstructionClock(without)).toThrow(/counts no instructions/);
  });
});
