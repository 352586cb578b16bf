/**
 * A link: bandwidth on the wire, latency, and the frames that payload travels in. A flow is one
 * byte stream, so successive messages fill the same frames and only its last frame may be short.
 */
import { PrecopyError } from "../base/errors.js";

/** How payload is cut up and what each piece costs besides. */
export interface FrameShape {
  readonly payloadBytes: number;
  readonly overheadBytes: number;
}

/**
 * Ethernet at MTU 1500 with IPv4 and TCP timestamps. Overhead: 14 header + 4 FCS + 8 preamble +
 * 12 interframe gap + 20 IPv4 + 32 TCP = 90 bytes, around 1500 - 52 = 1448 bytes of payload, so
 * 94.1 % of the wire is payload. Acknowledgements travel the other way and are not counted.
 */
export const ETHERNET_TCP_FRAME: FrameShape = { payloadBytes: 1448, overheadBytes: 90 };

export interface LinkOptions {
  readonly name: string;
  /** On the wire, frames included; 0 stalls, Infinity is allowed. */
  readonly bandwidthBytesPerSec: number;
  readonly latencyNs: number;
  readonly frame?: FrameShape;
}

/** What a link has carried, for reports. */
export interface LinkCounters {
  readonly name: string;
  readonly bandwidthBytesPerSec: number;
  readonly up: boolean;
  readonly latencyNs: number;
  /** Payload of the messages that left whole. Integer. */
  readonly payloadBytes: number;
  /** The same messages on the wire, frames included. Integer. */
  readonly wireBytes: number;
  /**
   * Wire bytes that have crossed by now, an estimate with fractions: whole messages, the sent
   * part of messages under way (dropped ones too) and background traffic.
   */
  readonly carriedBytes: number;
}

/** One link's state. Others read it through {@link LinkCounters}. */
export class Link {
  readonly name: string;
  readonly latencyNs: number;
  readonly frame: FrameShape;
  bandwidthBytesPerSec: number;
  up = true;
  payloadBytes = 0;
  wireBytes = 0;
  /** What flows that are closed by now have sent, payload, with fractions. */
  closedFlowsBytes = 0;

  constructor(options: LinkOptions) {
    const { name, latencyNs, frame = ETHERNET_TCP_FRAME } = options;
    checkBandwidth(name, options.bandwidthBytesPerSec);
    if (!Number.isSafeInteger(latencyNs) || latencyNs < 0) {
      throw new PrecopyError(
        "bad-input",
        `the latency of link "${name}" is ${latencyNs} ns: give a whole number of nanoseconds from 0`,
      );
    }
    checkFrame(name, frame);
    this.name = name;
    this.bandwidthBytesPerSec = options.bandwidthBytesPerSec;
    this.latencyNs = latencyNs;
    this.frame = frame;
  }

  /** Payload that the link can carry a second; 0 while it is down. */
  get goodputBytesPerSec(): number {
    if (!this.up) return 0;
    const { payloadBytes, overheadBytes } = this.frame;
    return (this.bandwidthBytesPerSec * payloadBytes) / (payloadBytes + overheadBytes);
  }

  /** Books the messages that took a flow's stream from `fromBytes` to `toBytes` of payload. */
  book(fromBytes: number, toBytes: number): void {
    this.payloadBytes += toBytes - fromBytes;
    this.wireBytes += wireBytesOf(toBytes, this.frame) - wireBytesOf(fromBytes, this.frame);
  }
}

/** Bytes on the wire of a stream of `payloadBytes`: its last frame may be short, none is empty. */
export function wireBytesOf(payloadBytes: number, frame: FrameShape): number {
  return payloadBytes + Math.ceil(payloadBytes / frame.payloadBytes) * frame.overheadBytes;
}

export function checkBandwidth(linkName: string, bandwidthBytesPerSec: number): void {
  if (bandwidthBytesPerSec >= 0) return;
  throw new PrecopyError(
    "bad-input",
    `the bandwidth of link "${linkName}" is ${bandwidthBytesPerSec} bytes a second: give 0 or more`,
  );
}

function checkFrame(linkName: string, frame: FrameShape): void {
  const { payloadBytes, overheadBytes } = frame;
  const good =
    Number.isSafeInteger(payloadBytes) &&
    payloadBytes >= 1 &&
    Number.isSafeInteger(overheadBytes) &&
    overheadBytes >= 0;
  if (good) return;
  throw new PrecopyError(
    "bad-input",
    `the frame of link "${linkName}" holds ${payloadBytes} bytes and costs ${overheadBytes}: ` +
      "give whole numbers, at least 1 and at least 0",
  );
}
