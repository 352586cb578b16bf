/**
 * Adaptive pre-copy, this project's own: page by page the choice between sending now, holding back
 * to the pause, slowing the guest, and post-copy, made from what the log shows and what the
 * downtime limit has room for.
 *
 *   room   = pages that the pause can take:  (limit - fixed) * bandwidth / bytes a page
 *   held   = the hottest pages by the predictor, as many as the room has place for beside what a
 *            tick dirties otherwise: they wait for the pause
 *   turn   = everything else that is owed, round and round; what was written again since the turn
 *            began is left for the next one (Clark's skip set)
 *   stop   when a reading of the log shows no more than `room` pages owed, and one more turn would
 *            not be worth it: it makes the pause shorter by what is owed less what is dirtied
 *            meanwhile, and costs what is dirtied meanwhile
 *
 * The log is read at a tick that follows the link: often enough to see what is hot, seldom enough
 * to cost little. Whether the guest has to be slowed shows by itself: when a whole turn brings no
 * progress (policy/throttles/no-progress.ts). With the flag `post-copy` the guest moves instead of
 * being slowed below `least-share`; without it, when a turn at the least share that the throttle
 * knows has brought nothing either.
 */
import { PageBitmap } from "../../kernels/index.js";
import type { BandwidthController } from "../../policy/bandwidth.js";
import { noProgress } from "../../policy/throttles/no-progress.js";
import { CyclicWalk } from "../page-walk.js";
import type { RoundReport } from "../report.js";
import type { PushOptions } from "../residual-push.js";
import type { LiveParts, LivePhase, StrategyFactory, Switch } from "../strategy.js";
import { PUSH_PARAMS, pushOptions } from "./post-copy.js";
import { ROUNDS_MAX } from "./rounds.js";

/** The log is read so often while memory is sent once, within these bounds. */
const TICKS_A_BULK = 16;
const TICK_NS_MIN = 40_000_000;
const TICK_NS_MAX = 200_000_000;
/** Of the room, for what is written between the last reading and the pause. */
const MARGIN = 0.9;
/** Fewer are not worth another turn. */
const PAUSE_PAGES_MIN = 8;
/** When a turn is over before the tick, the log is read at once, but not more often than this. */
const LOOKS_A_TICK = 8;
/** More than this share of what was left a turn ago is no progress. */
const STUCK = 0.9;
/** Small enough that a tick is felt soon. */
const BATCH_PAGES = 256;

class Adaptive implements LivePhase {
  readonly rounds: RoundReport[] = [];
  readonly bandwidth: BandwidthController;
  readonly logsWrites = true;
  readonly push: PushOptions;
  heldCapPages = 0;
  private readonly walk = new CyclicWalk();
  private readonly toSend: PageBitmap;
  private readonly held: PageBitmap;
  private readonly dirtied: PageBitmap;
  private readonly tickNs: number;
  private leave: (nowNs: number, how: Switch) => void = () => {};
  private leaving: Switch | undefined;
  private sending = false;
  private ended = false;
  private measuredBytesPerSec = 0;
  private lastLookNs = 0;
  private lookAtNs = 0;
  /** What was owed when the guest was slowed as far as it may be, or a turn later. */
  private slowest: { readonly sinceNs: number; readonly owed: number } | undefined;
  /** What is left fits the pause already; turns are made to shorten it. */
  private closing = false;
  /** When the last turn of that kind began; 0: none has. */
  private owedBefore = 0;
  private turn = { startNs: 0, pages: 0, bytes: 0, held: 0, skipped: 0 };
  private lastTurnBytesPerPage = 0;
  private readonly explained = {
    ticks: 0,
    turns: 0,
    /** That the pause had place for, and the fewest that were left, at the last looks. */
    roomPages: 0,
    lowestPages: 0,
    heldPagesMost: 0,
    skippedPages: 0,
  };

