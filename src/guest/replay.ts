/**
 * Replays a recorded trace: the accesses of an interval are spread over it in a seeded order,
 * since a recording tells which pages were touched in an interval and not in which order.
 */
import { PrecopyError } from "../base/errors.js";
import { mix32 } from "../base/random.js";
import { formatDuration } from "../base/units.js";
import { type GuestPages, type Kernels, type PageBitmap, TracePlayer } from "../kernels/index.js";
import { type GuestActivity, lastInstantBefore, partBounds, ticksAt } from "./guest-activity.js";
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

/** How far a replay has come. */
interface Place {
  /** Interval, counted on through loops. */
  cursor: number;
  atNs: number;
  /** Accesses made beyond those that are due at `atNs`: after a stop among several in one ns. */
  ahead: number;
}

/** Accesses from .. to - 1 of the loaded interval, which are due until `untilNs`. */
interface Part {
  readonly from: number;
  readonly to: number;
  readonly untilNs: number;
}

export class ReplayActivity implements GuestActivity {
  readonly streams = 1;
  readonly hasReads: boolean;
  private readonly trace: Trace;
  private readonly now: Loaded;
  private readonly ahead: Loaded;
  private readonly place: Place;

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
    this.place = { cursor: this.intervalAt(startNs), atNs: 0, ahead: 0 };
  }

  static arenaBytes({ trace }: ReplaySpec): number {
    return 2 * TracePlayer.bytesFor(largestInterval(trace));
  }

  run(guest: GuestPages, fromNs: number, toNs: number): void {
    this.runStream(0, guest, fromNs, toNs);
  }

  runStream(
    _stream: number,
    guest: GuestPages,
    fromNs: number,
    toNs: number,
    nowTicks?: number,
  ): number {
    this.place.atNs = fromNs;
    this.walk(this.now, this.place, toNs, (player, { from, to, untilNs }) => {
      const ticks = nowTicks ?? ticksAt(untilNs);
      if (guest.faulting) return player.applyUntilAbsent(guest, from, to, ticks);
      player.apply(guest, from, to, ticks);
      return to;
    });
    return this.place.atNs;
  }

  lookAhead(parts: readonly PageBitmap[], fromNs: number, toNs: number): void {
    const place = { ...this.place };
    const bounds = partBounds(place.atNs, place.atNs + toNs - fromNs, parts.length);
    parts.forEach((part, i) => {
      this.walk(this.ahead, place, bounds[i + 1] as number, (player, { from, to }) => {
        player.markWrites(part, from, to);
        return to;
      });
    });
  }

  /**
   * Takes `place` to `toNs`, visiting the accesses on the way, interval by interval. A visit tells
   * how far it came; if that is not its end, the walk ends before the access that it stopped at.
   */
  private walk(
    loaded: Loaded,
    place: Place,
    toNs: number,
    visit: (player: TracePlayer, part: Part) => number,
  ): void {
    const { trace, spec } = this;
    const count = trace.intervals;
    while (place.atNs < toNs) {
      if (place.cursor >= count && spec.end !== "loop") {
        // Beyond the recording there is nothing to see; only running there is an error.
        if (spec.end !== "hold" && loaded !== this.ahead) throw this.ended(toNs);
        place.atNs = toNs;
        return;
      }
      const loops = Math.floor(place.cursor / count);
      const i = place.cursor - loops * count;
      const base = loops * trace.durationNs - spec.startNs;
      const startNs = base + (i === 0 ? 0 : trace.endNs(i - 1));
      const endNs = base + trace.endNs(i);
      const untilNs = Math.min(endNs, toNs);
      this.load(loaded, place.cursor, i);
      const { length } = loaded.player;
      const dueAt = (ns: number) => accessesAt(length, ns - startNs, endNs - startNs);
      const from = dueAt(place.atNs) + place.ahead;
      const to = dueAt(untilNs);
      const reached = to > from ? visit(loaded.player, { from, to, untilNs }) : from;
      if (reached < to) {
        place.atNs = lastInstantBefore(place.atNs, untilNs, (ns) => dueAt(ns) > reached);
        place.ahead = reached - dueAt(place.atNs);
        return;
      }
      place.atNs = untilNs;
      place.ahead = untilNs === endNs ? 0 : reached - to;
      if (untilNs === endNs) place.cursor++;
    }
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
