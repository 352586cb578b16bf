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

/** Every line of a file of JSON lines. */
export function parseLines(text: string, file: string): Record<string, unknown>[] {
  return text.split("\n").flatMap((line, i): Record<string, unknown>[] => {
    if (line.trim() === "") return [];
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === "object" && value !== null) return [value as Record<string, unknown>];
    } catch {
      // Told below, with its line.
    }
    throw new PrecopyError("bad-input", `line ${i + 1} is no JSON object`, { file });
  });
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

  /** `oracle`: of a trace that goes on, what came after the start. */
  async guestOf(run: QemuRun, oracle = false): Promise<QemuGuest> {
    const { known, wallMs } = run;
    if (known.dirtier !== undefined) return describedGuest(known);
    if (known.traceFile === undefined || known.workload === undefined) {
      const what = `run ${known.id} has neither a described workload nor a trace`;
      throw new PrecopyError("bad-input", what, { file: this.runsPath });
    }
    const trace = await this.trace(known.traceFile);
    if (RunGuests.hasFuture(run)) {
      const startNs = trace.durationNs - wallMs * 1e6;
      return bootedGuest(known, trace, { startNs, oracle });
    }
    this.facts ??= this.readFacts();
    const facts = (await this.facts).get(known.workload);
    if (facts === undefined) {
      const what = `traces.jsonl and content.jsonl beside it tell nothing of ${known.workload}`;
      throw new PrecopyError("bad-input", what, { file: this.runsPath });
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
      return parseLines(await readTextFile(path, RUNS_LIMIT), path);
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
