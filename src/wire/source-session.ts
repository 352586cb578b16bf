/**
 * The giving end of one attempt to migrate: what the source may say, and what of a target's words
 * counts, be the target hostile or confused. No I/O.
 *
 * Commit fencing: either `permit` comes first, and from then on the guest does not run here unless
 * the target refuses its epoch, or `cancel` does, and GO is never said. The target's refusal sets the
 * source free only over a channel that is as authenticated as the first one was.
 */
import { assert } from "../base/assert.js";
import type { PeerMessage } from "../migrate/messages.js";
import { FRAME_PAGES_MAX, protocolError, URGENT_SLACK_BYTES } from "./limits.js";
import {
  type PagesMessage,
  payloadBytesOf,
  type SourceMessage,
  type TargetMessage,
} from "./messages.js";

type Said<K extends TargetMessage["kind"]> = Extract<TargetMessage, { kind: K }>;

/** What of the target's words counts: an event of the engine, or an answer for the driver. */
export type SourceStep =
  | { readonly kind: "peer"; readonly message: PeerMessage; readonly said: Said<PeerMessage> }
  | Said<"prepared" | "refused" | "fault" | "answers" | "taken" | "failed" | "standing" | "pong">;

export interface SourceSessionOptions {
  /** Of the handshake. */
  readonly epoch: number;
  readonly guestPages: number;
  /** Of the first channel. */
  readonly authenticated: boolean;
}

/** Pings that may wait for their pong at once. */
const PINGS_MAX = 64;

export class SourceSession {
  /** Bytes of pages that the target takes at once. */
  windowBytes = 0;
  private connected = true;
  /** On a resumed connection the target first says how far it is. */
  private standingDue = false;
  private prepare: "unsaid" | "said" | "answered" = "unsaid";
  private finish: "unsaid" | "said" | "complete" = "unsaid";
  private hasPermitted = false;
  private hasSaidGo = false;
  private targetRuns = false;
  private targetAnnounced = false;
  private postCopy = false;
  private residual: "unsaid" | "said" | "received" = "unsaid";
  /** The attempt is over and the guest stays here. */
  private isOver = false;
  private hasRefused = false;
  private asks = 0;
  private pings: number[] = [];
  private pagesUnderWay = 0;
  private bytesUnderWay = 0;

  constructor(private readonly options: SourceSessionOptions) {}

  /** The guest may run here: it was not given up, or the target will never run it. */
  get guestIsHere(): boolean {
    return !this.hasPermitted || this.hasRefused;
  }

  /** Whether a batch of so many bytes may be sent now (flow control). */
  hasRoom(bytes: number, urgent: boolean): boolean {
    if (this.bytesUnderWay === 0) return true;
    const slack = urgent ? URGENT_SLACK_BYTES : 0;
    return this.bytesUnderWay + bytes <= this.windowBytes + slack;
  }

  /** The commit point; false if the attempt was over before. Once, for the epoch of the attempt. */
  permit(epoch: number): boolean {
    assert(epoch === this.options.epoch, `permission is for epoch ${this.options.epoch}`);
    assert(!this.hasPermitted, "permission is given once");
    if (this.isOver || this.finish !== "complete") return false;
    this.hasPermitted = true;
    return true;
  }

  /** Gives the attempt up; false after the commit point, when it is too late. */
  cancel(): boolean {
    if (this.hasPermitted) return this.hasRefused;
    this.isOver = true;
    return true;
  }

  /** Notes what is said now and returns it. Saying what the protocol does not allow is our own bug. */
  say<M extends SourceMessage>(message: M): M {
    assert(this.connected, "a message goes over a connection");
    this.note(message);
    return message;
  }

  /** The connection broke: before the commit point that is the attempt's end. */
  connectionLost(): void {
    this.connected = false;
    this.asks = 0;
    this.pings = [];
    this.pagesUnderWay = 0;
    this.bytesUnderWay = 0;
    if (!this.hasPermitted) this.isOver = true;
  }

  /** Another connection of the same attempt; only after the commit point is there one. */
  resumed(authenticated: boolean): void {
    assert(this.hasPermitted, "an attempt that was not committed is begun anew");
    if (this.options.authenticated && !authenticated) {
      throw protocolError(
        "the connection is not authenticated, and the one before it was",
        "connect again with the secret",
      );
    }
    if (this.connected) this.connectionLost();
    this.connected = true;
    this.standingDue = true;
  }

  /** What of it counts, nothing or one step. Throws `protocol` at what the target may not say now. */
  receive(message: TargetMessage): SourceStep[] {
    assert(this.connected, "a message comes over a connection");
    if (this.standingDue && message.kind !== "refused-to-run") return this.standing(message);
    switch (message.kind) {
      case "refused-to-run":
        return this.refusedToRun(message);
      case "running":
      case "announced":
      case "all-received":
      case "fault":
        return this.afterGo(message);
      case "failed":
        return this.failed(message);
      case "pong":
        return this.pong(message);
      default:
        return this.beforeGo(message);
    }
  }

  private note(message: SourceMessage): void {
    switch (message.kind) {
      case "prepare":
        assert(this.prepare === "unsaid", "a target is asked to prepare once");
        this.prepare = "said";
        return;
      case "pages":
        this.pagesUnderWay += message.pages.length;
        this.bytesUnderWay += payloadBytesOf(message);
        return this.noteImage(message.kind);
      case "ask":
        this.asks++;
        return this.noteImage(message.kind);
      case "absent":
        this.postCopy = true;
        return this.noteImage(message.kind);
      case "finish":
        this.noteImage(message.kind);
        assert(message.epoch === this.options.epoch, "an image belongs to its attempt");
        this.finish = "said";
        return;
      case "go":
        assert(this.hasPermitted && message.epoch === this.options.epoch, "GO needs permission");
        this.hasSaidGo = true;
        return;
      case "finish-residual":
        assert(this.hasSaidGo && this.postCopy, "what is absent follows after GO");
        // Said again, it is answered again.
        this.residual = "said";
        return;
      case "ping":
        if (this.pings.length === PINGS_MAX) this.pings.shift();
        this.pings.push(message.atNs);
        return;
      case "device-state":
      case "empty":
        return this.noteImage(message.kind);
      case "abort":
      case "bye":
        return;
    }
  }

