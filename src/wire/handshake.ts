/**
 * How a connection begins: both ends say who they are, and with a secret each proves to know it.
 *
 *   source ── hello: magic, version, flags, features, session, epoch, nonce ──▶ target
 *   source ◀── hello: magic, version, status, features, nonce ───────────────── target
 *   source ── HMAC(K, "source proves") ──▶ target                       with a secret
 *   source ◀── verdict, HMAC(K, "target proves") ── target              with a secret
 *
 * K = HMAC(secret, label, both hellos): fresh by the nonces of both, different for each role, so that
 * nothing said here can be said again or sent back. The source proves first: a stranger who calls
 * a listening target learns nothing to guess secrets by. A challenge and response of three passes in
 * the manner of ISO/IEC 9798-4; the directions' keys come of K as in HKDF-Expand, RFC 5869 (both
 * recalled, not verified).
 * The first 12 bytes of both hellos stay what they are in every version.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { equalInConstantTime, type WireCrypto } from "./crypto.js";
import { type ChannelKeys, FrameChannel } from "./frame-channel.js";
import { protocolError, type WireLimits } from "./limits.js";
import type { Message, SourceMessage, TargetMessage } from "./messages.js";

export const PROTOCOL_VERSION = 1;
export const SESSION_ID_BYTES = 16;
/** Shorter secrets are guessed from one proof seen on the way. */
export const SECRET_BYTES_MIN = 8;

const encoder = new TextEncoder();
const MAGIC = encoder.encode("PRECOPY\n");
const SOURCE_HELLO_BYTES = 68;
const TARGET_HELLO_BYTES = 48;
/** Magic, version, and flags or status. */
const FIXED_BYTES = 12;
const NONCE_BYTES = 32;
const PROOF_BYTES = 32;

const FLAG_SECRET = 1;
const FLAG_RESUMES = 2;

/** Of a target's hello, and its verdict on a proof. */
const STATUS = { ok: 0, version: 1, secretNeeded: 2, secretUnknown: 3, refused: 4 } as const;

/** Optional parts of the protocol; in force are those that both ends have. There is none yet. */
const FEATURES = 0;

export interface TargetHandshakeOptions {
  readonly crypto: WireCrypto;
  /** With it, the other end must know the same, and every frame is authenticated. */
  readonly secret?: Uint8Array | undefined;
  readonly limits: WireLimits;
}

export interface SourceHandshakeOptions extends TargetHandshakeOptions {
  /** Of the migration, 16 random bytes. */
  readonly sessionId: Uint8Array;
  /** Of the attempt, u32. */
  readonly epoch: number;
  /** The connection goes on where one broke. */
  readonly resumes: boolean;
}

export interface HandshakeResult<Out extends Message = Message, In extends Message = Message> {
  readonly sessionId: Uint8Array;
  readonly epoch: number;
  readonly resumes: boolean;
  readonly channel: FrameChannel<Out, In>;
  /** What came behind the handshake: the channel's first bytes. */
  readonly rest: Uint8Array;
}

interface Attempt {
  readonly sessionId: Uint8Array;
  readonly epoch: number;
  readonly resumes: boolean;
}

/**
 * One end's. The driver writes what is in `output` and feeds `receive` until it returns a result. When
 * that throws, `output` may still hold a refusal: write it, then close.
 */
export class Handshake<Out extends Message = Message, In extends Message = Message> {
  /** To be written; whoever writes takes them out. */
  readonly output: Uint8Array[] = [];
  private came = new Uint8Array(0);
  private step: () => HandshakeResult<Out, In> | undefined;
  private ended = false;

  private constructor(
    private readonly end: "source" | "target",
    private readonly options: TargetHandshakeOptions,
  ) {
    const { secret } = options;
    if (secret !== undefined && secret.length < SECRET_BYTES_MIN) {
      throw new PrecopyError(
        "bad-input",
        `the secret has ${secret.length} bytes, at least ${SECRET_BYTES_MIN} are needed; take 16 ` +
          "random ones",
      );
    }
    this.step = () => this.awaitSource();
  }

