/**
 * A client of QEMU's machine protocol (QMP, docs/interop/qmp-spec.txt) over a unix socket or TCP: the
 * greeting, `qmp_capabilities`, commands with ids, and events. QEMU serves one client a monitor and
 * greets a second one only when the first has gone. Node only.
 */
import { createConnection, type Socket } from "node:net";
import { PrecopyError } from "../../base/errors.js";
import { parseAddress } from "../transport/address.js";
import { isObject, plain, QmpMessages, type QmpObject, quote } from "./qmp-messages.js";

export interface QmpOptions {
  /** For the connection and the greeting. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** For each answer. Default 10 s: QEMU's main loop answers, and may be busy. */
  readonly commandTimeoutMs?: number;
  /** Ends the connection; what waits is refused. */
  readonly signal?: AbortSignal;
}

export interface QmpGreeting {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
  /** As the distribution names its build; may be empty. */
  readonly package: string;
}

export interface QmpEvent {
  readonly name: string;
  readonly data: QmpObject;
  /** QEMU's own clock: ms since 1970, µs kept; NaN where it has none. */
  readonly atMs: number;
  /** When it came, by this process's clock since 1970. */
  readonly heardMs: number;
}

/** QEMU refused a command. */
export class QmpCommandError extends PrecopyError {
  constructor(
    readonly command: string,
    /** QMP's class: GenericError, CommandNotFound, ... */
    readonly qmpClass: string,
    /** In QEMU's words. */
    readonly desc: string,
  ) {
    const isUnknown = qmpClass === "CommandNotFound";
    super(
      isUnknown ? "unsupported" : "bad-input",
      isUnknown
        ? `this QEMU does not know ${command}`
        : `QEMU refused ${command}: ${desc} (${qmpClass})`,
    );
  }
}

interface Waiting {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const CONNECT_TIMEOUT_MS = 5_000;
const COMMAND_TIMEOUT_MS = 10_000;
/** QEMU itself stops reading when 8 wait (QMP_REQ_QUEUE_LEN_MAX of monitor/qmp.c). */
const WAITING_MAX = 8;
/** Answers that nobody waits for any more; more than this is no QMP server. */
const STRAY_MAX = 1_000;
const PATH_BYTES_MAX = 107;

export class QmpClient {
  /** Answers to ids that nobody waits for: late ones. */
  strayAnswers = 0;
  private readonly waiting = new Map<string, Waiting>();
  private readonly handlers = new Set<(event: QmpEvent) => void>();
  private readonly messages = new QmpMessages();
  private readonly decoder = new TextDecoder("utf-8");
  private greeted: ((greeting: QmpGreeting) => void) | undefined;
  private said: QmpGreeting | undefined;
  private commands = 0;
  private error: PrecopyError | undefined;
  private tellEnded: (error: PrecopyError) => void = () => {};
  /** When the connection has ended, and why. */
  readonly ended: Promise<PrecopyError>;

  private constructor(
    private readonly socket: Socket,
    readonly name: string,
    private readonly options: QmpOptions,
  ) {
    this.ended = new Promise((resolve) => {
      this.tellEnded = resolve;
    });
    socket.on("data", (bytes) => this.receive(bytes));
    socket.on("error", (error) => this.end(connectionError(error, name)));
    socket.on("close", () => this.end(this.goneError()));
  }

  /**
   * @param where the path of a unix socket, or HOST:PORT; `unix:` and `tcp:` in front are QEMU's words
   * @throws PrecopyError where there is no socket, nobody answers, or what answers is no QMP
   */
  static async connect(where: string, options: QmpOptions = {}): Promise<QmpClient> {
    options.signal?.throwIfAborted();
    const client = new QmpClient(open(where), where, options);
    const { signal, connectTimeoutMs: timeoutMs = CONNECT_TIMEOUT_MS } = options;
    const abort = () => client.end(new PrecopyError("aborted", `${where}: given up`));
    signal?.addEventListener("abort", abort, { once: true });
    void client.ended.then(() => signal?.removeEventListener("abort", abort));
    const timer = setTimeout(() => client.end(client.silence(timeoutMs)), timeoutMs);
    try {
      client.said = await client.greetingOrEnd();
    } finally {
      clearTimeout(timer);
    }
    await client.execute("qmp_capabilities");
    return client;
  }