  private noteImage(
    kind: PagesMessage["kind"] | "ask" | "absent" | "finish" | "device-state" | "empty",
  ): void {
    const isImage = this.prepare === "answered" && this.finish === "unsaid";
    const isRest = this.hasSaidGo && this.postCopy && (kind === "pages" || kind === "ask");
    assert(isImage || isRest, `${kind} belongs to the image, or to post-copy's rest`);
  }

  private standing(message: TargetMessage): SourceStep[] {
    if (message.kind !== "standing") throw this.illegal(message, "before it said how far it is");
    const { epoch, stage, absent } = message;
    if (epoch !== this.options.epoch) throw this.illegal(message, `epoch ${epoch}`);
    const end = absent.length === 0 ? 0 : (absent.at(-2) as number) + (absent.at(-1) as number);
    if (end > this.options.guestPages) throw this.illegal(message, `page ${end - 1} is absent`);
    if (this.targetRuns && stage === "whole") throw this.illegal(message, "it ran already");
    this.standingDue = false;
    return [message];
  }

  /** Refusals that come after the guest ran there, or that are for another epoch, are lies. */
  private refusedToRun(message: Said<"refused-to-run">): SourceStep[] {
    if (message.epoch !== this.options.epoch) throw this.illegal(message, `epoch ${message.epoch}`);
    if (this.targetRuns) throw this.illegal(message, "it ran already");
    if (this.prepare === "unsaid") throw this.illegal(message, "nothing was asked");
    this.standingDue = false;
    if (this.hasRefused || (this.isOver && !this.hasPermitted)) return [];
    this.hasRefused = true;
    this.isOver = true;
    return [{ kind: "peer", message: message.kind, said: message }];
  }

  private afterGo(message: Said<"running" | "announced" | "all-received" | "fault">): SourceStep[] {
    if (!this.hasSaidGo) throw this.illegal(message, "it has no permission to run");
    if (this.hasRefused) throw this.illegal(message, "it refused to run");
    switch (message.kind) {
      case "running":
        if (this.targetRuns) return [];
        this.targetRuns = true;
        break;
      case "announced":
        if (!this.targetRuns) throw this.illegal(message, "it does not run");
        if (this.targetAnnounced) return [];
        this.targetAnnounced = true;
        break;
      case "fault":
        if (!this.postCopy || message.page >= this.options.guestPages) {
          throw this.illegal(message, `page ${message.page} is not absent`);
        }
        return this.residual === "received" ? [] : [message];
      case "all-received":
        if (this.residual === "received") return [];
        if (this.residual === "unsaid") throw this.illegal(message, "not all was sent");
        this.residual = "received";
    }
    return [{ kind: "peer", message: message.kind, said: message }];
  }

  /** After GO it ends nothing: whether the guest runs there is another question. */
  private failed(message: Said<"failed">): SourceStep[] {
    if (this.prepare === "unsaid") throw this.illegal(message, "nothing was asked");
    if (this.hasPermitted) return this.postCopy ? [message] : [];
    if (this.isOver) return [];
    this.isOver = true;
    return [message];
  }

  private pong(message: Said<"pong">): SourceStep[] {
    const at = this.pings.indexOf(message.atNs);
    if (at < 0) throw this.illegal(message, `no ping of ${message.atNs} ns is open`);
    this.pings.splice(0, at + 1);
    return [message];
  }

  /** What was under way when the attempt was given up means nothing, if only it was legal. */
  private beforeGo(
    message: Said<"prepared" | "refused" | "image-complete" | "answers" | "taken" | "standing">,
  ): SourceStep[] {
    switch (message.kind) {
      case "prepared":
      case "refused":
        if (this.prepare !== "said") throw this.illegal(message, "nothing was asked");
        this.prepare = "answered";
        if (message.kind === "prepared") this.windowBytes = message.windowBytes;
        if (this.isOver) return [];
        this.isOver = message.kind === "refused";
        return [message];
      case "answers":
        if (this.asks === 0 || message.wanted.length > FRAME_PAGES_MAX / 8) {
          throw this.illegal(message, `${message.wanted.length} bytes, ${this.asks} questions`);
        }
        this.asks--;
        return this.isOver ? [] : [message];
      case "taken":
        if (message.pages > this.pagesUnderWay || message.bytes > this.bytesUnderWay) {
          throw this.illegal(message, `${message.pages} pages of ${this.pagesUnderWay} sent`);
        }
        this.pagesUnderWay -= message.pages;
        this.bytesUnderWay -= message.bytes;
        return [message];
      case "image-complete":
        if (this.finish !== "said") throw this.illegal(message, "the image was not finished");
        this.finish = "complete";
        return this.isOver ? [] : [{ kind: "peer", message: message.kind, said: message }];
      case "standing":
        throw this.illegal(message, "nothing was resumed");
    }
  }

  private illegal({ kind }: TargetMessage, why: string): Error {
    return protocolError(
      `the target said ${kind} when it may not: ${why}`,
      "close the connection; look at what answers at its address",
    );
  }
}
