/**
 * A transport over a message port (HTML standard, 9.4 "Channel messaging"): between a page and its
 * worker, two workers, or two threads of Node. Bytes are copied once and then change hands without
 * another copy.
 *
 * A thread of Node that dies closes its ports, and its transports end. A browser's worker that is
 * terminated tells nobody: there a heartbeat (`heartbeatMs`) finds it, at the cost of a message
 * each time. It counts beats, not time, so that a page that was held up does not blame the other.
 */
import { type CreditOptions, CreditTransport, type Medium } from "./credit-transport.js";
import { LINK_MARK, linkMessageOf } from "./link-message.js";
import type { Transport } from "./transport.js";

/**
 * A MessagePort of a browser or of `node:worker_threads`, a Worker of either, or a worker's own
 * scope. The transport has it to itself as far as our messages go; others are left alone.
 */
export interface PortLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  /** A port waits for this; workers and scopes have none. */
  start?(): void;
  close?(): void;
}

export interface MessagePortOptions extends CreditOptions {
  /** For messages: who is at the other end. */
  readonly description?: string;
}

/** Node's ports and workers emit; the browser's dispatch events. */
interface Emitter {
  on(event: string, listener: (value: never) => void): void;
  off(event: string, listener: (value: never) => void): void;
}

type Listeners = Readonly<Record<string, (value: never) => void>>;

/** The other end of the port makes its transport the same way. A port is closed at the end. */
export function messagePortTransport(port: PortLike, options: MessagePortOptions = {}): Transport {
  let silence: () => void = () => {};
  const medium: Medium = {
    description: options.description ?? "message port connection",
    post(message) {
      const transfer = message.kind === "data" ? [message.bytes.buffer] : [];
      port.postMessage({ mark: LINK_MARK, ...message }, transfer);
    },
    release() {
      silence();
      // A worker's scope has a close() too, which would end the worker.
      if (isPort(port)) port.close?.();
    },
  };
  const transport = new CreditTransport(medium, options);
  silence = isEmitter(port) ? listenToEmitter(port, transport) : listenToTarget(port, transport);
  port.start?.();
  return transport;
}

function listenToEmitter(port: Emitter, transport: CreditTransport): () => void {
  const listeners: Listeners = {
    message: (value: unknown) => receive(transport, value),
    messageerror: () => transport.mediumLost("a message could not be read"),
    close: () => transport.mediumLost("the port was closed or its thread ended"),
    exit: (code: number) => transport.mediumLost(`the worker ended with code ${code}`),
    error: (error: Error) => transport.mediumLost(`the worker failed (${error.message})`),
  };
  for (const [event, listener] of Object.entries(listeners)) port.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) port.off(event, listener);
  };
}

function listenToTarget(port: PortLike, transport: CreditTransport): () => void {
  const target = port as unknown as EventTarget;
  const listeners: Listeners = {
    message: (event: MessageEvent) => receive(transport, event.data),
    messageerror: () => transport.mediumLost("a message could not be read"),
    // Of ports, and of newer browsers only.
    close: () => transport.mediumLost("the port was closed or its owner ended"),
    // Of workers: the script did not load, or threw where nobody catches.
    error: (event: ErrorEvent) => transport.mediumLost(`the worker failed (${event.message})`),
  };
  const entries = Object.entries(listeners) as [string, EventListener][];
  for (const [event, listener] of entries) target.addEventListener(event, listener);
  return () => {
    for (const [event, listener] of entries) target.removeEventListener(event, listener);
  };
}

function receive(transport: CreditTransport, value: unknown): void {
  const message = linkMessageOf(value);
  if (message !== undefined) transport.receive(message);
}

function isEmitter(port: object): port is Emitter {
  return typeof (port as Partial<Emitter>).on === "function";
}

function isPort(port: PortLike): boolean {
  return typeof MessagePort !== "undefined" && port instanceof MessagePort;
}
