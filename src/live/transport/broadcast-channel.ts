/**
 * A transport between two tabs of one origin that only share a channel's name (HTML standard, 9.5
 * "Broadcasting to other browsing contexts"). The channel of that name is where they meet: a caller
 * calls until somebody answers, the first answer wins, and the answer names a private channel that
 * the pair goes on with, so that other tabs need not copy what passes.
 *
 *     caller   --- call{caller} ------------->  listener     on NAME
 *     caller   <-- answer{caller, pair} ------  listener     on NAME
 *     caller   --- ping --------------------->  listener     on NAME/PAIR: chosen
 *
 * A closed tab says nothing; heartbeats find it (a second apart, ten unanswered). Whoever may open
 * a channel of this origin may also listen in: a secret of the session protects against that.
 */
import { PrecopyError } from "../../base/errors.js";
import {
  type CreditOptions,
  CreditTransport,
  letProcessEnd,
  type Medium,
} from "./credit-transport.js";
import { LINK_MARK, linkMessageOf } from "./link-message.js";
import type { Transport } from "./transport.js";

export interface ConnectBroadcastOptions extends CreditOptions {
  /** Where to meet: the same at both ends. */
  readonly name: string;
  /** How long to call. Default 10 s. */
  readonly timeoutMs?: number;
}

export interface ListenBroadcastOptions extends CreditOptions {
  readonly name: string;
  readonly onTransport: (transport: Transport) => void;
}

export interface BroadcastListener {
  /** Answers no more; transports that stand are not touched. */
  close(): void;
}

/** Our choices. A tab in the background may answer late: its timers are slowed, messages are not. */
const CALL_EVERY_MS = 250;
const CALL_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 1_000;
/** How long an answer waits to be chosen, and how many may wait. */
const CHOICE_TIMEOUT_MS = 5_000;
const ANSWERS_MAX = 16;
const ID_CHARS_MAX = 64;

type Role = "caller" | "listener";

/** Calls on the channel until a listener answers. Rejects with `aborted` when none does. */
export function connectBroadcast(options: ConnectBroadcastOptions): Promise<Transport> {
  const { name, timeoutMs = CALL_TIMEOUT_MS } = options;
  const meeting = new BroadcastChannel(name);
  const caller = randomId();
  return new Promise((resolve, reject) => {
    const call = () => meeting.postMessage({ mark: LINK_MARK, kind: "call", caller });
    const repeat = setInterval(call, CALL_EVERY_MS);
    const timer = setTimeout(() => {
      hangUp();
      reject(noAnswer(name, timeoutMs));
    }, timeoutMs);
    const hear = ({ data }: MessageEvent): void => {
      if (!isMeeting(data, "answer") || data.caller !== caller) return;
      hangUp();
      const transport = pairTransport({ name, pair: data.pair, role: "caller" }, options);
      transport.post({ kind: "ping" });
      resolve(transport.end);
    };
    const hangUp = (): void => {
      clearInterval(repeat);
      clearTimeout(timer);
      meeting.removeEventListener("message", hear);
      meeting.close();
    };
    meeting.addEventListener("message", hear);
    call();
  });
}

/** Answers whoever calls on the channel. */
export function listenBroadcast(options: ListenBroadcastOptions): BroadcastListener {
  const { name, onTransport } = options;
  const meeting = new BroadcastChannel(name);
  /** Answers that nobody has chosen yet, by caller. */
  const open = new Map<string, { readonly pair: string; drop(): void }>();
  const answer = (caller: string): string => {
    const pair = randomId();
    const settle = (): void => {
      clearTimeout(timer);
      open.delete(caller);
    };
    const { end } = pairTransport({ name, pair, role: "listener" }, options, () => {
      settle();
      onTransport(end);
    });
    const drop = (): void => {
      settle();
      end.destroy();
    };
    const timer = setTimeout(drop, CHOICE_TIMEOUT_MS);
    letProcessEnd(timer);
    open.set(caller, { pair, drop });
    return pair;
  };
  const hear = ({ data }: MessageEvent): void => {
    if (!isMeeting(data, "call")) return;
    const { caller } = data;
    const known = open.get(caller)?.pair;
    if (known === undefined && open.size >= ANSWERS_MAX) return;
    const pair = known ?? answer(caller);
    meeting.postMessage({ mark: LINK_MARK, kind: "answer", caller, pair });
  };
  meeting.addEventListener("message", hear);
  return {
    close() {
      meeting.removeEventListener("message", hear);
      meeting.close();
      for (const { drop } of [...open.values()]) drop();
    },
  };
}

interface Pair {
  readonly name: string;
  readonly pair: string;
  readonly role: Role;
}

interface PairEnd {
  readonly end: Transport;
  readonly post: Medium["post"];
}

/** One end on the private channel; `onFirst` is called once, before the peer's first message. */
function pairTransport(
  { name, pair, role }: Pair,
  options: CreditOptions,
  onFirst?: () => void,
): PairEnd {
  const channel = new BroadcastChannel(`${name}/${pair}`);
  let first = onFirst;
  const hear = ({ data }: MessageEvent): void => {
    const message = linkMessageOf(data);
    if (message === undefined || (data as { from?: unknown }).from === role) return;
    const call = first;
    first = undefined;
    call?.();
    end.receive(message);
  };
  const medium: Medium = {
    description: `broadcast channel connection "${name}"`,
    post: (message) => channel.postMessage({ mark: LINK_MARK, from: role, ...message }),
    release() {
      channel.removeEventListener("message", hear);
      channel.close();
    },
  };
  const end = new CreditTransport(medium, { heartbeatMs: HEARTBEAT_MS, ...options });
  channel.addEventListener("message", hear);
  return { end, post: medium.post };
}

interface MeetingMessage {
  readonly caller: string;
  readonly pair: string;
}

function isMeeting(data: unknown, kind: "call" | "answer"): data is MeetingMessage {
  if (typeof data !== "object" || data === null) return false;
  const fields = data as Record<string, unknown>;
  const isId = (value: unknown) =>
    typeof value === "string" && value.length > 0 && value.length <= ID_CHARS_MAX;
  if (fields.mark !== LINK_MARK || fields.kind !== kind || !isId(fields.caller)) return false;
  return kind === "call" || isId(fields.pair);
}

/** 128 random bits: no two pairs meet on one channel. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function noAnswer(name: string, timeoutMs: number): PrecopyError {
  return new PrecopyError(
    "aborted",
    `nobody answered on the broadcast channel "${name}" within ${timeoutMs} ms: open the target in another tab of this origin, with the same channel name`,
  );
}
