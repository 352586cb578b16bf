/**
 * QEMU's migration thread on counts: the windows, slices, thresholds and readings of a preset's
 * slots (policy/slot-loop.ts), what a link and its sockets carry meanwhile, and the stop phase.
 * The loop decides as migration/migration.c does (migration_thread, migration_iteration_run,
 * migration_update_counters, migration_completion, postcopy_start) and sends as migration/ram.c
 * (ram_save_iterate); the guest is a memory of expected counts or of a recorded trace.
 */
import type { Manager } from "../policy/manager.js";
import {
  NO_ESTIMATE,
  type SlotEstimate,
  type SlotLoop,
  type SlotStep,
} from "../policy/slot-loop.js";
import type { LoopCosts } from "./loop-costs.js";
import { SlotLink } from "./slot-link.js";
import { nothingTaken, type SlotMemory, type Taken, takeNothing } from "./slot-memory.js";
import type { SlotEnd, SlotOutcome, SlotPass } from "./slot-outcome.js";
import { type ManagedEnd, type Seen, SlotSupervisor } from "./slot-supervisor.js";
import type { ThrottleModel } from "./throttle-model.js";

export interface SlotMachineOptions {
  readonly memory: SlotMemory;
  readonly loop: SlotLoop;
  readonly costs: LoopCosts;
  /** What the link carries; Infinity: loopback, where only the CPU counts. */
  readonly linkBytesPerSec: number;
  /** The same after the first pass. Default as in it. */
  readonly laterBytesPerSec?: number;
  readonly downtimeLimitMs: number;
  /** Given up after so long. */
  readonly timeoutMs: number;
  /** The guest's own time when the migration starts. */
  readonly guestSec: number;
  /** What the guest does in a second of the machine's time. Default 1. */
  readonly guestSpeed?: number;
  /** Of so many seconds that it ran since the log was read, what its writes come to. */
  readonly slowed?: (ranSec: number) => number;
  readonly throttle?: ThrottleModel;
  /** After the first pass the log is read at least so often. */
  readonly readLogEveryMs?: number;
  /** Looks on and turns knobs, as KubeVirt or Nova do. */
  readonly manager?: Manager;
  /** Post-copy is asked for when the log has been read so often, or after so long. */
  readonly postCopy?: { readonly syncs: number; readonly afterMs: number };
  /** Bytes on the wire for one that is counted (compression in multifd: below 1). Default 1. */
  readonly wireShare?: number;
  /** Limit once post-copy goes. Default none. */
  readonly postCopyBytesPerSec?: number;
  /** The source ends when the target has said that it runs (return-path). */
  readonly returnPath?: boolean;
  /** Pages leave and count in packets of so many (multifd). Default one by one. */
  readonly packetPages?: number;
  /** CPU per page with contents where it is compressed, in place of the costs' own. */
  readonly pageUs?: number;
  /** The guest takes a CPU of two: both ends of the migration share the other. */
  readonly sharesCpu?: boolean;
  /** Of a page with contents on the wire. Default the page and the loop's header. */
  readonly pageWireBytes?: number;
}

const PAGE_BYTES = 4096;
const WHOLE_BYTES = 4104;
/** `transferred` counts the end mark of a section, not its header and footer. */
const SECTION_END_BYTES = 8;
/** An XBZRLE record: flags and length before the difference (save_xbzrle_page). */
const DELTA_HEADER_BYTES = 3;
const PASSES_KEPT = 4096;
/** Large memories are sent in larger steps: a look is at most this share of them ... */
const LOOKS = 8192;
/** ... and of the link's time. */
const LOOK_MS_MAX = 12.5;
const LAPS = 3;
const LAP_PASSES = 40;

function lookPages({ memory, loop, linkBytesPerSec }: SlotMachineOptions): number {
  const inTime = (linkBytesPerSec * LOOK_MS_MAX) / 1000 / PAGE_BYTES;
  return Math.floor(Math.max(loop.slicePages, Math.min(memory.pages / LOOKS, inTime)));
}

export class SlotMachine {
  private ms = 0;
  private readonly link: SlotLink;
  private window = { startMs: 0, bytes: 0 };
  private estimate: SlotEstimate = NO_ESTIMATE;
  private bytes = 0;
  private syncs = 0;
  private guestSec: number;
  /** Its time when the log was read last, and what it ran since. */
  private readSec = 0;
  private readMs = 0;
  private ranSec = 0;
  private guestAtMs = 0;
  private synced = false;
  private readonly passes: SlotPass[] = [];
  private readonly taken: Taken = nothingTaken();
  private readonly supervisor: SlotSupervisor;
  /** Pages between two looks at the clock. */
  private readonly lookPages: number;

