/**
 * Ports, workers and worker scopes of browsers and of Node alike: one way to hear what comes over
 * them and that nothing will come any more.
 */

/**
 * A MessagePort of a browser or of `node:worker_threads`, a Worker of either, or a worker's own
 * scope. Who takes one has it to itself as far as our messages go; others are left alone.
 */
export interface PortLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  /** A port waits for this; workers and scopes have none. */
  start?(): void;
  close?(): void;
}

export interface PortEvents {
  message(value: unknown): void;
  /** The other end is gone, as far as this end is ever told. */
  lost(reason: string): void;
}

/** Node's ports and workers emit; the browser's dispatch events. */
interface Emitter {
  on(event: string, listener: (value: never) => void): void;
  off(event: string, listener: (value: never) => void): void;
}

type Listeners = Readonly<Record<string, (value: never) => void>>;

/** Listens from now on, and starts a port; what is returned ends it. */
export function listenToPort(port: PortLike, events: PortEvents): () => void {
  const end = isEmitter(port) ? listenToEmitter(port, events) : listenToTarget(port, events);
  port.start?.();
  return end;
}

/** Closes a port. A worker's scope has a close() too, which would end the worker. */
export function closePort(port: PortLike): void {
  if (typeof MessagePort !== "undefined" && port instanceof MessagePort) port.close();
}

function listenToEmitter(port: Emitter, { message, lost }: PortEvents): () => void {
  const listeners: Listeners = {
    message,
    messageerror: () => lost("a message could not be read"),
    close: () => lost("the port was closed or its thread ended"),
    exit: (code: number) => lost(`the worker ended with code ${code}`),
    error: (error: Error) => lost(`the worker failed (${error.message})`),
  };
  for (const [event, listener] of Object.entries(listeners)) port.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) port.off(event, listener);
  };
}

function listenToTarget(port: PortLike, { message, lost }: PortEvents): () => void {
  const target = port as unknown as EventTarget;
  const listeners: Listeners = {
    message: (event: MessageEvent) => message(event.data),
    messageerror: () => lost("a message could not be read"),
    // Of ports, and of newer browsers only.
    close: () => lost("the port was closed or its owner ended"),
    // Of workers: the script did not load, or threw where nobody catches.
    error: (event: ErrorEvent) => lost(`the worker failed (${event.message})`),
  };
  const entries = Object.entries(listeners) as [string, EventListener][];
  for (const [event, listener] of entries) target.addEventListener(event, listener);
  return () => {
    for (const [event, listener] of entries) target.removeEventListener(event, listener);
  };
}

function isEmitter(port: object): port is Emitter {
  return typeof (port as Partial<Emitter>).on === "function";
}
