/**
 * Iterative pre-copy in rounds, with whatever predictor, preset and throttle it is given.
 *
 * A round sends what is owed and not held back, then reads the log. The preset's stop rule is
 * asked before each round (with the number of pages it would send) and after it (with -1), as
 * Xen's `precopy_policy` is; pages held back on purpose do not count. Held pages travel in the
 * pause, at most as many as the downtime budget allows (policy/hold-back.ts).
 *
 * `flush`: when nothing but held pages is left, they are released once into a last live round and
 * then held again, so that the pause is shorter for a little more traffic.
 */
import { assert } from "../../base/assert.js";
import { PageBitmap } from "../../kernels/index.js";
import type { BandwidthController } from "../../policy/bandwidth.js";
import { holdBackCapPages } from "../../policy/hold-back.js";
import type { Decision, RoundStats, StopRule } from "../../policy/stop-rule.js";
import type { RoundReport } from "../report.js";
import type { PushOptions } from "../residual-push.js";
import { Sampler } from "../sampler.js";
import { type LiveParts, type LivePhase, rateLimit, type Switch } from "../strategy.js";

/** No real loop comes near; a rule that never ends is cut off and reported. */
export const ROUNDS_MAX = 100_000;

/** Shortest round that the oracle looks ahead for. */
const ROUND_NS_MIN = 10_000_000;

/** The round that is running. */
interface CurrentRound {
  readonly startNs: number;
  /** Its set stands: the last set before the stop, or held pages on purpose. */
  readonly final: boolean;
  readonly leaveAfter: Switch | undefined;
  readonly held: number;
  readonly cpuShare: number;
  sendStartNs: number;
}

/** What a strategy of rounds may do otherwise. */
export interface RoundsOptions {
  /** Default: the preset's. */
  readonly stopRule?: StopRule;
  readonly push?: PushOptions;
}

export class Rounds implements LivePhase {
  readonly rounds: RoundReport[] = [];
  readonly bandwidth: BandwidthController;
  readonly logsWrites = true;
  readonly push: PushOptions | undefined;
  heldCapPages = 0;
  private readonly stopRule: StopRule;
  private readonly sampler: Sampler;
  private readonly toSend: PageBitmap;
  private readonly dirtied: PageBitmap;
  private leave: (nowNs: number, how: Switch) => void = () => {};
  private leaving: Switch | undefined;
  private round: CurrentRound | undefined;
  private stats = { totalWritten: 0, pagesSent: 0, pagesSkipped: 0, pagesSentBefore: 0 };
  private otherPages = 0;
  private beganNs = 0;
  private measuredBytesPerSec = 0;
  private flushed = false;
  private ended = false;

  constructor(
    private readonly parts: LiveParts,
    options: RoundsOptions = {},
  ) {
    const { mover, preset } = parts;
    this.bandwidth = preset.createBandwidth();
    this.stopRule = options.stopRule ?? preset.createStopRule();
    this.push = options.push;
    parts.throttle.seenBetween = (pages) => this.dirtied.or(pages);
    this.toSend = PageBitmap.create(mover.kernels, mover.pages, "this round's pages");
    this.dirtied = PageBitmap.create(mover.kernels, mover.pages, "dirtied this round");
    this.sampler = new Sampler(mover, parts.predictor, {
      seen: (pages) => this.dirtied.or(pages),
      ticked: (nowNs) => this.holdBackMore(nowNs),
    });
  }

  static arenaBytes(pages: number): number {
    return 2 * PageBitmap.bytesFor(pages) + Sampler.arenaBytes(pages);
  }

  initialise(nowNs: number, done: (nowNs: number) => void): void {
    this.sampler.start(nowNs, done);
  }

  begin(nowNs: number, leave: (nowNs: number, how: Switch) => void): void {
    this.leave = leave;
    this.beganNs = nowNs;
    this.setBandwidth();
    this.dirtied.reset();
    this.prepareRound(nowNs);
  }

  /** The round that runs sends what is on its way, and no more. */
  leaveNow(nowNs: number, how: Switch): void {
    if (this.ended || this.leaving !== undefined) return;
    this.leaving = how;
    if (this.round !== undefined) this.parts.mover.cut();
    else this.leave(nowNs, how);
  }

  end(): void {
    this.ended = true;
    this.sampler.stop();
  }

  heldAtStop(): number {
    return this.sampler.held.countAnd(this.parts.mover.owed);
  }

  private prepareRound(nowNs: number): void {
    if (this.ended) return;
    this.choose(nowNs, (held, atNs) => {
      // The round starts when the last one ended: choosing is part of it.
      if (!this.ended) this.decideBefore(held, nowNs, atNs);
    });
  }

