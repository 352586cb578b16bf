/**
 * What a page and a worker with a guest say to each other. Every order has a number and is answered
 * by `done` or `failed` of that number; news come unasked. All of it can be cloned, ports are handed
 * over.
 */
import type { TinyGuestOptions } from "../live/guests/tiny.js";
import type { LiveProgress } from "../live/live-progress.js";
import type { LiveResult } from "../live/live-result.js";
import type { RoundReport } from "../migrate/report.js";

/** Where the two files of the package v86 are served. */
export interface V86Files {
  /** URL of libv86.mjs. */
  readonly module: string;
  /** URL of v86.wasm. */
  readonly wasm: string;
}

/** A tiny guest, and the memory of the machine that it boots on. */
export interface BootOptions extends TinyGuestOptions {
  /** 16 MiB to 1 GiB. */
  readonly memoryBytes: number;
}

export interface ReceiveOptions {
  /** Sources have to know it too. */
  readonly secret?: Uint8Array;
  /** Largest guest that is taken. Default 1 GiB. */
  readonly memoryBytesMax?: number;
  /** Listen on the BroadcastChannel of this name, too. */
  readonly channel?: string;
}

export interface MigrateOptions {
  /** strategy+technique:params@preset; what leaves pages behind is refused. */
  readonly strategy: string;
  /** Payload a second; default: no limit. */
  readonly bandwidthBytesPerSec?: number;
  /** Default 300 ms. */
  readonly downtimeLimitNs?: number;
  /** Compare a digest of all memory before the target may run. */
  readonly verify?: boolean;
  readonly secret?: Uint8Array;
  /** To the tab that listens on the BroadcastChannel of this name; else to the joined worker. */
  readonly channel?: string;
  /** How long to call on the channel. Default 10 s. */
  readonly callMs?: number;
}

/** No guest; one is coming; one runs here; one runs here, or stands still, and is being moved away. */
export type Phase = "empty" | "arriving" | "running" | "leaving";

export type Order =
  | { readonly kind: "open"; readonly v86: V86Files }
  | { readonly kind: "boot"; readonly options: BootOptions }
  | { readonly kind: "join"; readonly port: MessagePort }
  | { readonly kind: "receive"; readonly options: ReceiveOptions }
  | { readonly kind: "migrate"; readonly options: MigrateOptions }
  | { readonly kind: "cancel" }
  | { readonly kind: "type"; readonly text: string }
  | { readonly kind: "stop" };

export interface OrderMessage {
  readonly id: number;
  readonly order: Order;
}

/** How the machine in the worker is, ten times a second and whenever its phase changes. */
export interface Pulse {
  readonly phase: Phase;
  /** What the guest sent on its serial port since the last pulse. */
  readonly serial: string;
  /** The processor takes turns; false within the pause of a move. */
  readonly turning: boolean;
  /** Of the guest's memory; 0 without a guest. */
  readonly memoryBytes: number;
  /** Executed here, by this guest. */
  readonly instructions: number;
  /** Of a guest that is coming. */
  readonly bytesReceived: number;
  readonly pagesChecked: number;
}

export type News =
  | { readonly kind: "pulse"; readonly pulse: Pulse }
  | {
      readonly kind: "progress";
      readonly progress: LiveProgress;
      readonly rounds: readonly RoundReport[];
    }
  /** Somebody was turned away. */
  | { readonly kind: "refused"; readonly reason: string };

export type Answer =
  | { readonly kind: "done"; readonly id: number; readonly value?: boolean | LiveResult }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly code: string;
      readonly reason: string;
    };

export type WorkerMessage = News | Answer;
