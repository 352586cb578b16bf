/**
 * One migration as a machine that does no I/O: events in, commands out.
 *
 *   initialisation -> reservation -> iterative pre-copy -> stop-and-copy -> commitment -> activation
 *                                                          (post-copy alone: -> residual push)
 *
 * Stages after Clark et al., NSDI 2005, section 4.1. Hand-over: the target acknowledges a whole
 * image; the source records that it gives up epoch N (the commit point); only then may the target
 * run. Before the commit point the source can always go on; after it never, unless the target
 * refuses to run epoch N. In post-copy the image is whole but for the pages that still follow.
 */
import { assert } from "../base/assert.js";
import type { Kernels } from "../kernels/index.js";
import type { WorkingSetPredictor } from "../workingset/index.js";
import { BrokenLink } from "./broken-link.js";
import { Ledger, type MigrationState } from "./ledger.js";
import type { Command, MigrationEvent, Outcome } from "./messages.js";
import type { MigrationConfig } from "./migration-config.js";
import { createParts, partsArenaBytes } from "./migration-parts.js";
import type { PageMover, RequestBody, Requests } from "./page-mover.js";
import type { Reclaiming } from "./reclaiming.js";
import type { MigrationReport, RoundReport } from "./report.js";
import { DEFAULT_PUSH, ResidualPush } from "./residual-push.js";
import type { StorageMove } from "./storage-move.js";
import type { LivePhase, Switch } from "./strategy.js";
import type { Supervision } from "./supervision.js";
import type { ThrottleControl } from "./throttle-control.js";

export type { MigrationState };

const LINK_LOST = "the link to the target was lost";

export class Migration implements Requests {
  state: MigrationState = "idle";
  stopReason = "";
  readonly mover: PageMover;
  private readonly live: LivePhase;
  private readonly predictor: WorkingSetPredictor;
  private readonly throttle: ThrottleControl;
  private readonly supervision: Supervision;
  private readonly link: BrokenLink;
  readonly reclaiming: Reclaiming | undefined;
  private readonly storage: StorageMove | undefined;
  private readonly ledger = new Ledger();
  private readonly pending = new Map<number, (event: MigrationEvent) => void>();
  /** From the switch to post-copy on. */
  push: ResidualPush | undefined;
  private stopPages = 0;
  private residualPages = 0;
  private heldPages = 0;
  private outcome: Outcome = "source-runs";
  targetRuns = false;
  private announced = false;
  private nextId = 1;
  /** Of the event that is handled. */
  private nowNs = 0;
  private out: Command[] = [];

  constructor(
    readonly config: MigrationConfig,
    kernels: Kernels,
  ) {
    const parts = createParts(config, kernels, {
      state: () => this.state,
      postCopies: () => this.postCopies,
      request: (command, answer) => this.request(command, answer),
      tell: (command) => this.tell(command),
      abort: (nowNs, reason) => this.abort(nowNs, reason),
      cancel: (nowNs, reason) => this.cancel(nowNs, reason),
    });
    this.mover = parts.mover;
    this.live = parts.live;
    this.predictor = parts.predictor;
    this.throttle = parts.throttle;
    this.supervision = parts.supervision;
    this.reclaiming = parts.reclaiming;
    this.storage = parts.storage;
    this.link = new BrokenLink({
      requests: this,
      timeoutNs: config.timeoutNs,
      epoch: config.epoch,
      now: () => this,
      lose: (nowNs, why) => this.lose(nowNs, why),
      doubt: (nowNs) => this.endInDoubt(nowNs),
      settle: (nowNs) => this.announcedAt(nowNs),
    });
  }

  /** Arena bytes that a migration of this kind needs. */
  static arenaBytes(config: MigrationConfig): number {
    return partsArenaBytes(config);
  }

  /** The evidence that the source must be able to give. */
  get evidence(): WorkingSetPredictor["evidence"] {
    return this.predictor.evidence;
  }

  /** What is given up and taken back has to be seen, even where no round follows the log. */
  private get logsWrites(): boolean {
    return this.live.logsWrites || (this.reclaiming ?? this.storage) !== undefined;
  }

  get rounds(): readonly RoundReport[] {
    return this.live.rounds;
  }

  get postCopies(): boolean {
    return this.push !== undefined;
  }

  get ended(): boolean {
    return this.state === "completed" || this.state === "aborted";
  }

  /** Takes one event and appends the commands that follow from it to `out`. */
  handle(event: MigrationEvent, out: Command[]): void {
    this.out = out;
    this.nowNs = event.atNs;
    switch (event.kind) {
      case "start":
        return this.start(event.atNs);
      case "cancel":
        return this.cancel(event.atNs, event.reason);
      case "peer":
        return this.fromPeer(event);
      case "fault":
        return this.push?.fault(event.page);
      case "link":
        return this.linkChanged(event.up, event.atNs);
      default:
        return this.answer(event);
    }
  }

  request(command: RequestBody, answer: (event: MigrationEvent) => void): number {
    const id = this.nextId++;
    this.pending.set(id, answer);
    this.out.push({ ...command, id } as Command);
    return id;
  }

