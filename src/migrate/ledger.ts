/**
 * The books of one migration: the instants at which its stages began, the bytes by what they were
 * for, and from them the report. Stages that were not reached have length zero.
 */
import { assert } from "../base/assert.js";
import type { MigrationConfig } from "./migration-config.js";
import { techniqueNames } from "./registry.js";
import type { ByteCounts, MigrationReport, StageTimes, StorageReport } from "./report.js";

/** Bytes of a message without pages: handshake, acknowledgement, permission (xl's are shorter). */
export const CONTROL_MESSAGE_BYTES = 64;

export type MigrationState =
  | "idle"
  | "initialisation"
  | "reservation"
  | "iterative-pre-copy"
  | "stop-and-copy"
  | "commitment"
  | "activation"
  | "residual-push"
  | "completed"
  | "aborted";

/** Instants on the source's clock. */
export interface Marks {
  start: number;
  reservation: number;
  live: number;
  pause: number;
  paused: number;
  received: number;
  committed: number;
  running: number;
  announced: number;
  end: number;
}

/** What the report holds beside the books. */
export type Facts = Pick<
  MigrationReport,
  | "outcome"
  | "stopReason"
  | "pagesSent"
  | "heldPages"
  | "heldCapPages"
  | "stopPages"
  | "residualPages"
  | "rounds"
  | "predictorState"
  | "throttleState"
  | "reclaimState"
  | "managerState"
  | "strategyState"
> & { readonly postCopied: boolean; readonly storage: StorageReport | undefined };

/** The stages in order; `reached` counts from 0. */
const STAGES: readonly MigrationState[] = [
  "initialisation",
  "reservation",
  "iterative-pre-copy",
  "stop-and-copy",
  "commitment",
  "activation",
  "residual-push",
];

export class Ledger {
  readonly marks: Marks = {
    start: 0,
    reservation: 0,
    live: 0,
    pause: 0,
    paused: 0,
    received: 0,
    committed: 0,
    running: 0,
    announced: 0,
    end: 0,
  };
  private roundBytes = 0;
  private pauseBytes = 0;
  private residualBytes = 0;
  private controlBytes = 0;
  private booked = 0;

  /** The mover's bytes so far, as far as they are not booked yet, were for this. */
  book(what: "rounds" | "pause" | "residual", moverBytes: number): void {
    const bytes = moverBytes - this.booked;
    assert(bytes >= 0, "bytes are booked once");
    this.booked = moverBytes;
    if (what === "rounds") this.roundBytes += bytes;
    else if (what === "pause") this.pauseBytes += bytes;
    else this.residualBytes += bytes;
  }

  /** State of CPUs and devices, sent in the pause. */
  addState(bytes: number): void {
    this.pauseBytes += bytes;
  }

  addControl(bytes = CONTROL_MESSAGE_BYTES): void {
    this.controlBytes += bytes;
  }

  byteCounts(storage = 0): ByteCounts {
    const { roundBytes: rounds, pauseBytes: pause, residualBytes: residual } = this;
    const control = this.controlBytes;
    const total = rounds + pause + control + residual + storage;
    return { rounds, pause, control, residual, storage, total };
  }

  stageTimes(): StageTimes {
    const { marks } = this;
    return {
      initialisation: marks.reservation - marks.start,
      reservation: marks.live - marks.reservation,
      iterativePreCopy: marks.pause - marks.live,
      stopAndCopy: marks.received - marks.pause,
      commitment: marks.committed - marks.received,
      activation: marks.announced - marks.committed,
      residualPush: marks.end - marks.announced,
    };
  }

  /** What the migration came to: the books, and what others know. */
  report(config: MigrationConfig, facts: Facts): MigrationReport {
    const { marks } = this;
    const { postCopied, storage, ...known } = facts;
    const stagesNs = this.stageTimes();
    const bytes = this.byteCounts(storage?.bytes);
    return {
      guest: config.guest,
      name: config.name,
      strategy: config.strategy.name,
      predictor: config.predictor.name,
      preset: config.preset.name,
      techniques: techniqueNames(config),
      pages: config.pages,
      pageSizeBytes: config.pageSizeBytes,
      startNs: marks.start,
      stagesNs,
      totalNs: marks.end - marks.start,
      downtimeNs: stagesNs.stopAndCopy + stagesNs.commitment + stagesNs.activation,
      blackoutNs: marks.running - marks.paused,
      clientOutageNs: marks.announced - marks.paused,
      exposureNs: postCopied ? marks.end - marks.committed : 0,
      bytesSent: bytes.total,
      bytes,
      ...(storage !== undefined && { storage }),
      ...known,
    };
  }

  /** The attempt ends now, in this state: the stage that it cuts off ends, the rest is empty. */
  endIn(state: MigrationState, nowNs: number): void {
    const { marks } = this;
    const reached = STAGES.indexOf(state);
    if (reached < 0) marks.start = nowNs;
    if (reached < 1) marks.reservation = nowNs;
    if (reached < 2) marks.live = nowNs;
    if (reached < 3) marks.pause = nowNs;
    if (reached < 4) marks.received = nowNs;
    if (reached < 5) marks.committed = nowNs;
    if (reached < 6) marks.announced = nowNs;
    if (marks.paused === 0) marks.paused = nowNs;
    if (marks.running === 0) marks.running = nowNs;
    marks.end = nowNs;
  }
}
