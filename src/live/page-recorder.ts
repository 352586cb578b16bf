/**
 * Records what a real guest does to its memory: the pages that it wrote and referenced in each
 * interval, as a page trace (docs/TRACES.md), from the same log that a migration reads.
 *
 * The log is read and re-armed between two turns of the guest, so that an interval ends in one
 * instant for all pages and nothing falls between two intervals. That instant is when a turn was
 * over, not when it was asked for: an interval's end says when it was. "Read" is what the referenced
 * bit tells, which x86 sets on a write, too: it holds the pages that were read or written.
 *
 * Each reading empties the guest's TLB, in v86 as in a hypervisor that write-protects: sampling at
 * 5 to 20 ms took 10 to 25 % of a busy guest's speed where it was measured.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { formatDuration, NS_PER_MS, NS_PER_SEC } from "../base/units.js";
import {
  MAX_TRACE_ENTRIES,
  MAX_TRACE_INTERVALS,
  type TraceClock,
  type TraceHeader,
} from "../guest/trace.js";
import { NativeEncoder } from "../guest/trace-encode.js";
import { Kernels, type KernelsOptions, PageBitmap, U32Buffer } from "../kernels/index.js";
import type { SourceMachine } from "../migrate/ports.js";
import { monotonicNs } from "./clock.js";

/** What a recording needs of a guest; a v86 guest has it all. */
export interface RecordableGuest
  extends Pick<
    SourceMachine<Uint8Array>,
    "describe" | "enableLogDirty" | "disableLogDirty" | "harvest" | "sample"
  > {
  /** "hash" does not tell which pages were only read: a trace of writes alone. */
  readonly tracking: "tlb" | "hash";
  /** Instructions executed. */
  instructions(): number;
}

export interface PageRecorderOptions {
  readonly guest: RecordableGuest;
  /**
   * Length of an interval on the trace's clock; by the instruction clock it ends with the first turn
   * of the guest (about a millisecond) that reaches it.
   */
  readonly intervalNs: number;
  /** How long it records, wall time; ends early when `signal` aborts. */
  readonly durationNs: number;
  /**
   * What the trace counts time in: "time", wall time; or "instructions" that the guest executed, by
   * `instructionsPerSec`, on which a guest that sleeps stands still. Default "time".
   */
  readonly clock?: TraceClock;
  /** Default 10^9: the nominal nanosecond an instruction of a v86 guest's virtual time. */
  readonly instructionsPerSec?: number;
  /** What the trace says that it was made from. */
  readonly source: string;
  /** Ends it: what was recorded until then is a whole trace. */
  readonly signal?: AbortSignal;
  readonly kernels?: Omit<KernelsOptions, "arenaBytes">;
}

/** How far a recording has come. */
export interface Recorded {
  intervals: number;
  /** Wall time. */
  elapsedNs: number;
  instructions: number;
  /** Pages of all intervals' sets. */
  written: number;
  read: number;
}

const NOMINAL_INSTRUCTIONS_PER_SEC = 1e9;
const ARENA_SLACK_BYTES = 2 ** 20;
const INTERVAL_NS_MIN = NS_PER_MS;
/** Between two looks at the instruction count: about a turn of the guest. */
const LOOK_MS = 1;

export class PageRecorder {
  readonly header: TraceHeader;
  readonly recorded: Recorded = {
    intervals: 0,
    elapsedNs: 0,
    instructions: 0,
    written: 0,
    read: 0,
  };
  private readonly bitmap: PageBitmap;
  private readonly list: U32Buffer;
  private readonly nsPerInstruction: number;
  private startNs = 0;
  private startInstructions = 0;
  private lastEndNs = 0;
  private dueNs = 0;
  private started = false;

  /** Throws PrecopyError: "bad-input" for an interval or a time that cannot be. */
  static async create(options: PageRecorderOptions): Promise<PageRecorder> {
    checkOptions(options);
    const { pages } = options.guest.describe();
    const arenaBytes = PageBitmap.bytesFor(pages) + U32Buffer.bytesFor(pages) + ARENA_SLACK_BYTES;
    return new PageRecorder(options, await Kernels.load({ ...options.kernels, arenaBytes }));
  }

  private constructor(
    private readonly options: PageRecorderOptions,
    kernels: Kernels,
  ) {
    const { guest, clock = "time", source } = options;
    const { pages, pageSizeBytes } = guest.describe();
    const hasReads = guest.tracking === "tlb";
    this.header = { pages, pageSizeBytes, hasReads, clock, source };
    this.bitmap = PageBitmap.create(kernels, pages, "pages of an interval");
    this.list = U32Buffer.create(kernels, pages, "pages of an interval");
    this.nsPerInstruction =
      NS_PER_SEC / (options.instructionsPerSec ?? NOMINAL_INSTRUCTIONS_PER_SEC);
  }