  tell(command: Command): void {
    this.out.push(command);
    if (command.kind !== "round-ended" || command.lastStage) return;
    this.storage?.followRound();
    this.supervision.roundEnded(this.nowNs);
  }

  report(): MigrationReport {
    assert(this.ended, "a report is made when the migration has ended");
    const { live, mover } = this;
    return this.ledger.report(this.config, {
      outcome: this.outcome,
      stopReason: this.stopReason,
      postCopied: this.push !== undefined,
      storage: this.storage?.report(),
      pagesSent: mover.totals.pagesSent,
      heldPages: this.heldPages,
      heldCapPages: live.heldCapPages,
      stopPages: this.stopPages,
      residualPages: this.residualPages,
      rounds: live.rounds,
      predictorState: this.predictor.describe(),
      throttleState: this.throttle.describe(),
      reclaimState: this.reclaiming?.describe() ?? {},
      managerState: this.supervision.describe(),
      strategyState: live.describe?.() ?? {},
    });
  }

  private answer(
    event: Exclude<MigrationEvent, { kind: "start" | "cancel" | "peer" | "fault" | "link" }>,
  ): void {
    const handler = this.pending.get(event.id);
    // After an abort nothing is pending any more, and late answers mean nothing.
    if (handler === undefined) {
      assert(this.ended, `an answer to ${event.id}, which asked for nothing`);
      return;
    }
    this.pending.delete(event.id);
    handler(event);
  }

  private start(nowNs: number): void {
    assert(this.state === "idle", "a migration starts once");
    this.state = "initialisation";
    this.ledger.marks.start = nowNs;
    this.supervision.start(nowNs);
    if (this.ended) return;
    this.request({ kind: "set-timer", atNs: nowNs + this.config.timeoutNs }, (event) => {
      if (!this.committedOrEnded()) this.abort(event.atNs, "timeout");
    });
    this.request({ kind: "connect" }, (connected) => {
      const initialise = (nowNs: number) =>
        this.live.initialise(nowNs, (atNs) => this.reserve(atNs));
      if (!this.logsWrites) return initialise(connected.atNs);
      this.request({ kind: "enable-log-dirty" }, (event) => {
        assert(event.kind === "done", "turning the log on is answered by done");
        if (this.reclaiming === undefined) initialise(event.atNs);
        else this.reclaiming.start(event, initialise);
      });
    });
  }

  private reserve(nowNs: number): void {
    this.state = "reservation";
    this.ledger.marks.reservation = nowNs;
    this.ledger.addControl();
    this.request({ kind: "prepare" }, (event) => {
      if (event.kind === "refused") return this.abort(event.atNs, `refused: ${event.reason}`);
      this.state = "iterative-pre-copy";
      this.ledger.marks.live = event.atNs;
      this.ledger.addControl(this.reclaiming?.tellTarget() ?? 0);
      if (this.storage === undefined) this.beginRounds(event.atNs);
      else this.storage.bulk(event.atNs, (atNs) => this.beginRounds(atNs));
    });
  }

  private beginRounds(nowNs: number): void {
    this.throttle.start(nowNs);
    this.live.begin(nowNs, (atNs, how) => this.stopAndCopy(atNs, how));
    this.supervision.roundsBegan(nowNs);
  }

  private stopAndCopy(nowNs: number, how: Switch): void {
    this.ledger.book("rounds", this.mover.totals.bytes);
    this.state = "stop-and-copy";
    this.stopReason = how.reason;
    this.ledger.marks.pause = nowNs;
    this.live.end();
    this.throttle.stop();
    this.request({ kind: "pause" }, (event) => {
      this.ledger.marks.paused = event.atNs;
      const bytesPerSec = this.live.bandwidth.stopLimitBytesPerSec;
      this.tell({ kind: "set-bandwidth", bytesPerSec });
      const restOfMemory = (atNs: number) =>
        how.to === "post-copy" ? this.sendState() : this.sendRest(atNs);
      const rest = (atNs: number) =>
        this.storage === undefined ? restOfMemory(atNs) : this.storage.finish(atNs, restOfMemory);
      if (!this.logsWrites) return rest(event.atNs);
      this.mover.harvest((_pages, seen) => {
        this.tell({ kind: "round-ended", lastStage: true });
        rest(seen.atNs);
      });
    });
    if (how.to === "post-copy") {
      const { mover } = this;
      const done = (atNs: number) => this.allReceived(atNs);
      const options = this.live.push ?? DEFAULT_PUSH;
      this.push = new ResidualPush({ mover, requests: this, options, done });
    }
  }

  private sendRest(nowNs: number): void {
    const { mover } = this;
    this.stopPages = mover.owed.count();
    this.heldPages = this.live.heldAtStop();
    mover.sendAll(mover.owed, { skipsRewritten: false, nowNs }, () => {
      this.ledger.book("pause", mover.totals.bytes);
      this.sendState();
    });
  }

