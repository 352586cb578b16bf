/** The thread that takes connections for `precopy serve --post-copy` (receiver-thread.ts). */
import { MessageChannel, parentPort, workerData } from "node:worker_threads";
import { assert } from "../../base/assert.js";
import { PrecopyError } from "../../base/errors.js";
import { LiveServer } from "../../live/live-server.js";
import type { LiveTarget } from "../../live/live-target.js";
import { nodeCrypto } from "../../live/node-crypto.js";
import { ShadowMachine } from "../../live/shadow/index.js";
import type { PortLike } from "../../live/transport/port-events.js";
import { listenTcp, type TcpListener } from "../../live/transport/tcp.js";
import { loadCompressors } from "./compressors.js";
import { type ReceiverOptions, viewOf } from "./receiver.js";
import type { FromReceiver, ToReceiver } from "./receiver-thread.js";

const numbers = new Map<object, number>();
const keys = new Map<LiveTarget, number>();

function say(message: FromReceiver): void {
  const moved = message.kind === "wanted" ? [message.port] : [];
  parentPort?.postMessage(message, moved);
}

/** The machine is in the other thread. */
function createMachine(): ShadowMachine {
  const { port1, port2 } = new MessageChannel();
  const shadow = new ShadowMachine(port1 as unknown as PortLike);
  const machine = numbers.size;
  numbers.set(shadow, machine);
  say({ kind: "wanted", machine, port: port2 });
  void shadow.whole.then((stalls) => {
    if (stalls !== undefined) say({ kind: "followed", machine, stalls });
  });
  return shadow;
}

function changed(target: LiveTarget): void {
  const key = keys.get(target) ?? keys.size;
  keys.set(target, key);
  const machine = target.machine === undefined ? undefined : numbers.get(target.machine);
  say({ kind: "changed", attempt: viewOf(target, key, machine) });
}

function refused({ code, message }: PrecopyError): void {
  say({ kind: "refused", code, message });
}

async function main(): Promise<void> {
  const port = parentPort;
  assert(port !== null, "this is a worker thread");
  const { listen, tls, secret, memoryBytesMax } = workerData as ReceiverOptions;
  const server = new LiveServer({
    crypto: nodeCrypto,
    compressors: await loadCompressors(),
    ...(secret !== undefined && { secret }),
    memoryBytesMax,
    createMachine: async () => createMachine(),
    changed,
    refused,
  });
  let listener: TcpListener;
  try {
    listener = await listenTcp({
      ...listen,
      ...(tls !== undefined && { tls }),
      // A bug of ours ends this thread, and the other one hears of it.
      onTransport: (transport) => void server.accept(transport),
      onRefused: refused,
    });
  } catch (error) {
    if (!(error instanceof PrecopyError)) throw error;
    return say({ kind: "no-listener", code: error.code, message: error.message });
  }
  port.on("message", async (message: ToReceiver) => {
    await listener.close();
    if (message.kind === "stop-listening") return;
    await server.close(message.reason);
    port.close();
  });
  say({ kind: "listening", address: listener.address });
}

void main();
