/**
 * A thread with room for one arriving v86 guest of the size that comes. Posts what the guest prints
 * as `{serial}`, and `{arrived}` when it is whole (true) or was given up (false). Asked for
 * anything, it stops the guest and posts `{memory}`. The empty machine is filled with 0xa5, so that
 * what does not arrive cannot pass for memory that is zero.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { ShadowAgent } from "../../../src/live/shadow/index.js";
import type { PortLike } from "../../../src/live/transport/port-events.js";
import type { V86Guest } from "../../../src/live/v86/index.js";
import { makeGuest } from "../v86/support.js";

const { port, tracking } = workerData as { port: MessagePort; tracking: "auto" | "hash" };
const post = (message: unknown) => parentPort?.postMessage(message);

async function create({ name, pages }: { name: string; pages: number }): Promise<V86Guest> {
  const guest = await makeGuest({ name, memoryBytes: pages * 4096, tracking });
  const { prepare } = guest;
  guest.prepare = (description) => {
    const refusal = prepare.call(guest, description);
    // Past what is zeroed there.
    guest.memory().fill(0xa5);
    return refusal;
  };
  guest.onSerial((byte) => post({ serial: byte }));
  parentPort?.on("message", async () => {
    await guest.pause();
    post({ memory: guest.memory().slice() });
  });
  return guest;
}

const agent = new ShadowAgent(port as unknown as PortLike, create);
const guest = await agent.arrived;
post({ arrived: guest !== undefined, running: guest?.running === true });
