/**
 * The receiving end of one attempt to migrate, whatever becomes of its connections. No I/O: messages
 * and what the driver did in, steps for the driver out.
 *
 *   idle ─prepare─▶ reserving ─▶ receiving ─finish─▶ completing ─▶ whole ─go─▶ starting ─▶ running
 *     └──────────────┴──────────────┴─── abort, link, ───┴────────── patience ─▶ refused
 *
 * Fencing: GO is taken once, for this attempt's epoch, of a whole image alone. What is refused is
 * refused for good: every later GO and every resumed connection is answered `refused-to-run`, which
 * sets the source free. Between GO and refusal there is no way, in either direction, but for a
 * machine that could not be started and has executed nothing.
 *
 * Until `image-complete` is said the source cannot have given the guest up, so a broken connection
 * ends the attempt at once. From then on the target waits for its patience.
 */
import { assert } from "../base/assert.js";
import { ImageIntake, type ImageMessage } from "./image-intake.js";
import { protocolError } from "./limits.js";
import {
  NO_RUNS,
  type PagesMessage,
  type PrepareMessage,
  type SourceMessage,
  type StandingStage,
  type TargetMessage,
} from "./messages.js";
import type { TargetStep } from "./target-step.js";

export interface TargetSessionOptions {
  /** Of the handshake. */
  readonly epoch: number;
  /** Bytes of pages that may be under way and not applied. */
  readonly windowBytes: number;
  /** How long a whole image waits for GO, and a guest in post-copy for its pages, without a link. */
  readonly patienceNs: number;
  /** Largest guest that is taken. */
  readonly memoryBytesMax: number;
}

export type TargetStage =
  | ("idle" | "reserving" | "receiving" | "completing" | "whole" | "starting" | "running")
  /** This epoch never ran here, and never will. */
  | "refused"
  /** It ran, in post-copy, and was lost. */
  | "abandoned";

/** What begins and ends the image and its rest. */
type Bracket = "prepare" | "finish" | "finish-residual";

export class TargetSession {
  stage: TargetStage = "idle";
  /** Why it was refused or abandoned. */
  reason = "";
  private readonly image: ImageIntake;
  private connected = true;
  private deadlineNs: number | undefined;
  /** Post-copy: pages were told to be absent and have not all come. */
  private lacksPages = false;
  private residualAsked = false;
  private runningNs: number | undefined;
  private announcedNs: number | undefined;
  private allReceivedNs: number | undefined;
  private steps: TargetStep[] = [];

  constructor(private readonly options: TargetSessionOptions) {
    this.image = new ImageIntake(options.windowBytes);
  }

  get epoch(): number {
    return this.options.epoch;
  }

  /** Past GO: it runs, will run, or has run. */
  get committed(): boolean {
    return this.stage === "starting" || this.stage === "running" || this.stage === "abandoned";
  }

  /** Nothing more can become of it: it may be forgotten when room is needed. */
  get settled(): boolean {
    if (this.stage === "refused" || this.stage === "abandoned") return true;
    return this.announcedNs !== undefined && !this.lacksPages;
  }

  /** What the source says over the connection that is up. */
  handle(message: SourceMessage, nowNs: number): TargetStep[] {
    assert(this.connected, "a message comes over a connection");
    if (message.kind === "ping") {
      this.say({ kind: "pong", atNs: message.atNs, receivedNs: nowNs });
    } else if (message.kind === "bye") {
      this.bye();
    } else if (message.kind === "go") {
      this.go(message.epoch);
    } else if (message.kind === "abort") {
      this.aborted(message.reason);
    } else if (this.stage !== "refused" && this.stage !== "abandoned") {
      // What was under way when the attempt ended means nothing.
      this.transfer(message);
    }
    return this.take();
  }

  /** Memory is reserved. */
  prepared(nowNs: number): TargetStep[] {
    if (this.stage === "refused") return [];
    this.expect("reserving");
    this.stage = "receiving";
    this.say({ kind: "prepared", atNs: nowNs, windowBytes: this.options.windowBytes });
    return this.take();
  }

  /** It could not be reserved. */
  refused(reason: string): TargetStep[] {
    if (this.stage === "refused") return [];
    this.expect("reserving");
    this.refuse(reason, { kind: "refused", reason }, false);
    return this.take();
  }

  /** A batch is in memory; of an attempt that has ended it means nothing. */
  applied(message: PagesMessage): TargetStep[] {
    if (this.stage === "refused" || this.stage === "abandoned") return [];
    this.say({ kind: "taken", pages: message.pages.length, bytes: this.image.applied(message) });
    return this.take();
  }

