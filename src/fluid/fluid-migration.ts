/**
 * Pre-copy by counts: the recurrence t_i = R_i / B_i, R_(i+1) = D(t_i) on a unique-dirty curve D,
 * with the stop rules, rate controllers and stages of page mode (migrate/migration.ts,
 * strategies/pre-copy.ts), step for step, but without pages.
 *
 * Time in which the guest may not run (the log is read) or pays for faults is no part of D's
 * window. What a round's set and the time until the pause have in common is not counted twice:
 * windows that touch are one longer window, so the union of their pages is D of the sum.
 */
import { NS_PER_SEC, PAGE_SIZE_BYTES } from "../base/units.js";
import { CONTROL_MESSAGE_BYTES } from "../migrate/ledger.js";
import type { StageTimes } from "../migrate/report.js";
import { DEFAULT_COSTS, type HostCosts, PML_ENTRIES } from "../model/spec.js";
import type { BandwidthController } from "../policy/bandwidth.js";
import { DEFAULT_DOWNTIME_LIMIT_NS } from "../policy/hold-back.js";
import type { Preset } from "../policy/preset.js";
import type { Decision, StopRule } from "../policy/stop-rule.js";
import type { DirtyCurve } from "./dirty-curve.js";
import type { FluidSender } from "./sender.js";
import { skippedPages } from "./skip.js";

export interface FluidMigrationSpec {
  /** Names of the links that it crosses. */
  readonly path: readonly string[];
  readonly pages: number;
  readonly curve: DirtyCurve;
  readonly preset: Preset;
  readonly startNs?: number;
  readonly vcpus?: number;
  readonly deviceStateBytes?: number;
  readonly suspendDirtiesPages?: number;
  /** Of both hosts; what is left out is as in page mode. */
  readonly costs?: Partial<HostCosts>;
  /** Hardware page-modification logging. */
  readonly pml?: boolean;
  readonly downtimeLimitNs?: number;
}

/** Shapes as in page mode's reports; the log is not read after the last round (-1 dirtied). */
export interface FluidRound {
  readonly round: number;
  readonly pagesSent: number;
  readonly pagesSkipped: number;
  readonly pagesDirtied: number;
  readonly bytes: number;
  readonly durationNs: number;
}

export interface FluidResult {
  readonly outcome: "target-runs" | "aborted" | "cut-off";
  /** The stop rule's reason, or the bound that was reached. */
  readonly stopReason: string;
  /** The guest moved, and its downtime is within the limit. */
  readonly converged: boolean;
  /** Why it did not converge, in words; empty when it did. */
  readonly whyNot: string;
  readonly startNs: number;
  readonly stagesNs: StageTimes;
  readonly totalNs: number;
  readonly downtimeNs: number;
  readonly bytesSent: number;
  readonly pagesSent: number;
  readonly stopPages: number;
  readonly roundCount: number;
  /** The first {@link FLUID_ROUNDS_KEPT} rounds. */
  readonly rounds: readonly FluidRound[];
}

/** A rule that never stops is cut off here, as in page mode. */
export const FLUID_ROUNDS_MAX = 100_000;
export const FLUID_ROUNDS_KEPT = 100;
/** Bisections for the guest's own time: finer than a nanosecond of an hour. */
const BISECTIONS = 42;

type Phase = "waiting" | "prepare" | "round" | "pause" | "image" | "activation" | "ended";

/** Ends of the stages, seconds. */
interface Marks {
  reservation: number;
  live: number;
  pause: number;
  received: number;
  committed: number;
  end: number;
}

export class FluidMigration implements FluidSender {
  readonly startSec: number;
  delaySec = 0;
  bytes = 0;
  limitBytesPerSec = Number.POSITIVE_INFINITY;
  private phase: Phase = "waiting";
  private readonly costs: HostCosts;
  private readonly stopRule: StopRule;
  private readonly bandwidth: BandwidthController;
  private readonly logReadSec: number;
  private readonly faultSec: number;
  private readonly marks: Marks;
  private readonly rounds: FluidRound[] = [];
  private roundCount = 0;
  /** When the log was last read, and guest time that the set of the coming round stems from. */
  private readSec = 0;
  private setWindowSec = 0;
  private setPages: number;
  private roundStartSec = 0;
  private sendStartSec = 0;
  private stopAfter: string | undefined;
  private measuredBytesPerSec: number;
  private stats = { totalWritten: 0, pagesSent: 0, pagesSkipped: 0, pagesSentBefore: 0 };
  private pagesSent = 0;
  private bytesSent = 0;
  private stopPages = 0;
  private stopReason = "";
  private outcome: FluidResult["outcome"] = "target-runs";