  constructor(private readonly options: SlotMachineOptions) {
    const { manager, downtimeLimitMs, timeoutMs } = options;
    this.supervisor = new SlotSupervisor({
      ...{ manager, downtimeLimitMs, timeoutMs },
      ...{ quotaBytes: options.loop.quotaBytes, slotNs: options.loop.slotNs },
    });
    this.lookPages = lookPages(options);
    this.link = new SlotLink(options.costs.socketBytes, options.linkBytesPerSec);
    this.guestSec = options.guestSec;
    this.readSec = options.guestSec;
  }

  run(): SlotOutcome {
    const { supervisor } = this;
    const { memory, loop, costs, timeoutMs, manager } = this.options;
    this.ms = costs.setupMs;
    this.advanceGuest();
    memory.begin(this.guestSec);
    this.syncs = 1;
    const slotMs = loop.slotNs / 1e6;
    while (this.ms < timeoutMs) {
      const managed =
        this.leave(supervisor.look(this.ms, false, this.seen)) ??
        (supervisor.steady.settled ? this.waitThrough() : undefined);
      if (managed !== undefined) return managed;
      if (this.repeatsItself()) break;
      if (this.postCopyDue()) return this.postCopy();
      if (this.window.bytes > this.supervisor.quotaBytes) {
        this.ms = Math.max(this.ms, this.window.startMs + slotMs + costs.wakeUpMs);
      }
      if (this.ms - this.window.startMs >= slotMs) this.closeWindow();
      if (this.readingDue()) this.readLog();
      let step = this.nextStep();
      // What the log adds is held against the same threshold, however long the reading took.
      if (step === "sync") {
        this.readLog();
        const told = this.leave(supervisor.look(this.ms, true, this.seen));
        if (told !== undefined) return told;
        step = this.nextStep();
      }
      if (step === "stop")
        return this.stop(memory.unsentPages === 0 ? "nothing-left" : "threshold");
      this.sendSlice();
      if (manager !== undefined && memory.steady === true) {
        const { remainingBytes, sentBytes, iteration } = this.seen();
        supervisor.steady.watch({ ms: this.ms, remainingBytes, sentBytes, iteration });
      }
    }
    this.ms = Math.max(this.ms, timeoutMs);
    return this.outcome("timeout", Number.NaN, Number.NaN);
  }

  private readingDue(): boolean {
    const { readLogEveryMs = Number.POSITIVE_INFINITY } = this.options;
    return this.syncs > 1 && this.ms - this.readMs >= readLogEveryMs;
  }

  /** A recording that was gone through so often without an end will not bring one. */
  private repeatsItself(): boolean {
    const { memory, manager, throttle, postCopy } = this.options;
    const mayChange = manager !== undefined || postCopy !== undefined || throttle?.mayTighten;
    return mayChange !== true && (memory.laps ?? 0) >= LAPS && this.syncs >= LAP_PASSES;
  }

  /** Passes repeat themselves until the manager does something, or for ever. */
  private waitThrough(): SlotOutcome | undefined {
    const found = this.supervisor.waitThrough(this.seen());
    // The guest goes on where it was: what was waited through is as if it had not been.
    const waitedMs = Math.max(0, (found?.ms ?? this.options.timeoutMs) - this.ms);
    this.link.shift(waitedMs);
    this.ms += waitedMs;
    this.guestAtMs += waitedMs;
    this.window.startMs += waitedMs;
    if (found === undefined) return this.outcome("timeout", Number.NaN, Number.NaN);
    return this.leave(found.end);
  }

  private leave(end: ManagedEnd | undefined): SlotOutcome | undefined {
    switch (end) {
      case "pause":
        return this.stop("paused");
      case "post-copy":
        return this.postCopy();
      case "cancel":
        return this.outcome("cancelled", Number.NaN, Number.NaN);
      default:
        return;
    }
  }