  /** State of CPUs and devices; in post-copy with the list of what is absent. */
  private sendState(): void {
    const { mover, push } = this;
    const frame = { region: "ram", slot: -1, pageCount: 0, urgent: false } as const;
    const bytes = this.config.deviceStateBytes;
    if (push !== undefined) {
      this.residualPages = mover.owed.count();
      const mapBytes = push.absentMapBytes();
      this.ledger.addControl(mapBytes);
      this.request({ kind: "send", what: "control", bytes: mapBytes, ...frame }, () => {});
    }
    this.request({ kind: "send", what: "device-state", bytes, ...frame }, (event) => {
      if (event.kind === "send-failed") return this.abort(event.atNs, LINK_LOST);
      this.ledger.addState(bytes);
      this.ledger.addControl();
      this.tell({ kind: "finish", absent: push === undefined ? undefined : mover.owed });
    });
  }

  /** What the target says twice, or out of its turn, means nothing the second time. */
  private fromPeer(event: MigrationEvent & { kind: "peer" }): void {
    const { message, receivedNs } = event;
    switch (message) {
      case "image-complete":
        if (this.state === "stop-and-copy") this.imageComplete(receivedNs);
        return;
      case "running":
        if (this.state === "activation" && !this.targetRuns) this.released(receivedNs);
        return;
      case "announced":
        if (this.targetRuns && !this.announced && !this.ended) this.announcedAt(receivedNs);
        return;
      case "all-received":
        this.push?.allReceived(receivedNs);
        return;
      case "refused-to-run":
        if (!this.ended && !this.targetRuns) this.abort(event.atNs, "the target refused to run");
    }
  }

  private imageComplete(receivedNs: number): void {
    this.state = "commitment";
    this.ledger.marks.received = receivedNs;
    this.request({ kind: "commit", epoch: this.config.epoch }, (event) => {
      this.state = "activation";
      this.ledger.marks.committed = event.atNs;
      this.ledger.addControl();
      this.tell({ kind: "go", epoch: this.config.epoch });
      this.push?.begin(event.atNs);
      const atNs = event.atNs + this.config.timeoutNs;
      this.request({ kind: "set-timer", atNs }, (late) => {
        if (!this.targetRuns && !this.ended) this.link.unanswered(late.atNs);
      });
    });
  }

  private released(runningNs: number): void {
    this.targetRuns = true;
    this.ledger.marks.running = runningNs;
    if (this.push?.ended !== false) this.tell({ kind: "release-source" });
  }

  private announcedAt(nowNs: number): void {
    this.announced = true;
    this.ledger.marks.announced = nowNs;
    if (this.push === undefined || this.push.ended) this.complete(nowNs);
    else this.state = "residual-push";
  }

  /** Post-copy: no page is absent any more. */
  private allReceived(nowNs: number): void {
    this.ledger.book("residual", this.mover.totals.bytes);
    this.ledger.addControl();
    if (this.targetRuns) this.tell({ kind: "release-source" });
    if (this.announced) this.complete(nowNs);
  }

  private linkChanged(up: boolean, nowNs: number): void {
    if (this.state === "idle") return;
    if (this.committedOrEnded()) {
      if (!this.ended) this.link.changed(up, nowNs);
    } else if (!up) {
      this.abort(nowNs, LINK_LOST);
    }
  }

  /** The guest was given up and nobody says that it runs: it must not run here either. */
  private endInDoubt(nowNs: number): void {
    const reason = "the target has permission to run and does not answer";
    this.finish(nowNs, "in-doubt", reason);
  }

  /** Half of the guest is here and half there, and they cannot come together any more. */
  private lose(nowNs: number, why: string): void {
    this.tell({ kind: "abandon" });
    this.finish(nowNs, "lost", why);
  }

  private complete(nowNs: number): void {
    const { marks } = this.ledger;
    this.state = "completed";
    this.outcome = "target-runs";
    marks.end = Math.max(nowNs, marks.announced);
    this.pending.clear();
    this.tell({ kind: "ended", outcome: this.outcome });
  }

  private cancel(nowNs: number, reason: string): void {
    if (!this.committedOrEnded()) this.abort(nowNs, reason);
  }

  private committedOrEnded(): boolean {
    return this.ended || this.state === "activation" || this.state === "residual-push";
  }

  /** Gives the attempt up: the source goes on, the target frees what it holds. */
  private abort(nowNs: number, reason: string): void {
    this.tell({ kind: "roll-back" });
    this.finish(nowNs, "source-runs", reason);
  }

  /** The end of an attempt that did not complete. */
  private finish(nowNs: number, outcome: Outcome, reason: string): void {
    const what = this.state === "iterative-pre-copy" ? "rounds" : "pause";
    this.ledger.book(this.push === undefined ? what : "residual", this.mover.totals.bytes);
    this.ledger.endIn(this.state, nowNs);
    this.live.end();
    this.throttle.stop();
    this.pending.clear();
    this.state = "aborted";
    this.stopReason = reason;
    this.outcome = outcome;
    this.tell({ kind: "ended", outcome });
  }
}
