/**
 * Iterative pre-copy, with whatever predictor, preset and throttle it is given.
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
import { jin } from "../../policy/throttles/jin.js";
import type { RoundReport } from "../report.js";
import { Sampler } from "../sampler.js";
import type { LiveParts, LivePhase, StrategyFactory } from "../strategy.js";

/** No real loop comes near; a rule that never ends is cut off and reported. */
export const ROUNDS_MAX = 100_000;

/** Shortest round that the oracle looks ahead for. */
const ROUND_NS_MIN = 10_000_000;

/** The round that is running. */
interface CurrentRound {
  readonly startNs: number;
  /** Its set stands: the last set before the stop, or held pages on purpose. */
  readonly final: boolean;
  readonly stopAfter: Decision | undefined;
  readonly held: number;
  readonly cpuShare: number;
  sendStartNs: number;
}

class PreCopy implements LivePhase {
  readonly rounds: RoundReport[] = [];
  readonly bandwidth: BandwidthController;
  readonly logsWrites = true;
  readonly throttles: boolean;
  heldCapPages = 0;
  private readonly stopRule: StopRule;
  private readonly sampler: Sampler;
  private readonly toSend: PageBitmap;
  private readonly dirtied: PageBitmap;
  private stop: (nowNs: number, reason: string) => void = () => {};
  private round: CurrentRound | undefined;
  private stats = { totalWritten: 0, pagesSent: 0, pagesSkipped: 0, pagesSentBefore: 0 };
  private otherPages = 0;
  private beganNs = 0;
  private measuredBytesPerSec = 0;
  private cpuShare = 1;
  private flushed = false;
  private ended = false;

