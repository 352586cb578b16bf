/**
 * Replays a recorded trace: the accesses of an interval are spread over it in a seeded order,
 * since a recording tells which pages were touched in an interval and not in which order.
 */
import { PrecopyError } from "../base/errors.js";
import { mix32 } from "../base/random.js";
import { formatDuration } from "../base/units.js";
import { type GuestPages, type Kernels, type PageBitmap, TracePlayer } from "../kernels/index.js";
import { type GuestActivity, partBounds } from "./guest-activity.js";
import type { Trace } from "./trace.js";

/** What happens when the guest outlives its trace. */
export type TraceEnd = "fail" | "loop" | "hold";

export interface ReplaySpec {
  readonly trace: Trace;
  /** Instant of the trace at which the guest's time starts. */
  readonly startNs: number;
  readonly end: TraceEnd;
}

/** One interval with its accesses in replay order, in a player's memory. */
interface Loaded {
  readonly player: TracePlayer;
  /** Interval, counted on through loops. */
  at: number;
}

export class ReplayActivity implements GuestActivity {
  readonly hasReads: boolean;
  private readonly trace: Trace;
  private readonly now: Loaded;
  private readonly ahead: Loaded;
  private cursor: number;

  constructor(
    kernels: Kernels,
    private readonly spec: ReplaySpec,
    private readonly options: { pages: number; seed: number },
  ) {
    const { trace, startNs } = spec;
    if (trace.pages > options.pages) {
      throw new PrecopyError(
        "bad-input",
        `${trace.source} has ${trace.pages} pages and the guest only ${options.pages}: give it more memory or cut the trace`,
      );
    }
    if (trace.intervals === 0 || startNs < 0 || startNs >= trace.durationNs) {
      throw new PrecopyError(
        "bad-input",
        `${trace.source} lasts ${formatDuration(trace.durationNs)}: it cannot be replayed from ${formatDuration(startNs)} on`,
      );
    }
    const accessesMax = largestInterval(trace);
    this.trace = trace;
    this.hasReads = trace.hasReads;
    this.now = { player: TracePlayer.create(kernels, accessesMax), at: -1 };
    this.ahead = { player: TracePlayer.create(kernels, accessesMax), at: -1 };
    this.cursor = this.intervalAt(startNs);
  }

  static arenaBytes({ trace }: ReplaySpec): number {
    return 2 * TracePlayer.bytesFor(largestInterval(trace));
  }

  run(guest: GuestPages, fromNs: number, toNs: number): void {
    this.cursor = this.walk(this.now, { cursor: this.cursor, fromNs, toNs }, (player, span) => {
      const nowTicks = Math.floor(span.untilNs / 1000) % 0x1_0000_0000;
      player.apply(guest, span.from, span.to, nowTicks);
    });
  }

  lookAhead(parts: readonly PageBitmap[], fromNs: number, toNs: number): void {
    const bounds = partBounds(fromNs, toNs, parts.length);
    let cursor = this.cursor;
    parts.forEach((part, i) => {
      const span = { cursor, fromNs: bounds[i] as number, toNs: bounds[i + 1] as number };
      cursor = this.walk(this.ahead, span, (player, within) => {
        player.markWrites(part, within.from, within.to);
      });
    });
  }

  /** Visits the accesses of (fromNs, toNs], interval by interval; returns the last interval. */
  private walk(
    loaded: Loaded,
    span: { cursor: number; fromNs: number; toNs: number },
    visit: (player: TracePlayer, part: { from: number; to: number; untilNs: number }) => void,
  ): number {
    const { trace, spec } = this;
    const count = trace.intervals;
    let cursor = span.cursor;
    let at = span.fromNs;
    while (at < span.toNs) {
      if (cursor >= count && spec.end !== "loop") {
        // Beyond the recording there is nothing to see; only running there is an error.
        if (spec.end === "hold" || loaded === this.ahead) return cursor;
        throw this.ended(span.toNs);
      }
      const loops = Math.floor(cursor / count);
      const i = cursor - loops * count;
      const base = loops * trace.durationNs - spec.startNs;
      const startNs = base + (i === 0 ? 0 : trace.endNs(i - 1));
      const endNs = base + trace.endNs(i);
      const untilNs = Math.min(endNs, span.toNs);
      this.load(loaded, cursor, i);
      const { length } = loaded.player;
      const from = accessesAt(length, at - startNs, endNs - startNs);
      const to = accessesAt(length, untilNs - startNs, endNs - startNs);
      if (to > from) visit(loaded.player, { from, to, untilNs });
      at = untilNs;
      if (untilNs === endNs) cursor++;
    }
    return cursor;
  }

  private load(loaded: Loaded, cursor: number, i: number): void {
    if (loaded.at === cursor) return;
    loaded.at = cursor;
    const seed = mix32(this.options.seed ^ mix32(cursor));
    loaded.player.load(this.trace.written(i), this.trace.read(i), seed);
  }

  private intervalAt(ns: number): number {
    let low = 0;
    let high = this.trace.intervals - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.trace.endNs(middle) <= ns) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private ended(atNs: number): PrecopyError {
    const { trace, spec } = this;
    return new PrecopyError(
      "trace-ended",
      `${trace.source} ended after ${formatDuration(trace.durationNs - spec.startNs)} of guest time and the guest runs on to ${formatDuration(atNs)}: set the trace's end to loop or hold, or start it earlier`,
    );
  }
}

function accessesAt(length: number, elapsedNs: number, intervalNs: number): number {
  return Math.floor((length * Math.max(0, elapsedNs)) / intervalNs);
}

function largestInterval(trace: Trace): number {
  let most = 1;
  for (let i = 0; i < trace.intervals; i++) {
    most = Math.max(most, trace.written(i).length + trace.read(i).length);
  }
  return most;
}