  constructor(
    private readonly spec: FluidMigrationSpec,
    private readonly link: { readonly latencySec: number; readonly bytesPerSec: number },
  ) {
    const { preset, pages } = spec;
    this.costs = { ...DEFAULT_COSTS, ...spec.costs };
    this.startSec = (spec.startNs ?? 0) / NS_PER_SEC;
    this.stopRule = preset.createStopRule();
    this.bandwidth = preset.createBandwidth();
    this.setPages = pages;
    this.measuredBytesPerSec = link.bytesPerSec;
    this.logReadSec = Math.round(this.costs.logDirtyNsPerPage * pages) / NS_PER_SEC;
    const { pmlExitNs, writeFaultNs } = this.costs;
    const faultNs = (spec.pml ? pmlExitNs / PML_ENTRIES : writeFaultNs) / (spec.vcpus ?? 1);
    this.faultSec = faultNs / NS_PER_SEC;
    const at = this.startSec;
    this.marks = { reservation: at, live: at, pause: at, received: at, committed: at, end: at };
  }

  next(nowSec: number): boolean {
    const { latencySec } = this.link;
    switch (this.phase) {
      case "waiting": {
        const logOnSec = nowSec + this.sec("initialiseNs");
        this.readSec = logOnSec;
        this.mark("reservation", logOnSec + this.logReadSec);
        this.phase = "prepare";
        return this.ask(this.sec("initialiseNs") + this.logReadSec, CONTROL_MESSAGE_BYTES);
      }
      case "prepare": {
        const liveSec = nowSec + this.sec("reserveNs") + 2 * latencySec;
        this.mark("live", liveSec);
        this.limitBytesPerSec = this.bandwidth.limitBytesPerSec;
        return this.prepareRound({ nowSec, roundSec: liveSec, sendSec: liveSec });
      }
      case "round":
        return this.roundSent(nowSec);
      case "pause": {
        const delaySec = latencySec + this.sec("restoreNs");
        this.mark("received", nowSec + delaySec);
        this.mark("committed", nowSec + delaySec + latencySec + this.sec("commitNs"));
        this.phase = "image";
        return this.ask(this.marks.committed - nowSec, CONTROL_MESSAGE_BYTES);
      }
      case "image": {
        const { costs } = this;
        const ns = costs.unpauseNs + costs.attachDevicesNs + costs.announceNs;
        this.phase = "activation";
        return this.ask(latencySec + ns / NS_PER_SEC, 0);
      }
      default:
        return this.end(nowSec);
    }
  }

  cutOff(nowSec: number, reason: string): void {
    this.outcome = "cut-off";
    this.stopReason = reason;
    this.end(nowSec);
  }

  private end(nowSec: number): false {
    this.mark("end", nowSec);
    this.phase = "ended";
    return false;
  }

  private abort(nowSec: number, reason: string): false {
    this.outcome = "aborted";
    this.stopReason = reason;
    return this.end(nowSec);
  }

  /** Stages that are not reached have length zero: each mark is at least the ones before it. */
  private mark(stage: keyof Marks, atSec: number): void {
    const order = ["reservation", "live", "pause", "received", "committed", "end"] as const;
    for (const name of order.slice(order.indexOf(stage))) this.marks[name] = atSec;
  }

  private ask(delaySec: number, bytes: number): true {
    this.delaySec = delaySec;
    this.bytes = bytes;
    this.bytesSent += bytes;
    return true;
  }