  answered(wanted: Uint8Array): TargetStep[] {
    if (this.image.answered()) this.say({ kind: "answers", wanted });
    return this.take();
  }

  /** The image is whole and, where a digest came, equal to it. */
  completed(nowNs: number, verifyNs: number, checkedPages: number): TargetStep[] {
    if (this.stage === "refused") return [];
    this.expect("completing");
    this.stage = "whole";
    this.say({ kind: "image-complete", atNs: nowNs, verifyNs, checkedPages });
    return this.take();
  }

  /** Something cannot be done: before GO that ends the attempt. */
  failed(reason: string): TargetStep[] {
    if (this.committed) this.say({ kind: "failed", reason });
    else if (this.stage !== "refused") this.refuse(reason, { kind: "failed", reason });
    return this.take();
  }

  /** It runs. Post-copy may have been given up while it was started: `abandon` stops it then. */
  ran(nowNs: number): TargetStep[] {
    if (this.stage === "abandoned") return [];
    this.expect("starting");
    this.stage = "running";
    this.runningNs = nowNs;
    this.say({ kind: "running", atNs: nowNs });
    return this.take();
  }

  /** The machine did not start, and executed nothing at all: the guest may go on at the source. */
  couldNotRun(reason: string): TargetStep[] {
    if (this.stage === "abandoned") return [];
    this.expect("starting");
    const { epoch } = this;
    this.refuse(reason, { kind: "refused-to-run", epoch, reason });
    return this.take();
  }

  announced(nowNs: number): TargetStep[] {
    if (this.stage === "abandoned") return [];
    this.expect("running");
    this.announcedNs = nowNs;
    this.say({ kind: "announced", atNs: nowNs });
    return this.take();
  }

  /** Post-copy: the guest waits for this page. After `resumed`, to be said again of each. */
  faulted(page: number): TargetStep[] {
    if (this.stage !== "abandoned" && this.lacksPages) this.say({ kind: "fault", page });
    return this.take();
  }

  /** Post-copy: nothing is absent any more. */
  allReceived(nowNs: number): TargetStep[] {
    if (this.stage === "abandoned") return [];
    assert(this.committed && this.image.hasAbsent, "pages were absent when the guest was run");
    this.lacksPages = false;
    this.allReceivedNs = nowNs;
    this.say({ kind: "all-received", atNs: nowNs });
    return this.take();
  }

  /** The connection broke, fell silent, or said what it may not. */
  connectionLost(nowNs: number): TargetStep[] {
    if (!this.connected) return [];
    this.connected = false;
    const { stage, committed } = this;
    if (stage === "whole" || (committed && stage !== "abandoned" && this.lacksPages)) {
      this.deadlineNs = nowNs + this.options.patienceNs;
      this.push({ kind: "wait", untilNs: this.deadlineNs });
    } else if (!committed && stage !== "refused") {
      this.refuse("the connection to the source was lost", undefined);
    }
    return this.take();
  }

  /**
   * The source is here again, over another connection; first all that had come over the old one
   * has been applied. `absent`: the runs of RAM that are still missing.
   */
  resumed(nowNs: number, absent: Uint32Array = NO_RUNS): TargetStep[] {
    if (this.connected) this.steps = this.connectionLost(nowNs);
    this.connected = true;
    this.deadlineNs = undefined;
    this.image.resumed();
    const { stage, epoch, reason, runningNs, announcedNs, allReceivedNs } = this;
    if (stage === "refused") {
      this.say({ kind: "refused-to-run", epoch, reason });
      return this.take();
    }
    if (stage === "abandoned") {
      this.say({ kind: "standing", epoch, stage: "unknown", absent: NO_RUNS });
      this.say({ kind: "failed", reason });
      return this.take();
    }
    this.residualAsked = allReceivedNs !== undefined;
    this.say({ kind: "standing", epoch, stage: stage as StandingStage, absent });
    if (runningNs !== undefined) this.say({ kind: "running", atNs: runningNs });
    if (announcedNs !== undefined) this.say({ kind: "announced", atNs: announcedNs });
    if (allReceivedNs !== undefined) this.say({ kind: "all-received", atNs: allReceivedNs });
    return this.take();
  }

  /** The time of a `wait` has come; means nothing if the connection was resumed. */
  gaveUp(nowNs: number): TargetStep[] {
    if (this.deadlineNs === undefined || nowNs < this.deadlineNs) return [];
    this.deadlineNs = undefined;
    const reason = "the source did not come back in time";
    if (this.stage === "whole") this.refuse(reason, undefined);
    else if (this.committed) this.abandon(reason);
    return this.take();
  }

