/** How much one end of a live migration takes from the other, whatever the other says. */
import { PrecopyError } from "../base/errors.js";
import { PIPELINE_PAGES_MAX } from "../codec/stage.js";

export interface WireLimits {
  /** Longest frame in bytes, without its header and check. Device state travels in one frame. */
  readonly frameBytesMax: number;
}

/** 8 MiB, and the table of a full batch beside it. */
export const DEFAULT_LIMITS: WireLimits = {
  frameBytesMax: 8 * 2 ** 20 + PIPELINE_PAGES_MAX * 16,
};

/** A frame's pages: the largest batch that codecs take. */
export const FRAME_PAGES_MAX = PIPELINE_PAGES_MAX;
/** Packets of multifd beside one batch: a sync packet for each of 255 channels and the pages'. */
export const FRAME_PACKETS_MAX = 512;
/** Longest reason in bytes of UTF-8; longer ones are cut. */
export const REASON_BYTES_MAX = 1000;
/** Longest description of a machine, and longest list of codecs. */
export const TEXT_BYTES_MAX = 64 * 1024;

/**
 * Bytes of pages that urgent frames (post-copy's faults) may be ahead of the target's window by:
 * they must not wait behind what is only pushed.
 */
export const URGENT_SLACK_BYTES = 2 ** 20;

/** The other end does not keep to the protocol: what it did, and what to do about it. */
export function protocolError(what: string, next = CLOSE): PrecopyError {
  return new PrecopyError("protocol", `${what}; ${next}`);
}

const CLOSE =
  "the connection is of no use any more: close it and look at what answers at the other end";