  private readonly seen = (): Seen => ({
    memoryBytes: this.options.memory.pages * PAGE_BYTES,
    remainingBytes: this.options.memory.unsentPages * PAGE_BYTES,
    sentBytes: this.bytes,
    iteration: this.syncs,
    bandwidthBytesPerSec: this.estimate.bandwidthBytesPerSec,
  });

  private nextStep(): SlotStep {
    const { memory, loop } = this.options;
    const remainingBytes = memory.unsentPages * PAGE_BYTES;
    const { thresholdBytes } = this.estimate;
    return loop.nextStep({ remainingBytes, thresholdBytes, synced: this.synced });
  }

  /** ram_save_iterate. */
  private sendSlice(): void {
    const { memory, loop } = this.options;
    const startMs = this.ms;
    const sliceMs = loop.sliceNs / 1e6;
    this.synced = false;
    const untilMs = () => Math.floor(this.ms - startMs) <= sliceMs;
    let pagesMax = this.lookPages + 1;
    this.count(loop.stream.sectionBytes - SECTION_END_BYTES, 0);
    const { packetPages = 1 } = this.options;
    const packetBytes = packetPages * WHOLE_BYTES;
    const fromBytes = this.window.bytes;
    // What lies in a packet that is not full has not been counted.
    const waiting = () => (packetPages > 1 ? (this.window.bytes - fromBytes) % packetBytes : 0);
    while (memory.unsentPages > 0 && this.window.bytes - waiting() <= this.supervisor.quotaBytes) {
      // The page, or the packet, that passes the quota is sent whole.
      const left = this.supervisor.quotaBytes - this.window.bytes + waiting();
      this.send(pagesMax, (Math.floor(left / packetBytes) + 1) * packetBytes - waiting());
      if (!untilMs()) break;
      pagesMax = this.lookPages;
    }
    this.count(SECTION_END_BYTES, SECTION_END_BYTES);
  }

  /** Takes pages and puts them on the wire. */
  private send(pagesMax: number, bytesMax: number): void {
    const { memory, costs, wireShare = 1, pageUs = costs.pageUs } = this.options;
    const { taken } = this;
    takeNothing(taken);
    this.advanceGuest();
    const wire = this.wireBytes;
    const pages = memory.take(pagesMax, bytesMax, this.guestSec, taken);
    const bytes = wire(taken);
    const cpuUs =
      (taken.rawPages + taken.deltaPages) * pageUs +
      (taken.deltaPages + taken.samePages) * costs.encodeUs +
      (taken.zeroPages - taken.untouchedPages) * costs.zeroPageUs +
      taken.untouchedPages *
        costs.untouchedPageUs *
        (this.ms < costs.coldMs ? costs.coldFactor : 1);
    const startMs = this.ms;
    this.ms += cpuUs / 1000;
    this.count(bytes, bytes);
    const targetMs = (taken.zeroPages * costs.targetZeroPageUs) / 1000;
    if (this.options.sharesCpu === true) this.ms += targetMs;
    // The first of many pages leave while the others are looked at.
    const looks = Math.max(1, Math.floor(pages / this.options.loop.slicePages));
    this.ms = this.link.give(this.ms, bytes * wireShare, { targetMs, startMs, looks });
  }

  private readonly wireBytes = (taken: Taken): number => {
    const { loop, pageWireBytes = PAGE_BYTES + loop.stream.pageHeaderBytes } = this.options;
    const { zeroPageBytes, blockNameBytes } = loop.stream;
    return (
      taken.rawPages * pageWireBytes +
      taken.zeroPages * zeroPageBytes +
      taken.deltaPages * (loop.stream.pageHeaderBytes + DELTA_HEADER_BYTES) +
      taken.deltaBytes +
      taken.blocks * blockNameBytes
    );
  };

  private give(bytes: number, targetMs: number): void {
    this.ms = this.link.give(this.ms, bytes, { targetMs });
  }

  private count(windowBytes: number, transferredBytes: number): void {
    this.window.bytes += windowBytes;
    this.bytes += transferredBytes;
  }

  private closeWindow(): void {
    this.estimate = this.options.loop.closeWindow({
      bytes: this.window.bytes,
      elapsedNs: (this.ms - this.window.startMs) * 1e6,
      downtimeLimitNs: this.supervisor.downtimeLimitMs * 1e6,
    });
    this.window = { startMs: this.ms, bytes: 0 };
  }

