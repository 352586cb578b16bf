/**
 * A flow: a queue of messages that leave in order, at the rate that the network gives it. Between
 * two changes of rate its bytes flow linearly; a message leaves whole, on an integer nanosecond.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { NS_PER_SEC } from "../base/units.js";
import type { RatedFlow } from "./network-max-min.js";

const MAX_QUEUED_MESSAGES = 1 << 20;

export interface Message<Tag> {
  readonly tag: Tag;
  /** Payload. */
  readonly bytes: number;
}

export interface FlowSettings {
  readonly path: readonly number[];
  readonly latencyNs: number;
  readonly weight: number;
  readonly capBytesPerSec: number | undefined;
  /** Set for background traffic, which always wants this much and queues nothing. */
  readonly demandBytesPerSec: number | undefined;
}

/** What a flow needs of its network: the time, and to say that it has woken. */
export interface FlowOwner {
  networkNowNs(): number;
  flowWoke(): void;
}

export class Flow<Tag = unknown> implements RatedFlow {
  readonly path: readonly number[];
  readonly latencyNs: number;
  readonly weight: number;
  capBytesPerSec: number | undefined;
  closed = false;
  /** Payload bytes a second that the flow gets; 0 while it has nothing to send. */
  rate = 0;
  /** When the message at the head will have left, at the present rate. */
  headLeavesNs = Number.POSITIVE_INFINITY;
  /** Payload of the messages that left whole. */
  departedBytes = 0;

  private readonly demandBytesPerSec: number | undefined;
  private messages: Message<Tag>[] = [];
  private headAt = 0;
  private queuedBytesTotal = 0;
  /** Bytes of the head still to send at `settledNs`, with fractions. */
  private headLeftBytes = 0;
  private settledNs: number;
  private backgroundBytes = 0;

  constructor(
    /** 0, 1, 2, … in order of opening; ties in time are broken by it. */
    readonly index: number,
    settings: FlowSettings,
    private readonly owner: FlowOwner,
  ) {
    this.path = settings.path;
    this.latencyNs = settings.latencyNs;
    this.weight = settings.weight;
    this.capBytesPerSec = settings.capBytesPerSec;
    this.demandBytesPerSec = settings.demandBytesPerSec;
    this.settledNs = owner.networkNowNs();
  }

  /**
   * Puts a message of `bytes` of payload at the end of the queue, at the network's present time.
   * Nothing leaves before the network is advanced, not even a message of 0 bytes.
   */
  enqueue(bytes: number, tag: Tag): void {
    assert(!this.closed, `flow ${this.index} is open when it gets a message`);
    assert(this.demandBytesPerSec === undefined, "background traffic gets no messages");
    assert(Number.isSafeInteger(bytes) && bytes >= 0, `message size ${bytes} is an integer >= 0`);
    if (this.queuedMessages >= MAX_QUEUED_MESSAGES) {
      throw new PrecopyError(
        "limit",
        `flow ${this.index} has ${this.queuedMessages} messages queued and takes no more than ` +
          `${MAX_QUEUED_MESSAGES}: wait for departures, or send larger messages`,
      );
    }
    const wasIdle = this.queuedMessages === 0;
    this.messages.push({ tag, bytes });
    this.queuedBytesTotal += bytes;
    assert(Number.isSafeInteger(this.queuedBytesTotal), "a queue's bytes stay below 2^53");
    if (!wasIdle) return;
    this.headLeftBytes = bytes;
    this.settledNs = this.owner.networkNowNs();
    this.owner.flowWoke();
  }

  get queuedMessages(): number {
    return this.messages.length - this.headAt;
  }

  /** Payload of all queued messages, the head's sent part included. */
  get queuedBytes(): number {
    return this.queuedBytesTotal;
  }

  /** Whether the flow takes part in the sharing of bandwidth. */
  get wantsBandwidth(): boolean {
    return this.queuedMessages > 0 || this.demandBytesPerSec !== undefined;
  }

