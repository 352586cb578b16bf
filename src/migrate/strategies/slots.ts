/**
 * Iterative pre-copy as QEMU's migration thread runs it: no rounds that send a whole set. Pages go
 * out round and round in slices; before each slice the known remainder is compared with what the
 * last window's bandwidth carries within the downtime limit, and the log is read anew when it falls
 * below that. What was written before it was sent is sent with its new contents and again later,
 * because the log is collected at the next reading alone.
 *
 * migration/migration.c: migration_iteration_run, migration_update_counters, migration_rate_limit;
 * migration/ram.c: ram_save_iterate, ram_save_pending. A "round" of the report ends at a reading.
 */
import { assert } from "../../base/assert.js";
import { PageBitmap } from "../../kernels/index.js";
import type { BandwidthController } from "../../policy/bandwidth.js";
import { NO_ESTIMATE, type SlotEstimate, type SlotLoop } from "../../policy/slot-loop.js";
import type { StopRule } from "../../policy/stop-rule.js";
import { CyclicWalk } from "../page-walk.js";
import type { RoundReport } from "../report.js";
import type { PushOptions } from "../residual-push.js";
import { Sampler } from "../sampler.js";
import type { LiveParts, LivePhase, Switch } from "../strategy.js";
import { ROUNDS_MAX, type RoundsOptions, roundStats, switchOf } from "./rounds.js";

export class Slots implements LivePhase {
  readonly rounds: RoundReport[] = [];
  readonly bandwidth: BandwidthController;
  readonly logsWrites = true;
  readonly pacesItself = true;
  readonly push: PushOptions | undefined;
  heldCapPages = 0;
  private readonly loop: SlotLoop;
  private readonly stopRule: StopRule | undefined;
  private readonly walk = new CyclicWalk();
  private readonly between: PageBitmap;
  private readonly toSend: PageBitmap;
  private readonly sampler: Sampler;
  private estimate: SlotEstimate = NO_ESTIMATE;
  private leave: (nowNs: number, how: Switch) => void = () => {};
  private leaving: Switch | undefined;
  private beganNs = 0;
  private window = { startNs: 0, sentBefore: 0 };
  private round = { startNs: 0, pagesBefore: 0, bytesBefore: 0, cpuShare: 1 };
  private sending = false;
  private reading = false;
  private waiting = false;
  private finishing = false;
  private synced = false;
  private ended = false;

