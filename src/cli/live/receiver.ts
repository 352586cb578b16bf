/**
 * What takes connections for `precopy serve`: in this thread, or for post-copy in one of its own,
 * because there a guest that waits for a page blocks the thread that it runs in.
 */
import type { TlsOptions } from "node:tls";
import type { PrecopyError } from "../../base/errors.js";
import { LiveServer } from "../../live/live-server.js";
import type { LiveTarget } from "../../live/live-target.js";
import { nodeCrypto } from "../../live/node-crypto.js";
import type { FaultStalls } from "../../live/shadow/index.js";
import type { Address } from "../../live/transport/address.js";
import { listenTcp } from "../../live/transport/tcp.js";
import type { V86Guest } from "../../live/v86/index.js";
import type { MachineDescription } from "../../migrate/ports.js";
import { loadCompressors } from "./compressors.js";

/** Can be sent to another thread. */
export interface ReceiverOptions {
  readonly listen: Address;
  readonly tls: TlsOptions | undefined;
  readonly secret: Uint8Array | undefined;
  /** Of the largest guest. */
  readonly memoryBytesMax: number;
}

/** How an attempt to bring a guest stands. */
export interface AttemptView {
  /** The same for the same attempt. */
  readonly key: unknown;
  readonly stage: LiveTarget["session"]["stage"];
  readonly reason: string;
  readonly guest: MachineDescription | undefined;
  readonly machine: V86Guest | undefined;
  readonly from: string | undefined;
  readonly bytesReceived: number;
  readonly checkedPages: number;
}

export interface ReceiverEvents {
  /** An empty machine like the one that the guest leaves. */
  create(guest: MachineDescription): Promise<V86Guest>;
  changed(attempt: AttemptView): void;
  /** Post-copy: the last absent page is here. */
  followed(machine: V86Guest, stalls: FaultStalls): void;
  refused(error: PrecopyError): void;
  /** A bug of ours. */
  failed(error: Error): void;
}

export interface Receiver {
  readonly address: Address;
  /** Takes no more callers. */
  stopListening(): Promise<void>;
  close(reason: string): Promise<void>;
}

/** Receives in this thread; a guest that could run while pages are absent would block it. */
export async function receiveHere(
  { listen, tls, secret, memoryBytesMax }: ReceiverOptions,
  events: ReceiverEvents,
): Promise<Receiver> {
  const server = new LiveServer({
    crypto: nodeCrypto,
    compressors: await loadCompressors(),
    ...(secret !== undefined && { secret }),
    memoryBytesMax,
    createMachine: (guest) => events.create(guest),
    changed: (target) => events.changed(viewOf(target, target, target.machine as V86Guest)),
    refused: (error) => events.refused(error),
  });
  const listener = await listenTcp({
    ...listen,
    ...(tls !== undefined && { tls }),
    onTransport: (transport) => {
      server.accept(transport).catch((error) => events.failed(error));
    },
    onRefused: (error) => events.refused(error),
  });
  return {
    address: listener.address,
    stopListening: () => listener.close(),
    async close(reason) {
      await listener.close();
      await server.close(reason);
    },
  };
}

export function viewOf<Machine>(
  target: LiveTarget,
  key: unknown,
  machine: Machine,
): Omit<AttemptView, "machine"> & { readonly machine: Machine } {
  const { guest, from, bytesReceived, checkedPages } = target;
  const { stage, reason } = target.session;
  return { key, stage, reason, guest, machine, from, bytesReceived, checkedPages };
}
