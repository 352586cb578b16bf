/**
 * What the two ends of a live migration say to each other (docs/PROTOCOL.md). Times are integer
 * nanoseconds of the sender's own clock; `ping` and `pong` tell a driver how the clocks differ.
 * Runs of pages are start and length in turn, ascending, with a gap between any two.
 */
import type { Region } from "../migrate/messages.js";
import type { MachineDescription } from "../migrate/ports.js";

export interface Packet {
  readonly channel: number;
  readonly bytes: Uint8Array;
}

export type SourceMessage =
  /** The first message of an attempt. -> prepared | refused */
  | {
      readonly kind: "prepare";
      readonly guest: MachineDescription;
      /** Pages may still be absent when the guest runs. */
      readonly postCopy: boolean;
      /** State of the devices as it is now: the target tries to load it, and says what is wrong. */
      readonly deviceState?: Uint8Array;
      /** What the pipeline has, in the words of a strategy's name: `zero+xbzrle`. */
      readonly codecs: string;
    }
  /** A batch. -> taken */
  | {
      readonly kind: "pages";
      readonly region: Region;
      /** The guest waits for it (post-copy). */
      readonly urgent: boolean;
      readonly pages: Uint32Array;
      /** XXH64 of each page's content, the seed being the page's number. */
      readonly checks: BigUint64Array;
      /** Of the codecs (codec/frame.ts). */
      readonly frame: Uint8Array;
      /** Of multifd. */
      readonly packets: readonly Packet[];
    }
  /** Digests of hash-dedup. -> answers */
  | { readonly kind: "ask"; readonly digests: Uint8Array }
  | { readonly kind: "device-state"; readonly state: Uint8Array }
  /** Post-copy: these pages will follow when the guest runs. */
  | { readonly kind: "absent"; readonly region: Region; readonly runs: Uint32Array }
  /** These pages hold nothing that matters. */
  | { readonly kind: "empty"; readonly region: Region; readonly runs: Uint32Array }
  /** The image is whole, but for what is absent. -> image-complete | failed */
  | { readonly kind: "finish"; readonly epoch: number; readonly digest?: Uint8Array }
  /** Permission to run, given after the commit point. -> running, announced | refused-to-run */
  | { readonly kind: "go"; readonly epoch: number }
  /** Post-copy: the last absent page was sent. -> all-received */
  | { readonly kind: "finish-residual" }
  /** The attempt is over and the guest stays; in post-copy, it is lost. */
  | { readonly kind: "abort"; readonly reason: string }
  /** -> pong */
  | { readonly kind: "ping"; readonly atNs: number }
  /** All is said, the target may forget the migration. */
  | { readonly kind: "bye" };

/** How far the target is. `unknown`: it has never heard of the migration, or has forgotten it. */
export type StandingStage = "unknown" | "whole" | "starting" | "running";

export type TargetMessage =
  /** Memory is reserved; at most so many bytes of pages may be under way, or one frame. */
  | { readonly kind: "prepared"; readonly atNs: number; readonly windowBytes: number }
  | { readonly kind: "refused"; readonly reason: string }
  | {
      readonly kind: "image-complete";
      readonly atNs: number;
      /** Of it, comparing digests took so long. */
      readonly verifyNs: number;
      /** Pages whose check was compared on arrival. */
      readonly checkedPages: number;
    }
  | { readonly kind: "running"; readonly atNs: number }
  /** Devices are back, clients know. */
  | { readonly kind: "announced"; readonly atNs: number }
  | { readonly kind: "all-received"; readonly atNs: number }
  /** The target has not run epoch N and never will. */
  | { readonly kind: "refused-to-run"; readonly epoch: number; readonly reason: string }
  /** The guest waits for this page of RAM. */
  | { readonly kind: "fault"; readonly page: number }
  /** Of the oldest `ask` that is open: one bit a digest, 1 = wanted. */
  | { readonly kind: "answers"; readonly wanted: Uint8Array }
  /** Applied since the last `taken` of this connection. */
  | { readonly kind: "taken"; readonly pages: number; readonly bytes: number }
  /** Something went wrong at the target; before `go` the attempt is over. */
  | { readonly kind: "failed"; readonly reason: string }
  /** First on a resumed connection. */
  | {
      readonly kind: "standing";
      readonly epoch: number;
      readonly stage: StandingStage;
      /** Pages of RAM that the target lacks. */
      readonly absent: Uint32Array;
    }
  | { readonly kind: "pong"; readonly atNs: number; readonly receivedNs: number };

export type Message = SourceMessage | TargetMessage;

export type PagesMessage = Extract<Message, { kind: "pages" }>;
export type PrepareMessage = Extract<Message, { kind: "prepare" }>;
export type StandingMessage = Extract<Message, { kind: "standing" }>;

/** What a batch counts for in flow control: the codecs' bytes. */
export function payloadBytesOf({ frame, packets }: PagesMessage): number {
  return packets.reduce((bytes, packet) => bytes + packet.bytes.length, frame.length);
}

/** No page. */
export const NO_RUNS = new Uint32Array(0);
