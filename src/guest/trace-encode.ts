/**
 * Encoders of traces, each the inverse of the importer of its name: native PCT1
 * (`docs/TRACES.md`), the `epoch,page,reads,writes` CSV, and WSDT1. They yield chunks, so that a
 * trace is never in memory twice.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { NS_PER_US } from "../base/units.js";
import { crc32 } from "./importers/crc32.js";
import {
  FLAG_INSTRUCTION_CLOCK,
  FLAG_INSTRUCTIONS,
  FLAG_READS,
  NATIVE_HEADER_BYTES,
  NATIVE_MAGIC,
  NATIVE_VERSION,
} from "./importers/native.js";
import type { Trace, TraceHeader, TraceInterval } from "./trace.js";

const WSDT1_HEADER_BYTES = 24;
const WSDT1_INTERVAL_BYTES = 24;
const MAX_U32 = 0xffff_ffff;

/** PCT1: keeps all that a {@link Trace} holds. */
export function* encodeNative(trace: Trace): Generator<Uint8Array> {
  const encoder = new NativeEncoder(trace);
  yield encoder.header();
  for (let i = 0; i < trace.intervals; i++) {
    const instructions = trace.instructions(i);
    yield encoder.interval({
      endNs: trace.endNs(i),
      written: trace.written(i),
      read: trace.read(i),
      ...(instructions !== undefined && { instructions }),
    });
  }
  yield encoder.end();
}

/** What a native file says of its trace before the first interval. */
export interface NativeHeader extends TraceHeader {
  readonly hasInstructions: boolean;
}

/**
 * PCT1 an interval at a time, for a trace that is still being recorded: the header, the intervals in
 * order, the end, each as bytes to append to the file. Checks nothing that `TraceBuilder` checks.
 */
export class NativeEncoder {
  private readonly out = new ByteWriter();
  private crc = 0;
  private intervals = 0;
  private lastNs = 0;
  private lastInstructions = 0;

  constructor(private readonly of: NativeHeader) {}

  header(): Uint8Array {
    const { out, of } = this;
    const description = new TextEncoder().encode(JSON.stringify({ source: of.source }));
    out.clear();
    for (const char of NATIVE_MAGIC) out.u8(char.charCodeAt(0));
    out.u8(NATIVE_VERSION);
    out.u8(
      (of.hasReads ? FLAG_READS : 0) |
        (of.hasInstructions ? FLAG_INSTRUCTIONS : 0) |
        (of.clock === "instructions" ? FLAG_INSTRUCTION_CLOCK : 0),
    );
    out.u8(0);
    out.u8(0);
    out.u32(of.pageSizeBytes);
    out.u32(of.pages);
    out.u32(description.length);
    assert(out.length === NATIVE_HEADER_BYTES, "the native header has its documented length");
    out.bytes(description);
    return this.taken();
  }

  interval({ endNs, written, read = [], instructions }: TraceInterval): Uint8Array {
    const { out, of } = this;
    assert(of.hasInstructions === (instructions !== undefined), "the header tells what is counted");
    out.clear();
    out.u32(0); // patched below with the record's length
    out.leb128(endNs - this.lastNs);
    this.lastNs = endNs;
    if (instructions !== undefined) {
      out.leb128(instructions - this.lastInstructions);
      this.lastInstructions = instructions;
    }
    writeSet(written, out);
    if (of.hasReads) writeSet(read, out);
    out.patchU32(0, out.length - 4);
    this.intervals += 1;
    return this.taken();
  }

  end(): Uint8Array {
    const { out } = this;
    out.clear();
    out.u32(0);
    out.u32(this.intervals);
    out.u32(crc32(out.toBytes(), this.crc));
    return out.toBytes();
  }

  private taken(): Uint8Array {
    const bytes = this.out.toBytes();
    this.crc = crc32(bytes, this.crc);
    return bytes;
  }
}

/** Number of runs, then for each the clean pages before it and its length. */
function writeSet(pages: ArrayLike<number>, out: ByteWriter): void {
  let runs = 0;
  forEachRun(pages, () => runs++);
  out.leb128(runs);
  let next = 0;
  forEachRun(pages, (from, length) => {
    out.leb128(from - next);
    out.leb128(length);
    next = from + length;
  });
}

