/**
 * A recorded `xl migrate`, split into what was known before it started and what came of it.
 *
 * Known: `domain_type`, `domu.memory_mb`, `dirtier.mode|ws_pages|pages_per_s|hot_p|hot_frac` and
 * `bandwidth_cap_bytes_per_s`. Everything else is outcome, the duration of round 0 too, which gives
 * the rate that the row "measured" uses.
 */
import { PrecopyError } from "../base/errors.js";

export interface XenKnown {
  readonly id: string;
  readonly kind: "pv" | "pvh";
  readonly memoryPages: number;
  readonly mode: "seq" | "rand" | "hot";
  readonly writtenPages: number;
  readonly writesPerSec: number;
  /** Infinity: no cap. */
  readonly capBytesPerSec: number;
}

export interface XenActual {
  readonly liveRounds: number;
  readonly stopReason: "dirty-count" | "max-iterations";
  /** Round after round, the last one that of stop-and-copy. */
  readonly pages: readonly number[];
  readonly firstRoundSec: number;
}

interface XenLine {
  readonly id: string;
  readonly domain_type: string;
  readonly domu: { readonly memory_mb: number };
  readonly dirtier: {
    readonly mode: string;
    readonly ws_pages: number;
    readonly pages_per_s: number;
  };
  readonly bandwidth_cap_bytes_per_s: number | null;
  readonly live_rounds: number;
  readonly stop_reason: string;
  readonly rounds: readonly { readonly xen_dirty_count: number; readonly duration: number }[];
}

export function isXenRun(line: Readonly<Record<string, unknown>>): boolean {
  return typeof line.domain_type === "string" && Array.isArray(line.rounds);
}

/** @throws PrecopyError if a field is missing. */
export function parseXenRun(line: object): {
  readonly known: XenKnown;
  readonly actual: XenActual;
} {
  const run = line as XenLine;
  const { domu, dirtier, rounds } = run;
  const numbers = [domu?.memory_mb, dirtier?.ws_pages, dirtier?.pages_per_s, run.live_rounds];
  if (!numbers.every(Number.isFinite) || !(rounds?.length > 1)) {
    const fields = "domu.memory_mb, dirtier.ws_pages, dirtier.pages_per_s, live_rounds, rounds";
    throw new PrecopyError("bad-input", `run ${run.id} lacks one of ${fields}`);
  }
  const { mode } = dirtier;
  return {
    known: {
      id: run.id,
      kind: run.domain_type === "pv" ? "pv" : "pvh",
      memoryPages: domu.memory_mb * 256,
      mode: mode === "seq" || mode === "hot" ? mode : "rand",
      writtenPages: dirtier.ws_pages,
      writesPerSec: dirtier.pages_per_s,
      capBytesPerSec: run.bandwidth_cap_bytes_per_s ?? Number.POSITIVE_INFINITY,
    },
    actual: {
      liveRounds: run.live_rounds,
      stopReason: run.stop_reason === "max_iterations" ? "max-iterations" : "dirty-count",
      pages: rounds.map(({ xen_dirty_count: pages }) => pages),
      firstRoundSec: (rounds[0] as XenLine["rounds"][number]).duration,
    },
  };
}
