/** What a {@link TargetSession} (target-session.ts) has its driver do, and how the driver answers. */
import type { PrecopyError } from "../base/errors.js";
import type { PagesMessage, PrepareMessage, SourceMessage, TargetMessage } from "./messages.js";

/** What the driver has to do, in this order; an `abort` goes ahead of what it has not begun. */
export type TargetStep =
  /** -> prepared | refused */
  | { readonly kind: "reserve"; readonly prepare: PrepareMessage }
  /**
   * `residual`, in post-copy: only those that are absent still. The guest may have written the
   * others since, and after a broken connection pages come again. -> applied, or failed
   */
  | { readonly kind: "apply"; readonly message: PagesMessage; readonly residual: boolean }
  /** -> answered */
  | { readonly kind: "answer-ask"; readonly digests: Uint8Array }
  | { readonly kind: "note-absent"; readonly runs: Uint32Array }
  | { readonly kind: "note-empty"; readonly message: SourceMessage & { kind: "empty" } }
  | { readonly kind: "load-device-state"; readonly state: Uint8Array }
  /** When all before it is done. -> completed, or failed */
  | { readonly kind: "complete"; readonly digest: Uint8Array | undefined }
  /** -> ran, then announced; couldNotRun */
  | { readonly kind: "run"; readonly epoch: number }
  /** Post-copy, when all before it is done: nothing may be absent now. -> allReceived, or failed */
  | { readonly kind: "check-residual" }
  /** Free what was reserved. */
  | { readonly kind: "abort"; readonly reason: string }
  /** Post-copy: stop the guest, what is absent will not come. */
  | { readonly kind: "abandon"; readonly reason: string }
  /** Call `gaveUp` at this time, unless the connection is resumed before. */
  | { readonly kind: "wait"; readonly untilNs: number }
  | { readonly kind: "say"; readonly message: TargetMessage }
  /** Close the connection when all is said; it is lost then (`connectionLost`) if with an error. */
  | { readonly kind: "close"; readonly error: PrecopyError | undefined };