  constructor(
    private readonly parts: LiveParts,
    options: RoundsOptions = {},
  ) {
    const { mover, preset, throttle, predictor } = parts;
    const { kernels, pages } = mover;
    assert(preset.slots !== undefined, "this loop is for presets with slots");
    this.loop = preset.slots;
    this.bandwidth = preset.createBandwidth();
    this.stopRule = options.stopRule;
    this.push = options.push;
    this.between = PageBitmap.create(kernels, pages, "read between rounds");
    this.toSend = PageBitmap.create(kernels, pages, "owed and not held back");
    throttle.seenBetween = (seen) => this.between.or(seen);
    this.sampler = new Sampler(mover, predictor, {
      seen: (seen) => this.between.or(seen),
      ticked: (nowNs) => this.holdBack(nowNs),
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
    this.window = { startNs: nowNs, sentBefore: 0 };
    this.between.reset();
    this.startRound(nowNs);
    this.goOn(nowNs);
  }

  leaveNow(nowNs: number, how: Switch): void {
    if (this.ended || this.leaving !== undefined) return;
    this.leaving = how;
    if (this.sending) this.parts.mover.cut();
    else if (!this.reading) this.finish(nowNs, how);
  }

  heldAtStop(): number {
    return this.sampler.held.countAnd(this.parts.mover.owed);
  }

  end(): void {
    this.ended = true;
    this.sampler.stop();
  }

  /** Held pages too: what is known to be unsent is what the threshold is about. */
  private get remainingBytes(): number {
    return this.parts.mover.owed.count() * this.parts.mover.pageSizeBytes;
  }

  /**
   * What the predictor wants held back: at most half of what the downtime limit has room for, so
   * that the rest can still fall below the threshold.
   */
  private holdBack(nowNs: number, then: (nowNs: number) => void = () => {}): void {
    const { mover } = this.parts;
    const room = Math.floor(this.estimate.thresholdBytes / 2 / mover.pageSizeBytes);
    this.heldCapPages = Math.min(room, mover.pages);
    const roundNs = this.loop.slotNs;
    this.sampler.choose({ pagesMax: this.heldCapPages, nowNs, roundNs }, (_held, atNs) => {
      this.toSend.andNot(this.sampler.held);
      then(atNs);
    });
  }

  /** Until it is used up the pages go as fast as the link takes them. */
  private get quotaLeftBytes(): number {
    const { limits, mover } = this.parts;
    const limited = Math.floor((limits.bandwidthBytesPerSec / 1e9) * this.loop.slotNs);
    const sent = mover.totals.bytes - this.window.sentBefore;
    return Math.min(this.loop.quotaBytes, limited) - sent;
  }

  /** As many as the window has room for, shared out among the batches that may be under way. */
  private get batchPagesMax(): number {
    const { bytesPerPage, windowBatches } = this.parts.mover;
    const left = Math.ceil(this.quotaLeftBytes / bytesPerPage / windowBatches);
    return Math.max(1, Math.min(left, this.loop.slicePages));
  }

  /** One turn of migration_iteration_run. */
  private goOn(nowNs: number): void {
    if (this.ended || this.finishing || this.sending || this.reading || this.waiting) return;
    if (this.leaving !== undefined) return this.finish(nowNs, this.leaving);
    if (nowNs - this.window.startNs >= this.loop.slotNs) this.closeWindow(nowNs);
    const { remainingBytes, synced } = this;
    const { thresholdBytes } = this.estimate;
    switch (this.loop.nextStep({ remainingBytes, thresholdBytes, synced })) {
      case "stop":
        return this.finish(nowNs, { to: "stop-and-copy", reason: "threshold" });
      case "sync":
        return this.readLog();
      default:
        if (this.quotaLeftBytes > 0) this.sendSlice(nowNs);
        else this.awaitWindow();
    }
  }

  /** ram_save_iterate: until the window's quota is used up or the clock says that it is enough. */
  private sendSlice(nowNs: number): void {
    const { mover } = this.parts;
    if (this.toSend.assignAndNot(mover.owed, this.sampler.held) === 0) return this.readLog();
    this.sending = true;
    this.synced = false;
    const slots = this;
    const { sliceNs } = this.loop;
    const options = {
      skipsRewritten: false,
      nowNs,
      walk: this.walk,
      get batchPagesMax() {
        return slots.batchPagesMax;
      },
      goesOn: (atNs: number) => atNs - nowNs < sliceNs && this.quotaLeftBytes > 0,
      leavesBehind: true,
    };
    mover.sendAll(this.toSend, options, (atNs) => {
      this.sending = false;
      this.goOn(atNs);
    });
  }

  private readLog(): void {
    const { mover } = this.parts;
    this.reading = true;
    mover.harvest((pages, event) => {
      if (this.ended) return;
      this.synced = true;
      this.sampler.roundEnded(pages, event.virtualNs);
      mover.requests.tell({ kind: "round-ended", lastStage: false });
      this.between.or(pages);
      const dirtied = this.between.count();
      this.between.reset();
      this.closeRound(event.atNs, dirtied);
      this.parts.throttle.synced({
        nowNs: event.atNs,
        bandwidthBytesPerSec: this.estimate.bandwidthBytesPerSec,
        thresholdBytes: this.estimate.thresholdBytes,
      });
      if (this.rounds.length >= ROUNDS_MAX) {
        this.parts.abort(event.atNs, `${ROUNDS_MAX} rounds without an end`);
      } else {
        this.holdBack(event.atNs, (atNs) => {
          this.reading = false;
          if (!this.ended) this.askRule(atNs);
        });
      }
    });
  }

  /** A rule above the loop (hybrid) may end it after a reading. */
  private askRule(nowNs: number): void {
    const last = this.rounds.at(-1);
    const decision = this.stopRule?.beforeRound(
      roundStats({
        parts: this.parts,
        bandwidth: this.bandwidth,
        dirtyCount: this.parts.mover.owed.count(),
        iteration: this.rounds.length,
        elapsedNs: nowNs - this.beganNs,
        bandwidthBytesPerSec: this.estimate.bandwidthBytesPerSec,
        sent: {
          totalWritten: this.parts.mover.totals.pagesSent,
          pagesSent: last?.pagesSent ?? 0,
          pagesSkipped: 0,
          pagesSentBefore: this.rounds.at(-2)?.pagesSent ?? 0,
        },
      }),
    );
    const how = decision === undefined ? undefined : switchOf(decision);
    if (how !== undefined) this.leaving ??= how;
    this.goOn(nowNs);
  }

  /** migration_update_counters, at the first turn after the window's length. */
  private closeWindow(nowNs: number): void {
    const { mover, limits } = this.parts;
    const bytes = mover.totals.bytes - this.window.sentBefore;
    const elapsedNs = nowNs - this.window.startNs;
    const { downtimeLimitNs } = limits;
    this.estimate = this.loop.closeWindow({ bytes, elapsedNs, downtimeLimitNs });
    this.window = { startNs: nowNs, sentBefore: mover.totals.bytes };
  }

  /** migration_rate_limit: the quota is used up, so sleep until the window ends. */
  private awaitWindow(): void {
    const atNs = this.window.startNs + this.loop.slotNs;
    this.waiting = true;
    this.parts.mover.requests.request({ kind: "set-timer", atNs }, (event) => {
      this.waiting = false;
      this.goOn(event.atNs);
    });
  }

  private startRound(nowNs: number): void {
    const { totals } = this.parts.mover;
    this.round = {
      startNs: nowNs,
      pagesBefore: totals.pagesSent,
      bytesBefore: totals.bytes,
      cpuShare: this.parts.throttle.brake.cpuShare,
    };
  }

  private closeRound(nowNs: number, pagesDirtied: number): void {
    const { startNs, pagesBefore, bytesBefore, cpuShare } = this.round;
    const { totals } = this.parts.mover;
    const bytes = totals.bytes - bytesBefore;
    const durationNs = nowNs - startNs;
    this.rounds.push({
      round: this.rounds.length + 1,
      pagesSent: totals.pagesSent - pagesBefore,
      pagesSkipped: 0,
      pagesHeld: 0,
      pagesDirtied,
      bytes,
      durationNs,
      bandwidthBytesPerSec: durationNs > 0 ? Math.round((bytes * 1e9) / durationNs) : 0,
      cpuShare,
    });
    this.startRound(nowNs);
  }

  /** Whatever was sent since the last reading belongs to a round of its own. */
  private finish(leaveNs: number, how: Switch): void {
    if (this.finishing) return;
    this.finishing = true;
    // Batches that are still being read go ahead of the pause, and count for the rounds.
    this.parts.mover.afterReads(leaveNs, (nowNs) => {
      if (!this.ended) this.closeAndLeave(nowNs, how);
    });
  }

  private closeAndLeave(nowNs: number, how: Switch): void {
    if (this.parts.mover.totals.bytes > this.round.bytesBefore) this.closeRound(nowNs, -1);
    this.leave(nowNs, how);
  }
}