  /** The source begins a later attempt: it has the guest. Past GO there is nothing to give up. */
  superseded(): TargetStep[] {
    assert(!this.committed, "a guest that runs here is not given up for a later attempt");
    if (this.stage !== "refused") this.refuse("the source began another attempt", undefined);
    return this.take();
  }

  private go(epoch: number): void {
    const { stage } = this;
    if (epoch !== this.epoch) return this.illegal(`go of epoch ${epoch} in attempt ${this.epoch}`);
    if (stage === "refused") {
      this.say({ kind: "refused-to-run", epoch, reason: this.reason });
    } else if (stage === "whole") {
      this.stage = "starting";
      this.steps.push({ kind: "run", epoch });
    } else if (stage === "running") {
      this.say({ kind: "running", atNs: this.runningNs as number });
      if (this.announcedNs !== undefined) this.say({ kind: "announced", atNs: this.announcedNs });
    } else if (!this.committed) {
      this.illegal("go before the image is whole");
    }
  }

  private aborted(reason: string): void {
    if (this.committed) {
      if (this.lacksPages) this.abandon(reason);
    } else if (this.stage !== "refused") {
      this.refuse(reason, undefined);
    }
  }

  private bye(): void {
    const early = !this.committed && this.stage !== "refused";
    if (this.stage !== "abandoned" && (early || this.lacksPages)) {
      return this.illegal("bye before the migration is over");
    }
    this.steps.push({ kind: "close", error: undefined });
  }

  /** What makes the image, before GO and in post-copy after it. */
  private transfer(message: ImageMessage | (SourceMessage & { kind: Bracket })): void {
    switch (message.kind) {
      case "prepare":
        return this.prepare(message);
      case "finish":
        return this.finish(message);
      case "finish-residual":
        return this.finishResidual();
      default: {
        const when = this.stage === "receiving" ? "image" : this.committed ? "residual" : "never";
        const step = this.image.accept(message, when);
        if (typeof step === "string") this.illegal(step);
        else this.push(step);
      }
    }
  }

  private prepare(message: PrepareMessage): void {
    if (this.stage !== "idle") return this.illegal("prepare");
    const { pages, pageSizeBytes } = message.guest;
    const { memoryBytesMax } = this.options;
    const bytes = pages * pageSizeBytes;
    if (bytes === 0 || bytes > memoryBytesMax) {
      const reason = `the guest has ${bytes} bytes, this target takes 1 to ${memoryBytesMax}`;
      return this.refuse(reason, { kind: "refused", reason }, false);
    }
    this.stage = "reserving";
    this.image.begin(message);
    this.push({ kind: "reserve", prepare: message });
  }

  private finish(message: SourceMessage & { kind: "finish" }): void {
    if (this.stage !== "receiving" || !this.image.hasState) return this.illegal("finish");
    if (message.epoch !== this.epoch) {
      return this.illegal(`finish of epoch ${message.epoch} in attempt ${this.epoch}`);
    }
    this.stage = "completing";
    this.lacksPages = this.image.hasAbsent;
    this.push({ kind: "complete", digest: message.digest });
  }

  private finishResidual(): void {
    if (!this.committed || !this.image.hasAbsent) return this.illegal("finish-residual");
    if (this.allReceivedNs !== undefined) {
      this.say({ kind: "all-received", atNs: this.allReceivedNs });
    } else if (!this.residualAsked) {
      this.residualAsked = true;
      this.push({ kind: "check-residual" });
    }
  }

  /** The source says what it may not now: the attempt is over, unless the guest has been given. */
  private illegal(what: string): void {
    const error = protocolError(`the source said what it may not while ${this.stage}: ${what}`);
    const reason = error.message;
    if (!this.committed && this.stage !== "refused") {
      this.refuse(reason, { kind: "failed", reason });
    }
    this.push({ kind: "close", error });
  }

  /** From here on the epoch never runs at this target. */
  private refuse(reason: string, word: TargetMessage | undefined, reserved = true): void {
    assert(this.runningNs === undefined, "what runs is not refused");
    const isReserved = reserved && this.stage !== "idle";
    this.stage = "refused";
    this.reason = reason;
    if (word !== undefined) this.say(word);
    if (isReserved) this.push({ kind: "abort", reason });
  }

  private abandon(reason: string): void {
    this.stage = "abandoned";
    this.reason = reason;
    this.push({ kind: "abandon", reason });
  }

  private say(message: TargetMessage): void {
    if (this.connected) this.push({ kind: "say", message });
  }

  private push(step: TargetStep): void {
    this.steps.push(step);
  }

  private take(): TargetStep[] {
    const { steps } = this;
    this.steps = [];
    return steps;
  }

  private expect(stage: TargetStage): void {
    assert(this.stage === stage, `the target is ${stage}, not ${this.stage}`);
  }
}
