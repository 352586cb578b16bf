/**
 * What a target takes of the guest's image, before the switch and in post-copy after it: whether it
 * is in order and within bounds. Pages wait to be applied within a window, digests for an answer.
 */
import { assert } from "../base/assert.js";
import { URGENT_SLACK_BYTES } from "./limits.js";
import {
  type PagesMessage,
  type PrepareMessage,
  payloadBytesOf,
  type SourceMessage,
} from "./messages.js";
import type { TargetStep } from "./target-step.js";

export type ImageMessage = Extract<
  SourceMessage,
  { kind: "pages" | "ask" | "device-state" | "absent" | "empty" }
>;

/** Digests that may wait for an answer at once. */
const ASKS_MAX = 16;

export class ImageIntake {
  /** Post-copy: the source has said which pages will be absent. */
  hasAbsent = false;
  hasState = false;
  private guestPages = 0;
  private mayPostCopy = false;
  /** Bytes of pages that were handed out to be applied. */
  private pendingBytes = 0;
  private asks = 0;

  constructor(private readonly windowBytes: number) {}

  begin({ guest, postCopy }: PrepareMessage): void {
    this.guestPages = guest.pages;
    this.mayPostCopy = postCopy;
  }

  /**
   * What is to be done about it; a text, if it may not be said. `when`: the image is being received,
   * the guest has been given, or neither.
   */
  accept(message: ImageMessage, when: "image" | "residual" | "never"): TargetStep | string {
    const { kind } = message;
    const isResidual = when === "residual";
    if (when === "never" || (isResidual && !this.hasAbsent)) return kind;
    switch (kind) {
      case "pages":
        return this.pages(message, isResidual);
      case "ask":
        if (this.asks === ASKS_MAX) return `more than ${ASKS_MAX} asks at once`;
        this.asks++;
        return { kind: "answer-ask", digests: message.digests };
      case "device-state":
        if (isResidual || this.hasState) return kind;
        this.hasState = true;
        return { kind: "load-device-state", state: message.state };
      case "absent":
        if (isResidual || !this.mayPostCopy || this.hasAbsent) return kind;
        if (message.region !== "ram") return `pages of ${message.region} are absent`;
        this.hasAbsent = true;
        return this.outside(message.runs) ?? { kind: "note-absent", runs: message.runs };
      case "empty":
        if (isResidual) return kind;
        if (message.region !== "ram") return { kind: "note-empty", message };
        return this.outside(message.runs) ?? { kind: "note-empty", message };
    }
  }

  /** A batch is in memory; returns its bytes. */
  applied(message: PagesMessage): number {
    const bytes = payloadBytesOf(message);
    assert(bytes <= this.pendingBytes, "what is applied was handed out");
    this.pendingBytes -= bytes;
    return bytes;
  }

  /** Whether an answer is waited for. */
  answered(): boolean {
    if (this.asks === 0) return false;
    this.asks--;
    return true;
  }

  /** Another connection: nothing is under way. */
  resumed(): void {
    this.pendingBytes = 0;
    this.asks = 0;
  }

  private pages(message: PagesMessage, residual: boolean): TargetStep | string {
    if (message.region === "ram") {
      for (let i = 0; i < message.pages.length; i++) {
        const page = message.pages[i] as number;
        if (page >= this.guestPages) return this.outsidePage(page);
      }
    }
    const alone = this.pendingBytes === 0;
    this.pendingBytes += payloadBytesOf(message);
    const { pendingBytes, windowBytes } = this;
    if (!alone && pendingBytes > windowBytes + URGENT_SLACK_BYTES) {
      return `${pendingBytes} bytes under way in a window of ${windowBytes}`;
    }
    return { kind: "apply", message, residual };
  }

  /** Runs ascend: the last one ends last. */
  private outside(runs: Uint32Array): string | undefined {
    if (runs.length === 0) return undefined;
    const end = (runs[runs.length - 2] as number) + (runs[runs.length - 1] as number);
    return end > this.guestPages ? this.outsidePage(end - 1) : undefined;
  }

  private outsidePage(page: number): string {
    return `page ${page} of a guest that has ${this.guestPages}`;
  }
}
