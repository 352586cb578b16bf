/**
 * What every importer of traces is: bytes are pushed in, in chunks of any size, and a trace comes
 * out at the end. An importer holds no more than its result and one unfinished record or line.
 */
import { PrecopyError } from "../../base/errors.js";
import type { Nanoseconds } from "../../base/units.js";
import type { Trace, TraceClock } from "../trace.js";

export interface TraceImporter {
  /** Takes the next bytes of the (decompressed) file; they may be reused after the call. */
  push(chunk: Uint8Array): void;
  /** The file has ended. */
  finish(): ImportedTrace;
}

export interface ImportedTrace {
  readonly trace: Trace;
  /** Lines left out by `onBadLine: "skip"`; 0 for binary formats. */
  readonly skipped: number;
}

/** How to read a trace. Each option concerns the formats that its comment names; others ignore it. */
export interface ImportOptions {
  /** Names the file in errors and becomes the trace's `source`. */
  readonly name: string;
  /** WSDT2, native: the replay clock. Default: instructions for WSDT2, as written for native. */
  readonly clock?: TraceClock;
  /** WSDT2, native: instructions a second; default: all instructions / all recorded time. */
  readonly instructionsPerSec?: number;
  /** Lackey, CSV: refuse a line that cannot be read (default), or count it and go on. */
  readonly onBadLine?: "refuse" | "skip";
  /** Lackey: accesses an interval, default 100,000. */
  readonly epochAccesses?: number;
  /** Lackey: accesses a second of replay time, default 100,000,000. */
  readonly accessesPerSec?: number;
  /** Lackey: count instruction fetches as reads; default false, data only. */
  readonly includeCode?: boolean;
  /** CSV: length of an epoch, default 1 ms. */
  readonly epochNs?: Nanoseconds;
  /** Lackey: bytes a page (default 4096, at least that). CSV: what its page numbers count in. */
  readonly pageSizeBytes?: number;
  /**
   * Lackey, CSV: `compact` (default) renumbers the pages that occur 0 .. n - 1 in order of address;
   * `keep` takes address / page size as it is, which must lie under the limit of pages.
   */
  readonly addresses?: "compact" | "keep";
  /** Lackey, CSV: pages of the memory, at least those that occur; default: just those. */
  readonly pages?: number;
}

/** Refuses the file at a byte offset (of the decompressed bytes). */
export function badBytes(file: string, offsetBytes: number, problem: string): never {
  throw new PrecopyError("bad-trace", problem, { file, offsetBytes });
}
