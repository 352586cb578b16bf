/** A file that tells what a guest writes: dirty rates of some tool, or a page trace. */
import { createReadStream, statSync } from "node:fs";
import { type DirtyRates, RATES_CHARS_MAX, readDirtyRates } from "../forecast/rates/index.js";
import type { Trace } from "../guest/trace.js";
import { fileError, findFile, readTextFile } from "./files.js";
import { importOptionsOf, loadTraceFile } from "./trace-files.js";

const LIMIT = { bytesMax: RATES_CHARS_MAX, whose: "the limit of a file of dirty rates: cut it" };
/** Enough to tell a trace from text. */
const HEAD_BYTES = 4096;

export interface GuestFileFlags {
  readonly guest?: string;
  readonly lenient?: boolean;
  readonly clock?: string;
  readonly instructionRate?: string;
}

/** Text tells dirty rates; recordings are binary (those that are text: `precopy trace convert`). */
export async function readGuestFile(
  given: string,
  flags: GuestFileFlags,
): Promise<DirtyRates | { readonly trace: Trace }> {
  const path = findFile(given);
  const head = await headOf(path);
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  if (isGzip || head.includes(0)) {
    const { trace } = await loadTraceFile(path, importOptionsOf(flags));
    return { trace };
  }
  const { guest, lenient = false } = flags;
  const text = await readTextFile(path, LIMIT);
  return readDirtyRates(text, { file: given, lenient, ...(guest !== undefined && { guest }) });
}

/** Of a pipe nothing: what is read of it is gone, and tools write text into it. */
async function headOf(path: string): Promise<Buffer> {
  try {
    if (!statSync(path).isFile()) return Buffer.alloc(0);
    for await (const chunk of createReadStream(path, { end: HEAD_BYTES - 1 })) {
      return chunk as Buffer;
    }
  } catch (error) {
    throw fileError(error, "read", path);
  }
  return Buffer.alloc(0);
}
