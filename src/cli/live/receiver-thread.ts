/**
 * Connections in a thread of their own: the guest and all that is told of it stay here, sessions and
 * decoding are there (receiver-worker.ts). Each arriving guest has a port between the two.
 */
import { type MessagePort, Worker } from "node:worker_threads";
import { PrecopyError, type PrecopyErrorCode } from "../../base/errors.js";
import { type FaultStalls, ShadowAgent } from "../../live/shadow/index.js";
import type { Address } from "../../live/transport/address.js";
import type { PortLike } from "../../live/transport/port-events.js";
import type { V86Guest } from "../../live/v86/index.js";
import { workerFile } from "../worker-file.js";
import type { AttemptView, Receiver, ReceiverEvents, ReceiverOptions } from "./receiver.js";

/** What the thread says; machines are numbered in the order in which they were wanted. */
export type FromReceiver =
  | { readonly kind: "listening"; readonly address: Address }
  | { readonly kind: "no-listener"; readonly code: PrecopyErrorCode; readonly message: string }
  | { readonly kind: "wanted"; readonly machine: number; readonly port: MessagePort }
  | {
      readonly kind: "changed";
      readonly attempt: Omit<AttemptView, "machine"> & { readonly machine: number | undefined };
    }
  | { readonly kind: "followed"; readonly machine: number; readonly stalls: FaultStalls }
  | { readonly kind: "refused"; readonly code: PrecopyErrorCode; readonly message: string };

export type ToReceiver =
  | { readonly kind: "stop-listening" }
  | { readonly kind: "close"; readonly reason: string };

export async function receiveInThread(
  options: ReceiverOptions,
  events: ReceiverEvents,
): Promise<Receiver> {
  const file = workerFile({ built: "receiver-worker", source: "src/cli/live/receiver-worker.ts" });
  const worker = new Worker(new URL(file), { workerData: options });
  const machines = new Map<number, V86Guest>();
  const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  const tell = (message: ToReceiver) => worker.postMessage(message);
  const address = await new Promise<Address>((resolve, reject) => {
    worker.once("error", reject);
    worker.on("message", (said: FromReceiver) => {
      if (said.kind === "listening") resolve(said.address);
      else if (said.kind === "no-listener") reject(new PrecopyError(said.code, said.message));
      else hear(said, machines, events);
    });
  }).catch(async (error: unknown) => {
    await worker.terminate();
    throw error;
  });
  worker.on("error", (error) => events.failed(error as Error));
  return {
    address,
    async stopListening() {
      tell({ kind: "stop-listening" });
    },
    async close(reason) {
      tell({ kind: "close", reason });
      await gone;
    },
  };
}

function hear(
  said: Exclude<FromReceiver, { kind: "listening" | "no-listener" }>,
  machines: Map<number, V86Guest>,
  events: ReceiverEvents,
): void {
  switch (said.kind) {
    case "wanted": {
      const { machine, port } = said;
      new ShadowAgent(port as unknown as PortLike, async (guest) => {
        const made = await events.create(guest);
        machines.set(machine, made);
        return made;
      });
      return;
    }
    case "changed": {
      const { attempt } = said;
      const machine = attempt.machine === undefined ? undefined : machines.get(attempt.machine);
      return events.changed({ ...attempt, machine });
    }
    case "followed": {
      const machine = machines.get(said.machine);
      if (machine !== undefined) events.followed(machine, said.stalls);
      return;
    }
    case "refused":
      return events.refused(new PrecopyError(said.code, said.message));
  }
}