  static source(options: SourceHandshakeOptions): Handshake<SourceMessage, TargetMessage> {
    const { sessionId, epoch } = options;
    assert(sessionId.length === SESSION_ID_BYTES, `a session has ${SESSION_ID_BYTES} bytes`);
    assert(Number.isInteger(epoch) && epoch >= 0 && epoch < 2 ** 32, "an epoch is a u32");
    const made = new Handshake<SourceMessage, TargetMessage>("source", options);
    const hello = made.sourceHello(options);
    made.output.push(hello);
    made.step = () => made.awaitTarget(hello, options);
    return made;
  }

  static target(options: TargetHandshakeOptions): Handshake<TargetMessage, SourceMessage> {
    return new Handshake<TargetMessage, SourceMessage>("target", options);
  }

  /**
   * Takes what has come, cut anywhere; the result, when all is said. Throws `protocol` when the other
   * end is no end of ours, of another version, or does not know the secret.
   */
  receive(bytes: Uint8Array): HandshakeResult<Out, In> | undefined {
    assert(!this.ended, "a handshake ends once");
    this.came = joined([this.came, bytes]);
    try {
      for (let before = -1; before !== this.came.length; ) {
        before = this.came.length;
        const result = this.step();
        if (result === undefined) continue;
        this.ended = true;
        return result;
      }
    } catch (error) {
      this.ended = true;
      throw error;
    }
    return undefined;
  }

  private sourceHello({ sessionId, epoch, resumes, secret }: SourceHandshakeOptions): Uint8Array {
    const flags = (secret === undefined ? 0 : FLAG_SECRET) | (resumes ? FLAG_RESUMES : 0);
    const hello = this.hello(SOURCE_HELLO_BYTES, flags);
    hello.set(sessionId, 16);
    viewOf(hello).setUint32(32, epoch, true);
    hello.set(this.options.crypto.randomBytes(NONCE_BYTES), 36);
    return hello;
  }

  private targetHello(status: number): Uint8Array {
    const hello = this.hello(TARGET_HELLO_BYTES, status);
    hello.set(this.options.crypto.randomBytes(NONCE_BYTES), 16);
    return hello;
  }

  /** The part that is alike at both ends. */
  private hello(bytes: number, flagsOrStatus: number): Uint8Array {
    const hello = new Uint8Array(bytes);
    const view = viewOf(hello);
    hello.set(MAGIC);
    view.setUint16(8, PROTOCOL_VERSION, true);
    view.setUint16(10, flagsOrStatus, true);
    view.setUint32(12, FEATURES, true);
    return hello;
  }

  /** The target's first step. */
  private awaitSource(): HandshakeResult<Out, In> | undefined {
    const fixed = this.fixedPart();
    if (fixed === undefined) return undefined;
    if (fixed.version !== PROTOCOL_VERSION) {
      this.output.push(this.targetHello(STATUS.version));
      throw versionError(fixed.version);
    }
    const { secret } = this.options;
    if (((fixed.word & FLAG_SECRET) !== 0) !== (secret !== undefined)) {
      const status = secret === undefined ? STATUS.secretUnknown : STATUS.secretNeeded;
      this.output.push(this.targetHello(status));
      throw secretError(secret === undefined ? "source" : "target");
    }
    const hello = this.take(SOURCE_HELLO_BYTES);
    if (hello === undefined) return undefined;
    const attempt = {
      sessionId: hello.slice(16, 16 + SESSION_ID_BYTES),
      epoch: viewOf(hello).getUint32(32, true),
      resumes: (fixed.word & FLAG_RESUMES) !== 0,
    };
    const answer = this.targetHello(STATUS.ok);
    this.output.push(answer);
    if (secret === undefined) return this.result(attempt, undefined);
    const session = this.sessionKey(secret, hello, answer);
    this.step = () => this.awaitProof(session, attempt);
    return undefined;
  }

  /** The target's second: what the source proves. */
  private awaitProof(session: Uint8Array, attempt: Attempt) {
    const proof = this.take(PROOF_BYTES);
    if (proof === undefined) return undefined;
    if (!equalInConstantTime(proof, this.derive(session, "source proves"))) {
      this.output.push(Uint8Array.of(STATUS.refused));
      throw protocolError(
        "the source does not know the secret",
        "nothing was told to it; give both ends the same one if it is no stranger",
      );
    }
    this.output.push(joined([Uint8Array.of(STATUS.ok), this.derive(session, "target proves")]));
    return this.result(attempt, session);
  }