  /** `roundSec`: the round counts from here; `sendSec`: its first byte may leave. */
  private prepareRound(at: { nowSec: number; roundSec: number; sendSec: number }): boolean {
    const { preset } = this.spec;
    const { nowSec, roundSec, sendSec } = at;
    const decision = this.decide("beforeRound", sendSec, this.setPages);
    if (decision.action === "abort") return this.abort(sendSec, decision.reason);
    const stops = decision.action !== "continue";
    if (stops && !preset.sendsLastSetLive) {
      return this.pause({ nowSec, stopSec: sendSec, setIsSent: false, reason: decision.reason });
    }
    this.stopAfter = stops ? decision.reason : undefined;
    this.phase = "round";
    this.roundStartSec = roundSec;
    this.sendStartSec = sendSec;
    const skipped = preset.skipsRewritten ? this.skipped() : 0;
    const pagesSent = this.setPages - skipped;
    this.stats = {
      totalWritten: this.stats.totalWritten + pagesSent,
      pagesSent,
      pagesSkipped: skipped,
      pagesSentBefore: this.stats.pagesSent,
    };
    this.pagesSent += pagesSent;
    return this.ask(sendSec - nowSec, this.bytesOf(pagesSent));
  }

  private roundSent(nowSec: number): boolean {
    const sendSec = nowSec - this.sendStartSec;
    if (this.bytes > 0 && sendSec > 0) this.measuredBytesPerSec = this.bytes / sendSec;
    this.roundCount++;
    let reason = this.stopAfter;
    if (reason === undefined) {
      const decision = this.decide("afterRound", nowSec, -1);
      if (decision.action === "abort") return this.abort(nowSec, decision.reason);
      if (decision.action !== "continue") reason = decision.reason;
    }
    if (reason !== undefined) {
      this.closeRound(nowSec, -1);
      return this.pause({ nowSec, stopSec: nowSec, setIsSent: true, reason });
    }
    if (this.roundCount >= FLUID_ROUNDS_MAX) {
      return this.abort(nowSec, `${FLUID_ROUNDS_MAX} rounds without an end`);
    }
    this.setWindowSec = this.guestSec(nowSec);
    this.setPages = this.dirtied(this.setWindowSec);
    this.readSec = nowSec;
    const nextSec = nowSec + this.logReadSec;
    this.closeRound(nextSec, this.setPages);
    return this.prepareRound({ nowSec, roundSec: nextSec, sendSec: nextSec });
  }

  private closeRound(nowSec: number, pagesDirtied: number): void {
    const { pagesSent, pagesSkipped } = this.stats;
    const durationSec = nowSec - this.roundStartSec;
    const durationNs = Math.round(durationSec * NS_PER_SEC);
    const { bytes, roundCount: round } = this;
    if (round <= FLUID_ROUNDS_KEPT) {
      this.rounds.push({ round, pagesSent, pagesSkipped, pagesDirtied, bytes, durationNs });
    }
    if (pagesDirtied < 0 || durationSec <= 0) return;
    this.bandwidth.afterRound({ dirtyBytesPerSec: (pagesDirtied * PAGE_SIZE_BYTES) / durationSec });
    this.limitBytesPerSec = this.bandwidth.limitBytesPerSec;
  }

  private pause(at: { nowSec: number; stopSec: number; setIsSent: boolean; reason: string }): true {
    const { nowSec, stopSec, setIsSent, reason } = at;
    const { pages, deviceStateBytes = 0, suspendDirtiesPages = 0 } = this.spec;
    this.mark("pause", stopSec);
    this.stopReason = reason;
    const pausedSec = stopSec + this.sec("suspendNs");
    const sinceSec = this.guestSec(pausedSec);
    const isFirst = this.roundCount === 0;
    let owed = setIsSent ? this.dirtied(sinceSec) : this.dirtied(this.setWindowSec + sinceSec);
    if (!setIsSent && isFirst) owed = pages;
    owed += Math.round(suspendDirtiesPages * (1 - owed / pages));
    this.stopPages = owed;
    this.pagesSent += owed;
    this.phase = "pause";
    this.limitBytesPerSec = this.bandwidth.stopLimitBytesPerSec;
    const bytes = this.bytesOf(owed) + deviceStateBytes + CONTROL_MESSAGE_BYTES;
    return this.ask(pausedSec + this.logReadSec - nowSec, bytes);
  }

  /** Downtime that no page causes. */
  private fixedDowntimeSec(): number {
    const parts = ["suspendNs", "restoreNs", "commitNs", "unpauseNs"] as const;
    const devices = ["attachDevicesNs", "announceNs"] as const;
    const sum = [...parts, ...devices].reduce((total, part) => total + this.sec(part), 0);
    return sum + this.logReadSec;
  }

