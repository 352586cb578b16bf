/** Writes a trace in one of the formats that hold one, as a stream of chunks. */

import type { Trace } from "./trace.js";
import { encodeEpochCsv, encodeNative, encodeWsdt1 } from "./trace-encode.js";
import { gzip } from "./trace-gzip.js";

/** Formats that can be written. Only `native` keeps everything; see {@link lostBy}. */
export const TRACE_WRITE_FORMATS = ["native", "csv", "wsdt1"] as const;
export type TraceWriteFormat = (typeof TRACE_WRITE_FORMATS)[number];

const ENCODERS = { native: encodeNative, csv: encodeEpochCsv, wsdt1: encodeWsdt1 };

/** The bytes of `trace` in `format` (default native), gzipped where asked. */
export async function* writeTrace(
  trace: Trace,
  o: { format?: TraceWriteFormat; gzip?: boolean } = {},
): AsyncGenerator<Uint8Array> {
  const chunks = gather(ENCODERS[o.format ?? "native"](trace));
  yield* o.gzip ? gzip(chunks) : chunks;
}

/** What writing `trace` in `format` leaves out, in words; empty when nothing. */
export function lostBy(trace: Trace, format: TraceWriteFormat): string[] {
  const lost: string[] = [];
  if (format === "native") return lost;
  if (format === "csv") lost.push("interval times", "the size of the memory", "untouched pages");
  if (format === "wsdt1" && trace.hasReads) lost.push("reads");
  if (trace.hasInstructions) lost.push("instruction counts");
  return lost;
}

const GATHER_BYTES = 1 << 16;

/** Joins small chunks: a write for each interval would cost more than the interval. */
async function* gather(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(GATHER_BYTES);
  let length = 0;
  for (const chunk of chunks) {
    if (length + chunk.length > GATHER_BYTES) {
      if (length > 0) yield buffer.slice(0, length);
      length = 0;
    }
    if (chunk.length >= GATHER_BYTES) {
      yield chunk;
    } else {
      buffer.set(chunk, length);
      length += chunk.length;
    }
  }
  if (length > 0) yield buffer.slice(0, length);
}
