/**
 * TCP and TLS connections of Node as transports. Small frames leave at once (no Nagle), a silent
 * peer is found by keep-alive probes and by a stall of what was written, and every way a connection
 * fails becomes one sentence with the address in it.
 *
 * The system's own send buffer lies behind what `bufferedBytes` counts and Node cannot set it: who
 * needs urgent bytes to pass soon paces its writes (pacing.ts) or counts what the peer has taken.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import {
  type ConnectionOptions,
  connect as connectTls,
  createServer as createTlsServer,
  TLSSocket,
  type TlsOptions,
} from "node:tls";
import { PrecopyError } from "../../base/errors.js";
import { type Address, formatAddress } from "./address.js";
import { Inbox } from "./inbox.js";
import { RoomWaiters } from "./room-waiters.js";
import {
  BUFFERED_BYTES_MAX,
  byteLength,
  CLOSE_TIMEOUT_MS,
  closedError,
  type Transport,
} from "./transport.js";

export interface TcpOptions {
  /** How long bytes may wait for a peer that takes none. Default 30 s. */
  readonly stallTimeoutMs?: number;
}

export interface ConnectTcpOptions extends Address, TcpOptions {
  /** For TLS: handed to node:tls as it is; `servername` is the host unless it says otherwise. */
  readonly tls?: ConnectionOptions;
  /** For the connection with its TLS handshake. Default 10 s. */
  readonly timeoutMs?: number;
  /** A socket made elsewhere (a TLSSocket too); host and port then only name it in messages. */
  readonly socket?: Socket;
}

export interface ListenTcpOptions extends Address, TcpOptions {
  /** For TLS: key, certificate and the rest, handed to node:tls as it is. */
  readonly tls?: TlsOptions;
  /** Connections at the same time; more are dropped by the system. Default 16. */
  readonly connectionsMax?: number;
  readonly onTransport: (transport: Transport) => void;
  /** A caller that did not become a transport: a failed TLS handshake, no descriptors left. */
  readonly onRefused?: (error: PrecopyError) => void;
}

export interface TcpListener {
  /** Where it listens in truth: port 0 has become a number. */
  readonly address: Address;
  /** Takes no more callers; transports that stand are not touched. */
  close(): Promise<void>;
}

/** Our choices: long enough for a far host, short enough for a person who waits. */
const CONNECT_TIMEOUT_MS = 10_000;
const STALL_TIMEOUT_MS = 30_000;
const CONNECTIONS_MAX = 16;
/** First probe after this silence; Node sets ten probes a second apart behind it. */
const KEEP_ALIVE_MS = 10_000;
/** What is kept for a data handler to come before the socket is paused. */
const KEPT_BYTES_MAX = 1024 * 1024;

/** Connects, with the TLS handshake where asked for. Rejects with one {@link PrecopyError}. */
export async function connectTcp(options: ConnectTcpOptions): Promise<Transport> {
  const name = formatAddress(options);
  if (options.socket === undefined && options.port === 0) {
    throw new PrecopyError("bad-input", `port 0 of ${name} cannot be connected to: name the port`);
  }
  const socket = options.socket ?? openSocket(options);
  const make = () =>
    new TcpTransport(socket, `${protocolOf(socket)} connection to ${name}`, options);
  const isOurs = options.socket === undefined;
  if (isOurs || socket.connecting) {
    const event = isOurs && options.tls !== undefined ? "secureConnect" : "connect";
    return connected({ socket, event, name, make }, options.timeoutMs ?? CONNECT_TIMEOUT_MS);
  }
  if (socket.destroyed) {
    throw closedError(`connection to ${name}`, "the socket handed in is closed already");
  }
  return make();
}

/** Listens. Rejects with `bad-input` where the address cannot be had. */
export function listenTcp(options: ListenTcpOptions): Promise<TcpListener> {
  const refused = options.onRefused ?? (() => {});
  const take = (socket: Socket): void => {
    const from = formatAddress({
      host: socket.remoteAddress ?? "unknown",
      port: socket.remotePort ?? 0,
    });
    const description = `${protocolOf(socket)} connection from ${from}`;
    options.onTransport(new TcpTransport(socket, description, options));
  };
  const server =
    options.tls === undefined
      ? createServer({ noDelay: true }, take)
      : createTlsServer({ handshakeTimeout: CONNECT_TIMEOUT_MS, ...options.tls }, take);
  server.maxConnections = options.connectionsMax ?? CONNECTIONS_MAX;
  const name = formatAddress(options);
  server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
    socket.destroy();
    refused(connectionError(error, `caller at ${name}`));
  });
  return listening(server, options, name, refused);
}

