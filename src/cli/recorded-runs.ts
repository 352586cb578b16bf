/** Files of recorded migrations and what lies beside them, read for `precopy validate`. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { PrecopyError } from "../base/errors.js";
import { type GuestFacts, guestFacts } from "../forecast/guest-facts.js";
import {
  bootedGuest,
  describedGuest,
  type QemuGuest,
  recordedGuest,
} from "../forecast/qemu-guest.js";
import type { QemuRun } from "../forecast/qemu-run.js";
import type { Trace } from "../guest/trace.js";
import { readTextFile } from "./files.js";
import { loadTraceFile } from "./trace-files.js";

const RUNS_LIMIT = { bytesMax: 2 ** 27, whose: "the limit of a file of runs: split it" };

/** One line of a file of JSON lines that is not empty. */
export interface RunLine {
  /** From 1. */
  readonly line: number;
  /** Undefined: it is no JSON object. */
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

/** A line that is not compared, and why. */
export interface LeftOut {
  readonly line: number;
  readonly id: string | null;
  readonly why: string;
}

export function readLines(text: string): RunLine[] {
  return text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .map((words, i) => ({ line: i + 1, words: words.trim() }))
    .filter(({ words }) => words !== "")
    .map(({ line, words }) => ({ line, fields: objectOf(words) }));
}

function objectOf(words: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(words);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Goes through the runs of a file. A line that cannot be used ends it, named with its number, its
 * run and the field, or is left out where `lenient`. Runs without a result to compare with
 * (cancelled by hand, failed) are left out either way.
 */
export class RunLines {
  readonly leftOut: LeftOut[] = [];
  private readonly seen = new Map<string, number>();

  constructor(
    private readonly file: string,
    private readonly lenient: boolean,
  ) {}

  /** What `use` makes of each line. */
  async each<T>(
    lines: readonly RunLine[],
    use: (fields: Readonly<Record<string, unknown>>) => T[] | Promise<T[]>,
  ): Promise<T[]> {
    const all: T[] = [];
    for (const { line, fields } of lines) {
      try {
        if (fields === undefined) throw new PrecopyError("bad-input", "it is no JSON object");
        this.refuseTwice(line, fields.id);
        all.push(...(await use(fields)));
      } catch (error) {
        if (!(error instanceof PrecopyError)) throw error;
        this.leaveOut(line, fields?.id, error);
      }
    }
    if (all.length > 0) return all;
    const [first] = this.leftOut;
    const why = first === undefined ? "it has no lines" : `line ${first.line}: ${first.why}`;
    throw new PrecopyError("bad-input", `no run can be compared: ${why}`, { file: this.file });
  }

  private refuseTwice(line: number, id: unknown): void {
    if (typeof id !== "string") return;
    const first = this.seen.get(id);
    if (first !== undefined) {
      throw new PrecopyError("bad-input", `it is there twice: line ${first} has the same id`);
    }
    this.seen.set(id, line);
  }

  private leaveOut(line: number, id: unknown, error: PrecopyError): void {
    const name = typeof id === "string" ? id : null;
    if (this.lenient || error.code === "unsupported") {
      this.leftOut.push({ line, id: name, why: error.message });
      return;
    }
    const run = name === null ? "the run" : `run ${name}`;
    const what = `${run}: ${error.message}; mend or remove it, or leave it out with --lenient`;
    throw new PrecopyError(error.code, what, { file: this.file, line });
  }
}

/** Told below the tables, up to so many. */
const TOLD_MAX = 20;

export function leftOutLines(leftOut: readonly LeftOut[]): string[] {
  const lines = leftOut.slice(0, TOLD_MAX).map(({ line, id, why }) => {
    return `left out  line ${line}${id === null ? "" : `, ${id}`}: ${why}`;
  });
  const more = leftOut.length - TOLD_MAX;
  if (more > 0) lines.push(`left out  ${more} more: --json names all of them`);
  return lines;
}

export const readRuns = (path: string) => readTextFile(path, RUNS_LIMIT);

/** Makes the guests of runs; traces are kept, for runs of one workload share theirs. */
export class RunGuests {
  private readonly traces = new Map<string, Trace>();
  private facts: Promise<Map<string, GuestFacts>> | undefined;

  /** Where the runs lie, and where their traces do if not where the runs say. */
  constructor(
    private readonly runsPath: string,
    private readonly tracesFolder?: string,
  ) {}

  /** Whether a run has a trace that goes on through its migration. */
  static hasFuture({ known }: QemuRun): boolean {
    return known.traceFile !== undefined && !known.traceFile.includes(".wsdt2");
  }

  /** Whether a run tells its guest, by a description or a trace. */
  static knows({ known }: QemuRun): boolean {
    return known.dirtier !== undefined || known.traceFile !== undefined;
  }

  /** `oracle`: of a trace that goes on, what came after the start. */
  async guestOf(run: QemuRun, oracle = false): Promise<QemuGuest> {
    const { known, wallMs } = run;
    if (known.dirtier !== undefined) return describedGuest(known);
    if (known.traceFile === undefined || known.workload === undefined) {
      const what = "the field trace_file is missing, and its workload is not described either";
      throw new PrecopyError("bad-input", what);
    }
    const trace = await this.trace(known.traceFile);
    if (RunGuests.hasFuture(run)) {
      if (wallMs === undefined) {
        const what = "the field measured.wall_ms is missing: it tells where to cut the trace";
        throw new PrecopyError("bad-input", what);
      }
      const startNs = trace.durationNs - wallMs * 1e6;
      return bootedGuest(known, trace, { startNs, oracle });
    }
    this.facts ??= this.readFacts();
    const facts = (await this.facts).get(known.workload);
    if (facts === undefined) {
      const what = `traces.jsonl and content.jsonl beside it tell nothing of ${known.workload}`;
      throw new PrecopyError("bad-input", what);
    }
    return recordedGuest(known, trace, facts);
  }

  private async trace(name: string): Promise<Trace> {
    const folder = dirname(this.runsPath);
    const { tracesFolder } = this;
    const elsewhere = tracesFolder === undefined ? "" : join(tracesFolder, basename(name));
    const path = existsSync(elsewhere) ? elsewhere : join(folder, name);
    let trace = this.traces.get(path);
    if (trace === undefined) {
      trace = (await loadTraceFile(path, { clock: "time" })).trace;
      this.traces.set(path, trace);
    }
    return trace;
  }

  private async readFacts(): Promise<Map<string, GuestFacts>> {
    const lines = async (name: string) => {
      const path = join(dirname(this.runsPath), name);
      return readLines(await readTextFile(path, RUNS_LIMIT)).map(({ line, fields }) => {
        if (fields !== undefined) return fields;
        throw new PrecopyError("bad-input", "it is no JSON object", { file: path, line });
      });
    };
    const [traces, contents] = [await lines("traces.jsonl"), await lines("content.jsonl")];
    const facts = new Map<string, GuestFacts>();
    for (const trace of traces) {
      const content = contents.find(({ workload }) => workload === trace.workload);
      if (content !== undefined) facts.set(String(trace.workload), guestFacts(trace, content));
    }
    return facts;
  }
}