  private decide(when: "beforeRound" | "afterRound", nowSec: number, dirtyCount: number): Decision {
    const decision = this.stopRule[when]({
      iteration: this.roundCount,
      dirtyCount,
      dirtyBytes: dirtyCount < 0 ? -1 : dirtyCount * PAGE_SIZE_BYTES,
      elapsedNs: Math.round((nowSec - this.marks.live) * NS_PER_SEC),
      bandwidthBytesPerSec: this.roundCount === 0 ? 0 : this.measuredBytesPerSec,
      downtimeLimitNs: this.spec.downtimeLimitNs ?? DEFAULT_DOWNTIME_LIMIT_NS,
      fixedDowntimeNs: Math.round(this.fixedDowntimeSec() * NS_PER_SEC),
      memoryPages: this.spec.pages,
      rateAtMaximum: this.bandwidth.atMaximum,
      rateExceeded: this.bandwidth.exceeded,
      ...this.stats,
    });
    if (decision.action !== "post-copy") return decision;
    return { action: "abort", reason: "the rule wants post-copy, which fluid mode does not count" };
  }

  /** Time that the guest executed since the log was read, by `nowSec`. */
  private guestSec(nowSec: number): number {
    const wallSec = Math.max(0, nowSec - this.readSec - this.logReadSec);
    if (this.faultSec === 0) return wallSec;
    // g + f D(g) = wall: both rise with g.
    let low = 0;
    let high = wallSec;
    for (let i = 0; i < BISECTIONS; i++) {
      const middle = (low + high) / 2;
      if (middle + this.faultSec * this.spec.curve(middle) > wallSec) high = middle;
      else low = middle;
    }
    return low;
  }

  private dirtied(windowSec: number): number {
    return Math.min(this.spec.pages, Math.round(this.spec.curve(windowSec)));
  }

  private skipped(): number {
    const { curve, pages, preset } = this.spec;
    // Under a rate limit a round tells nothing of what the link can carry.
    const limit = this.bandwidth.limitBytesPerSec;
    const limited = Number.isFinite(limit);
    const bytesPerSec = limited ? Math.min(limit, this.link.bytesPerSec) : this.measuredBytesPerSec;
    const rate = bytesPerSec / this.bytesOf(preset.batchPages);
    return skippedPages({
      curve,
      pages,
      setPages: this.setPages,
      // The first set is all of memory, whatever was written before.
      setWindowSec: this.roundCount === 0 ? undefined : this.setWindowSec,
      batchPages: preset.batchPages,
      pagesPerSec: rate * preset.batchPages,
    });
  }

  private bytesOf(pages: number): number {
    const { stream, batchPages } = this.spec.preset;
    const batches = Math.ceil(pages / batchPages);
    return pages * (PAGE_SIZE_BYTES + stream.perPageBytes) + batches * stream.perBatchBytes;
  }

  private sec(cost: Exclude<keyof HostCosts, "dom0CpusPerGbit">): number {
    return this.costs[cost] / NS_PER_SEC;
  }

  result(): FluidResult {
    const { marks, outcome, stopReason } = this;
    const at = (sec: number) => Math.round(sec * NS_PER_SEC);
    const stagesNs: StageTimes = {
      initialisation: at(marks.reservation) - at(this.startSec),
      reservation: at(marks.live) - at(marks.reservation),
      iterativePreCopy: at(marks.pause) - at(marks.live),
      stopAndCopy: at(marks.received) - at(marks.pause),
      commitment: at(marks.committed) - at(marks.received),
      activation: at(marks.end) - at(marks.committed),
      residualPush: 0,
    };
    const downtimeNs = stagesNs.stopAndCopy + stagesNs.commitment + stagesNs.activation;
    const limitNs = this.spec.downtimeLimitNs ?? DEFAULT_DOWNTIME_LIMIT_NS;
    let whyNot = "";
    if (outcome !== "target-runs") whyNot = stopReason;
    else if (downtimeNs > limitNs) {
      whyNot = `downtime ${downtimeNs} ns exceeds ${limitNs} ns: rounds ended by ${stopReason} with ${this.stopPages} pages left`;
    }
    return {
      outcome,
      stopReason,
      converged: whyNot === "",
      whyNot,
      startNs: at(this.startSec),
      stagesNs,
      totalNs: at(marks.end) - at(this.startSec),
      downtimeNs,
      bytesSent: this.bytesSent,
      pagesSent: this.pagesSent,
      stopPages: this.stopPages,
      roundCount: this.roundCount,
      rounds: this.rounds,
    };
  }
}
