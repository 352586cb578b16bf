/**
 * Importer of PCT1, the native format: every kind of trace in one form, whose end says that
 * nothing is missing. `docs/TRACES.md` documents it byte by byte; `../trace-encode.ts` writes it.
 */
import { PrecopyError } from "../../base/errors.js";
import { checkTraceHeader, Trace, TraceBuilder } from "../trace.js";
import { onInstructionClock } from "../trace-clock.js";
import { PageList } from "../trace-pages.js";
import { crc32 } from "./crc32.js";
import {
  badBytes,
  type ImportedTrace,
  type ImportOptions,
  type TraceImporter,
} from "./importer.js";
import { RecordBuffer, u32At } from "./record-buffer.js";

export const NATIVE_MAGIC = "PCT1";
export const NATIVE_VERSION = 1;
export const NATIVE_HEADER_BYTES = 20;
export const FLAG_READS = 1;
export const FLAG_INSTRUCTIONS = 2;
export const FLAG_INSTRUCTION_CLOCK = 4;
/** Longest description block. */
export const MAX_DESCRIPTION_BYTES = 65_536;
/** The end record: u32 0, u32 intervals, u32 CRC-32. */
const END_BYTES = 12;

export class NativeImporter implements TraceImporter {
  private readonly buffer = new RecordBuffer();
  private readonly written = new PageList();
  private readonly read = new PageList();
  private builder: TraceBuilder | undefined;
  private source: string;
  private pages = 0;
  private flags = 0;
  private crc = 0;
  private lastNs = 0;
  private lastInstructions = 0;
  private ended = false;

  constructor(private readonly options: ImportOptions) {
    this.source = options.name;
  }

  push(chunk: Uint8Array): void {
    this.buffer.push(chunk);
    if (this.builder === undefined && !this.readHeader()) return;
    while (!this.ended && this.readRecord());
    if (this.ended && this.buffer.available > 0) {
      this.refuse(0, "bytes follow the end of the trace");
    }
  }

  finish(): ImportedTrace {
    if (this.builder === undefined || !this.ended) {
      const what = this.builder === undefined ? "header" : `interval ${this.builder.intervals}`;
      this.refuse(0, `the file ends in the ${what}; it was cut off`);
    }
    const built = this.builder.finish();
    const clock = (this.flags & FLAG_INSTRUCTION_CLOCK) === 0 ? "time" : "instructions";
    const trace = new Trace({ ...headerOf(built), clock, source: this.source }, built.columns);
    return { trace: this.onClock(trace), skipped: 0 };
  }

  private onClock(trace: Trace): Trace {
    const { instructionsPerSec, clock, name: file } = this.options;
    if (clock === "time" && trace.clock === "instructions") {
      const problem = "was written on its instruction clock; recorded time is no longer in it";
      throw new PrecopyError("bad-trace", problem, { file });
    }
    const asked = instructionsPerSec === undefined ? clock : "instructions";
    if (asked !== "instructions") return trace;
    if (trace.clock === "instructions" && instructionsPerSec === undefined) return trace;
    return onInstructionClock(trace, instructionsPerSec);
  }

  private readHeader(): boolean {
    const { buffer } = this;
    if (buffer.available < NATIVE_HEADER_BYTES) return false;
    const head = buffer.peek(NATIVE_HEADER_BYTES);
    if (String.fromCharCode(...head.subarray(0, 4)) !== NATIVE_MAGIC) {
      this.refuse(0, `does not begin with ${NATIVE_MAGIC}`);
    }
    if (head[4] !== NATIVE_VERSION) {
      this.refuse(4, `version ${head[4]} is not known; this program reads ${NATIVE_VERSION}`);
    }
    const flags = head[5] as number;
    if (flags > 7 || head[6] !== 0 || head[7] !== 0) this.refuse(5, "unknown flags are set");
    const header = {
      pageSizeBytes: u32At(head, 8),
      pages: u32At(head, 12),
      hasReads: (flags & FLAG_READS) !== 0,
      clock: "time" as const,
      source: this.options.name,
    };
    checkTraceHeader(header);
    const descriptionBytes = u32At(head, 16);
    if (descriptionBytes > MAX_DESCRIPTION_BYTES) {
      const limit = `the limit is ${MAX_DESCRIPTION_BYTES}`;
      this.refuse(16, `the description claims ${descriptionBytes} bytes; ${limit}`);
    }
    if (buffer.available < NATIVE_HEADER_BYTES + descriptionBytes) return false;
    const all = buffer.peek(NATIVE_HEADER_BYTES + descriptionBytes);
    this.source = this.describe(all.subarray(NATIVE_HEADER_BYTES));
    this.flags = flags;
    this.pages = header.pages;
    this.builder = new TraceBuilder(header);
    this.take(all);
    return true;
  }

