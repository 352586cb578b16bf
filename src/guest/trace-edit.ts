/**
 * Cuts a stretch out of a trace, and tiles one over a larger memory: a recording of one small
 * guest becomes a large guest that runs many such programs. Both leave the given trace as it is.
 */
import { PrecopyError } from "../base/errors.js";
import { Random } from "../base/random.js";
import { formatDuration, type Nanoseconds } from "../base/units.js";
import { MAX_TRACE_PAGES, Trace, TraceBuilder } from "./trace.js";
import { PageList, unionAscending } from "./trace-pages.js";

/**
 * The intervals that lie wholly between two instants of the replay clock (default: its start and
 * end). The first begins at 0 of the new trace, and instructions count from there.
 */
export function cutTrace(
  trace: Trace,
  { fromNs = 0, toNs = trace.durationNs }: { fromNs?: Nanoseconds; toNs?: Nanoseconds },
): Trace {
  const { endsNs, instructions } = trace.columns;
  let first = 0;
  while (first < trace.intervals && startOf(trace, first) < fromNs) first++;
  let end = first;
  while (end < trace.intervals && trace.endNs(end) <= toNs) end++;
  if (end === first) {
    const asked = `no interval lies between ${formatDuration(fromNs)} and ${formatDuration(toNs)}`;
    const has = `the trace has ${trace.intervals} up to ${formatDuration(trace.durationNs)}`;
    throw new PrecopyError("bad-input", `${asked}; ${has}`, { file: trace.source });
  }
  const baseNs = startOf(trace, first);
  const written = sliceSets(trace.columns.writtenPages, trace.columns.writtenOffsets, first, end);
  const read = sliceSets(trace.columns.readPages, trace.columns.readOffsets, first, end);
  const columns = {
    writtenPages: written.pages,
    writtenOffsets: written.offsets,
    readPages: read.pages,
    readOffsets: read.offsets,
    endsNs: endsNs.slice(first, end).map((ns) => ns - baseNs),
  };
  const { pageSizeBytes, pages, hasReads, clock } = trace;
  const source = `${trace.source}, ${formatDuration(baseNs)} to ${formatDuration(trace.endNs(end - 1))}`;
  const header = { pageSizeBytes, pages, hasReads, clock, source };
  if (instructions === undefined) return new Trace(header, columns);
  const base = first === 0 ? 0 : (instructions[first - 1] as number);
  const counted = instructions.slice(first, end).map((count) => count - base);
  return new Trace(header, { ...columns, instructions: counted });
}

function startOf(trace: Trace, i: number): Nanoseconds {
  return i === 0 ? trace.startNs : trace.endNs(i - 1);
}

function sliceSets(
  pages: Uint32Array,
  offsets: Uint32Array,
  first: number,
  end: number,
): { pages: Uint32Array; offsets: Uint32Array } {
  const from = offsets[first] as number;
  return {
    pages: pages.slice(from, offsets[end]),
    offsets: offsets.slice(first, end + 1).map((offset) => offset - from),
  };
}

export interface TileOptions {
  /** Pages of the new memory. */
  readonly pages: number;
  /** Copies, one behind the other from page 0; default: as many as fit. */
  readonly copies?: number;
  /** Copy k runs k times this late, and what runs over the end comes first. */
  readonly shiftNs?: Nanoseconds;
  /** Instead of a shift: each copy but the first runs late by a time of its own, from this seed. */
  readonly seed?: number;
}

/**
 * Copies of a trace side by side in a larger memory, each turned in time, if asked, so that their
 * bursts do not coincide. Intervals stay those of the given trace: a turned copy's interval goes to
 * the one in which it ends, so times move by less than an interval. Instructions are dropped:
 * copies turned against each other have no common count.
 */
