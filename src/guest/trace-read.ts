/**
 * Reads a trace of any format that has an importer, from a stream or from bytes, in Node and in
 * a browser. What it is, its content says; the name decides only between texts that could be
 * either.
 */
import { PrecopyError } from "../base/errors.js";
import { EpochCsvImporter } from "./importers/epoch-csv.js";
import type { ImportedTrace, ImportOptions, TraceImporter } from "./importers/importer.js";
import { LackeyImporter } from "./importers/lackey.js";
import { NATIVE_MAGIC, NativeImporter } from "./importers/native.js";
import { Wsdt1Importer } from "./importers/wsdt1.js";
import { Wsdt2Importer } from "./importers/wsdt2.js";
import { gunzip } from "./trace-gzip.js";

export const TRACE_READ_FORMATS = ["native", "wsdt1", "wsdt2", "lackey", "csv"] as const;
export type TraceReadFormat = (typeof TRACE_READ_FORMATS)[number];

/** Importer options, and the format where it is not to be told from the content. */
export interface ReadTraceOptions extends ImportOptions {
  readonly format?: "auto" | TraceReadFormat;
}

export interface ReadTrace extends ImportedTrace {
  readonly format: TraceReadFormat;
}

/** What the content is looked at for: enough for a valgrind preamble. */
const HEAD_BYTES = 4096;

/**
 * Reads a trace, gzipped or not. Bad input is a {@link PrecopyError} `bad-trace` that names the
 * file and the line, or the offset in the decompressed bytes.
 */
export async function readTrace(
  chunks: AsyncIterable<Uint8Array> | Uint8Array,
  o: ReadTraceOptions,
): Promise<ReadTrace> {
  if (o.clock === "time" && o.instructionsPerSec !== undefined) {
    const problem = "an instruction rate has no meaning on recorded time: leave one of them out";
    throw new PrecopyError("bad-input", problem, { file: o.name });
  }
  const raw = new Headed(chunks instanceof Uint8Array ? once(chunks) : chunks);
  try {
    const start = await raw.head(2);
    if (start.length === 0) refuse(o.name, "is empty");
    const isGzip = start[0] === 0x1f && start[1] === 0x8b;
    const bytes = isGzip ? new Headed(gunzip(raw, o.name)) : raw;
    try {
      return await importFrom(bytes, o);
    } finally {
      await bytes.close();
    }
  } finally {
    await raw.close();
  }
}

async function importFrom(bytes: Headed, o: ReadTraceOptions): Promise<ReadTrace> {
  const head = await bytes.head(HEAD_BYTES);
  if (head.length === 0) refuse(o.name, "is a gzip file of nothing");
  const format =
    o.format === undefined || o.format === "auto" ? detectFormat(head, o.name) : o.format;
  const importer = importerOf(format, o);
  for await (const chunk of bytes) importer.push(chunk);
  return { ...importer.finish(), format };
}

function importerOf(format: TraceReadFormat, o: ImportOptions): TraceImporter {
  switch (format) {
    case "native":
      return new NativeImporter(o);
    case "wsdt1":
      return new Wsdt1Importer(o);
    case "wsdt2":
      return new Wsdt2Importer(o);
    case "lackey":
      return new LackeyImporter(o);
    case "csv":
      return new EpochCsvImporter(o);
  }
}

const LACKEY_LINE = /^(?:I {1,2}| [LSM] )[0-9a-fA-F]+,\d+\s*$/;
const VALGRIND_LINE = /^(?:==|--)\d+(?:==|--)/;
const CSV_LINE = /^(?:epoch,page,reads,writes|\d+,(?:0x)?[0-9a-fA-F]+,\d+,\d+)\s*$/;

/** Tells a format from the first bytes of a file (decompressed). */
export function detectFormat(head: Uint8Array, name: string): TraceReadFormat {
  let text = "";
  for (const byte of head.subarray(0, HEAD_BYTES)) text += String.fromCharCode(byte);
  if (text.startsWith(NATIVE_MAGIC)) return "native";
  if (text.startsWith("WSDT1")) return "wsdt1";
  if (text.startsWith("WSDT2")) return "wsdt2";
  let lackey = 0;
  let csv = 0;
  for (const line of text.split("\n")) {
    if (LACKEY_LINE.test(line) || VALGRIND_LINE.test(line)) lackey++;
    if (CSV_LINE.test(line)) csv++;
  }
  if (lackey !== csv) return lackey > csv ? "lackey" : "csv";
  if (/\.lackey(\.gz)?$/i.test(name)) return "lackey";
  if (/\.csv(\.gz)?$/i.test(name)) return "csv";
  const hex = [...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  refuse(
    name,
    `begins with ${hex}, which is no trace known here: ${TRACE_READ_FORMATS.join(", ")}, each also gzipped`,
  );
}

function refuse(file: string, problem: string): never {
  throw new PrecopyError("bad-trace", problem, { file });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** A stream of chunks whose beginning can be looked at first. */
class Headed implements AsyncIterable<Uint8Array> {
  private readonly input: AsyncIterator<Uint8Array>;
  private readonly seen: Uint8Array[] = [];
  private seenBytes = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.input = chunks[Symbol.asyncIterator]();
  }

  /** The first `count` bytes, fewer where the stream is shorter; none is taken. */
  async head(count: number): Promise<Uint8Array> {
    while (this.seenBytes < count) {
      const { done, value } = await this.input.next();
      if (done) break;
      this.seen.push(value);
      this.seenBytes += value.length;
    }
    const head = new Uint8Array(Math.min(count, this.seenBytes));
    let at = 0;
    for (const chunk of this.seen) {
      const part = chunk.subarray(0, head.length - at);
      head.set(part, at);
      at += part.length;
    }
    return head;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (this.seen.length > 0) yield this.seen.shift() as Uint8Array;
    for (;;) {
      const { done, value } = await this.input.next();
      if (done) return;
      yield value;
    }
  }

  /** Lets the source go: a file that was refused half-way is closed. */
  async close(): Promise<void> {
    await this.input.return?.();
  }
}
