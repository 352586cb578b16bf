/**
 * What goes in and out of the engine. It does no I/O: a driver (the model in virtual time, a live
 * one in wall time) carries out commands and answers with events. Several commands may be
 * outstanding; an answer names the command by its id.
 *
 * Page numbers and bitmaps travel by reference to the kernels' memory, never page by page.
 */
import type { PageBitmap, U32Buffer } from "../kernels/index.js";
import type { Brake } from "../policy/throttle.js";
import type { Evidence } from "../workingset/index.js";

/** Which memory of the machine: its RAM, or disk n. */
export type Region = "ram" | `disk:${number}`;

export type Command =
  /** Find and contact the target. -> done */
  | { readonly kind: "connect"; readonly id: number }
  /** Start logging writes. -> done */
  | { readonly kind: "enable-log-dirty"; readonly id: number }
  /** Ask the target to reserve the guest's memory. -> done | refused */
  | { readonly kind: "prepare"; readonly id: number }
  /** Read, clear and re-arm the log (Xen's CLEAN). -> harvested */
  | {
      readonly kind: "harvest";
      readonly id: number;
      readonly region: Region;
      readonly into: PageBitmap;
    }
  /** mask[i] := is page i of the list in the log? Clears nothing (Xen's PEEK). -> done */
  | {
      readonly kind: "peek";
      readonly id: number;
      readonly region: Region;
      readonly pages: U32Buffer;
      readonly mask: U32Buffer;
    }
  /**
   * Take so many pages back from the guest, which chooses them (ballooning); what it uses of them
   * again is in the log. -> harvested
   */
  | {
      readonly kind: "balloon";
      readonly id: number;
      readonly pages: number;
      readonly into: PageBitmap;
    }
  /** Pages that hold nothing, named in control bytes that were sent: the target needs none of them. */
  | { readonly kind: "tell-empty"; readonly region: Region; readonly pages: PageBitmap }
  /** Evidence beside the log for a predictor; at most `pagesMax` pages, hottest first. -> harvested */
  | {
      readonly kind: "sample";
      readonly id: number;
      readonly region: Region;
      readonly evidence: Exclude<Evidence, "none" | "writes">;
      readonly windowNs: number;
      readonly pagesMax: number;
      readonly into: PageBitmap;
    }
  /**
   * Read these pages for sending and encode them; what is written from now on is owed again.
   * -> batch-read
   */
  | {
      readonly kind: "read-batch";
      readonly id: number;
      readonly region: Region;
      readonly slot: number;
      readonly pages: U32Buffer;
    }
  /**
   * Put a frame on the link: the pages read into `slot`, or state or control bytes. An urgent one
   * (a page that the target waits for) takes the way that post-copy keeps free, if it has one.
   * -> sent | send-failed
   */
  | {
      readonly kind: "send";
      readonly id: number;
      readonly region: Region;
      readonly what: "pages" | "device-state" | "control";
      readonly slot: number;
      readonly pageCount: number;
      readonly bytes: number;
      readonly urgent: boolean;
    }
  /** A reading of the log ended a round: the codec's cache has a new generation. */
  | { readonly kind: "round-ended"; readonly lastStage: boolean }
  | { readonly kind: "set-timer"; readonly id: number; readonly atNs: number }
  /** How the guest is slowed from now on. */
  | { readonly kind: "throttle"; readonly brake: Brake }
  /** Payload rate limit of this migration. */
  | { readonly kind: "set-bandwidth"; readonly bytesPerSec: number }
  /** Stop the guest. -> done */
  | { readonly kind: "pause"; readonly id: number }
  /**
   * The image is whole, but for the pages that are `absent` in post-copy: the target answers
   * `image-complete` when all of it has arrived.
   */
  | { readonly kind: "finish"; readonly absent: PageBitmap | undefined }
  /** Record that the source gives up epoch N: the commit point. -> done */
  | { readonly kind: "commit"; readonly id: number; readonly epoch: number }
  /** Tell the target to run; it answers `running`, and `announced` when devices are back. */
  | { readonly kind: "go"; readonly epoch: number }
  /** Post-copy: the last absent page has been sent; the target answers `all-received`. */
  | { readonly kind: "finish-residual" }
  /** Reach the target again after a broken connection and compare what it has. -> done */
  | { readonly kind: "reconnect"; readonly id: number }
  /** The source's copy is given back. */
  | { readonly kind: "release-source" }
  /** The attempt is over without a switch: the target frees its copy, the source goes on. */
  | { readonly kind: "roll-back" }
  /** Post-copy lost its link: neither half of the guest can go on. */
  | { readonly kind: "abandon" }
  /** Nothing will follow. */
  | { readonly kind: "ended"; readonly outcome: Outcome };

/** How a hand-over can end: at most one copy ever runs. */
export type Outcome = "target-runs" | "source-runs" | "in-doubt" | "lost";

export type MigrationEvent = { readonly atNs: number } & (
  | { readonly kind: "start" }
  | { readonly kind: "done"; readonly id: number; readonly virtualNs: number }
  | { readonly kind: "refused"; readonly id: number; readonly reason: string }
  | {
      readonly kind: "harvested";
      readonly id: number;
      readonly count: number;
      readonly virtualNs: number;
    }
  /** Pages were read; their bodies take so many bytes, and so many of them need a header. */
  | {
      readonly kind: "batch-read";
      readonly id: number;
      readonly bodyBytes: number;
      readonly headerPages: number;
    }
  /** The last byte of a frame left the sender: there is room for another. */
  | { readonly kind: "sent"; readonly id: number }
  /** A frame will not arrive. */
  | { readonly kind: "send-failed"; readonly id: number }
  | { readonly kind: "timer"; readonly id: number; readonly virtualNs: number }
  /** Sent by the target; `receivedNs` is when its side of it was true. */
  | {
      readonly kind: "peer";
      readonly message: PeerMessage;
      readonly receivedNs: number;
    }
  /** Post-copy: the guest waits at the target for this page. */
  | { readonly kind: "fault"; readonly page: number }
  /** The connection broke, or the link is there again. */
  | { readonly kind: "link"; readonly up: boolean }
  | { readonly kind: "cancel"; readonly reason: string }
);

/** What the target says. */
export type PeerMessage =
  | "image-complete"
  | "running"
  | "announced"
  | "refused-to-run"
  | "all-received";

/** An event without its time: what a driver's port call yields. */
export type CommandOf<K extends Command["kind"]> = Extract<Command, { kind: K }>;
