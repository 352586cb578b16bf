/**
 * A recorded trace: for each interval of a guest's run, the set of pages it wrote and, where the
 * recorder saw them, the set it read. This is what a dirty log (write protection, PML) and a
 * referenced-bit scan give a hypervisor, and the unit in which QEMU's and Xen's bitmaps are read.
 *
 * A trace lies flat in memory: one array of page numbers for all writes, one for all reads, and
 * for each an array of offsets, so that interval i owns `pages[offsets[i] .. offsets[i + 1])`.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import type { Nanoseconds, Pfn } from "../base/units.js";
import { PageList } from "./trace-pages.js";

/** Most pages of a traced memory: 64 GiB of 4 KiB pages. */
export const MAX_TRACE_PAGES = 2 ** 24;
/** Most intervals of a trace: a day of 20 ms intervals. */
export const MAX_TRACE_INTERVALS = 2 ** 22;
/** Most entries (a page in an interval) of the written, and again of the read sets: 1 GiB each. */
export const MAX_TRACE_ENTRIES = 2 ** 28;
/** Longest `source` text, in UTF-16 units; a longer one is cut. */
export const MAX_TRACE_SOURCE = 512;

/**
 * What the replay clock counts: `time` = the recorder's wall or virtual time; `instructions` =
 * instructions the guest executed, divided by a rate, which undoes the recorder's slowing.
 */
export type TraceClock = "time" | "instructions";

/** What a trace is of. */
export interface TraceHeader {
  /** Bytes a page, a power of two from 512 to 2^30. */
  readonly pageSizeBytes: number;
  /** Pages of the guest's memory, 1 .. {@link MAX_TRACE_PAGES}. */
  readonly pages: number;
  /** False when the recorder saw only writes: then every `read(i)` is empty. */
  readonly hasReads: boolean;
  readonly clock: TraceClock;
  /** What the trace was read or made from, for people. */
  readonly source: string;
}

/** The flat storage of a trace; arrays are never changed once a {@link Trace} holds them. */
export interface TraceColumns {
  /** Pages written, interval after interval, ascending within each. */
  readonly writtenPages: Uint32Array;
  /** intervals + 1 offsets into `writtenPages`. */
  readonly writtenOffsets: Uint32Array;
  readonly readPages: Uint32Array;
  /** intervals + 1 offsets into `readPages`. */
  readonly readOffsets: Uint32Array;
  /** End of each interval on the replay clock; integer ns, strictly increasing, the first > 0. */
  readonly endsNs: Float64Array;
  /** Instructions executed since the start, at the end of each interval, where recorded. */
  readonly instructions?: Float64Array;
}

/** One interval to append. Pages are strictly ascending. */
export interface TraceInterval {
  readonly endNs: Nanoseconds;
  readonly written: ArrayLike<Pfn>;
  /** Only where the header says `hasReads`; left out means none. */
  readonly read?: ArrayLike<Pfn>;
  /** Instructions since the start; all intervals have it, or none. */
  readonly instructions?: number;
}

/** An immutable trace in memory. Made by {@link TraceBuilder} or `readTrace`. */
export class Trace implements TraceHeader {
  readonly pageSizeBytes: number;
  readonly pages: number;
  readonly hasReads: boolean;
  readonly clock: TraceClock;
  readonly source: string;
  /** Number of intervals, at least 1. */
  readonly intervals: number;
  /** The replay clock starts here. */
  readonly startNs: Nanoseconds = 0;
  /** End of the last interval. */
  readonly durationNs: Nanoseconds;

  constructor(
    header: TraceHeader,
    /** The storage itself, for kernels that take it whole. Do not write into it. */
    readonly columns: TraceColumns,
  ) {
    this.pageSizeBytes = header.pageSizeBytes;
    this.pages = header.pages;
    this.hasReads = header.hasReads;
    this.clock = header.clock;
    this.source = clip(header.source);
    this.intervals = columns.endsNs.length;
    assert(this.intervals > 0, "a trace has an interval");
    assert(columns.writtenOffsets.length === this.intervals + 1, "written offsets fit the ends");
    assert(columns.readOffsets.length === this.intervals + 1, "read offsets fit the ends");
    this.durationNs = columns.endsNs[this.intervals - 1] as number;
  }

  /** A trace that lost its class on its way (structuredClone, postMessage) is one again. */
  static revive(trace: TraceHeader & { readonly columns: TraceColumns }): Trace {
    return trace instanceof Trace ? trace : new Trace(trace, trace.columns);
  }

  /** The same trace under another source; it shares the storage. */
  withSource(source: string): Trace {
    const { pageSizeBytes, pages, hasReads, clock } = this;
    return new Trace({ pageSizeBytes, pages, hasReads, clock, source }, this.columns);
  }

  /** True when instructions were counted beside time. */
  get hasInstructions(): boolean {
    return this.columns.instructions !== undefined;
  }

  /** End of interval `i` (from 0), integer ns on the replay clock. Its start is the end before. */
  endNs(i: number): Nanoseconds {
    assert(i >= 0 && i < this.intervals, `interval ${i} is one of ${this.intervals}`);
    return this.columns.endsNs[i] as number;
  }

  /** Instructions executed from the start to the end of interval `i`, if they were counted. */
  instructions(i: number): number | undefined {
    return this.columns.instructions?.[i];
  }

  /** Pages written in interval `i`, ascending, each once. A view: do not write into it. */
  written(i: number): Uint32Array {
    const { writtenPages, writtenOffsets } = this.columns;
    return writtenPages.subarray(writtenOffsets[i], writtenOffsets[i + 1]);
  }

