/**
 * What the two threads of an arriving guest say over a port: requests of the one with the
 * connection, each answered, and the guest's faults. Pages themselves go by shared memory
 * (shadow-memory.ts). Both threads are of one program: nothing here is checked for malice.
 */
import { PrecopyError, type PrecopyErrorCode } from "../../base/errors.js";
import type { MachineDescription } from "../../migrate/ports.js";
import type { PostCopyReport } from "../../model/migration-result.js";

export type Request =
  | {
      readonly kind: "prepare";
      readonly guest: MachineDescription;
      readonly memory: SharedArrayBuffer;
    }
  | { readonly kind: "device-state"; readonly state: Uint8Array }
  | { readonly kind: "run" }
  /** Nothing is absent any more; what has arrived is to be applied. */
  | { readonly kind: "whole" }
  | { readonly kind: "abort" };

export interface Prepared {
  readonly refusal: string | undefined;
  /** The guest can run while pages are absent. */
  readonly canWait: boolean;
}

/** What a guest's accesses to absent pages cost it; QEMU's terms. */
export type FaultStalls = Pick<
  PostCopyReport,
  "faults" | "stallNs" | "worstStallNs" | "stallBucketsUs"
>;

/** To the thread of the guest. */
export type ToGuest =
  | { readonly kind: "request"; readonly id: number; readonly request: Request }
  /** Pages have arrived; said once until the thread has looked. */
  | { readonly kind: "arrived" };

/** From it. */
export type FromGuest =
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure }
  | { readonly kind: "fault"; readonly page: number };

/** An error that can be posted. */
export interface Failure {
  readonly code: PrecopyErrorCode | undefined;
  readonly message: string;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof PrecopyError) return { code: error.code, message: error.message };
  return { code: undefined, message: error instanceof Error ? error.message : String(error) };
}

/** The user's mistakes stay theirs; what else went wrong in the other thread stays ours. */
export function errorOf({ code, message }: Failure): Error {
  return code === undefined ? new Error(message) : new PrecopyError(code, message);
}