  private readLog(): void {
    const { memory, costs, throttle, postCopy } = this.options;
    this.advanceGuest();
    const dirtiedPages = memory.sync(this.guestSec);
    this.readSec = this.guestSec;
    this.readMs = this.ms;
    this.ranSec = 0;
    this.ms += costs.syncMs;
    this.ms += throttle?.waitMs(this.ms) ?? 0;
    this.syncs++;
    if (this.syncs === 2) {
      this.link.carries(this.options.laterBytesPerSec ?? this.options.linkBytesPerSec);
    }
    this.synced = true;
    if (memory.steady === true && postCopy === undefined) {
      this.supervisor.steady.passEnded(this.ms, throttle?.mayTighten === true);
    }
    if (this.passes.length < PASSES_KEPT) {
      this.passes.push({
        endMs: this.ms,
        dirtiedPages,
        unsentPages: memory.unsentPages,
        thresholdPages: this.estimate.thresholdBytes / PAGE_BYTES,
      });
    }
    throttle?.synced(this.ms, dirtiedPages * PAGE_BYTES, this.bytes);
  }

  /** migration_completion. */
  private stop(end: SlotEnd): SlotOutcome {
    const { memory, costs } = this.options;
    this.advanceGuest();
    const stoppedMs = this.ms;
    memory.sync(this.guestSec);
    this.syncs++;
    this.ms += costs.stopMs;
    this.count(0, SECTION_END_BYTES);
    while (memory.unsentPages > 0) this.sendStopped();
    this.give(costs.deviceStateBytes, 0);
    const runsMs = Math.max(this.ms, this.link.takenMs) + costs.resumeMs;
    if (this.options.returnPath === true) this.ms = runsMs;
    return this.outcome(end, this.ms - stoppedMs, runsMs - stoppedMs);
  }

  private sendStopped(): void {
    const { memory, costs } = this.options;
    if (this.link.limits) return this.send(this.lookPages, Infinity);
    takeNothing(this.taken);
    memory.take(this.lookPages, Infinity, this.guestSec, this.taken);
    const { rawPages, deltaPages, zeroPages } = this.taken;
    this.ms +=
      ((rawPages + deltaPages) * costs.loopbackPageUs + zeroPages * costs.zeroPageUs) / 1000;
    const bytes = this.wireBytes(this.taken);
    this.count(bytes, bytes);
  }

  private postCopyDue(): boolean {
    const { postCopy } = this.options;
    return postCopy !== undefined && (this.syncs >= postCopy.syncs || this.ms > postCopy.afterMs);
  }

  /** postcopy_start, then the rest in the background. */
  private postCopy(): SlotOutcome {
    const { memory, costs } = this.options;
    this.advanceGuest();
    const stoppedMs = this.ms;
    memory.sync(this.guestSec);
    this.syncs++;
    const discardUs =
      memory.resentPages * costs.discardPageUs + memory.resentRuns * costs.discardRunUs;
    this.ms += costs.stopMs;
    const ownMs = this.ms - stoppedMs;
    // The target reads on when it has dropped what was written again.
    this.give(costs.deviceStateBytes, discardUs / 1000);
    const runsMs = Math.max(this.ms, this.link.takenMs) + costs.resumeMs;
    const limit = this.options.postCopyBytesPerSec ?? Number.POSITIVE_INFINITY;
    this.link.carriesAtMost(limit);
    while (memory.unsentPages > 0) this.sendStopped();
    this.ms = Math.max(this.ms, this.link.takenMs);
    return this.outcome("post-copy", ownMs, runsMs - stoppedMs);
  }

  private advanceGuest(): void {
    const { throttle, slowed, guestSpeed = 1 } = this.options;
    const share = throttle?.share() ?? 1;
    this.ranSec += ((this.ms - this.guestAtMs) / 1000) * share * guestSpeed;
    this.guestAtMs = this.ms;
    this.guestSec = this.readSec + (slowed?.(this.ranSec) ?? this.ranSec);
  }

  private outcome(end: SlotEnd, downtimeMs: number, blackoutMs: number): SlotOutcome {
    const { ms: totalMs, bytes, syncs, passes } = this;
    const { words: managed, downtimeLimitMs } = this.supervisor;
    const throttlePercent = this.options.throttle?.percent ?? 0;
    const limits = { managed, downtimeLimitMs, throttlePercent };
    return { end, totalMs, downtimeMs, blackoutMs, bytes, syncs, passes, ...limits };
  }
}