export function tileTrace(trace: Trace, o: TileOptions): Trace {
  const fit = Math.floor(o.pages / trace.pages);
  const copies = o.copies ?? fit;
  checkTile(trace, o, { copies, fit });
  const turns = turnsOf(trace, o, copies);
  const builder = new TraceBuilder({
    pageSizeBytes: trace.pageSizeBytes,
    pages: o.pages,
    hasReads: trace.hasReads,
    clock: trace.clock,
    source: `${trace.source}, ${copies} copies`,
  });
  const written = new PageList();
  const read = new PageList();
  for (let i = 0; i < trace.intervals; i++) {
    written.clear();
    read.clear();
    for (const [copy, turn] of turns.entries()) {
      const { first, count } = turn.take(trace.endNs(i));
      const offset = copy * trace.pages;
      appendSets((k) => trace.written((first + k) % trace.intervals), count, offset, written);
      appendSets((k) => trace.read((first + k) % trace.intervals), count, offset, read);
    }
    builder.append({ endNs: trace.endNs(i), written: written.view(), read: read.view() });
  }
  return builder.finish();
}

function checkTile(trace: Trace, o: TileOptions, n: { copies: number; fit: number }): void {
  const refuse = (problem: string): never => {
    throw new PrecopyError("bad-input", problem, { file: trace.source });
  };
  if (!Number.isInteger(o.pages) || o.pages > MAX_TRACE_PAGES) {
    refuse(`a memory of ${o.pages} pages was asked for; the limit is ${MAX_TRACE_PAGES}`);
  }
  if (!Number.isInteger(n.copies) || n.copies < 1 || n.copies > n.fit) {
    const copies = `${n.copies} ${n.copies === 1 ? "copy" : "copies"} of ${trace.pages} pages`;
    refuse(`${copies} cannot be laid in ${o.pages} pages; there is room for ${n.fit}`);
  }
  if (o.shiftNs !== undefined && o.seed !== undefined) {
    refuse("a shift and a seed were both given: the seed draws the shifts, so leave one out");
  }
  if (o.shiftNs !== undefined && (!Number.isSafeInteger(o.shiftNs) || o.shiftNs < 0)) {
    refuse(`the shift is ${o.shiftNs} ns; it must be an integer, 0 or more`);
  }
}

function turnsOf(trace: Trace, o: TileOptions, copies: number): Turn[] {
  const random = o.seed === undefined ? undefined : new Random(o.seed);
  const stepNs = (o.shiftNs ?? 0) % trace.durationNs;
  const turns: Turn[] = [];
  let lateNs = 0;
  for (let copy = 0; copy < copies; copy++) {
    if (copy > 0) {
      lateNs = random
        ? Math.floor(random.unit() * trace.durationNs)
        : (lateNs + stepNs) % trace.durationNs;
    }
    turns.push(new Turn(trace, lateNs));
  }
  return turns;
}

/** Walks the intervals of a copy that runs `lateNs` late, in the order of their new ends. */
class Turn {
  private readonly first: number;
  private taken = 0;

  constructor(
    private readonly trace: Trace,
    private readonly lateNs: number,
  ) {
    // The first interval to end is the first whose end runs over the end of the trace.
    let first = 0;
    while (first < trace.intervals && trace.endNs(first) + lateNs <= trace.durationNs) first++;
    this.first = first % trace.intervals;
  }

  /** The intervals that now end at `untilNs` or before it and were not taken yet. */
  take(untilNs: number): { first: number; count: number } {
    const { trace, taken } = this;
    let count = 0;
    while (taken + count < trace.intervals && this.newEnd(taken + count) <= untilNs) count++;
    this.taken += count;
    return { first: (this.first + taken) % trace.intervals, count };
  }

  private newEnd(k: number): number {
    const i = (this.first + k) % this.trace.intervals;
    const endNs = this.trace.endNs(i) + this.lateNs;
    return endNs > this.trace.durationNs ? endNs - this.trace.durationNs : endNs;
  }
}

/** Appends the union of `count` sets, moved up by `offset` pages. */
function appendSets(
  setAt: (k: number) => Uint32Array,
  count: number,
  offset: number,
  out: PageList,
): void {
  if (count === 0) return;
  let pages = setAt(0);
  for (let k = 1; k < count; k++) {
    const union = new PageList();
    unionAscending(pages, setAt(k), union);
    pages = union.toArray();
  }
  for (let i = 0; i < pages.length; i++) out.push((pages[i] as number) + offset);
}
