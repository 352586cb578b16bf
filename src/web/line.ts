/**
 * A line between two workers: the two ports of a MessageChannel, over which each may open as many
 * connections to the other as it likes, each a MessageChannel of its own whose second port is handed
 * over the line.
 */
import { messagePortTransport } from "../live/transport/message-port.js";
import type { Transport } from "../live/transport/transport.js";

export interface Line {
  readonly port: MessagePort;
  close(): void;
}

const MARK = "precopy connection";
/** A worker that was ended tells nobody; the sessions miss it after seconds, this later. */
const HEARTBEAT_MS = 1_000;
const DESCRIPTION = "message port connection between two workers";

/** @param accept takes the connections that the other end opens. */
export function joinLine(port: MessagePort, accept: (transport: Transport) => void): Line {
  const hear = ({ data, ports }: MessageEvent) => {
    const [end] = ports;
    if (data === MARK && end !== undefined) accept(transportOn(end));
  };
  port.addEventListener("message", hear);
  port.start();
  return {
    port,
    close() {
      port.removeEventListener("message", hear);
      port.close();
    },
  };
}

/** A connection to whoever has the other end, who is not asked. */
export async function connectLine({ port }: Line): Promise<Transport> {
  const { port1, port2 } = new MessageChannel();
  port.postMessage(MARK, [port2]);
  return transportOn(port1);
}

function transportOn(port: MessagePort): Transport {
  return messagePortTransport(port, { description: DESCRIPTION, heartbeatMs: HEARTBEAT_MS });
}