  constructor(private readonly parts: LiveParts) {
    const { mover, preset, throttle, linkBytesPerSec } = parts;
    this.bandwidth = preset.createBandwidth();
    this.push = pushOptions(parts.params);
    const create = (what: string) => PageBitmap.create(mover.kernels, mover.pages, what);
    this.toSend = create("this turn's pages");
    this.held = create("held back");
    this.dirtied = create("dirtied in this turn");
    throttle.seenBetween = (pages) => this.dirtied.or(pages);
    const bulkNs = (mover.pages * mover.bytesPerPage * 1e9) / Math.max(1, linkBytesPerSec);
    const tickNs = Math.round(bulkNs / TICKS_A_BULK);
    this.tickNs = Math.min(TICK_NS_MAX, Math.max(TICK_NS_MIN, tickNs));
    this.explained.lowestPages = mover.pages;
  }

  static arenaBytes(pages: number): number {
    return 3 * PageBitmap.bytesFor(pages);
  }

  initialise(nowNs: number, done: (nowNs: number) => void): void {
    done(nowNs);
  }

  begin(nowNs: number, leave: (nowNs: number, how: Switch) => void): void {
    this.leave = leave;
    const bytesPerSec = this.bandwidth.limitBytesPerSec;
    this.parts.mover.requests.tell({ kind: "set-bandwidth", bytesPerSec });
    this.turn.startNs = nowNs;
    this.lastLookNs = nowNs;
    this.armTick(nowNs);
    this.sendOn(nowNs);
  }

  leaveNow(nowNs: number, how: Switch): void {
    if (this.ended || this.leaving !== undefined) return;
    this.leaving = how;
    if (this.sending) this.parts.mover.cut();
    else this.finish(nowNs, how);
  }

  heldAtStop(): number {
    return this.held.countAnd(this.parts.mover.owed);
  }

  describe(): Record<string, number | string> {
    return { tickNs: this.tickNs, ...this.explained };
  }

  end(): void {
    this.ended = true;
  }

  /** Sends what is owed and not hot, a turn after the other, until nothing moves before a tick. */
  private sendOn(nowNs: number): void {
    if (this.ended || this.sending) return;
    const { mover, preset } = this.parts;
    if (this.leaving !== undefined) return this.finish(nowNs, this.leaving);
    if (this.toSend.assignAndNot(mover.owed, this.held) === 0) return this.lookSoon(nowNs);
    this.sending = true;
    const options = {
      skipsRewritten: true,
      nowNs,
      walk: this.walk,
      batchPagesMax: Math.min(BATCH_PAGES, preset.batchPages),
    };
    mover.sendAll(this.toSend, options, (atNs) => this.sentTurn(nowNs, atNs));
  }

  private sentTurn(fromNs: number, nowNs: number): void {
    this.sending = false;
    if (this.ended) return;
    const { counts } = this.parts.mover;
    const { turn } = this;
    turn.pages += counts.pagesSent;
    turn.bytes += counts.bytes;
    turn.skipped += counts.pagesSkipped;
    this.explained.skippedPages += counts.pagesSkipped;
    const elapsedNs = nowNs - fromNs;
    if (counts.bytes > 0 && elapsedNs >= TICK_NS_MIN) {
      this.measuredBytesPerSec = (counts.bytes * 1e9) / elapsedNs;
    }
    if (nowNs - turn.startNs >= this.tickNs) this.closeTurn(nowNs, this.dirtied.count());
    // In the last turns the log is read at their end, as rounds do.
    if (this.closing && this.leaving === undefined) return this.look(false);
    // All that was left had just been written again: the log tells more.
    if (counts.pagesSent > 0 || this.leaving !== undefined) this.sendOn(nowNs);
    else this.lookSoon(nowNs);
  }

  /** Nothing is left to send that is known of. */
  private lookSoon(nowNs: number): void {
    const atNs = this.lastLookNs + Math.floor(this.tickNs / LOOKS_A_TICK);
    if (nowNs >= atNs) return this.look(false);
    if (this.lookAtNs === atNs) return;
    this.lookAtNs = atNs;
    this.parts.mover.requests.request({ kind: "set-timer", atNs }, (event) => {
      // A tick may have come first.
      const isDue = event.atNs >= this.lastLookNs + Math.floor(this.tickNs / LOOKS_A_TICK);
      if (!this.ended && !this.sending && isDue) this.look(false);
    });
  }

