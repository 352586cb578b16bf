/**
 * One migration as a machine that does no I/O: events in, commands out.
 *
 *   initialisation -> reservation -> iterative pre-copy -> stop-and-copy -> commitment -> activation
 *
 * Stages after Clark et al., NSDI 2005, section 4.1. Hand-over: the target acknowledges a whole
 * image; the source records that it gives up epoch N (the commit point); only then may the target
 * run. Before the commit point the source can always go on; after it never, unless the target
 * refuses to run epoch N.
 */
import { assert } from "../base/assert.js";
import type { ParamValues } from "../base/params.js";
import type { Kernels } from "../kernels/index.js";
import type { Preset } from "../policy/preset.js";
import type { PredictorFactory, WorkingSetPredictor } from "../workingset/index.js";
import type { Command, MigrationEvent, Outcome } from "./messages.js";
import { PageMover, type RequestBody, type Requests } from "./page-mover.js";
import type { ByteCounts, MigrationReport, RoundReport, StageTimes } from "./report.js";
import type { LivePhase, StrategyFactory } from "./strategy.js";

/** What the engine is told of the guest and of its owner's wishes. */
export interface MigrationConfig {
  readonly guest: string;
  /** As it was written, for the report. */
  readonly name: string;
  readonly strategy: StrategyFactory;
  readonly strategyParams: ParamValues;
  readonly predictor: PredictorFactory;
  readonly predictorParams: ParamValues;
  readonly preset: Preset;
  readonly pages: number;
  readonly pageSizeBytes: number;
  readonly deviceStateBytes: number;
  /** The longest downtime that is accepted: the budget for holding pages back. */
  readonly downtimeLimitNs: number;
  /** Downtime that no page causes, as far as it is known beforehand. */
  readonly fixedDowntimeNs: number;
  /** Payload rate of the path as it is known beforehand. */
  readonly linkBytesPerSec: number;
  /** Given up after this long, before the commit point. */
  readonly timeoutNs: number;
  readonly windowBatches: number;
  /** Fencing number of this attempt. */
  readonly epoch: number;
}

export type MigrationState =
  | "idle"
  | "initialisation"
  | "reservation"
  | "iterative-pre-copy"
  | "stop-and-copy"
  | "commitment"
  | "activation"
  | "completed"
  | "aborted";

/** Instants at which the stages begin, on the source's clock. */
interface Marks {
  start: number;
  reservation: number;
  live: number;
  pause: number;
  paused: number;
  received: number;
  committed: number;
  running: number;
  end: number;
}

/** Bytes of a message without pages: handshake, acknowledgement, permission (xl's are shorter). */
export const CONTROL_MESSAGE_BYTES = 64;

export class Migration implements Requests {
  state: MigrationState = "idle";
  stopReason = "";
  readonly mover: PageMover;
  private readonly live: LivePhase;
  private readonly predictor: WorkingSetPredictor;
  private readonly pending = new Map<number, (event: MigrationEvent) => void>();
  private readonly marks: Marks = {
    start: 0,
    reservation: 0,
    live: 0,
    pause: 0,
    paused: 0,
    received: 0,
    committed: 0,
    running: 0,
    end: 0,
  };
  private readonly bytes = { rounds: 0, control: 0 };
  private stateBytes = 0;
  private stopPages = 0;
  private heldPages = 0;
  private outcome: Outcome = "source-runs";
  private targetRuns = false;
  private nextId = 1;
  private out: Command[] = [];

  constructor(
    readonly config: MigrationConfig,
    kernels: Kernels,
  ) {
    const { pages, pageSizeBytes, preset, windowBatches, predictor, strategy } = config;
    this.mover = new PageMover({
      kernels,
      pages,
      pageSizeBytes,
      preset,
      windowBatches,
      requests: this,
    });
    this.predictor = predictor.create({ kernels, pages }, config.predictorParams);
    this.live = strategy.createLive({
      mover: this.mover,
      preset,
      predictor: this.predictor,
      throttle: strategy.createThrottle(config.strategyParams),
      params: config.strategyParams,
      downtimeLimitNs: config.downtimeLimitNs,
      fixedDowntimeNs: config.fixedDowntimeNs,
      linkBytesPerSec: config.linkBytesPerSec,
      abort: (nowNs, reason) => this.abort(nowNs, reason),
    });
  }