/** CSV: 1 for accessed, 0 for not; times, instructions and untouched pages are lost. */
export function* encodeEpochCsv(trace: Trace): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  yield encoder.encode("epoch,page,reads,writes\n");
  let empty = 0;
  for (let i = 0; i < trace.intervals; i++) {
    const rows: string[] = [];
    const written = trace.written(i);
    const read = trace.read(i);
    let w = 0;
    let r = 0;
    while (w < written.length || r < read.length) {
      const page = Math.min(written[w] ?? MAX_U32, read[r] ?? MAX_U32);
      const isRead = read[r] === page ? 1 : 0;
      const isWritten = written[w] === page ? 1 : 0;
      r += isRead;
      w += isWritten;
      rows.push(`${i},${page.toString(16)},${isRead},${isWritten}\n`);
    }
    empty = rows.length === 0 ? empty + 1 : 0;
    if (rows.length > 0) yield encoder.encode(rows.join(""));
  }
  // Without it the file would end before its last, idle epochs do.
  if (empty > 0) yield encoder.encode(`${trace.intervals - 1},${idlePage(trace)},0,0\n`);
}

/** A page that occurs, so that a row of zeros adds none. */
function idlePage(trace: Trace): string {
  const { writtenPages, readPages } = trace.columns;
  return (writtenPages[0] ?? readPages[0] ?? 0).toString(16);
}

/** WSDT1: writes only; reads and instructions are lost. The start moves by under 1 µs. */
export function* encodeWsdt1(trace: Trace): Generator<Uint8Array> {
  const out = new ByteWriter();
  for (const char of "WSDT1\0\0\0") out.u8(char.charCodeAt(0));
  out.u32(trace.pageSizeBytes);
  out.u32(trace.pages);
  const intervalUs = Math.max(1, Math.round(trace.endNs(0) / NS_PER_US));
  if (intervalUs > MAX_U32) {
    const problem = `the first interval lasts ${intervalUs} µs; WSDT1 can say at most ${MAX_U32}`;
    throw new PrecopyError("unsupported", `${problem}: write it as native`, { file: trace.source });
  }
  out.u32(intervalUs);
  out.u32(0);
  assert(out.length === WSDT1_HEADER_BYTES, "the WSDT1 header has its documented length");
  yield out.toBytes();
  for (let i = 0; i < trace.intervals; i++) {
    const written = trace.written(i);
    out.clear();
    out.u64(trace.endNs(i));
    out.u32(0);
    out.u32(written.length);
    out.u32(0);
    out.u32(0); // patched below with the payload's length
    let next = 0;
    forEachRun(written, (from, length) => {
      out.leb128(from - next);
      out.leb128(length);
      next = from + length;
    });
    if (next < trace.pages) out.leb128(trace.pages - next);
    out.patchU32(WSDT1_INTERVAL_BYTES - 4, out.length - WSDT1_INTERVAL_BYTES);
    yield out.toBytes();
  }
}

function forEachRun(pages: ArrayLike<number>, run: (from: number, length: number) => void): void {
  let at = 0;
  while (at < pages.length) {
    const from = pages[at] as number;
    let length = 1;
    while (pages[at + length] === from + length) length++;
    run(from, length);
    at += length;
  }
}

/** Little-endian bytes, growing. */
class ByteWriter {
  private buffer = new Uint8Array(1024);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  u8(value: number): void {
    if (this.length === this.buffer.length) this.grow(1);
    this.buffer[this.length++] = value;
  }

  u32(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.u8((value >>> shift) & 0xff);
  }

  u64(value: number): void {
    this.u32(value % 0x1_0000_0000);
    this.u32(Math.floor(value / 0x1_0000_0000));
  }

  leb128(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.u8(rest);
  }

  bytes(values: Uint8Array): void {
    if (this.length + values.length > this.buffer.length) this.grow(values.length);
    this.buffer.set(values, this.length);
    this.length += values.length;
  }

  patchU32(at: number, value: number): void {
    const end = this.length;
    this.length = at;
    this.u32(value);
    this.length = end;
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(2 * this.buffer.length + needed);
    larger.set(this.buffer.subarray(0, this.length));
    this.buffer = larger;
  }
}