  private choose(nowNs: number, then: (held: number, nowNs: number) => void): void {
    const { mover } = this.parts;
    const pagesMax = Math.min(this.capPages(), mover.pages);
    this.heldCapPages = pagesMax;
    const owedBytes = mover.owed.count() * mover.bytesPerPage;
    const roundNs = Math.max(ROUND_NS_MIN, (owedBytes * 1e9) / this.linkBytesPerSec());
    this.sampler.choose({ pagesMax, nowNs, roundNs }, then);
  }

  /** A tick within a round: what has just turned hot need not be sent in it any more. */
  private holdBackMore(nowNs: number): void {
    const { round } = this;
    if (this.ended || round === undefined || round.final) return;
    this.choose(nowNs, () => this.toSend.andNot(this.sampler.held));
  }

  private decideBefore(held: number, startNs: number, nowNs: number): void {
    const { mover, preset } = this.parts;
    const count = this.toSend.assignAndNot(mover.owed, this.sampler.held);
    let decision = this.ask("beforeRound", { dirtyCount: count, nowNs });
    let final = decision.action === "stop";
    const onlyHeldLeft = decision.action === "stop" && decision.reason === "dirty-count";
    if (onlyHeldLeft && this.parts.params.flush === true && !this.flushed && held > 0) {
      this.flushed = true;
      this.toSend.copyFrom(mover.owed);
      decision = { action: "continue" };
      final = true;
    }
    if (decision.action === "abort") return this.parts.abort(nowNs, decision.reason);
    const leaveAfter = switchOf(decision);
    if (leaveAfter !== undefined && !(preset.sendsLastSetLive && decision.action === "stop")) {
      return this.leave(nowNs, leaveAfter);
    }
    const { cpuShare } = this.parts.throttle.brake;
    this.round = { startNs, final, leaveAfter, held, cpuShare, sendStartNs: nowNs };
    const options = { skipsRewritten: preset.skipsRewritten, nowNs };
    mover.sendAll(this.toSend, options, (atNs) => this.sentRound(atNs));
  }

  private sentRound(nowNs: number): void {
    if (this.ended) return;
    const round = this.round as CurrentRound;
    const { counts } = this.parts.mover;
    this.stats = {
      totalWritten: this.stats.totalWritten + counts.pagesSent,
      pagesSent: counts.pagesSent,
      pagesSkipped: counts.pagesSkipped,
      pagesSentBefore: this.stats.pagesSent,
    };
    const sendNs = nowNs - round.sendStartNs;
    if (counts.bytes > 0 && sendNs > 0) this.measuredBytesPerSec = (counts.bytes * 1e9) / sendNs;
    const leaveAfter = this.leaving ?? round.leaveAfter;
    if (leaveAfter !== undefined) {
      this.closeRound(nowNs, -1);
      this.leave(nowNs, leaveAfter);
      return;
    }
    const iteration = this.rounds.length + 1;
    const decision = this.ask("afterRound", { dirtyCount: -1, iteration, nowNs });
    const how = switchOf(decision);
    if (decision.action === "continue") {
      this.readLog();
    } else {
      this.closeRound(nowNs, -1);
      if (how === undefined) this.parts.abort(nowNs, reasonOf(decision));
      else this.leave(nowNs, how);
    }
  }

  private readLog(): void {
    const { mover } = this.parts;
    mover.harvest((pages, event) => {
      if (this.ended) return;
      mover.requests.tell({ kind: "round-ended", lastStage: false });
      this.dirtied.or(pages);
      this.sampler.roundEnded(pages, event.virtualNs);
      this.closeRound(event.atNs, this.dirtied.count());
      this.dirtied.reset();
      this.otherPages = mover.owed.countAndNot(this.sampler.held);
      if (this.leaving !== undefined) {
        this.leave(event.atNs, this.leaving);
      } else if (this.rounds.length >= ROUNDS_MAX) {
        this.parts.abort(event.atNs, `${ROUNDS_MAX} rounds without an end`);
      } else {
        this.prepareRound(event.atNs);
      }
    });
  }