  get greeting(): QmpGreeting {
    return this.said as QmpGreeting;
  }

  /** @throws QmpCommandError if QEMU refuses, PrecopyError `aborted` if it does not answer. */
  execute(command: string, args?: QmpObject, timeoutMs?: number): Promise<unknown> {
    if (this.error !== undefined) return Promise.reject(this.error);
    if (this.waiting.size >= WAITING_MAX) {
      const what = `${this.name}: ${WAITING_MAX} commands wait for answers: let them come first`;
      return Promise.reject(new PrecopyError("limit", what));
    }
    const id = `precopy-${++this.commands}`;
    const waitMs = timeoutMs ?? this.options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        const what = `${this.name}: QEMU has not answered ${command} within ${waitMs} ms`;
        reject(new PrecopyError("aborted", `${what}: see whether it is stopped or overloaded`));
      }, waitMs);
      this.waiting.set(id, { command, resolve, reject, timer });
      const message = { execute: command, ...(args && { arguments: args }), id };
      this.socket.write(`${JSON.stringify(message)}\n`);
    });
  }

  /** Calls `handler` at every event until the function that it returns is called. */
  onEvent(handler: (event: QmpEvent) => void): () => void {
    this.handlers.add(handler);
    return () => this.handlers.delete(handler);
  }

  /** QEMU serves the next client; nothing else changes for it. */
  close(): void {
    this.end(new PrecopyError("aborted", `${this.name}: closed`));
  }

  private greetingOrEnd(): Promise<QmpGreeting> {
    return new Promise((resolve, reject) => {
      this.greeted = resolve;
      void this.ended.then(reject);
    });
  }

  private receive(bytes: Uint8Array): void {
    try {
      for (const message of this.messages.put(this.decoder.decode(bytes, { stream: true }))) {
        if (this.error === undefined) this.take(message);
      }
    } catch (error) {
      this.end(this.wrongServer(error));
    }
  }

  private take(message: QmpObject): void {
    if (this.said === undefined && this.greeted !== undefined) {
      this.said = greetingOf(message);
      return this.greeted(this.said);
    }
    if (typeof message.event === "string") return this.tell(message.event, message);
    const hasAnswer = "return" in message || isObject(message.error);
    if (!hasAnswer) {
      const what = `it sends ${quote(JSON.stringify(message))}, neither answer nor event`;
      throw new PrecopyError("protocol", what);
    }
    // What QEMU cannot read as JSON it refuses without an id: the oldest is meant.
    const isAnonymous = message.id === undefined && isObject(message.error);
    const id = isAnonymous ? [...this.waiting.keys()][0] : message.id;
    const asked = typeof id === "string" ? this.waiting.get(id) : undefined;
    if (asked === undefined) return this.stray();
    this.waiting.delete(id as string);
    clearTimeout(asked.timer);
    if (!isObject(message.error)) return asked.resolve(message.return);
    const { class: qmpClass, desc } = message.error;
    asked.reject(new QmpCommandError(asked.command, plain(String(qmpClass)), plain(String(desc))));
  }

  private tell(name: string, message: QmpObject): void {
    const data = isObject(message.data) ? message.data : {};
    const event = { name, data, atMs: timeOf(message.timestamp), heardMs: Date.now() };
    for (const handler of this.handlers) handler(event);
  }

  private stray(): void {
    if (++this.strayAnswers <= STRAY_MAX) return;
    const what = `it has sent ${this.strayAnswers} answers that nobody asked for`;
    throw new PrecopyError("protocol", what);
  }

  private wrongServer(error: unknown): Error {
    if (!(error instanceof PrecopyError)) return error as Error;
    const said = this.said === undefined ? "this is no QMP server" : "QMP is not kept to";
    const human = /monitor - type 'help'/.test(error.message)
      ? "; it is the human monitor: start QEMU with -qmp for one of the other kind"
      : "";
    const code = this.said === undefined ? "bad-input" : "protocol";
    return new PrecopyError(code, `${this.name}: ${said}: ${error.message}${human}`);
  }

  private silence(timeoutMs: number): PrecopyError {
    return new PrecopyError(
      "bad-input",
      `${this.name}: no greeting within ${timeoutMs} ms: another client has this monitor (QEMU ` +
        "serves one at a time: close it, or give QEMU a second -qmp), or it is no QMP socket",
    );
  }

  private goneError(): PrecopyError {
    if (this.said === undefined) {
      const what = "closed without a greeting: it is no QMP socket, or QEMU is about to end";
      return new PrecopyError("bad-input", `${this.name}: ${what}`);
    }
    const [first] = this.waiting.values();
    const when = first === undefined ? "" : ` before it answered ${first.command}`;
    return new PrecopyError("aborted", `${this.name}: QEMU has closed the connection${when}`);
  }

  /** The first reason counts. */
  private end(error: Error): void {
    if (this.error !== undefined) return;
    const why =
      error instanceof PrecopyError ? error : new PrecopyError("protocol", `${error.message}`);
    this.error = why;
    for (const { timer, reject } of this.waiting.values()) {
      clearTimeout(timer);
      reject(why);
    }
    this.waiting.clear();
    this.handlers.clear();
    this.socket.destroy();
    this.tellEnded(why);
  }
}

