/**
 * Importer of WSDT2: referenced and modified page sets of running QEMU guests, taken by a TCG
 * plugin on every load, store and fetch, with the guest's instruction count
 * (`examples/traces/README.md`).
 *
 * Little endian. Header: "WSDT2\0\0\0", u32 page_size, u32 npages, u32 interval_us, u32 flags (1 =
 * has reads, 2 = reads include instruction fetches). Then to the end of the file, an interval each:
 * u64 t_ns (end, since the start), u64 instructions since the start, u32 n_read, u32 n_written,
 * u32 bytes_r, payload_r, u32 bytes_w, payload_w (run-lengths.ts).
 */
import { checkTraceHeader, type Trace, TraceBuilder } from "../trace.js";
import { onInstructionClock } from "../trace-clock.js";
import { PageList } from "../trace-pages.js";
import {
  badBytes,
  type ImportedTrace,
  type ImportOptions,
  type TraceImporter,
} from "./importer.js";
import { RecordBuffer, u32At, u64At } from "./record-buffer.js";
import { decodeRuns, maxPayloadBytes } from "./run-lengths.js";
import { readWsdtHeader } from "./wsdt1.js";

const HEADER_BYTES = 24;
/** t_ns, instructions, n_read, n_written, bytes_r. */
const HEAD_BYTES = 28;
const FLAG_READS = 1;
const FLAG_FETCHES = 2;
const MAGIC = "WSDT2";

export class Wsdt2Importer implements TraceImporter {
  private readonly buffer = new RecordBuffer();
  private readonly written = new PageList();
  private readonly read = new PageList();
  private builder: TraceBuilder | undefined;
  private pages = 0;
  private hasReads = false;
  private lastNs = 0;
  private lastInstructions = 0;

  constructor(private readonly options: ImportOptions) {}

  push(chunk: Uint8Array): void {
    this.buffer.push(chunk);
    if (this.builder === undefined && !this.readHeader()) return;
    while (this.readInterval());
  }

  finish(): ImportedTrace {
    const { buffer, options } = this;
    if (this.builder === undefined || buffer.available > 0) {
      const what = this.builder === undefined ? "header" : `interval ${this.builder.intervals}`;
      badBytes(
        options.name,
        buffer.offset,
        `the file ends ${buffer.available} bytes into the ${MAGIC} ${what}; it was cut off, or has bytes too many`,
      );
    }
    return { trace: this.onClock(this.builder.finish()), skipped: 0 };
  }

  private onClock(recorded: Trace): Trace {
    const { clock = "instructions", instructionsPerSec } = this.options;
    if (clock === "time") return recorded;
    return onInstructionClock(recorded, instructionsPerSec);
  }

  private readHeader(): boolean {
    if (this.buffer.available < HEADER_BYTES) return false;
    const source = this.options.name;
    const read = readWsdtHeader(this.buffer.peek(HEADER_BYTES), { magic: MAGIC, source });
    if (read.flags > FLAG_READS + FLAG_FETCHES) {
      badBytes(
        source,
        20,
        `flags ${read.flags} are not known; WSDT2 has 1 (reads) and 2 (fetches)`,
      );
    }
    this.hasReads = (read.flags & FLAG_READS) !== 0;
    const header = { ...read.header, hasReads: this.hasReads };
    checkTraceHeader(header);
    this.pages = header.pages;
    this.builder = new TraceBuilder(header);
    this.buffer.skip(HEADER_BYTES);
    return true;
  }

  /** Reads one interval if all of it has arrived. */
  private readInterval(): boolean {
    const { buffer, builder } = this;
    if (builder === undefined || buffer.available < HEAD_BYTES) return false;
    const readBytes = this.payloadBytes(HEAD_BYTES - 4);
    const writtenAt = HEAD_BYTES + readBytes + 4;
    if (buffer.available < writtenAt) return false;
    const writtenBytes = this.payloadBytes(writtenAt - 4);
    const recordBytes = writtenAt + writtenBytes;
    if (buffer.available < recordBytes) return false;

    const record = buffer.peek(recordBytes);
    const { endNs, instructions } = this.times(record);
    const setRead = u32At(record, 16);
    const setWritten = u32At(record, 20);
    this.decode("read", { from: HEAD_BYTES, to: HEAD_BYTES + readBytes }, setRead, this.read);
    this.decode("written", { from: writtenAt, to: recordBytes }, setWritten, this.written);
    builder.append({
      endNs,
      instructions,
      written: this.written.view(),
      read: this.read.view(),
    });
    buffer.skip(recordBytes);
    return true;
  }

  private payloadBytes(at: number): number {
    const bytes = u32At(this.buffer.peek(at + 4), at);
    const limit = maxPayloadBytes(this.pages);
    if (bytes > limit) {
      const problem = `the payload claims ${bytes} bytes; at most ${limit} fit ${this.pages} pages`;
      badBytes(this.options.name, this.buffer.offset + at, problem);
    }
    return bytes;
  }

  private decode(
    what: "read" | "written",
    where: { from: number; to: number },
    setPages: number,
    out: PageList,
  ): void {
    const { name: file } = this.options;
    out.clear();
    const bytes = this.buffer.peek(where.to).subarray(where.from);
    // A recorder without reads may leave their payload out altogether.
    if (bytes.length === 0 && setPages === 0 && what === "read" && !this.hasReads) return;
    const offsetBytes = this.buffer.offset + where.from;
    decodeRuns(bytes, { file, offsetBytes, what, pages: this.pages, setPages }, out);
    if (what === "read" && !this.hasReads && setPages > 0) {
      badBytes(
        file,
        offsetBytes,
        `${setPages} pages are read, but the header's flags say no reads`,
      );
    }
  }

  private times(record: Uint8Array): { endNs: number; instructions: number } {
    const { name: file } = this.options;
    const { offset } = this.buffer;
    const endNs = Number(u64At(record, 0));
    const instructions = Number(u64At(record, 8));
    if (endNs <= this.lastNs || !Number.isSafeInteger(endNs)) {
      const before = `${this.lastNs} ns, the end of the interval before it, and under 2^53`;
      badBytes(
        file,
        offset,
        `the interval ends at ${u64At(record, 0)} ns; it must be after ${before}`,
      );
    }
    if (instructions < this.lastInstructions || !Number.isSafeInteger(instructions)) {
      const before = `${this.lastInstructions} were counted before it (limit 2^53 - 1)`;
      badBytes(file, offset + 8, `the interval counts ${u64At(record, 8)} instructions; ${before}`);
    }
    this.lastNs = endNs;
    this.lastInstructions = instructions;
    return { endNs, instructions };
  }
}