  private closeRound(nowNs: number, pagesDirtied: number): void {
    const round = this.round as CurrentRound;
    this.round = undefined;
    const { pagesSent, pagesSkipped } = this.stats;
    const { bytes } = this.parts.mover.counts;
    const durationNs = nowNs - round.startNs;
    this.rounds.push({
      round: this.rounds.length + 1,
      pagesSent,
      pagesSkipped,
      pagesHeld: round.held,
      pagesDirtied,
      bytes,
      durationNs,
      bandwidthBytesPerSec: durationNs > 0 ? Math.round((bytes * 1e9) / durationNs) : 0,
      cpuShare: round.cpuShare,
    });
    if (pagesDirtied >= 0 && durationNs > 0) this.adapt(nowNs, { pagesDirtied, durationNs });
  }

  /** Rate limit and brake for the coming round, from what this one measured. */
  private adapt(nowNs: number, round: { pagesDirtied: number; durationNs: number }): void {
    const { mover, throttle } = this.parts;
    const { pagesDirtied, durationNs } = round;
    const dirtyBytesPerSec = (pagesDirtied * mover.pageSizeBytes * 1e9) / durationNs;
    this.bandwidth.afterRound({ dirtyBytesPerSec });
    this.setBandwidth();
    if (this.measuredBytesPerSec === 0) return;
    throttle.synced({
      nowNs,
      bandwidthBytesPerSec: this.measuredBytesPerSec,
      thresholdBytes: this.thresholdBytes(),
    });
  }

  /** What the downtime limit has room for. */
  private thresholdBytes(): number {
    const { limits, fixedDowntimeNs } = this.parts;
    const leftNs = Math.max(0, limits.downtimeLimitNs - fixedDowntimeNs);
    return (this.linkBytesPerSec() * leftNs) / 1e9;
  }

  private setBandwidth(): void {
    const bytesPerSec = rateLimit(this.bandwidth, this.parts.limits);
    this.parts.mover.requests.tell({ kind: "set-bandwidth", bytesPerSec });
  }

  private capPages(): number {
    return holdBackCapPages({
      downtimeLimitNs: this.parts.limits.downtimeLimitNs,
      fixedNs: this.parts.fixedDowntimeNs,
      bandwidthBytesPerSec: Math.min(this.bandwidth.stopLimitBytesPerSec, this.linkBytesPerSec()),
      bytesPerPage: this.parts.mover.bytesPerPage,
      otherPages: this.otherPages,
    });
  }

  /** As measured; under a rate limit a round tells nothing of what the link can carry. */
  private linkBytesPerSec(): number {
    const limited = Number.isFinite(rateLimit(this.bandwidth, this.parts.limits));
    return (limited ? 0 : this.measuredBytesPerSec) || this.parts.linkBytesPerSec;
  }

  private ask(
    when: "beforeRound" | "afterRound",
    at: { dirtyCount: number; iteration?: number; nowNs: number },
  ): Decision {
    const { dirtyCount, iteration = this.rounds.length, nowNs } = at;
    return this.stopRule[when](
      roundStats({
        parts: this.parts,
        bandwidth: this.bandwidth,
        dirtyCount,
        iteration,
        elapsedNs: nowNs - this.beganNs,
        bandwidthBytesPerSec: this.measuredBytesPerSec,
        sent: this.stats,
      }),
    );
  }
}

/** What a loop knows when it asks its rule. */
export interface LoopFacts {
  readonly parts: LiveParts;
  readonly bandwidth: BandwidthController;
  readonly dirtyCount: number;
  readonly iteration: number;
  readonly elapsedNs: number;
  readonly bandwidthBytesPerSec: number;
  readonly sent: Pick<
    RoundStats,
    "totalWritten" | "pagesSent" | "pagesSkipped" | "pagesSentBefore"
  >;
}

export function roundStats(facts: LoopFacts): RoundStats {
  const { parts, bandwidth, dirtyCount, iteration, elapsedNs, bandwidthBytesPerSec } = facts;
  return {
    iteration,
    dirtyCount,
    memoryPages: parts.mover.pages,
    dirtyBytes: dirtyCount < 0 ? -1 : dirtyCount * parts.mover.pageSizeBytes,
    elapsedNs,
    bandwidthBytesPerSec,
    downtimeLimitNs: parts.limits.downtimeLimitNs,
    fixedDowntimeNs: parts.fixedDowntimeNs,
    rateAtMaximum: bandwidth.atMaximum,
    rateExceeded: bandwidth.exceeded,
    ...facts.sent,
  };
}

export function switchOf(decision: Decision): Switch | undefined {
  if (decision.action === "stop") return { to: "stop-and-copy", reason: decision.reason };
  if (decision.action === "post-copy") return { to: "post-copy", reason: decision.reason };
  return undefined;
}

function reasonOf(decision: Decision): string {
  assert(decision.action !== "continue", "only an end has a reason");
  return decision.reason;
}