  constructor(private readonly parts: LiveParts) {
    const { mover, preset } = parts;
    this.bandwidth = preset.createBandwidth();
    this.stopRule = preset.createStopRule();
    this.throttles = parts.throttle !== undefined;
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

  begin(nowNs: number, stop: (nowNs: number, reason: string) => void): void {
    this.stop = stop;
    this.beganNs = nowNs;
    this.setBandwidth();
    this.dirtied.reset();
    this.prepareRound(nowNs);
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
    let decision = this.ask("beforeRound", {
      nowNs,
      dirtyCount: count,
      iteration: this.rounds.length,
    });
    let final = decision.action === "stop";
    const onlyHeldLeft = decision.action === "stop" && decision.reason === "dirty-count";
    if (onlyHeldLeft && this.parts.params.flush === true && !this.flushed && held > 0) {
      this.flushed = true;
      this.toSend.copyFrom(mover.owed);
      decision = { action: "continue" };
      final = true;
    }
    if (decision.action === "abort") return this.parts.abort(nowNs, decision.reason);
    if (decision.action === "stop" && !preset.sendsLastSetLive) {
      return this.stop(nowNs, decision.reason);
    }
    const stopAfter = decision.action === "stop" ? decision : undefined;
    this.round = { startNs, final, stopAfter, held, cpuShare: this.cpuShare, sendStartNs: nowNs };
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
    if (round.stopAfter !== undefined && round.stopAfter.action === "stop") {
      this.closeRound(nowNs, -1);
      this.stop(nowNs, round.stopAfter.reason);
      return;
    }
    const decision = this.ask("afterRound", {
      nowNs,
      dirtyCount: -1,
      iteration: this.rounds.length + 1,
    });
    if (decision.action === "continue") {
      this.readLog();
    } else {
      this.closeRound(nowNs, -1);
      if (decision.action === "abort") this.parts.abort(nowNs, decision.reason);
      else this.stop(nowNs, decision.reason);
    }
  }

  private readLog(): void {
    this.parts.mover.harvest((pages, event) => {
      if (this.ended) return;
      this.dirtied.or(pages);
      this.sampler.roundEnded(pages, event.virtualNs);
      this.closeRound(event.atNs, this.dirtied.count());
      this.dirtied.reset();
      this.otherPages = this.parts.mover.owed.countAndNot(this.sampler.held);
      if (this.rounds.length >= ROUNDS_MAX) {
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
    if (pagesDirtied >= 0 && durationNs > 0) this.adapt(nowNs, pagesDirtied, durationNs);
  }

  /** Rate limit and CPU share for the coming round, from what this one measured. */
  private adapt(nowNs: number, pagesDirtied: number, durationNs: number): void {
    const { mover, throttle } = this.parts;
    const dirtyBytesPerSec = (pagesDirtied * mover.pageSizeBytes * 1e9) / durationNs;
    this.bandwidth.afterRound({ dirtyBytesPerSec });
    this.setBandwidth();
    if (throttle === undefined || this.measuredBytesPerSec === 0) return;
    const share = throttle.afterSync({
      nowNs,
      periodNs: durationNs,
      dirtiedBytes: pagesDirtied * mover.pageSizeBytes,
      sentBytes: mover.counts.bytes,
      remainingBytes: mover.owed.count() * mover.pageSizeBytes,
      thresholdBytes: (this.measuredBytesPerSec * this.parts.downtimeLimitNs) / 1e9,
      bandwidthBytesPerSec: this.measuredBytesPerSec,
      memoryBytes: mover.pages * mover.pageSizeBytes,
      vcpus: 1,
      rounds: this.rounds.length,
    }).cpuShare;
    if (share === this.cpuShare) return;
    this.cpuShare = share;
    mover.requests.tell({ kind: "set-cpu-share", share });
  }

  private setBandwidth(): void {
    const bytesPerSec = this.bandwidth.limitBytesPerSec;
    this.parts.mover.requests.tell({ kind: "set-bandwidth", bytesPerSec });
  }

  private capPages(): number {
    return holdBackCapPages({
      downtimeLimitNs: this.parts.downtimeLimitNs,
      fixedNs: this.parts.fixedDowntimeNs,
      bandwidthBytesPerSec: Math.min(this.bandwidth.stopLimitBytesPerSec, this.linkBytesPerSec()),
      bytesPerPage: this.parts.mover.bytesPerPage,
      otherPages: this.otherPages,
    });
  }

  /** As measured; under a rate limit a round tells nothing of what the link can carry. */
  private linkBytesPerSec(): number {
    const limited = Number.isFinite(this.bandwidth.limitBytesPerSec);
    return (limited ? 0 : this.measuredBytesPerSec) || this.parts.linkBytesPerSec;
  }

  private ask(
    when: "beforeRound" | "afterRound",
    { nowNs, dirtyCount, iteration }: { nowNs: number; dirtyCount: number; iteration: number },
  ): Decision {
    assert(Number.isInteger(iteration), "iteration counts rounds");
    const stats: RoundStats = {
      iteration,
      dirtyCount,
      dirtyBytes: dirtyCount < 0 ? -1 : dirtyCount * this.parts.mover.pageSizeBytes,
      elapsedNs: nowNs - this.beganNs,
      bandwidthBytesPerSec: this.measuredBytesPerSec,
      downtimeLimitNs: this.parts.downtimeLimitNs,
      memoryPages: this.parts.mover.pages,
      rateAtMaximum: this.bandwidth.atMaximum,
      rateExceeded: this.bandwidth.exceeded,
      ...this.stats,
    };
    return this.stopRule[when](stats);
  }
}

const FLUSH = {
  flush: { kind: "flag", default: false, help: "send held pages live once before the stop" },
} as const;

export const preCopy: StrategyFactory = {
  name: "pre-copy",
  summary: "rounds while the guest runs, the rest in a pause",
  source: "Clark et al., NSDI 2005; with a predictor, Zaw & Thein, IJCST 3(3), 2012",
  params: FLUSH,
  defaultPredictor: "none",
  defaultPreset: "xen",
  arenaBytes: PreCopy.arenaBytes,
  createThrottle: () => undefined,
  createLive: (parts) => new PreCopy(parts),
};

export const seed: StrategyFactory = {
  name: "seed",
  summary: "WSClock pre-processing, push, Jin's CPU control between rounds, stop-and-copy",
  source: "Optimized iterative pre-copy with WSClock, sections III and IV",
  params: {
    ...FLUSH,
    ...jin.params,
  },
  defaultPredictor: "wsclock",
  defaultPreset: "xen",
  arenaBytes: PreCopy.arenaBytes,
  createThrottle: jin.create,
  createLive: (parts) => new PreCopy(parts),
};