  private armTick(nowNs: number): void {
    const { mover } = this.parts;
    mover.requests.request({ kind: "set-timer", atNs: nowNs + this.tickNs }, (event) => {
      if (this.ended) return;
      this.armTick(event.atNs);
      this.look(true);
    });
  }

  /**
   * Reads the log, chooses what is hot, stops if the rest fits the pause. Ages move at ticks alone:
   * the ends of short turns would shift a page's history out.
   */
  private look(isTick: boolean): void {
    const { mover, predictor, throttle } = this.parts;
    mover.harvest((pages, event) => {
      if (this.ended) return;
      this.dirtied.or(pages);
      this.explained.ticks++;
      predictor.observe(pages);
      if (isTick) predictor.tick(event.virtualNs);
      const owed = mover.owed.count();
      const sinceNs = Math.max(1, event.atNs - this.lastLookNs);
      this.lastLookNs = event.atNs;
      const pagesPerNs = event.count / sinceNs;
      const roomPages = this.roomPages(pagesPerNs);
      const again = this.dirtiedInTurn(owed, pagesPerNs);
      const fits = owed <= roomPages;
      // What is dirtied beside the held pages needs its place in the pause, too.
      const otherPages = pages.countAndNot(this.held);
      this.heldCapPages = fits ? again : Math.max(0, roomPages - otherPages);
      this.explained.roomPages = roomPages;
      this.turn.held = predictor.select(this.heldCapPages, event.virtualNs, this.held);
      this.explained.heldPagesMost = Math.max(this.explained.heldPagesMost, this.turn.held);
      this.toSend.andNot(this.held);
      // Written before its turn came, it will be written again sooner than others: the next turn's.
      this.toSend.andNot(this.dirtied);
      this.explained.lowestPages = Math.min(this.explained.lowestPages, owed);
      throttle.synced({
        nowNs: event.atNs,
        bandwidthBytesPerSec: this.rate(),
        thresholdBytes: roomPages * mover.pageSizeBytes,
      });
      this.closing = fits && this.isWorthATurn({ owed, again, isTick });
      this.decide(event.atNs, fits && !this.closing);
    });
  }

  /** Pages that will be dirtied while what is owed is sent once, as far as the last look tells. */
  private dirtiedInTurn(owed: number, pagesPerNs: number): number {
    const turnNs = (owed * this.bytesPerPage() * 1e9) / Math.max(1, this.rate());
    return Math.min(owed, Math.ceil(pagesPerNs * turnNs));
  }

  /** Is it expected to pay, and did the turn before this one pay? */
  private isWorthATurn(at: { owed: number; again: number; isTick: boolean }): boolean {
    const { owed, again, isTick } = at;
    const worth = this.parts.params.worth as number;
    const expected = owed > PAUSE_PAGES_MIN && (owed - again) * worth > again;
    // A tick in the middle of a turn tells nothing of what the turn will have brought.
    if (isTick && this.closing && this.sending) return expected;
    const before = this.owedBefore;
    this.owedBefore = owed;
    return expected && (before === 0 || (before - owed) * worth > owed);
  }

  private decide(nowNs: number, isDone: boolean): void {
    const { params, throttle, abort } = this.parts;
    if (isDone) {
      this.leaveNow(nowNs, { to: "stop-and-copy", reason: "fits the downtime limit" });
    } else if (params["post-copy"] === true && this.isTooSlow(throttle.brake.cpuShare)) {
      this.leaveNow(nowNs, { to: "post-copy", reason: "does not converge" });
    } else if (this.isAtItsEnd(nowNs)) {
      this.leaveNow(nowNs, { to: "post-copy", reason: "does not converge, however slow it runs" });
    } else if (this.rounds.length >= ROUNDS_MAX) {
      abort(nowNs, `${ROUNDS_MAX} rounds without an end`);
    } else {
      this.sendOn(nowNs);
    }
  }