  /**
   * The trace in the native format, as it comes; a reader who is slow makes intervals longer, never
   * wrong. Records once. The guest runs or not, as its owner has it; its log belongs to this until
   * the end. Throws PrecopyError "bad-trace" if there was no interval: nothing was executed on the
   * instruction clock.
   */
  async *record(): AsyncGenerator<Uint8Array> {
    assert(!this.started, "a recorder records once");
    this.started = true;
    const { guest, intervalNs, durationNs, signal } = this.options;
    const encoder = new NativeEncoder({ ...this.header, hasInstructions: true });
    yield encoder.header();
    this.startInstructions = guest.instructions();
    this.startNs = monotonicNs();
    this.dueNs = intervalNs;
    guest.enableLogDirty();
    try {
      let over = false;
      while (!over) {
        await this.intervalEnd();
        over = signal?.aborted === true || monotonicNs() - this.startNs >= durationNs;
        if (this.clockNs() > this.lastEndNs) yield this.takeInterval(encoder);
        over ||= this.isFull();
      }
    } finally {
      guest.disableLogDirty();
    }
    if (this.recorded.intervals === 0) {
      const problem = "the guest executed nothing while it was recorded: let it run, or record";
      throw new PrecopyError("bad-trace", `${problem} on the clock "time"`);
    }
    yield encoder.end();
  }

  /** The trace's clock, ns since the start. */
  private clockNs(): number {
    if (this.header.clock === "time") return monotonicNs() - this.startNs;
    const executed = this.options.guest.instructions() - this.startInstructions;
    return Math.round(executed * this.nsPerInstruction);
  }

  private takeInterval(encoder: NativeEncoder): Uint8Array {
    const { options, bitmap, list, recorded, header } = this;
    const { guest } = options;
    // Nothing runs in between: one instant, and all that follows belongs to the next interval.
    const endNs = this.clockNs();
    recorded.instructions = guest.instructions() - this.startInstructions;
    guest.harvest("ram", bitmap);
    bitmap.toPages(list);
    const written = list.view().slice();
    if (header.hasReads) {
      guest.sample({
        ...{ kind: "sample", id: 0, region: "ram" },
        ...{ evidence: "references", windowNs: 0, pagesMax: header.pages, into: bitmap },
      });
      bitmap.toPages(list);
    } else {
      list.length = 0;
    }
    this.lastEndNs = endNs;
    recorded.intervals += 1;
    recorded.elapsedNs = monotonicNs() - this.startNs;
    recorded.written += written.length;
    recorded.read += list.length;
    // The guest has the whole interval, however long reading the log took: else it might never run.
    this.dueNs = this.clockNs() + options.intervalNs;
    const { instructions } = recorded;
    return encoder.interval({ endNs, written, read: list.view(), instructions });
  }

  /** The limits of a trace; what would go past them is not begun. */
  private isFull(): boolean {
    const { intervals, written, read } = this.recorded;
    const most = MAX_TRACE_ENTRIES - this.header.pages;
    return intervals >= MAX_TRACE_INTERVALS || written > most || read > most;
  }

  /** Waits until the interval is over, the whole time is, or it is to end. */
  private async intervalEnd(): Promise<void> {
    const { durationNs, signal } = this.options;
    for (;;) {
      const now = monotonicNs() - this.startNs;
      if (signal?.aborted === true || now >= durationNs || this.clockNs() >= this.dueNs) return;
      const leftMs =
        this.header.clock === "time"
          ? (Math.min(this.dueNs, durationNs) - now) / NS_PER_MS
          : Math.min(LOOK_MS, (durationNs - now) / NS_PER_MS);
      await sleep(leftMs, signal);
    }
  }
}

function checkOptions({ intervalNs, durationNs, instructionsPerSec = 1 }: PageRecorderOptions) {
  if (!Number.isSafeInteger(intervalNs) || intervalNs < INTERVAL_NS_MIN) {
    const least = formatDuration(INTERVAL_NS_MIN);
    throw new PrecopyError(
      "bad-input",
      `an interval of ${formatDuration(intervalNs)} is shorter than a turn of the guest: ` +
        `give ${least} or more`,
    );
  }
  if (!Number.isSafeInteger(durationNs) || durationNs < intervalNs) {
    throw new PrecopyError(
      "bad-input",
      `a recording of ${formatDuration(durationNs)} has no whole interval: give ` +
        `${formatDuration(intervalNs)} or more`,
    );
  }
  if (!(instructionsPerSec > 0 && instructionsPerSec <= 1e15)) {
    throw new PrecopyError(
      "bad-input",
      `an instruction rate of ${instructionsPerSec} a second is no rate: give more than 0, at ` +
        "most 10^15",
    );
  }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, ms));
    signal?.addEventListener("abort", done);
  });
}