function listening(
  server: Server,
  { host, port }: Address,
  name: string,
  refused: (error: PrecopyError) => void,
): Promise<TcpListener> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(listenError(error, name));
    server.once("error", failed);
    server.listen({ host, port }, () => {
      server.off("error", failed);
      server.on("error", (error) => refused(connectionError(error, `caller at ${name}`)));
      const bound = server.address() as { address: string; port: number };
      resolve({
        address: { host: bound.address, port: bound.port },
        close: async () => {
          server.close();
        },
      });
    });
  });
}

function openSocket({ host, port, tls }: ConnectTcpOptions): Socket {
  if (tls === undefined) return connect({ host, port, noDelay: true });
  // An IP address is no server name (RFC 6066 §3); Node warns of it.
  const named = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  return connectTls({ ...named, ...tls, host, port });
}

interface Connecting {
  readonly socket: Socket;
  /** The event that tells of success. */
  readonly event: "connect" | "secureConnect";
  readonly name: string;
  readonly make: () => Transport;
}

function connected(connecting: Connecting, timeoutMs: number): Promise<Transport> {
  const { socket, event, name, make } = connecting;
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer);
      socket.off(event, succeeded);
      socket.off("error", failed);
      socket.off("close", closed);
    };
    // Made inside the event: from the first instant somebody listens for errors and bytes.
    const succeeded = (): void => {
      settle();
      resolve(make());
    };
    const failed = (error: Error): void => {
      settle();
      // A socket that is being destroyed may still complain.
      socket.on("error", () => {});
      socket.destroy();
      reject(connectionError(error, name));
    };
    const closed = () => failed(new Error("it was closed"));
    const timer = setTimeout(() => failed(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    socket.once(event, succeeded);
    socket.once("error", failed);
    socket.once("close", closed);
  });
}

/** A connection that stands, over a socket that nobody else reads, writes or closes. */
class TcpTransport implements Transport {
  private readonly inbox: Inbox;
  private readonly room = new RoomWaiters();
  private readonly gone: Promise<void>;
  private heldBytes = 0;
  private writtenBytes = 0;
  private isClosing = false;
  /** Why the connection ended or must end; the first reason counts. */
  private error: Error | undefined;