  /** Pages read in interval `i`, ascending, each once; a page may be in both. A view. */
  read(i: number): Uint32Array {
    const { readPages, readOffsets } = this.columns;
    return readPages.subarray(readOffsets[i], readOffsets[i + 1]);
  }
}

/**
 * Builds a trace interval by interval and refuses, with a {@link PrecopyError} `bad-trace` that
 * names the source and the interval, what is not one: time that stands still or goes back, pages
 * outside the memory, unsorted or double pages, reads in a trace without reads, too much of it.
 */
export class TraceBuilder {
  private readonly written = new PageList();
  private readonly writtenOffsets: number[] = [0];
  private readonly read = new PageList();
  private readonly readOffsets: number[] = [0];
  private readonly endsNs: number[] = [];
  private readonly instructionCounts: number[] = [];

  constructor(private readonly header: TraceHeader) {
    checkTraceHeader(header);
  }

  /** Intervals appended so far. */
  get intervals(): number {
    return this.endsNs.length;
  }

  /** Adds the next interval; the page lists are copied. */
  append(interval: TraceInterval): void {
    this.checkTimes(interval);
    this.appendPages("written", interval.written, this.written);
    const read = interval.read ?? [];
    if (read.length > 0 && !this.header.hasReads) {
      this.refuse(`has ${read.length} pages read, but the trace is one of writes only`);
    }
    this.appendPages("read", read, this.read);
    this.endsNs.push(interval.endNs);
    if (interval.instructions !== undefined) this.instructionCounts.push(interval.instructions);
    this.writtenOffsets.push(this.written.length);
    this.readOffsets.push(this.read.length);
  }

  /** The trace. The builder is not used again. */
  finish(): Trace {
    if (this.endsNs.length === 0) {
      throw new PrecopyError("bad-trace", "holds no interval: a trace needs at least one", {
        file: this.header.source,
      });
    }
    const columns = {
      writtenPages: this.written.toArray(),
      writtenOffsets: Uint32Array.from(this.writtenOffsets),
      readPages: this.read.toArray(),
      readOffsets: Uint32Array.from(this.readOffsets),
      endsNs: Float64Array.from(this.endsNs),
    };
    return new Trace(
      this.header,
      this.instructionCounts.length === 0
        ? columns
        : { ...columns, instructions: Float64Array.from(this.instructionCounts) },
    );
  }

  private checkTimes({ endNs, instructions }: TraceInterval): void {
    const at = this.endsNs.length;
    if (at >= MAX_TRACE_INTERVALS) {
      this.refuse(`is one too many: a trace has at most ${MAX_TRACE_INTERVALS} intervals`);
    }
    const lastNs = this.endsNs[at - 1] ?? 0;
    if (!Number.isSafeInteger(endNs) || endNs <= lastNs) {
      this.refuse(
        `ends at ${endNs} ns; ends are integers and rise, and the one before is ${lastNs}`,
      );
    }
    const counts = instructions !== undefined;
    if (at > 0 && counts !== this.instructionCounts.length > 0) {
      this.refuse("must count instructions if the intervals before it do, and only then");
    }
    if (!counts) return;
    const last = this.instructionCounts[at - 1] ?? 0;
    if (!Number.isSafeInteger(instructions) || instructions < last) {
      this.refuse(`counts ${instructions} instructions, fewer than the ${last} before it`);
    }
  }

  private appendPages(what: string, pages: ArrayLike<number>, to: PageList): void {
    if (to.length + pages.length > MAX_TRACE_ENTRIES) {
      this.refuse(`brings the ${what} sets over the limit of ${MAX_TRACE_ENTRIES} entries`);
    }
    let last = -1;
    for (let i = 0; i < pages.length; i++) {
      const page = pages[i] as number;
      if (!(page > last) || !Number.isInteger(page)) {
        this.refuse(`lists ${what} page ${page} after ${last}; pages ascend, each once`);
      }
      last = page;
    }
    if (last >= this.header.pages) {
      this.refuse(`lists ${what} page ${last}; the memory has ${this.header.pages} pages`);
    }
    to.pushAll(pages);
  }

  private refuse(problem: string): never {
    throw new PrecopyError("bad-trace", `interval ${this.endsNs.length} ${problem}`, {
      file: this.header.source,
    });
  }
}

/** Refuses a header outside the limits, before anything is allocated for it. */
export function checkTraceHeader(header: TraceHeader): void {
  const { pageSizeBytes, pages } = header;
  const place = { file: header.source };
  const isPowerOfTwo =
    Number.isInteger(pageSizeBytes) && (pageSizeBytes & (pageSizeBytes - 1)) === 0;
  if (!isPowerOfTwo || pageSizeBytes < 512 || pageSizeBytes > 2 ** 30) {
    throw new PrecopyError(
      "bad-trace",
      `page size ${pageSizeBytes} is not a power of two from 512 to 2^30 bytes`,
      place,
    );
  }
  if (!Number.isInteger(pages) || pages < 1 || pages > MAX_TRACE_PAGES) {
    throw new PrecopyError(
      "bad-trace",
      `claims ${pages} pages; a traced memory has 1 to ${MAX_TRACE_PAGES}`,
      place,
    );
  }
}

/** One line of bounded length: a source may come from a file and is printed on terminals. */
function clip(source: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes
  const line = source.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return line.length <= MAX_TRACE_SOURCE ? line : `${line.slice(0, MAX_TRACE_SOURCE - 1)}…`;
}
