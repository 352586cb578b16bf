/**
 * Importer of WSDT1: write traces of QEMU guests, exact writes by userfaultfd write protection,
 * 50 ms intervals from process start to the end of a migration (`examples/traces/README.md`).
 *
 * Little endian. Header: "WSDT1\0\0\0", u32 page_size, u32 npages, u32 interval_us, u32 0. Then to
 * the end of the file, an interval each: u64 t_ns (wall clock, end), u32 scan_us, u32 ndirty,
 * u32 unused, u32 payload_bytes, payload (run-lengths.ts).
 */
import { NS_PER_US } from "../../base/units.js";
import { checkTraceHeader, TraceBuilder, type TraceHeader } from "../trace.js";
import { PageList } from "../trace-pages.js";
import {
  badBytes,
  type ImportedTrace,
  type ImportOptions,
  type TraceImporter,
} from "./importer.js";
import { RecordBuffer, u32At, u64At } from "./record-buffer.js";
import { decodeRuns, maxPayloadBytes } from "./run-lengths.js";

const HEADER_BYTES = 24;
const INTERVAL_BYTES = 24;
const MAGIC = "WSDT1";

export class Wsdt1Importer implements TraceImporter {
  private readonly buffer = new RecordBuffer();
  private readonly written = new PageList();
  private builder: TraceBuilder | undefined;
  private pages = 0;
  /** Wall-clock time of the start: the first interval's end less its nominal length. */
  private startNs = 0n;
  private nominalNs = 0;
  private lastNs = 0;

  constructor(private readonly options: ImportOptions) {}

  push(chunk: Uint8Array): void {
    this.buffer.push(chunk);
    if (this.builder === undefined && !this.readHeader()) return;
    while (this.readInterval());
  }

  finish(): ImportedTrace {
    const { buffer } = this;
    if (this.builder === undefined || buffer.available > 0) {
      const what = this.builder === undefined ? "header" : `interval ${this.builder.intervals}`;
      badBytes(
        this.options.name,
        buffer.offset,
        `the file ends ${buffer.available} bytes into the ${MAGIC} ${what}; it was cut off, or has bytes too many`,
      );
    }
    return { trace: this.builder.finish(), skipped: 0 };
  }

  private readHeader(): boolean {
    if (this.buffer.available < HEADER_BYTES) return false;
    const { header, intervalUs } = readWsdtHeader(this.buffer.peek(HEADER_BYTES), {
      magic: MAGIC,
      source: this.options.name,
    });
    if (intervalUs === 0) badBytes(this.options.name, 16, "the interval is 0 µs long");
    this.nominalNs = intervalUs * NS_PER_US;
    this.pages = header.pages;
    this.builder = new TraceBuilder(header);
    this.buffer.skip(HEADER_BYTES);
    return true;
  }

  private readInterval(): boolean {
    const { buffer, builder, pages } = this;
    const file = this.options.name;
    if (builder === undefined || buffer.available < INTERVAL_BYTES) return false;
    const offsetBytes = buffer.offset;
    const head = buffer.peek(INTERVAL_BYTES);
    const payloadBytes = u32At(head, 20);
    if (payloadBytes > maxPayloadBytes(pages)) {
      const limit = `at most ${maxPayloadBytes(pages)} fit ${pages} pages`;
      badBytes(file, offsetBytes + 20, `the payload claims ${payloadBytes} bytes; ${limit}`);
    }
    if (buffer.available < INTERVAL_BYTES + payloadBytes) return false;

    const setPages = u32At(head, 12);
    const endNs = this.endOf(u64At(head, 0), offsetBytes);
    const payload = buffer.peek(INTERVAL_BYTES + payloadBytes).subarray(INTERVAL_BYTES);
    this.written.clear();
    decodeRuns(
      payload,
      { file, offsetBytes: offsetBytes + INTERVAL_BYTES, what: "dirty", pages, setPages },
      this.written,
    );
    builder.append({ endNs, written: this.written.view() });
    buffer.skip(INTERVAL_BYTES + payloadBytes);
    return true;
  }

  private endOf(wallNs: bigint, offsetBytes: number): number {
    if (this.builder?.intervals === 0) this.startNs = wallNs - BigInt(this.nominalNs);
    const endNs = Number(wallNs - this.startNs);
    if (endNs <= this.lastNs || !Number.isSafeInteger(endNs)) {
      const before = `${this.lastNs} ns, the end of the interval before it`;
      badBytes(
        this.options.name,
        offsetBytes,
        `the interval ends at ${wallNs - this.startNs} ns; it must be after ${before}`,
      );
    }
    this.lastNs = endNs;
    return endNs;
  }
}

/** Reads the 24 bytes that WSDT1 and WSDT2 begin with. Refuses before anything is allocated. */
export function readWsdtHeader(
  bytes: Uint8Array,
  o: { magic: string; source: string },
): { header: TraceHeader; intervalUs: number; flags: number } {
  const magic = String.fromCharCode(...bytes.subarray(0, 8));
  if (magic !== `${o.magic}\0\0\0`) {
    badBytes(o.source, 0, `does not begin with ${o.magic} and three zero bytes`);
  }
  const header: TraceHeader = {
    pageSizeBytes: u32At(bytes, 8),
    pages: u32At(bytes, 12),
    hasReads: false,
    clock: "time",
    source: o.source,
  };
  checkTraceHeader(header);
  return { header, intervalUs: u32At(bytes, 16), flags: u32At(bytes, 20) };
}