  get boundBytesPerSec(): number {
    const demand = this.demandBytesPerSec ?? Number.POSITIVE_INFINITY;
    return Math.min(this.capBytesPerSec ?? Number.POSITIVE_INFINITY, demand);
  }

  /** Moves the flow's state to `nowNs` at the rate it had; call before every change of rate. */
  settle(nowNs: number): void {
    const flowed = this.flowedBytes(nowNs);
    this.settledNs = nowNs;
    if (this.demandBytesPerSec !== undefined) this.backgroundBytes += flowed;
    else this.headLeftBytes = Math.max(0, this.headLeftBytes - flowed);
  }

  /** To be called after `rate` was set at the settled time. */
  schedule(): void {
    const idle = this.queuedMessages === 0;
    this.headLeavesNs = idle
      ? Number.POSITIVE_INFINITY
      : this.settledNs + sendingNs(this.headLeftBytes, this.rate);
    if (!Number.isSafeInteger(this.headLeavesNs)) this.headLeavesNs = Number.POSITIVE_INFINITY;
  }

  /**
   * Takes out the head, whose time to leave `atNs` is. What the rounding up to a whole
   * nanosecond sent too much counts for the next message, so that a queue keeps its exact rate.
   */
  depart(atNs: number): Message<Tag> {
    assert(this.headLeavesNs <= atNs, "a message leaves when it is due");
    const surplus = Math.max(0, this.flowedBytes(atNs) - this.headLeftBytes);
    const message = this.messages[this.headAt] as Message<Tag>;
    this.dropHead();
    this.queuedBytesTotal -= message.bytes;
    this.departedBytes += message.bytes;
    this.settledNs = atNs;
    this.headLeftBytes = this.queuedMessages === 0 ? 0 : this.head().bytes - surplus;
    this.schedule();
    return message;
  }

  /** Empties the queue and returns what was in it. */
  drain(): Message<Tag>[] {
    const left = this.messages.slice(this.headAt);
    this.messages = [];
    this.headAt = 0;
    this.queuedBytesTotal = 0;
    this.headLeftBytes = 0;
    this.headLeavesNs = Number.POSITIVE_INFINITY;
    return left;
  }

  /** Payload sent by `nowNs`, the sent part of the head included; an estimate with fractions. */
  sentBytes(nowNs: number): number {
    const flowed = this.flowedBytes(nowNs);
    if (this.demandBytesPerSec !== undefined) return this.backgroundBytes + flowed;
    if (this.queuedMessages === 0) return this.departedBytes;
    const headBytes = this.head().bytes;
    const headSent = headBytes - this.headLeftBytes + flowed;
    return this.departedBytes + Math.min(headBytes, Math.max(0, headSent));
  }

  private flowedBytes(nowNs: number): number {
    const elapsedNs = nowNs - this.settledNs;
    // An unlimited rate sends in no time: there is nothing to multiply.
    if (elapsedNs === 0 || this.rate === Number.POSITIVE_INFINITY) return 0;
    return (this.rate * elapsedNs) / NS_PER_SEC;
  }

  private head(): Message<Tag> {
    return this.messages[this.headAt] as Message<Tag>;
  }

  private dropHead(): void {
    this.headAt++;
    // Half of the array is spent: move the rest down, so that each message is moved once or twice.
    if (this.headAt * 2 >= this.messages.length) {
      this.messages = this.messages.slice(this.headAt);
      this.headAt = 0;
    }
  }
}

/** Time to send `bytes`, rounded up to whole nanoseconds; Infinity at rate 0. */
function sendingNs(bytes: number, bytesPerSec: number): number {
  if (bytesPerSec === 0) return Number.POSITIVE_INFINITY;
  if (bytes <= 0) return 0;
  const exactNs = (bytes * NS_PER_SEC) / bytesPerSec;
  // A whole number of nanoseconds that the division missed by a bit must not become one more.
  const nearestNs = Math.round(exactNs);
  return Math.abs(exactNs - nearestNs) <= exactNs * 1e-15 ? nearestNs : Math.ceil(exactNs);
}
