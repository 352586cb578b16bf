/**
 * A recorded `xl migrate`, split into what was known before it started and what came of it.
 *
 * Known: `domain_type`, `domu.memory_mb`, `dirtier.mode|ws_pages|pages_per_s|hot_p|hot_frac` and
 * `bandwidth_cap_bytes_per_s`. Everything else is outcome, the duration of round 0 too, which gives
 * the rate that the row "measured" uses.
 */
import { PrecopyError } from "../base/errors.js";
import { RecordedFields } from "./recorded-fields.js";

export interface XenKnown {
  readonly id: string;
  readonly kind: "pv" | "pvh";
  readonly memoryPages: number;
  readonly mode: "seq" | "rand" | "hot";
  readonly writtenPages: number;
  readonly writesPerSec: number;
  /** With `hot`: share of the writes that goes into the first so many pages, and their share. */
  readonly hot?: { readonly writes: number; readonly pages: number };
  /** Infinity: no cap. */
  readonly capBytesPerSec: number;
}

export interface XenActual {
  readonly liveRounds: number;
  readonly stopReason: "dirty-count" | "max-iterations";
  /** Round after round, the last one that of stop-and-copy. */
  readonly pages: readonly number[];
  /** NaN if it is not told. */
  readonly firstRoundSec: number;
}

export interface XenRun {
  readonly known: XenKnown;
  readonly actual: XenActual;
}

export function isXenRun(line: Readonly<Record<string, unknown>>): boolean {
  return "domain_type" in line || ("dirtier" in line && "rounds" in line);
}

/** A tenth of the pages takes nine tenths of the writes where nothing else is told. */
export const HOT = { writes: 0.9, pages: 0.1 };
const NONE = Number.POSITIVE_INFINITY;

/** @throws PrecopyError naming the field, if the line is no such run. */
export function parseXenRun(line: Readonly<Record<string, unknown>>): XenRun {
  const run = RecordedFields.of(line);
  const id = run.text("id");
  if (id === undefined) throw run.error("id", "a name");
  if (run.has("success") && !run.flag("success")) {
    throw new PrecopyError("unsupported", "it failed: there is nothing to compare with");
  }
  const kind = run.text("domain_type");
  if (kind !== "pv" && kind !== "pvh") throw run.error("domain_type", "pv or pvh");
  const dirtier = run.object("dirtier");
  const memoryPages = run.object("domu").number("memory_mb", { least: 1, most: 2 ** 20 }) * 256;
  return {
    known: {
      id,
      kind,
      memoryPages,
      mode: dirtier.word("mode", ["rand", "seq", "hot"]),
      writtenPages: dirtier.number("ws_pages", { most: memoryPages }),
      writesPerSec: dirtier.number("pages_per_s"),
      hot: {
        writes: share(dirtier, "hot_p", HOT.writes),
        pages: share(dirtier, "hot_frac", HOT.pages),
      },
      capBytesPerSec: run.number("bandwidth_cap_bytes_per_s", { least: 1000, otherwise: NONE }),
    },
    actual: actual(run),
  };
}

/** A share, or per cent where it is above 1. */
function share(of: RecordedFields, name: string, otherwise: number): number {
  const value = of.number(name, { most: 100, otherwise });
  return value > 1 ? value / 100 : value;
}

function actual(run: RecordedFields): XenActual {
  const rounds = run.list("rounds").map((round, i) => {
    if (typeof round !== "object" || round === null) throw run.error("rounds", "a list of rounds");
    const fields = RecordedFields.of({ [`rounds[${i}]`]: round }).object(`rounds[${i}]`);
    const sec = fields.number("duration", { otherwise: Number.NaN });
    return { pages: fields.number("xen_dirty_count"), sec };
  });
  if (rounds.length < 2) throw run.error("rounds", "a list of two rounds and more");
  const reason = run.text("stop_reason");
  const known = reason === "max_iterations" || (reason ?? "").startsWith("dirty_count");
  if (!known) throw run.error("stop_reason", "max_iterations or dirty_count<50");
  return {
    liveRounds: run.number("live_rounds", { least: 1, otherwise: rounds.length - 1 }),
    stopReason: reason === "max_iterations" ? "max-iterations" : "dirty-count",
    pages: rounds.map(({ pages }) => pages),
    firstRoundSec: rounds[0]?.sec ?? Number.NaN,
  };
}