  /** Has a whole turn at the least share left as much as there was? */
  private isAtItsEnd(nowNs: number): boolean {
    const { mover, params, throttle } = this.parts;
    const leastShare = params["min-share"] as number;
    if (throttle.brake.cpuShare > leastShare) {
      this.slowest = undefined;
      return false;
    }
    const owed = mover.owed.count();
    this.slowest ??= { sinceNs: nowNs, owed };
    const turnNs = (this.slowest.owed * this.bytesPerPage() * 1e9) / Math.max(1, this.rate());
    if (nowNs - this.slowest.sinceNs < turnNs) return false;
    const isStuck = owed > this.slowest.owed * STUCK;
    this.slowest = { sinceNs: nowNs, owed };
    return isStuck;
  }

  private isTooSlow(cpuShare: number): boolean {
    return cpuShare < (this.parts.params["least-share"] as number);
  }

  /** Pages that the pause has room for, less what a tick writes until it begins. */
  private roomPages(pagesPerNs: number): number {
    const { mover, limits, fixedDowntimeNs } = this.parts;
    const leftNs = Math.max(0, limits.downtimeLimitNs - fixedDowntimeNs);
    const pages = Math.floor(((this.rate() * leftNs) / 1e9 / this.bytesPerPage()) * MARGIN);
    const written = Math.ceil((pagesPerNs * fixedDowntimeNs) / 4);
    return Math.max(0, Math.min(pages - Math.min(written, pages >> 1), mover.pages));
  }

  private bytesPerPage(): number {
    return this.lastTurnBytesPerPage || this.parts.mover.bytesPerPage;
  }

  private rate(): number {
    const limit = this.bandwidth.stopLimitBytesPerSec;
    return Math.min(limit, this.measuredBytesPerSec || this.parts.linkBytesPerSec);
  }

  private closeTurn(nowNs: number, pagesDirtied: number): void {
    const { turn, parts } = this;
    const durationNs = nowNs - turn.startNs;
    // The first turn's pages are not those that the pause will send.
    if (this.rounds.length > 0 && turn.pages > 0) {
      this.lastTurnBytesPerPage = turn.bytes / turn.pages;
    }
    this.explained.turns++;
    this.rounds.push({
      round: this.rounds.length + 1,
      pagesSent: turn.pages,
      pagesSkipped: turn.skipped,
      pagesHeld: turn.held,
      pagesDirtied,
      bytes: turn.bytes,
      durationNs,
      bandwidthBytesPerSec: durationNs > 0 ? Math.round((turn.bytes * 1e9) / durationNs) : 0,
      cpuShare: parts.throttle.brake.cpuShare,
    });
    this.turn = { startNs: nowNs, pages: 0, bytes: 0, held: turn.held, skipped: 0 };
    this.dirtied.reset();
    parts.mover.requests.tell({ kind: "round-ended", lastStage: false });
  }

  private finish(nowNs: number, how: Switch): void {
    if (this.turn.pages > 0) this.closeTurn(nowNs, -1);
    this.leave(nowNs, how);
  }
}

export const adaptive: StrategyFactory = {
  name: "adaptive",
  summary: "send, hold back, slow down or post-copy: by what the pause has room for",
  source: "this project",
  params: {
    worth: {
      kind: "number",
      default: 4,
      min: 0,
      max: 1000,
      help: "pages sent again that a page less in the pause is worth; 0 = stop when it fits",
    },
    ...noProgress.params,
    "post-copy": {
      kind: "flag",
      default: false,
      help: "move the guest rather than slow it below least-share",
    },
    "least-share": {
      kind: "number",
      default: 0.5,
      min: 0.01,
      max: 1,
      help: "with post-copy: CPU share that the guest keeps",
    },
    ...PUSH_PARAMS,
  },
  defaultPredictor: "aging",
  defaultPreset: "xen",
  postCopies: true,
  arenaBytes: Adaptive.arenaBytes,
  createThrottle: noProgress.create,
  createLive: (parts) => new Adaptive(parts),
};
