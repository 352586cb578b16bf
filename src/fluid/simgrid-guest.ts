/**
 * One migration as SimGrid 3.32's live-migration plugin computes it (src/plugins/vm/
 * VmLiveMigration.cpp, dirty_page_tracking.cpp; read and told in words, recomputed here): fluid
 * bytes, f64 seconds, bytes cut to integers.
 *
 *   stage 1   sends the memory
 *   stage 2   while more than the threshold is left: sends what the guest dirtied meanwhile,
 *             min(cap, trunc(flops computed * bytes per flop)); threshold = trunc(rate * 0.03 s)
 *   stage 3   suspends, sends the rest, resumes on the target, which answers a latency later
 *
 * There is no limit of rounds and no fixed cost. Work done is kept as the work that is left, as
 * SimGrid does: with 1e15 flops to do, its rounding decides single bytes.
 */
import type { FluidSender } from "./sender.js";

/** `max_downtime` of the plugin, which has no setter for it. */
export const SIMGRID_MAX_DOWNTIME_SEC = 0.03;
/** `mig_timeout` of the plugin: it throws a TimeoutException then. */
export const SIMGRID_TIMEOUT_SEC = 1e7;

/** One guest, in SimGrid's own quantities. */
export interface SimgridGuest {
  readonly startSec: number;
  readonly ramBytes: number;
  /** Working set: a round never dirties more. */
  readonly capBytes: number;
  /** `mig_speed`: limit of the transfer, and scale of the dirtying; 0 sets neither. */
  readonly migrationBytesPerSec: number;
  /** `dp_intensity`: share of `mig_speed` that is dirtied at full speed of the host. */
  readonly dirtyIntensity: number;
  readonly hostFlopsPerSec: number;
  /** Share of the host's speed that the workload uses. */
  readonly load: number;
  /** Work of the guest, which begins at time 0; when it is done nothing is dirtied any more. */
  readonly workFlops: number;
}

export interface SimgridRound {
  readonly bytes: number;
  readonly durationSec: number;
}

export interface SimgridResult {
  readonly startSec: number;
  readonly suspendSec: number;
  readonly resumeSec: number;
  readonly endSec: number;
  readonly totalSec: number;
  readonly downtimeSec: number;
  readonly precopyRounds: number;
  readonly stopCopyBytes: number;
  readonly sentBytes: number;
  /** Stage 1, then the rounds of stage 2: the first {@link SIMGRID_ROUNDS_KEPT} of them. */
  readonly rounds: readonly SimgridRound[];
  /** Why it did not come to its end; undefined when it did. */
  readonly cutOff: string | undefined;
}

/** A guest that never converges makes a million rounds; so many are kept one by one. */
export const SIMGRID_ROUNDS_KEPT = 100;

type Stage = "waiting" | "memory" | "rounds" | "stop" | "answer" | "ended";

export class SimgridSender implements FluidSender {
  readonly startSec: number;
  readonly limitBytesPerSec: number;
  bytes = 0;
  private stage: Stage = "waiting";
  private readonly bytesPerFlop: number;
  private readonly capBytes: number;
  private workLeftFlops: number;
  private workedUntilSec = 0;
  private lookedFlops = 0;
  private stepStartSec = 0;
  private remainingBytes = 0;
  private thresholdBytes = 0;
  private precopyRounds = 0;
  private sentBytes = 0;
  private suspendSec = 0;
  private resumeSec = 0;
  private endSec = 0;
  private cutOffReason: string | undefined;
  private readonly rounds: SimgridRound[] = [];

  constructor(
    private readonly guest: SimgridGuest,
    /** Latency of the path: every message begins with it. */
    readonly delaySec: number,
    pathLimitBytesPerSec: number,
  ) {
    const { migrationBytesPerSec, dirtyIntensity, hostFlopsPerSec } = guest;
    this.startSec = guest.startSec;
    const ownLimit = migrationBytesPerSec > 0 ? migrationBytesPerSec : Number.POSITIVE_INFINITY;
    this.limitBytesPerSec = Math.min(ownLimit, pathLimitBytesPerSec);
    this.bytesPerFlop = (migrationBytesPerSec * dirtyIntensity) / hostFlopsPerSec;
    this.capBytes = Math.trunc(guest.capBytes);
    this.workLeftFlops = guest.workFlops;
  }

  next(nowSec: number): boolean {
    switch (this.stage) {
      case "waiting":
        this.computedFlops(nowSec);
        this.stage = "memory";
        return this.send(nowSec, Math.trunc(this.guest.ramBytes));
      case "memory":
        this.sent(nowSec);
        return this.decide(nowSec);
      case "rounds":
        this.precopyRounds++;
        this.sent(nowSec);
        return this.decide(nowSec);
      case "stop":
        this.sentBytes += this.bytes;
        this.resumeSec = nowSec;
        this.stage = "answer";
        return this.send(nowSec, 0);
      default:
        this.endSec = nowSec;
        this.stage = "ended";
        return false;
    }
  }

  cutOff(nowSec: number, reason: string): void {
    if (this.stage !== "stop" && this.stage !== "answer") this.suspendSec = nowSec;
    if (this.stage !== "answer") this.resumeSec = nowSec;
    this.endSec = nowSec;
    this.stage = "ended";
    this.cutOffReason = reason;
  }

  result(): SimgridResult {
    const { startSec, suspendSec, resumeSec, endSec, remainingBytes } = this;
    return {
      startSec,
      suspendSec,
      resumeSec,
      endSec,
      totalSec: endSec - startSec,
      downtimeSec: resumeSec - suspendSec,
      precopyRounds: this.precopyRounds,
      stopCopyBytes: remainingBytes,
      sentBytes: this.sentBytes,
      rounds: this.rounds,
      cutOff: this.cutOffReason,
    };
  }

  private send(nowSec: number, bytes: number): true {
    this.stepStartSec = nowSec;
    this.bytes = bytes;
    return true;
  }

  /** Books the transfer that has just ended and what the guest dirtied in it. */
  private sent(nowSec: number): void {
    const { bytes, stage } = this;
    const durationSec = nowSec - this.stepStartSec;
    if (this.rounds.length < SIMGRID_ROUNDS_KEPT) this.rounds.push({ bytes, durationSec });
    this.sentBytes += bytes;
    if (stage === "rounds") this.remainingBytes -= bytes;
    this.thresholdBytes = Math.trunc((bytes / durationSec) * SIMGRID_MAX_DOWNTIME_SEC);
    const dirtied = Math.trunc(this.computedFlops(nowSec) * this.bytesPerFlop);
    this.bytes = Math.min(dirtied, this.capBytes);
    this.remainingBytes += this.bytes;
  }

  private decide(nowSec: number): true {
    if (this.thresholdBytes < this.remainingBytes) {
      this.stage = "rounds";
      return this.send(nowSec, this.bytes);
    }
    this.stage = "stop";
    this.suspendSec = nowSec;
    return this.send(nowSec, this.remainingBytes);
  }

  /** Work done since this was last asked. */
  private computedFlops(nowSec: number): number {
    const { hostFlopsPerSec, load, workFlops } = this.guest;
    const elapsedSec = nowSec - this.workedUntilSec;
    this.workedUntilSec = nowSec;
    const wanted = hostFlopsPerSec * load * elapsedSec;
    this.workLeftFlops = wanted < this.workLeftFlops ? this.workLeftFlops - wanted : 0;
    const done = workFlops - this.workLeftFlops;
    const since = done - this.lookedFlops;
    this.lookedFlops = done;
    return since;
  }
}
