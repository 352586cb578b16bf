/**
 * Trace files for Node: loading as a stream, saving so that a file is there whole or not at all,
 * and the command-line options that say how to read a trace, the same for every command.
 */
import { createReadStream, unlinkSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import type { Command } from "commander";
import { PrecopyError } from "../base/errors.js";
import { parseDuration, parseSize } from "../base/units.js";
import type { Trace } from "../guest/trace.js";
import {
  type ReadTrace,
  type ReadTraceOptions,
  readTrace,
  TRACE_READ_FORMATS,
} from "../guest/trace-read.js";
import { type TraceWriteFormat, writeTrace } from "../guest/trace-write.js";
import { fileError } from "./files.js";

/** How to read a trace file; the path gives the name. */
export type LoadTraceOptions = Omit<ReadTraceOptions, "name">;

/** Reads a trace file. Errors name the path; the trace's source is the file's name alone. */
export async function loadTraceFile(path: string, o: LoadTraceOptions = {}): Promise<ReadTrace> {
  const read = await readTrace(fileChunks(path), { ...o, name: path });
  if (read.trace.source !== path) return read;
  return { ...read, trace: read.trace.withSource(basename(path)) };
}

/** Writes a trace file. It appears under its name when it is complete. Returns its bytes. */
export async function saveTraceFile(
  path: string,
  trace: Trace,
  o: { format?: TraceWriteFormat; gzip?: boolean } = {},
): Promise<number> {
  return writeWhole(path, writeTrace(trace, o));
}

const READ_BYTES = 1 << 18;

async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  const stream = createReadStream(path, { highWaterMark: READ_BYTES });
  try {
    yield* stream;
  } catch (error) {
    throw fileError(error, "read", path);
  } finally {
    stream.destroy();
  }
}

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Writes beside `path` and renames; an error or a signal leaves what was there before.
 * `keepOnInterrupt`: at Ctrl-C the chunks end early, and are kept.
 */
export async function writeWhole(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  o: { keepOnInterrupt?: boolean } = {},
): Promise<number> {
  const unfinished = `${path}.${process.pid}.unfinished`;
  const signals = STOP_SIGNALS.filter((one) => one !== "SIGINT" || o.keepOnInterrupt !== true);
  const onSignal = (signal: NodeJS.Signals) => {
    try {
      unlinkSync(unfinished);
    } catch {
      // It was renamed, or never made.
    }
    for (const each of signals) process.removeListener(each, onSignal);
    // Again, to whoever else listens, or to end the program.
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  let sizeBytes = 0;
  try {
    const file = await open(unfinished, "w");
    try {
      for await (const chunk of chunks) {
        await file.writeFile(chunk);
        sizeBytes += chunk.length;
      }
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
    return sizeBytes;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw fileError(error, "written", path);
  } finally {
    for (const signal of signals) process.removeListener(signal, onSignal);
  }
}

/** Adds the options that say how to read a trace; {@link importOptionsOf} reads them. */
export function addImportOptions(command: Command): Command {
  return command
    .option("--input-format <name>", `auto, ${TRACE_READ_FORMATS.join(", ")}`, "auto")
    .option("--clock <clock>", "time or instructions (WSDT2: instructions; native: as written)")
    .option("--instruction-rate <n>", "instructions a second of the replay, as in 1.28G")
    .option("--epoch-accesses <n>", "lackey: accesses an interval (100k)")
    .option("--access-rate <n>", "lackey: accesses a second of the replay (100M)")
    .option("--code", "lackey: count instruction fetches as reads")
    .option("--epoch-duration <time>", "CSV: length of an epoch (1ms)")
    .option("--page-size <size>", "lackey, CSV: bytes a page (4KiB)")
    .option("--keep-addresses", "lackey, CSV: do not renumber the pages that occur from 0")
    .option("--input-pages <n>", "lackey, CSV: pages of the memory (those that occur)")
    .option("--skip-bad-lines", "lackey, CSV: leave unreadable lines out and count them");
}

/** What commander makes of {@link addImportOptions}. */
export interface ImportFlags {
  readonly inputFormat?: string;
  readonly clock?: string;
  readonly instructionRate?: string;
  readonly epochAccesses?: string;
  readonly accessRate?: string;
  readonly code?: boolean;
  readonly epochDuration?: string;
  readonly pageSize?: string;
  readonly keepAddresses?: boolean;
  readonly inputPages?: string;
  readonly skipBadLines?: boolean;
}

export function importOptionsOf(flags: ImportFlags): LoadTraceOptions {
  const format = oneOf("--input-format", flags.inputFormat, ["auto", ...TRACE_READ_FORMATS]);
  const clock = oneOf("--clock", flags.clock, ["time", "instructions"]);
  const rate = parseCount("--instruction-rate", flags.instructionRate);
  const epochAccesses = parseWhole("--epoch-accesses", flags.epochAccesses);
  const accessesPerSec = parseCount("--access-rate", flags.accessRate);
  const pages = parseWhole("--input-pages", flags.inputPages);
  return {
    ...(format !== undefined && { format }),
    ...(clock !== undefined && { clock }),
    ...(rate !== undefined && { instructionsPerSec: rate }),
    ...(epochAccesses !== undefined && { epochAccesses }),
    ...(accessesPerSec !== undefined && { accessesPerSec }),
    ...(flags.code && { includeCode: true }),
    ...(flags.epochDuration !== undefined && { epochNs: parseDuration(flags.epochDuration) }),
    ...(flags.pageSize !== undefined && { pageSizeBytes: parseSize(flags.pageSize) }),
    ...(flags.keepAddresses && { addresses: "keep" as const }),
    ...(pages !== undefined && { pages }),
    ...(flags.skipBadLines && { onBadLine: "skip" as const }),
  };
}

/** Checks a flag's value against the names it may have. */
export function oneOf<T extends string>(
  flag: string,
  value: string | undefined,
  names: readonly T[],
): T | undefined {
  if (value === undefined || (names as readonly string[]).includes(value)) {
    return value as T | undefined;
  }
  throw new PrecopyError("bad-input", `${flag} is "${value}"; it is one of ${names.join(", ")}`);
}

const MULTIPLES = new Map([
  ["", 1],
  ["k", 1e3],
  ["M", 1e6],
  ["G", 1e9],
]);

/** "1.28G" → 1280000000; over 0. */
export function parseCount(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^([0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?)([kMG]?)$/.exec(text.trim());
  const value = match ? Number(match[1]) * (MULTIPLES.get(match[2] as string) as number) : 0;
  if (value > 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new PrecopyError(
    "bad-input",
    `${flag} is "${text}"; it is a number over 0, as in 250000, 250k or 1.28G`,
  );
}

/** As {@link parseCount}, and a whole number. */
export function parseWhole(flag: string, text: string | undefined): number | undefined {
  const value = parseCount(flag, text);
  if (value === undefined || Number.isInteger(value)) return value;
  throw new PrecopyError("bad-input", `${flag} is "${text}"; it is a whole number`);
}
