/**
 * One of two processes that hand a real guest back and forth: takes it, and as soon as all is said
 * gives it back, until it has had it often enough. Tells what the guest said on its serial port, with
 * the time on the clock that all processes of a machine share.
 */
import { tinyGuest } from "../../../src/live/guests/tiny.js";
import { LiveMigration } from "../../../src/live/live-migration.js";
import { LiveServer } from "../../../src/live/live-server.js";
import { nodeCrypto } from "../../../src/live/node-crypto.js";
import { connectTcp, listenTcp } from "../../../src/live/transport/tcp.js";
import type { V86Guest, V86GuestOptions } from "../../../src/live/v86/index.js";
import type { HopperTask, HopperWord } from "../../support/hoppers.js";
import { makeGuest } from "../v86/support.js";

const PAGE_BYTES = 4096;

/** Sessions whose guest has come. */
const taken = new WeakSet<object>();
let guest: V86Guest | undefined;
let line = "";
let lineNs = 0;
let hopsLeft = 0;
let peerPort = 0;

function say(word: HopperWord): void {
  process.send?.(word);
}

function flush(): void {
  if (line.length > 0) say({ text: line, atNs: lineNs });
  line = "";
}

async function aGuest(options: Partial<V86GuestOptions>): Promise<V86Guest> {
  const made = await makeGuest(options);
  made.onSerial((byte) => {
    if (line.length === 0) lineNs = Number(process.hrtime.bigint());
    line += String.fromCharCode(byte);
    if (byte === 10) flush();
  });
  return made;
}

const server = new LiveServer({
  crypto: nodeCrypto,
  async createMachine({ pages }) {
    guest = await aGuest({ memoryBytes: pages * PAGE_BYTES });
    return guest;
  },
  changed: ({ session, machine }) => {
    // All is said: the guest is this process's own.
    if (machine !== undefined || session.stage !== "running" || taken.has(session)) return;
    taken.add(session);
    hop();
  },
});

function hop(): void {
  if (hopsLeft === 0) return say({ done: true });
  hopsLeft--;
  void move();
}

async function move(): Promise<void> {
  const migration = await LiveMigration.start({
    machine: guest as V86Guest,
    strategy: "pre-copy+zero",
    crypto: nodeCrypto,
    ...{ baselineNs: 0, verify: true },
    connect: () => connectTcp({ host: "127.0.0.1", port: peerPort }),
  });
  const { outcome, stopReason, verified, live } = await migration.ended;
  flush();
  const isVerified = verified.allMemoryEqualBeforeCommit === true;
  say({ outcome, stopReason, isVerified, checkedPages: live.checkedPages });
}

process.on("message", async (task: HopperTask) => {
  hopsLeft = task.hops;
  peerPort = task.peerPort;
  if (!task.boots) return;
  const { image, commandLine } = tinyGuest({
    ...{ pattern: "hot", pages: 300, fillPages: 100, writesPerSec: 3000, scanEveryMs: 100 },
  });
  guest = await aGuest({ boot: { multiboot: image, cmdline: commandLine } });
  guest.resume();
  hop();
});

const { address } = await listenTcp({
  ...{ host: "127.0.0.1", port: 0 },
  onTransport: (transport) => void server.accept(transport),
});
say({ listening: address.port });
