/**
 * `precopy trace`: look at a recorded trace, cut it, tile it over a larger memory, and convert it.
 */
import { Command } from "commander";
import { PrecopyError } from "../../base/errors.js";
import { formatBytes, formatDuration, parseDuration, parseSize } from "../../base/units.js";
import type { Trace } from "../../guest/trace.js";
import { cutTrace, tileTrace } from "../../guest/trace-edit.js";
import { traceStats } from "../../guest/trace-stats.js";
import { lostBy, TRACE_WRITE_FORMATS, type TraceWriteFormat } from "../../guest/trace-write.js";
import {
  addImportOptions,
  type ImportFlags,
  importOptionsOf,
  loadTraceFile,
  oneOf,
  parseWhole,
  saveTraceFile,
} from "../trace-files.js";
import { infoText } from "../trace-info.js";

/** Flags of the commands that write a trace. */
interface OutputFlags extends ImportFlags {
  readonly output: string;
  readonly format?: string;
  readonly gzip?: boolean;
}

export function traceCommand(): Command {
  const trace = new Command("trace").description("inspect, cut, tile and convert page traces");
  addImportOptions(trace.command("info").argument("<file>", "a trace, gzipped or not"))
    .description("what a trace holds: memory, time, page sets, unique-dirty curve")
    .option("--json", "print JSON instead of text")
    .action(info);
  addOutputOptions(trace.command("cut").argument("<file>"))
    .description("keep the intervals between two instants")
    .option("--from <time>", "start, as in 2s (default: the beginning)")
    .option("--to <time>", "end (default: the end)")
    .action(cut);
  addOutputOptions(trace.command("tile").argument("<file>"))
    .description("lay copies side by side in a larger memory")
    .option("--pages <n>", "pages of the new memory")
    .option("--memory <size>", "or its size, as in 4GiB")
    .option("--copies <n>", "copies (default: as many as fit)")
    .option("--shift <time>", "run each copy this much later than the one before it, in a circle")
    .option("--seed <n>", "run each copy late by a random time drawn from this seed")
    .action(tile);
  addOutputOptions(trace.command("convert").argument("<file>"))
    .description("write a trace in another format")
    .action(convert);
  return trace;
}

function addOutputOptions(command: Command): Command {
  const formats = TRACE_WRITE_FORMATS.join(", ");
  return addImportOptions(
    command
      .requiredOption("-o, --output <file>", "file to write")
      .option("--format <name>", `${formats} (default: by the output's ending, else native)`)
      .option("--gzip", "compress (default: if the output's name ends in .gz)"),
  );
}

async function info(file: string, flags: ImportFlags & { json?: boolean }): Promise<void> {
  const { trace, skipped, format } = await loadTraceFile(file, importOptionsOf(flags));
  const stats = traceStats(trace);
  if (!flags.json) {
    process.stdout.write(infoText({ file, trace, skipped, format, stats }));
    return;
  }
  const { source, pageSizeBytes, pages, hasReads, hasInstructions, clock } = trace;
  const head = { file, format, source, skippedLines: skipped };
  const shape = { pageSizeBytes, pages, hasReads, hasInstructions, clock };
  process.stdout.write(`${JSON.stringify({ ...head, ...shape, ...stats }, null, 2)}\n`);
}

async function cut(
  file: string,
  flags: OutputFlags & { from?: string; to?: string },
): Promise<void> {
  const range = {
    ...(flags.from !== undefined && { fromNs: parseDuration(flags.from) }),
    ...(flags.to !== undefined && { toNs: parseDuration(flags.to) }),
  };
  await rewrite(file, flags, (trace) => cutTrace(trace, range));
}

async function tile(
  file: string,
  flags: OutputFlags & {
    pages?: string;
    memory?: string;
    copies?: string;
    shift?: string;
    seed?: string;
  },
): Promise<void> {
  if ((flags.pages === undefined) === (flags.memory === undefined)) {
    const problem = "how large is the new memory? give either --pages N or --memory SIZE";
    throw new PrecopyError("bad-input", problem);
  }
  const pages = parseWhole("--pages", flags.pages);
  const memoryBytes = flags.memory === undefined ? 0 : parseSize(flags.memory);
  const copies = parseWhole("--copies", flags.copies);
  const options = {
    ...(copies !== undefined && { copies }),
    ...(flags.shift !== undefined && { shiftNs: parseDuration(flags.shift) }),
    ...(flags.seed !== undefined && { seed: parseSeed(flags.seed) }),
  };
  await rewrite(file, flags, (trace) =>
    tileTrace(trace, { ...options, pages: pages ?? Math.floor(memoryBytes / trace.pageSizeBytes) }),
  );
}

async function convert(file: string, flags: OutputFlags): Promise<void> {
  await rewrite(file, flags, (trace) => trace);
}

/** Reads, changes, writes; says what was written, and on stderr what did not fit the format. */
async function rewrite(
  file: string,
  flags: OutputFlags,
  change: (trace: Trace) => Trace,
): Promise<void> {
  const format = outputFormat(flags);
  const gzip = flags.gzip ?? flags.output.endsWith(".gz");
  const read = await loadTraceFile(file, importOptionsOf(flags));
  const trace = change(read.trace);
  const sizeBytes = await saveTraceFile(flags.output, trace, { format, gzip });
  if (read.skipped > 0) process.stderr.write(`${read.skipped} lines of ${file} were skipped\n`);
  const lost = lostBy(trace, format);
  if (lost.length > 0) process.stderr.write(`${format} cannot hold: ${lost.join(", ")}\n`);
  const length = `${trace.intervals} intervals, ${formatDuration(trace.durationNs)}`;
  const memory = formatBytes(trace.pages * trace.pageSizeBytes);
  process.stdout.write(
    `${flags.output}: ${format}, ${length} of ${memory}, ${formatBytes(sizeBytes)} in the file\n`,
  );
}

function outputFormat(flags: OutputFlags): TraceWriteFormat {
  const named = oneOf("--format", flags.format, TRACE_WRITE_FORMATS);
  if (named !== undefined) return named;
  const plain = flags.output.replace(/\.gz$/, "");
  if (plain.endsWith(".csv")) return "csv";
  return /\.wsdt1?$/.test(plain) ? "wsdt1" : "native";
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(seed)) return seed;
  throw new PrecopyError("bad-input", `--seed is "${text}"; it is a whole number under 2^53`);
}
