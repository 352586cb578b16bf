/**
 * The migrations that a target knows, so that a source that comes back finds its own, and so that
 * an epoch that was refused stays refused. Of a migration only its latest attempt is kept: an attempt
 * begins when the one before it was refused, so that the epochs from the first of such a chain to
 * its latest never run here.
 *
 * What is settled is forgotten when room is needed, the oldest first. Who asks for what was
 * forgotten is told `unknown`: neither that it ran nor that it never will.
 */
import { assert } from "../base/assert.js";
import { NO_RUNS, type TargetMessage } from "./messages.js";
import type { TargetSession } from "./target-session.js";
import type { TargetStep } from "./target-step.js";

export interface SessionBookOptions {
  /** Attempts that may be under way at once. */
  readonly openMax: number;
  /** Attempts that are remembered, those under way among them. */
  readonly recordsMax: number;
}

/** What a connection asks for (its handshake's result). */
export interface SessionRequest {
  readonly sessionId: Uint8Array;
  readonly epoch: number;
  readonly resumes: boolean;
}

export type BookAnswer =
  /** `superseded`: an earlier attempt that was refused now, with what its driver has to do. */
  | {
      readonly kind: "new";
      readonly session: TargetSession;
      readonly superseded?: { readonly session: TargetSession; readonly steps: TargetStep[] };
    }
  /** Call `resumed` on it. It may have been refused long ago. */
  | { readonly kind: "resumes"; readonly session: TargetSession }
  /** Say this, then close. */
  | { readonly kind: "no"; readonly say: TargetMessage };

interface Entry {
  readonly session: TargetSession;
  /** The first epoch of the chain of attempts. */
  readonly firstEpoch: number;
}

export class SessionBook {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly options: SessionBookOptions) {
    assert(options.recordsMax >= options.openMax, "what is under way is remembered");
  }

  get size(): number {
    return this.entries.size;
  }

  /** @param create makes the session of a new attempt, for the epoch that is asked for. */
  open(request: SessionRequest, create: () => TargetSession): BookAnswer {
    const key = keyOf(request.sessionId);
    const known = this.entries.get(key);
    return request.resumes
      ? resume(request.epoch, known)
      : this.begin(key, request.epoch, known, create);
  }

  private begin(
    key: string,
    epoch: number,
    entry: Entry | undefined,
    create: () => TargetSession,
  ): BookAnswer {
    const known = entry?.session;
    if (known !== undefined && epoch <= known.epoch) {
      return refused(`attempt ${epoch} is not later than ${known.epoch}, which was made here`);
    }
    if (known?.committed === true) {
      return refused("the guest runs here since an earlier attempt");
    }
    const sessions = [...this.entries.values()].map(({ session }) => session);
    const others = sessions.filter((session) => session !== known && !session.settled).length;
    const { openMax } = this.options;
    if (others >= openMax) return refused(`${others} migrations are under way, at most ${openMax}`);
    const steps = known?.superseded();
    this.entries.delete(key);
    this.makeRoom();
    const session = create();
    assert(session.epoch === epoch, "a session is of the epoch that is asked for");
    this.entries.set(key, { session, firstEpoch: entry?.firstEpoch ?? epoch });
    if (known === undefined || steps === undefined) return { kind: "new", session };
    return { kind: "new", session, superseded: { session: known, steps } };
  }

  private makeRoom(): void {
    for (const [key, { session }] of this.entries) {
      if (this.entries.size < this.options.recordsMax) return;
      if (session.settled) this.entries.delete(key);
    }
  }
}

function resume(epoch: number, entry: Entry | undefined): BookAnswer {
  const known = entry?.session;
  if (known?.epoch === epoch) return { kind: "resumes", session: known };
  if (entry !== undefined && epoch >= entry.firstEpoch && epoch < entry.session.epoch) {
    const reason = `attempt ${entry.session.epoch} followed, and this one was refused for it`;
    return { kind: "no", say: { kind: "refused-to-run", epoch, reason } };
  }
  return { kind: "no", say: { kind: "standing", epoch, stage: "unknown", absent: NO_RUNS } };
}

function refused(reason: string): BookAnswer {
  return { kind: "no", say: { kind: "refused", reason } };
}

function keyOf(sessionId: Uint8Array): string {
  return Array.from(sessionId, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