  /** The source named by the description block, or the file's name. */
  private describe(bytes: Uint8Array): string {
    let description: unknown;
    try {
      description = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      this.refuse(NATIVE_HEADER_BYTES, "the description is not JSON in UTF-8");
    }
    if (typeof description !== "object" || description === null || Array.isArray(description)) {
      this.refuse(NATIVE_HEADER_BYTES, "the description is not a JSON object");
    }
    const source = (description as { source?: unknown }).source;
    return typeof source === "string" && source !== "" ? source : this.options.name;
  }

  /** Reads one interval, or the end, if all of it has arrived. */
  private readRecord(): boolean {
    const { buffer, builder, pages } = this;
    if (builder === undefined || buffer.available < 4) return false;
    const recordBytes = u32At(buffer.peek(4), 0);
    if (recordBytes === 0) return this.readEnd(builder);
    const limit = maxRecordBytes(pages);
    if (recordBytes > limit) {
      this.refuse(
        0,
        `the interval claims ${recordBytes} bytes; at most ${limit} fit ${pages} pages`,
      );
    }
    if (buffer.available < 4 + recordBytes) return false;

    const record = buffer.peek(4 + recordBytes);
    const cursor: Cursor = { bytes: record, at: 4 };
    const lengthNs = this.number(cursor, "interval length");
    const hasInstructions = (this.flags & FLAG_INSTRUCTIONS) !== 0;
    const executed = hasInstructions ? this.number(cursor, "instruction count") : 0;
    this.lastNs += lengthNs;
    this.lastInstructions += executed;
    this.pageSet(cursor, "written", this.written);
    if ((this.flags & FLAG_READS) !== 0) this.pageSet(cursor, "read", this.read);
    if (cursor.at !== record.length) this.refuse(cursor.at, "bytes follow the interval's sets");
    const interval = {
      endNs: this.lastNs,
      written: this.written.view(),
      read: this.read.view(),
    };
    builder.append(
      hasInstructions ? { ...interval, instructions: this.lastInstructions } : interval,
    );
    this.take(record);
    return true;
  }

  private readEnd(builder: TraceBuilder): boolean {
    const { buffer } = this;
    if (buffer.available < END_BYTES) return false;
    const end = buffer.peek(END_BYTES);
    const intervals = u32At(end, 4);
    if (intervals !== builder.intervals) {
      this.refuse(4, `the end counts ${intervals} intervals; the file has ${builder.intervals}`);
    }
    const crc = crc32(end.subarray(0, END_BYTES - 4), this.crc);
    if (crc !== u32At(end, END_BYTES - 4)) {
      this.refuse(8, "the checksum does not fit: the file was damaged");
    }
    buffer.skip(END_BYTES);
    this.ended = true;
    return true;
  }

  /** A set: number of runs, then for each the clean pages before it and its length. */
  private pageSet(cursor: Cursor, what: string, out: PageList): void {
    out.clear();
    const runs = this.number(cursor, `number of ${what} runs`);
    let page = 0;
    for (let k = 0; k < runs; k++) {
      const at = cursor.at;
      const gap = this.number(cursor, `${what} gap`);
      const length = this.number(cursor, `${what} run length`);
      if (length === 0 || (gap === 0 && k > 0)) this.refuse(at, `a ${what} run or gap is empty`);
      page += gap;
      if (page + length > this.pages) {
        const limit = `the memory has ${this.pages} pages`;
        this.refuse(at, `${what} runs reach page ${page + length - 1}; ${limit}`);
      }
      out.pushRun(page, length);
      page += length;
    }
  }

  /** An LEB128 number under 2^53. */
  private number(cursor: Cursor, what: string): number {
    const { bytes } = cursor;
    const start = cursor.at;
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[cursor.at++];
      if (byte === undefined) this.refuse(start, `the ${what} is cut off by the interval's end`);
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (value > Number.MAX_SAFE_INTEGER || cursor.at - start > 8) {
        this.refuse(start, `the ${what} is over 2^53 - 1`);
      }
      if (byte < 0x80) return value;
    }
  }

  /** Counts `bytes`, which stand at the front of the buffer, into the checksum and drops them. */
  private take(bytes: Uint8Array): void {
    this.crc = crc32(bytes, this.crc);
    this.buffer.skip(bytes.length);
  }

  private refuse(at: number, problem: string): never {
    badBytes(this.options.name, this.buffer.offset + at, problem);
  }
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** Two times and two sets; a run takes two bytes a page at most. */
function maxRecordBytes(pages: number): number {
  return 4 * pages + 64;
}

function headerOf(trace: Trace) {
  const { pageSizeBytes, pages, hasReads } = trace;
  return { pageSizeBytes, pages, hasReads };
}
