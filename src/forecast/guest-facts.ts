/**
 * What lies beside a file of recorded runs and was measured without a migration: `traces.jsonl`
 * (how fast a workload runs natively) and `content.jsonl` (which pages of its start state are zero).
 */
import { PrecopyError } from "../base/errors.js";
import type { InstructionTime } from "../guest/trace-clock.js";

export interface GuestFacts {
  readonly workload: string;
  /** 1 for a page of zeros at the start state. */
  readonly zeros: Uint8Array;
  /** Of pages that change, the share that is zero afterwards. */
  readonly becameZeroShare: number;
  /** Mean bytes of an XBZRLE difference. */
  readonly deltaBytes: number;
  /** Natively, all measurements but those of runs named in `counted_runs`. */
  readonly instructionsPerSec: number;
  /** Native against recorded instructions a second. */
  readonly dilation: number;
  /** Bound by its CPU: replay by instructions. */
  readonly bound: boolean;
  /** Time of the native run at which so many instructions had been executed. */
  readonly timeOf: InstructionTime;
}

interface TraceLine {
  readonly workload: string;
  readonly recorded_minstr_per_s: number;
  readonly native_minstr_per_s: number;
  readonly native_minstr_per_s_uffd_run: number;
  readonly native_instr_series: { readonly rows: readonly (readonly [number, number])[] };
}

interface ContentLine {
  readonly workload: string;
  readonly zero_at_snapshot_runs_b64: string;
  readonly deltas: readonly {
    readonly changed_pages: number;
    readonly became_zero: number;
    readonly xbzrle_bytes_mean: number | null;
  }[];
}

/** Emulated guests that execute more than this are busy all the time (idle ones: 0.05 to 66). */
const BOUND_INSTRUCTIONS_PER_SEC = 80e6;
const PAGES_MAX = 2 ** 24;

/** @throws PrecopyError if the two lines do not fit together. */
export function guestFacts(trace: object, content: object): GuestFacts {
  const t = trace as TraceLine;
  const c = content as ContentLine;
  const series = t.native_instr_series?.rows;
  if (!Array.isArray(series) || typeof c.zero_at_snapshot_runs_b64 !== "string") {
    const what = `what is told of the workload ${t.workload} lacks native_instr_series or a zero map`;
    throw new PrecopyError("bad-input", what);
  }
  const instructionsPerSec = ((t.native_minstr_per_s + t.native_minstr_per_s_uffd_run) / 2) * 1e6;
  const sum = (of: (one: ContentLine["deltas"][number]) => number) =>
    c.deltas.reduce((total, one) => total + of(one), 0);
  const changed = Math.max(
    1,
    sum((one) => one.changed_pages),
  );
  return {
    workload: t.workload,
    zeros: zerosOf(c.zero_at_snapshot_runs_b64),
    becameZeroShare: sum((one) => one.became_zero) / changed,
    deltaBytes: sum((one) => (one.xbzrle_bytes_mean ?? 0) * one.changed_pages) / changed,
    instructionsPerSec,
    dilation: instructionsPerSec / (t.recorded_minstr_per_s * 1e6),
    bound: instructionsPerSec > BOUND_INSTRUCTIONS_PER_SEC,
    timeOf: timeOf(series, t.native_minstr_per_s * 1e6, instructionsPerSec),
  };
}

/** LEB128 run lengths: contents, zeros, contents, ... */
function zerosOf(base64: string): Uint8Array {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const runs: number[] = [];
  for (let i = 0, value = 0, scale = 1; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    value += (byte & 127) * scale;
    scale *= 128;
    if (byte < 128) {
      runs.push(value);
      [value, scale] = [0, 1];
    }
  }
  const pages = runs.reduce((total, run) => total + run, 0);
  if (pages > PAGES_MAX) throw new PrecopyError("limit", `a zero map has over ${PAGES_MAX} pages`);
  const zeros = new Uint8Array(pages);
  let at = 0;
  for (const [i, run] of runs.entries()) {
    if (i % 2 === 1) zeros.fill(1, at, at + run);
    at += run;
  }
  return zeros;
}

/** The series (ms, thousand instructions), stretched to the mean speed; straight on at its end. */
function timeOf(
  rows: readonly (readonly [number, number])[],
  seriesPerSec: number,
  meanPerSec: number,
): InstructionTime {
  const stretch = seriesPerSec / meanPerSec;
  const points: readonly (readonly [number, number])[] = [[0, 0], ...rows];
  const [lastMs, lastKilo] = points[points.length - 1] as readonly [number, number];
  return (instructions) => {
    const kilo = instructions / 1000;
    if (kilo >= lastKilo) {
      return (lastMs + ((kilo - lastKilo) * 1e6) / seriesPerSec) * stretch * 1e6;
    }
    let i = 1;
    while ((points[i] as readonly [number, number])[1] < kilo) i++;
    const [fromMs, from] = points[i - 1] as readonly [number, number];
    const [toMs, to] = points[i] as readonly [number, number];
    const ms = fromMs + ((toMs - fromMs) * (kilo - from)) / Math.max(1e-9, to - from);
    return ms * stretch * 1e6;
  };
}