  constructor(
    private readonly socket: Socket,
    readonly description: string,
    options: TcpOptions,
  ) {
    this.inbox = new Inbox({
      taken: () => this.resume(),
      failed: (error) => this.fail(error),
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const stallTimeoutMs = options.stallTimeoutMs ?? STALL_TIMEOUT_MS;
    socket.setTimeout(stallTimeoutMs);
    const listeners = {
      data: (bytes: Buffer) => this.receive(bytes),
      error: (error: Error) => {
        this.error ??= connectionError(error, description);
      },
      timeout: () => this.checkStall(stallTimeoutMs),
    };
    for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
    this.gone = new Promise((resolve) => {
      socket.once("close", () => {
        for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener);
        this.ended();
        resolve();
      });
    });
  }

  get bufferedBytes(): number {
    return this.heldBytes;
  }

  get bytesWritten(): number {
    return this.writtenBytes;
  }

  get bytesRead(): number {
    return this.inbox.receivedBytes;
  }

  write(parts: readonly Uint8Array[]): Promise<void> {
    if (this.isClosing || !this.socket.writable) {
      return Promise.reject(closedError(this.description, this.whyClosed()));
    }
    const sizeBytes = byteLength(parts);
    if (sizeBytes === 0) return Promise.resolve();
    this.heldBytes += sizeBytes;
    this.writtenBytes += sizeBytes;
    // Copied: Node keeps a reference to what the system does not take at once. The call-back of
    // each write, not "drain", tells of room: that event may have passed before anyone waits.
    this.socket.write(Buffer.concat(parts, sizeBytes), () => {
      this.heldBytes -= sizeBytes;
      if (this.heldBytes < BUFFERED_BYTES_MAX && !this.socket.destroyed) this.room.wake();
    });
    return this.heldBytes < BUFFERED_BYTES_MAX ? Promise.resolve() : this.room.wait();
  }

  onData(handler: (bytes: Uint8Array) => void): void {
    this.inbox.onData(handler);
  }

  onClose(handler: (error: Error | undefined) => void): void {
    this.inbox.onClose(handler);
  }

  async close(): Promise<void> {
    this.isClosing = true;
    this.socket.end();
    const timer = setTimeout(() => this.fail(this.closeTimeout()), CLOSE_TIMEOUT_MS);
    await this.gone;
    clearTimeout(timer);
  }

  destroy(): void {
    this.isClosing = true;
    this.inbox.close(undefined, true);
    this.abort();
  }

  private receive(bytes: Uint8Array): void {
    this.inbox.put(bytes);
    if (this.inbox.keptBytes > KEPT_BYTES_MAX) this.socket.pause();
  }

  private resume(): void {
    if (this.socket.isPaused() && this.inbox.keptBytes <= KEPT_BYTES_MAX) this.socket.resume();
  }

  /** Node's timer of inactivity: only bytes that wait make it a fault. */
  private checkStall(stallTimeoutMs: number): void {
    if (this.heldBytes === 0) return;
    const held = `${this.heldBytes} bytes waited ${stallTimeoutMs} ms`;
    this.fail(connectionError(new Error(`the peer takes nothing, ${held}`), this.description));
  }

  private fail(error: Error): void {
    this.error ??= error;
    this.abort();
  }

  /** A reset where it can be had: the peer must not take it for an orderly end. */
  private abort(): void {
    if (this.socket instanceof TLSSocket) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  private ended(): void {
    this.isClosing = true;
    this.inbox.close(this.error, false);
    this.room.refuse(this.description, this.whyClosed());
  }

  private whyClosed(): string {
    if (this.error !== undefined) return this.error.message;
    return this.isClosing ? "it is closed" : "the other end has closed it";
  }

  private closeTimeout(): PrecopyError {
    return new PrecopyError(
      "aborted",
      `the ${this.description} was to close and the peer did not within ${CLOSE_TIMEOUT_MS} ms, ${this.heldBytes} bytes not sent; it was broken off`,
    );
  }
}

function protocolOf(socket: Socket): string {
  return socket instanceof TLSSocket ? "TLS" : "TCP";
}

/** What a person can do about it, by the system's code (errno(3)) or node:tls's. */
const NEXT_STEPS: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "nothing listens there: start the target, or correct the port"],
  ["ENOTFOUND", "there is no host of that name: correct it"],
  ["EAI_AGAIN", "the name could not be looked up: try again, or write the IP address"],
  ["EHOSTUNREACH", "there is no way to that host: look at the network between"],
  ["ENETUNREACH", "there is no way to that network: look at the routes"],
  ["ETIMEDOUT", "the peer went silent: see whether its machine and the network still run"],
  ["ECONNRESET", "the peer broke it off: see its own message, and connect again"],
  ["EPIPE", "the peer broke it off: see its own message, and connect again"],
  ["EPROTO", "the peer speaks no TLS or refused: use TLS at both ends or at neither"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "the peer speaks no TLS: use TLS at both ends or at neither"],
]);

function connectionError(error: Error, name: string): PrecopyError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const isCertificate = /CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code);
  const next = isCertificate
    ? "its certificate is not accepted: give its CA certificate, or correct the name"
    : (NEXT_STEPS.get(code) ?? "see whether the other end runs and is reachable, and try again");
  const kind = code === "ENOTFOUND" ? "bad-input" : "aborted";
  return new PrecopyError(kind, `${name}: the connection failed (${error.message}): ${next}`);
}

function listenError(error: Error, name: string): PrecopyError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const next =
    code === "EADDRINUSE"
      ? "another process has the port: choose another, or 0 for any that is free"
      : "choose an address of this machine and a port that you may use";
  return new PrecopyError("bad-input", `cannot listen at ${name} (${error.message}): ${next}`);
}
