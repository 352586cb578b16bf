/**
 * The instruction clock: replay time = instructions executed / a rate. A recorder that watches
 * every access slows a busy guest, 4 times for gzip under QEMU's TCG plugin; counted in
 * instructions the slowing drops out, and with the guest's native rate replay runs at native speed.
 *
 * The clock stands while a guest sleeps. For a guest that is paced by timers recorded time is the
 * better clock (`clock: "time"`): it kept up with the recorder anyway.
 */
import { PrecopyError } from "../base/errors.js";
import { type Nanoseconds, NS_PER_SEC } from "../base/units.js";
import { Trace } from "./trace.js";
import { PageList, unionAscending } from "./trace-pages.js";

/** Fastest clock taken: a million instructions a nanosecond is a mistake in units. */
const MAX_INSTRUCTIONS_PER_SEC = 1e15;

/** Replay time at which a number of instructions, counted from the start, was executed. */
export type InstructionTime = (instructions: number) => Nanoseconds;

/**
 * The trace on its instruction clock: at a rate in instructions a second (default: all instructions
 * over all recorded time, so that the duration stays), or by a function that never falls, such as
 * an interpolation of (time, instructions) pairs counted in a guest without the recorder. Ends are
 * rounded to whole ns. An interval in which the clock did not move is merged with the one before
 * it; those at the very start, with the first in which it did.
 */
export function onInstructionClock(trace: Trace, clock?: number | InstructionTime): Trace {
  const { instructions } = trace.columns;
  const total = instructions?.[trace.intervals - 1] ?? 0;
  if (instructions === undefined || total === 0) {
    const problem = "counts no instructions: replay it on recorded time (clock time)";
    throw new PrecopyError("bad-trace", problem, { file: trace.source });
  }
  const timeOf = typeof clock === "function" ? clock : atRate(trace, total, clock);
  const ends = instructions.map((count) => Math.round(timeOf(count)));
  let beforeNs = 0;
  for (const [i, endNs] of ends.entries()) {
    if (!(endNs >= beforeNs)) {
      const problem = `the clock gives ${endNs} ns at the end of interval ${i}, after ${beforeNs} ns`;
      throw new PrecopyError("bad-input", problem, { file: trace.source });
    }
    beforeNs = endNs;
  }
  if (beforeNs < 1 || !Number.isSafeInteger(beforeNs)) {
    const problem = `lasts ${beforeNs} ns on this instruction clock; it must be 1 to 2^53 - 1`;
    throw new PrecopyError("bad-input", problem, { file: trace.source });
  }
  return mergeStanding(trace, ends, instructions);
}

function atRate(trace: Trace, total: number, rate: number | undefined): InstructionTime {
  const perSec = rate ?? (total / trace.durationNs) * NS_PER_SEC;
  checkRate(perSec, trace.source);
  return (count) => (count / perSec) * NS_PER_SEC;
}

function checkRate(perSec: number, file: string): void {
  if (perSec > 0 && perSec <= MAX_INSTRUCTIONS_PER_SEC) return;
  const limits = `it must be over 0 and at most ${MAX_INSTRUCTIONS_PER_SEC}`;
  throw new PrecopyError("bad-input", `instruction rate is ${perSec} a second; ${limits}`, {
    file,
  });
}

/** Joins the intervals from one move of the clock up to the next. */
function mergeStanding(trace: Trace, ends: Float64Array, instructions: Float64Array): Trace {
  /** The last recorded interval of each merged one. */
  const lasts: number[] = [];
  for (let i = 0; i < ends.length; i++) {
    const isLast = i + 1 === ends.length || (ends[i + 1] as number) > (ends[i] as number);
    if (isLast && (ends[i] as number) > 0) lasts.push(i);
  }
  const { columns } = trace;
  const written = mergePages(columns.writtenPages, columns.writtenOffsets, lasts);
  const read = mergePages(columns.readPages, columns.readOffsets, lasts);
  return new Trace(
    {
      pageSizeBytes: trace.pageSizeBytes,
      pages: trace.pages,
      hasReads: trace.hasReads,
      clock: "instructions",
      source: trace.source,
    },
    {
      writtenPages: written.pages,
      writtenOffsets: written.offsets,
      readPages: read.pages,
      readOffsets: read.offsets,
      endsNs: Float64Array.from(lasts, (i) => ends[i] as number),
      instructions: Float64Array.from(lasts, (i) => instructions[i] as number),
    },
  );
}

function mergePages(
  pages: Uint32Array,
  offsets: Uint32Array,
  lasts: readonly number[],
): { pages: Uint32Array; offsets: Uint32Array } {
  if (lasts.length === offsets.length - 1) return { pages, offsets };
  const out = new PageList();
  const outOffsets = new Uint32Array(lasts.length + 1);
  let first = 0;
  for (const [k, last] of lasts.entries()) {
    let merged = pages.subarray(offsets[first], offsets[first + 1]);
    for (let i = first + 1; i <= last; i++) {
      const more = pages.subarray(offsets[i], offsets[i + 1]);
      if (more.length > 0) merged = union(merged, more);
    }
    out.pushAll(merged);
    outOffsets[k + 1] = out.length;
    first = last + 1;
  }
  return { pages: out.toArray(), offsets: outOffsets };
}

function union(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (a.length === 0) return b;
  const out = new PageList();
  unionAscending(a, b, out);
  return out.toArray();
}