  /** Arena bytes that a migration of this kind needs. */
  static arenaBytes(config: MigrationConfig): number {
    const { pages, preset, windowBatches, predictor, strategy } = config;
    return (
      PageMover.arenaBytes(pages, preset, windowBatches) +
      predictor.arenaBytes(pages) +
      strategy.arenaBytes(pages)
    );
  }

  /** The evidence that the source must be able to give. */
  get evidence(): WorkingSetPredictor["evidence"] {
    return this.predictor.evidence;
  }

  get rounds(): readonly RoundReport[] {
    return this.live.rounds;
  }

  get ended(): boolean {
    return this.state === "completed" || this.state === "aborted";
  }

  /** Takes one event and appends the commands that follow from it to `out`. */
  handle(event: MigrationEvent, out: Command[]): void {
    this.out = out;
    switch (event.kind) {
      case "start":
        this.start(event.atNs);
        break;
      case "cancel":
        this.cancel(event.atNs, event.reason);
        break;
      case "peer":
        this.fromPeer(event);
        break;
      default:
        this.answer(event);
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
  }

  report(): MigrationReport {
    assert(this.ended, "a report is made when the migration has ended");
    const { config, live, marks } = this;
    const stagesNs = stageTimes(marks);
    const bytes = this.byteCounts();
    return {
      guest: config.guest,
      name: config.name,
      strategy: config.strategy.name,
      predictor: config.predictor.name,
      preset: config.preset.name,
      outcome: this.outcome,
      pages: config.pages,
      pageSizeBytes: config.pageSizeBytes,
      startNs: marks.start,
      stagesNs,
      totalNs: marks.end - marks.start,
      downtimeNs: stagesNs.stopAndCopy + stagesNs.commitment + stagesNs.activation,
      blackoutNs: marks.running - marks.paused,
      clientOutageNs: marks.end - marks.paused,
      bytesSent: bytes.total,
      bytes,
      pagesSent: this.mover.totals.pagesSent,
      heldPages: this.heldPages,
      heldCapPages: live.heldCapPages,
      stopPages: this.stopPages,
      stopReason: this.stopReason,
      rounds: live.rounds,
      predictorState: this.predictor.describe(),
    };
  }

  private byteCounts(): ByteCounts {
    const { rounds, control } = this.bytes;
    const pause = this.mover.totals.bytes - rounds + this.stateBytes;
    return { rounds, pause, control, residual: 0, total: rounds + pause + control };
  }

  private answer(event: Exclude<MigrationEvent, { kind: "start" | "cancel" | "peer" }>): void {
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
    this.marks.start = nowNs;
    this.request({ kind: "set-timer", atNs: nowNs + this.config.timeoutNs }, (event) => {
      if (!this.committedOrEnded()) this.abort(event.atNs, "timeout");
    });
    this.request({ kind: "connect" }, (connected) => {
      if (!this.live.logsWrites) {
        this.live.initialise(connected.atNs, (atNs) => this.reserve(atNs));
        return;
      }
      this.request({ kind: "enable-log-dirty" }, (event) => {
        this.live.initialise(event.atNs, (atNs) => this.reserve(atNs));
      });
    });
  }

  private reserve(nowNs: number): void {
    this.state = "reservation";
    this.marks.reservation = nowNs;
    this.bytes.control += CONTROL_MESSAGE_BYTES;
    this.request({ kind: "prepare" }, (event) => {
      if (event.kind === "refused") {
        this.abort(event.atNs, `refused: ${event.reason}`);
        return;
      }
      this.state = "iterative-pre-copy";
      this.marks.live = event.atNs;
      this.live.begin(event.atNs, (atNs, reason) => this.stopAndCopy(atNs, reason));
    });
  }

  private stopAndCopy(nowNs: number, reason: string): void {
    this.bytes.rounds = this.mover.totals.bytes;
    this.state = "stop-and-copy";
    this.stopReason = reason;
    this.marks.pause = nowNs;
    this.live.end();
    this.request({ kind: "pause" }, (event) => {
      this.marks.paused = event.atNs;
      const bytesPerSec = this.live.bandwidth.stopLimitBytesPerSec;
      this.tell({ kind: "set-bandwidth", bytesPerSec });
      if (this.live.logsWrites) this.mover.harvest((_pages, seen) => this.sendRest(seen.atNs));
      else this.sendRest(event.atNs);
    });
  }

  private sendRest(nowNs: number): void {
    const { mover } = this;
    this.stopPages = mover.owed.count();
    this.heldPages = this.live.heldAtStop();
    mover.sendAll(mover.owed, { skipsRewritten: false, nowNs }, () => {
      const frame = { what: "device-state", slot: -1, pageCount: 0 } as const;
      const bytes = this.config.deviceStateBytes;
      this.stateBytes = bytes;
      this.request({ kind: "send", ...frame, bytes }, () => {
        this.bytes.control += CONTROL_MESSAGE_BYTES;
        this.tell({ kind: "finish" });
      });
    });
  }

  /** What the target says twice, or out of its turn, means nothing the second time. */
  private fromPeer(event: MigrationEvent & { kind: "peer" }): void {
    const { message, receivedNs } = event;
    if (message === "image-complete") {
      if (this.state === "stop-and-copy") this.imageComplete(receivedNs);
    } else if (message === "running") {
      if (this.state === "activation" && !this.targetRuns) this.released(receivedNs);
    } else if (message === "announced") {
      if (this.targetRuns && !this.ended) this.complete(receivedNs);
    } else if (!this.ended && !this.targetRuns) {
      this.abort(event.atNs, "the target refused to run");
    }
  }

  private imageComplete(receivedNs: number): void {
    this.state = "commitment";
    this.marks.received = receivedNs;
    this.request({ kind: "commit", epoch: this.config.epoch }, (event) => {
      this.state = "activation";
      this.marks.committed = event.atNs;
      this.bytes.control += CONTROL_MESSAGE_BYTES;
      this.tell({ kind: "go", epoch: this.config.epoch });
      const atNs = event.atNs + this.config.timeoutNs;
      this.request({ kind: "set-timer", atNs }, (late) => {
        if (!this.targetRuns) this.endInDoubt(late.atNs);
      });
    });
  }

  private released(runningNs: number): void {
    this.targetRuns = true;
    this.marks.running = runningNs;
    this.tell({ kind: "release-source" });
  }

  /** The guest was given up and nobody says that it runs: it must not run here either. */
  private endInDoubt(nowNs: number): void {
    this.fillMarks(nowNs);
    this.pending.clear();
    this.state = "aborted";
    this.stopReason = "in doubt: the target has permission to run and does not answer";
    this.outcome = "in-doubt";
    this.tell({ kind: "ended", outcome: this.outcome });
  }

  private complete(nowNs: number): void {
    this.state = "completed";
    this.outcome = "target-runs";
    this.marks.end = nowNs;
    this.pending.clear();
    this.tell({ kind: "ended", outcome: this.outcome });
  }

  private cancel(nowNs: number, reason: string): void {
    if (!this.committedOrEnded()) this.abort(nowNs, reason);
  }

  private committedOrEnded(): boolean {
    return this.ended || this.state === "activation";
  }

  /** Gives the attempt up: the source goes on, the target frees what it holds. */
  private abort(nowNs: number, reason: string): void {
    if (this.state === "iterative-pre-copy") this.bytes.rounds = this.mover.totals.bytes;
    this.fillMarks(nowNs);
    this.live.end();
    this.pending.clear();
    this.state = "aborted";
    this.stopReason = reason;
    this.outcome = "source-runs";
    this.tell({ kind: "roll-back", resumeSource: true });
    this.tell({ kind: "ended", outcome: this.outcome });
  }

  /** Stages that were not reached have length zero; the one that was cut off ends now. */
  private fillMarks(nowNs: number): void {
    const { marks, state } = this;
    const order: readonly MigrationState[] = [
      "initialisation",
      "reservation",
      "iterative-pre-copy",
      "stop-and-copy",
      "commitment",
      "activation",
    ];
    const reached = order.indexOf(state);
    if (reached < 1) marks.reservation = nowNs;
    if (reached < 2) marks.live = nowNs;
    if (reached < 3) marks.pause = nowNs;
    if (reached < 4) marks.received = nowNs;
    if (reached < 5) marks.committed = nowNs;
    if (marks.paused === 0) marks.paused = nowNs;
    marks.running = nowNs;
    marks.end = nowNs;
  }
}

function stageTimes(marks: Marks): StageTimes {
  return {
    initialisation: marks.reservation - marks.start,
    reservation: marks.live - marks.reservation,
    iterativePreCopy: marks.pause - marks.live,
    stopAndCopy: marks.received - marks.pause,
    commitment: marks.committed - marks.received,
    activation: marks.end - marks.committed,
    residualPush: 0,
  };
}
