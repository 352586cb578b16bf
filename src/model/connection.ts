/**
 * A migration's connection over links that go down. What is sent to the target stalls with its flow
 * (network.ts); what the target says waits here until the way is up again. An outage that lasts
 * longer than the connection's patience breaks it, and both ends are told.
 *
 * Patience is the toolstack's, as of TCP_USER_TIMEOUT; Linux by itself would send again for about
 * 924.6 s (recalled: Documentation/networking/ip-sysctl.rst, tcp_retries2 = 15; not verified).
 */
import type { EventHandle, EventQueue } from "../base/event-queue.js";

export interface ConnectionOptions {
  readonly queue: EventQueue<(nowNs: number) => void>;
  /** One way. */
  readonly latencyNs: number;
  /** Longest outage that is sat out. */
  readonly patienceNs: number;
  /** The connection broke, or can be made again. */
  readonly changed: (up: boolean, nowNs: number) => void;
}

export class Connection {
  private linksDown = 0;
  private broken = false;
  private giveUp: EventHandle | undefined;
  /** What has come from the target, first come first told. */
  private came: ((nowNs: number) => void)[] = [];
  private tellFromNs = 0;

  constructor(private readonly options: ConnectionOptions) {}

  /** One of the links that it crosses went down, or came back. */
  linkChanged(up: boolean, nowNs: number): void {
    const wasUp = this.linksDown === 0;
    this.linksDown += up ? -1 : 1;
    if (wasUp) this.wentDown(nowNs);
    else if (this.linksDown === 0) this.cameBack(nowNs);
  }

  /** Something that the target sends at `sentNs`: here a latency later, or than the way is back. */
  fromTarget(sentNs: number, deliver: (nowNs: number) => void): void {
    this.options.queue.schedule(sentNs + this.options.latencyNs, (nowNs) => {
      this.came.push(deliver);
      this.tell(nowNs);
    });
  }

  close(): void {
    if (this.giveUp !== undefined) this.options.queue.cancel(this.giveUp);
    this.came = [];
  }

  private tell(nowNs: number): void {
    if (this.linksDown > 0 || nowNs < this.tellFromNs) return;
    for (let deliver = this.came.shift(); deliver !== undefined; deliver = this.came.shift()) {
      deliver(nowNs);
    }
  }

  private wentDown(nowNs: number): void {
    const { queue, patienceNs, changed } = this.options;
    this.giveUp = queue.schedule(nowNs + patienceNs, (atNs) => {
      this.broken = true;
      changed(false, atNs);
    });
  }

  private cameBack(nowNs: number): void {
    const { queue, latencyNs, changed } = this.options;
    if (this.giveUp !== undefined) queue.cancel(this.giveUp);
    this.tellFromNs = nowNs + latencyNs;
    queue.schedule(this.tellFromNs, (atNs) => this.tell(atNs));
    const { broken } = this;
    this.broken = false;
    if (broken) changed(true, nowNs);
  }
}
