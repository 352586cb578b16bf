/**
 * A migration's connection: frames in order on one flow, pages that a fault waits for on another
 * one if they are urgent, and the books of what the link carried. A connection that breaks loses
 * the frames that have not left.
 */

import { CONTROL_MESSAGE_BYTES } from "../migrate/ledger.js";
import type { Region } from "../migrate/messages.js";
import type { FlowOptions, Network } from "./network.js";
import type { Flow } from "./network-flow.js";

/** What runs when a frame has left; `departed` at the sender, `arrived` at the receiver. */
export interface FrameTag {
  readonly departed: (nowNs: number) => void;
  readonly arrived?: (nowNs: number) => void;
}

/** A frame that is answered. */
export interface Frame extends FrameTag {
  /** The command's. */
  readonly id: number;
  /** Where its pages are; below 0 for none. */
  readonly slot: number;
  readonly region: Region;
  readonly bytes: number;
  readonly urgent: boolean;
}

export class FrameSender {
  /** Payload of all frames that left whole. */
  linkBytes = 0;
  connected = true;
  private flow: Flow<FrameTag>;
  private urgentFlow: Flow<FrameTag> | undefined;
  private readonly underWay = new Map<number, Frame>();

  constructor(
    private readonly network: Network<FrameTag>,
    private readonly path: FlowOptions["path"],
  ) {
    this.flow = network.openFlow({ path });
  }

  /** Payload bytes a second, Infinity for no limit. */
  setLimit(bytesPerSec: number): void {
    this.network.setCap(this.flow, Number.isFinite(bytesPerSec) ? bytesPerSec : undefined);
  }

  send(frame: Frame): void {
    this.underWay.set(frame.id, frame);
    const flow = frame.urgent ? this.urgent() : this.flow;
    flow.enqueue(frame.bytes, {
      departed: (nowNs) => {
        this.underWay.delete(frame.id);
        this.linkBytes += frame.bytes;
        frame.departed(nowNs);
      },
      ...(frame.arrived && { arrived: frame.arrived }),
    });
  }

  /** A connection that breaks before `departed` takes the message with it. */
  sendControl(arrived: (nowNs: number) => void, departed = () => {}): void {
    this.flow.enqueue(CONTROL_MESSAGE_BYTES, {
      departed: () => {
        this.linkBytes += CONTROL_MESSAGE_BYTES;
        departed();
      },
      arrived,
    });
  }

  /** The connection breaks: returns the frames that will not arrive. */
  break(): readonly Frame[] {
    this.connected = false;
    const capBytesPerSec = this.flow.capBytesPerSec;
    this.close();
    this.flow = this.network.openFlow({ path: this.path, capBytesPerSec });
    this.urgentFlow = undefined;
    const lost = [...this.underWay.values()];
    this.underWay.clear();
    return lost;
  }

  /** Payload bytes a second that leave now. */
  rate(): number {
    const urgent = this.urgentFlow === undefined ? 0 : this.network.rateOf(this.urgentFlow);
    return this.network.rateOf(this.flow) + urgent;
  }

  close(): void {
    this.network.close(this.flow);
    if (this.urgentFlow !== undefined) this.network.close(this.urgentFlow);
  }

  private urgent(): Flow<FrameTag> {
    this.urgentFlow ??= this.network.openFlow({ path: this.path });
    return this.urgentFlow;
  }
}