  /** The source's first step. */
  private awaitTarget(hello: Uint8Array, attempt: Attempt): HandshakeResult<Out, In> | undefined {
    const fixed = this.fixedPart();
    if (fixed === undefined) return undefined;
    if (fixed.version !== PROTOCOL_VERSION) throw versionError(fixed.version);
    if (fixed.word !== STATUS.ok) throw refusal(fixed.word);
    const answer = this.take(TARGET_HELLO_BYTES);
    if (answer === undefined) return undefined;
    const { secret } = this.options;
    if (secret === undefined) return this.result(attempt, undefined);
    const session = this.sessionKey(secret, hello, answer);
    this.output.push(this.derive(session, "source proves"));
    this.step = () => this.awaitVerdict(session, attempt);
    return undefined;
  }

  /** The source's second: what the target thinks of the proof, and its own. */
  private awaitVerdict(session: Uint8Array, attempt: Attempt) {
    if (this.came.length > 0 && this.came[0] !== STATUS.ok) throw refusal(this.came[0] as number);
    const verdict = this.take(1 + PROOF_BYTES);
    if (verdict === undefined) return undefined;
    if (!equalInConstantTime(verdict.subarray(1), this.derive(session, "target proves"))) {
      throw protocolError(
        "the target does not know the secret, though it says so",
        "no page was sent to it; look at what answers at its address",
      );
    }
    return this.result(attempt, session);
  }

  private result(
    { sessionId, epoch, resumes }: Attempt,
    session: Uint8Array | undefined,
  ): HandshakeResult<Out, In> {
    const { crypto, limits } = this.options;
    const keys = session === undefined ? undefined : this.keys(session);
    const channel = new FrameChannel<Out, In>({ end: this.end, limits, crypto, keys });
    return { sessionId, epoch, resumes, channel, rest: this.came };
  }

  private keys(session: Uint8Array): ChannelKeys {
    const forward = this.derive(session, "source to target");
    const back = this.derive(session, "target to source");
    return this.end === "source"
      ? { send: forward, receive: back }
      : { send: back, receive: forward };
  }

  private sessionKey(secret: Uint8Array, source: Uint8Array, target: Uint8Array): Uint8Array {
    const label = encoder.encode("precopy session");
    return this.options.crypto.hmacSha256(secret, label, source, target);
  }

  private derive(session: Uint8Array, purpose: string): Uint8Array {
    return this.options.crypto.hmacSha256(session, encoder.encode(purpose));
  }

  /** Version and flags or status; a stranger is found by its first wrong byte. */
  private fixedPart(): { version: number; word: number } | undefined {
    const { came } = this;
    for (let i = 0; i < Math.min(came.length, MAGIC.length); i++) {
      if (came[i] === MAGIC[i]) continue;
      throw protocolError(
        "the other end does not speak this protocol",
        "look at what answers at its address",
      );
    }
    if (came.length < FIXED_BYTES) return undefined;
    const view = viewOf(came);
    return { version: view.getUint16(8, true), word: view.getUint16(10, true) };
  }

  private take(bytes: number): Uint8Array | undefined {
    if (this.came.length < bytes) return undefined;
    const taken = this.came.subarray(0, bytes);
    this.came = this.came.subarray(bytes);
    return taken;
  }
}

function refusal(status: number): PrecopyError {
  switch (status) {
    case STATUS.version:
      return protocolError(
        `the target does not speak version ${PROTOCOL_VERSION} of the protocol`,
        "install the same version at both ends",
      );
    case STATUS.secretNeeded:
      return secretError("target");
    case STATUS.secretUnknown:
      return secretError("source");
    default:
      return protocolError("the target refused the secret", "give both ends the same one");
  }
}

function versionError(version: number): PrecopyError {
  return protocolError(
    `the other end speaks version ${version} of the protocol, this one version ${PROTOCOL_VERSION}`,
    "install the same version at both ends",
  );
}

function secretError(has: "source" | "target"): PrecopyError {
  const other = has === "source" ? "target" : "source";
  return protocolError(
    `the ${has} has a secret and the ${other} has none`,
    "give both ends the same one, or neither",
  );
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
