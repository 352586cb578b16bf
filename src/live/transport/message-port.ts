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
import { closePort, listenToPort, type PortLike } from "./port-events.js";
import type { Transport } from "./transport.js";

export type { PortLike } from "./port-events.js";

export interface MessagePortOptions extends CreditOptions {
  /** For messages: who is at the other end. */
  readonly description?: string;
}

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
      closePort(port);
    },
  };
  const transport = new CreditTransport(medium, options);
  silence = listenToPort(port, {
    message(value) {
      const message = linkMessageOf(value);
      if (message !== undefined) transport.receive(message);
    },
    lost: (reason) => transport.mediumLost(reason),
  });
  return transport;
}