function open(where: string): Socket {
  const [, kind = "", rest = where] = /^(unix|tcp):(.*)$/.exec(where) ?? [];
  const isAddress = kind === "tcp" || (kind === "" && /^[^/]*:\d{1,5}$/.test(rest));
  if (isAddress) return createConnection({ ...parseAddress(rest), noDelay: true });
  const bytes = Buffer.byteLength(rest);
  if (bytes === 0 || bytes > PATH_BYTES_MAX || rest.includes("\0")) {
    const what = `a unix socket's path has 1 to ${PATH_BYTES_MAX} bytes, this one has ${bytes}`;
    throw new PrecopyError("bad-input", `${what}: give the path of QEMU's -qmp, or HOST:PORT`);
  }
  return createConnection({ path: rest });
}

function greetingOf(message: QmpObject): QmpGreeting {
  const { QMP: greeting } = message;
  const version = isObject(greeting) && isObject(greeting.version) ? greeting.version : undefined;
  const qemu = isObject(version?.qemu) ? version.qemu : {};
  const { major, minor, micro } = qemu;
  if (typeof major !== "number" || typeof minor !== "number" || typeof micro !== "number") {
    const what = `it greets with ${quote(JSON.stringify(message))}, without QEMU's version`;
    throw new PrecopyError("protocol", what);
  }
  return { major, minor, micro, package: plain(String(version?.package ?? "")) };
}

function timeOf(timestamp: unknown): number {
  if (!isObject(timestamp)) return Number.NaN;
  const { seconds, microseconds } = timestamp;
  // QEMU gives -1 where it has no clock.
  if (typeof seconds !== "number" || typeof microseconds !== "number") return Number.NaN;
  return seconds < 0 ? Number.NaN : seconds * 1000 + microseconds / 1000;
}

const NEXT_STEPS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket: start QEMU with -qmp unix:PATH,server=on,wait=off",
  ENOTSOCK: "it is no socket: give the path of QEMU's -qmp",
  ECONNREFUSED: "nothing listens there: see whether this QEMU still runs",
  EACCES: "permission is denied: run as QEMU's user",
  EPERM: "permission is denied: run as QEMU's user",
  EAGAIN: "other clients wait for this monitor already: close them, or give QEMU a second -qmp",
  ENOTFOUND: "there is no host of that name",
  ECONNRESET: "QEMU has broken it off: see whether it still runs",
  EPIPE: "QEMU has gone",
};
/** Said of a connection that has stood. */
const LOST = ["ECONNRESET", "EPIPE"];

function connectionError(error: Error, name: string): PrecopyError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const next = NEXT_STEPS[code] ?? `the connection failed (${error.message})`;
  return new PrecopyError(LOST.includes(code) ? "aborted" : "bad-input", `${name}: ${next}`);
}
