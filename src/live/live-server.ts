/**
 * A place that takes guests: shakes hands with whoever connects, finds the attempt that a connection
 * belongs to, and has each attempt received by a LiveTarget. Strangers without the secret get no
 * further than the handshake.
 */
import { PrecopyError } from "../base/errors.js";
import {
  DEFAULT_LIMITS,
  Handshake,
  type HandshakeResult,
  SessionBook,
  type SourceMessage,
  type TargetMessage,
  type WireLimits,
} from "../wire/index.js";
import { handshake } from "./live-link.js";
import { LiveTarget, type LiveTargetOptions, type SourceConnection } from "./live-target.js";
import type { Transport } from "./transport/transport.js";

export interface LiveServerOptions
  extends Omit<
    LiveTargetOptions,
    "epoch" | "windowBytes" | "patienceNs" | "memoryBytesMax" | "silenceNs" | "failed"
  > {
  /** Whoever connects has to know it too. */
  readonly secret?: Uint8Array;
  /** Largest guest that is taken. Default 1 GiB. */
  readonly memoryBytesMax?: number;
  /** Guests that may be under way at once. Default 1. */
  readonly guestsMax?: number;
  /** Page bytes that may be under way and not applied. Default 4 MiB. */
  readonly windowBytes?: number;
  /** How long a whole image waits for its source, and a guest in post-copy for its pages. Default 60 s. */
  readonly patienceNs?: number;
  /** Default 5 s. */
  readonly silenceNs?: number;
  readonly handshakeNs?: number;
  readonly limits?: WireLimits;
  /** Somebody was turned away, or an attempt could not be heard of any more. */
  refused?(error: PrecopyError): void;
}

export const SERVER_DEFAULTS = {
  memoryBytesMax: 2 ** 30,
  guestsMax: 1,
  windowBytes: 4 * 2 ** 20,
  patienceNs: 60e9,
  silenceNs: 5e9,
  handshakeNs: 10e9,
  limits: DEFAULT_LIMITS,
} as const;

/** Attempts that are remembered, so that what was refused stays refused. */
const RECORDS_MAX = 1024;

export class LiveServer {
  private readonly book: SessionBook;
  private readonly targets = new Map<object, LiveTarget>();
  private closed = false;

  constructor(private readonly options: LiveServerOptions) {
    const openMax = options.guestsMax ?? SERVER_DEFAULTS.guestsMax;
    // A secret that is no good is found out here, not by the first guest.
    const { crypto, secret, limits = DEFAULT_LIMITS } = options;
    Handshake.target({ crypto, secret, limits });
    this.book = new SessionBook({ openMax, recordsMax: Math.max(openMax, RECORDS_MAX) });
  }

  /** A connection that somebody opened. */
  async accept(transport: Transport): Promise<void> {
    const { crypto, secret } = this.options;
    const { limits, handshakeNs } = { ...SERVER_DEFAULTS, ...this.options };
    if (this.closed) return transport.destroy();
    try {
      const shake = Handshake.target({ crypto, secret, limits });
      const { result, early } = await handshake(transport, shake, handshakeNs);
      this.admit(result, { transport, channel: result.channel, early });
    } catch (error) {
      transport.destroy();
      this.tell(error);
    }
  }

  private tell(error: unknown): void {
    if (error instanceof PrecopyError) return this.options.refused?.(error);
    const why = error instanceof Error ? error.message : String(error);
    this.options.refused?.(new PrecopyError("aborted", `an attempt failed: ${why}`));
  }

  /** Takes nobody in any more; what has not been given permission to run is given back. */
  async close(reason = "the target shuts down"): Promise<void> {
    this.closed = true;
    for (const target of this.targets.values()) await target.dispose(reason);
  }

  private admit(
    request: HandshakeResult<TargetMessage, SourceMessage>,
    connection: SourceConnection,
  ): void {
    const { epoch } = request;
    const { handshakeNs } = { ...SERVER_DEFAULTS, ...this.options };
    const options: LiveTargetOptions = {
      ...SERVER_DEFAULTS,
      ...this.options,
      epoch,
      changed: (target) => this.changed(target),
      failed: (error) => this.tell(error),
    };
    const made = new LiveTarget(options);
    const answer = this.book.open(request, () => made.session);
    if (answer.kind === "no") return turnAway(connection, answer.say, handshakeNs);
    if (answer.kind === "new") {
      if (answer.superseded !== undefined) {
        const { session, steps } = answer.superseded;
        this.targets.get(session)?.take(steps);
        this.targets.delete(session);
      }
      this.targets.set(made.session, made);
      made.attach(connection, false);
    } else {
      const { session } = answer;
      const target = this.targets.get(session) ?? new LiveTarget(options, session);
      this.targets.set(session, target);
      target.attach(connection, true);
    }
  }

  /** What is over is not held on to: its machine is whoever made it's. The book remembers it. */
  private changed(target: LiveTarget): void {
    if (target.isDone) this.targets.delete(target.session);
    this.options.changed?.(target);
  }
}

/** Says it when it is asked for, and closes; who asks nothing is not waited for long. */
function turnAway(
  { transport, channel, early }: SourceConnection,
  say: TargetMessage,
  limitNs: number,
): void {
  let said = false;
  const late = setTimeout(() => transport.destroy(), limitNs / 1e6);
  transport.onClose(() => clearTimeout(late));
  const answer = (bytes: Uint8Array) => {
    if (said) return;
    const asked = channel.receive(bytes).some(({ kind }) => kind !== "ping");
    if (!asked && say.kind === "refused") return;
    said = true;
    const leave = () => transport.close();
    transport.write(channel.encode(say)).then(leave, () => transport.destroy());
  };
  for (const bytes of early) answer(bytes);
  transport.onData(answer);
  if (say.kind !== "refused") answer(new Uint8Array(0));
}
