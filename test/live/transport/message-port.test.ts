import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import {
  type MessagePortOptions,
  messagePortTransport,
  type PortLike,
} from "../../../src/live/transport/message-port.js";
import { conformance, type Ends, ended, until } from "./conformance.js";

const HELD_BYTES_MAX = 2 * 1024 * 1024;
const EVENTS = ["message", "messageerror", "close", "exit", "error"];

conformance({ name: "message port", heldBytesMax: HELD_BYTES_MAX, connect: async () => pair() });
conformance({
  name: "message port as browsers have it",
  heldBytesMax: HELD_BYTES_MAX,
  connect: async () => {
    const { port1, port2 } = new MessageChannel();
    const [one, two] = [browserPort(port1), browserPort(port2)];
    return {
      a: messagePortTransport(one.port),
      b: messagePortTransport(two.port),
      listeners: () => one.listeners() + two.listeners(),
      dispose: () => port1.close(),
    };
  },
});
conformance({
  name: "worker",
  heldBytesMax: HELD_BYTES_MAX,
  connect: async () => {
    const worker = relayWorker();
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ port: port2 }, [port2]);
    const before = listenerCount(worker);
    return {
      a: messagePortTransport(worker as unknown as PortLike),
      b: messagePortTransport(port1 as unknown as PortLike),
      listeners: () => listenerCount(worker) - before,
      dispose: async () => {
        await worker.terminate();
      },
    };
  },
});

describe("a message port transport", () => {
  it("ends when the worker does, with its exit code", async () => {
    const worker = new Worker("process.exit(3)", { eval: true });
    const transport = messagePortTransport(worker as unknown as PortLike, { description: "guest" });
    transport.onData(() => {});
    const error = await ended(transport);
    expect(error).toMatchObject({ name: "PrecopyError", code: "aborted" });
    expect(error?.message).toMatch(/guest.*code 3/);
  });

  it("ends when the thread that holds the other port is terminated", async () => {
    const worker = relayWorker();
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ port: port2 }, [port2]);
    const transport = messagePortTransport(port1 as unknown as PortLike);
    const end = ended(transport);
    await worker.terminate();
    expect((await end)?.message).toContain("its thread ended");
  });

  it("hands its copy over without another", async () => {
    const sent: { bytes: Uint8Array; transfer: ArrayBuffer[] }[] = [];
    const transport = messagePortTransport({
      postMessage: (message, transfer) => {
        const { bytes } = message as { bytes?: Uint8Array };
        if (bytes !== undefined) sent.push({ bytes, transfer });
      },
      ...{ addEventListener: () => {}, removeEventListener: () => {} },
    });
    const own = Uint8Array.of(1, 2, 3);
    await transport.write([own]);
    expect(sent.length).toBe(1);
    expect(sent[0]?.transfer).toEqual([sent[0]?.bytes.buffer]);
    expect(sent[0]?.bytes.buffer).not.toBe(own.buffer);
    transport.destroy();
  });

  it("leaves messages alone that are not ours, and ours of another version", async () => {
    const { port1, port2 } = new MessageChannel();
    const transport = messagePortTransport(port1 as unknown as PortLike);
    const mark = "precopy-link-1";
    const strange = [undefined, null, 7, "close", {}, { kind: "close" }, { mark, kind: "other" }];
    const versions = [{ mark: "precopy-link-9", kind: "destroy" }];
    const broken = [{ mark, kind: "data", bytes: "abc" }, { mark, kind: "taken" }, { mark }];
    const shared = new Uint8Array(new SharedArrayBuffer(8));
    for (const value of [...strange, ...versions, ...broken, { mark, kind: "data", bytes: shared }])
      port2.postMessage(value);
    const seen: number[] = [];
    transport.onData((bytes) => seen.push(...bytes));
    port2.postMessage({ mark, kind: "data", bytes: Uint8Array.of(5) });
    await until(() => seen.length > 0);
    expect(seen).toEqual([5]);
    await transport.write([Uint8Array.of(1)]);
    transport.destroy();
  });

  it("ends when the other end takes more than was sent, or sends without credit", async () => {
    const mark = "precopy-link-1";
    const greedy = pairWithRaw();
    greedy.raw.postMessage({ mark, kind: "taken", bytes: 1 });
    expect((await ended(greedy.transport))?.message).toContain("took 1 of 0 bytes");
    const flood = pairWithRaw();
    flood.transport.onClose(() => {});
    const bytes = new Uint8Array(16 * 1024 * 1024);
    for (let i = 0; i < 5; i++) flood.raw.postMessage({ mark, kind: "data", bytes });
    let end: Error | undefined;
    flood.transport.onClose((error) => {
      end = error;
    });
    await until(() => end !== undefined);
    expect(end?.message).toContain("nobody had asked for");
  });

  it("finds a silent end by its heartbeat, and keeps one that answers", async () => {
    const quick: MessagePortOptions = { heartbeatMs: 5, silentBeatsMax: 4 };
    const { port1, port2 } = new MessageChannel();
    const silent = messagePortTransport(port1 as unknown as PortLike, quick);
    const lively = pair(quick);
    let isEnded = false;
    lively.a.onClose(() => {
      isEnded = true;
    });
    expect((await ended(silent))?.message).toContain("nothing was heard");
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(isEnded).toBe(false);
    lively.a.destroy();
    port2.close();
  });
});

function pair(options: MessagePortOptions = {}): Ends {
  const { port1, port2 } = new MessageChannel();
  return {
    a: messagePortTransport(port1 as unknown as PortLike, options),
    b: messagePortTransport(port2 as unknown as PortLike),
    listeners: () => listenerCount(port1) + listenerCount(port2),
  };
}

function pairWithRaw() {
  const { port1, port2 } = new MessageChannel();
  return { transport: messagePortTransport(port1 as unknown as PortLike), raw: port2 };
}

/** A thread that passes on what it hears from its parent and from the port it is given. */
function relayWorker(): Worker {
  const source = `
    const { parentPort } = require("node:worker_threads");
    const transfer = (m) => (m.bytes instanceof Uint8Array ? [m.bytes.buffer] : []);
    let to;
    parentPort.on("message", (m) => {
      if (m.port === undefined) return to.postMessage(m, transfer(m));
      to = m.port;
      to.on("message", (back) => parentPort.postMessage(back, transfer(back)));
    });`;
  return new Worker(source, { eval: true });
}

/** A port with the browser's half of its methods only, which counts who listens. */
function browserPort(port: MessagePort) {
  const target = port as unknown as EventTarget;
  let listeners = 0;
  const like = {
    postMessage: (message: unknown, transfer: ArrayBuffer[]) => port.postMessage(message, transfer),
    start: () => port.start(),
    addEventListener(event: string, listener: EventListener) {
      listeners++;
      target.addEventListener(event, listener);
    },
    removeEventListener(event: string, listener: EventListener) {
      listeners--;
      target.removeEventListener(event, listener);
    },
  };
  return { port: like, listeners: () => listeners };
}

function listenerCount(port: MessagePort | Worker): number {
  return EVENTS.reduce((sum, event) => sum + port.listenerCount(event), 0);
}
