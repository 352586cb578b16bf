/**
 * One end of a move between two processes, told what to do over IPC: has a guest (the tiny one on
 * v86, or the one that can be calculated, which can run while pages are absent), or waits for it on a
 * port; says every few turns where the guest is and when on the
 * clock that all processes of a machine share, and stands still where it is asked to until a byte
 * comes on its fifth descriptor.
 */
import { readSync } from "node:fs";
import type { ArrivalMachine } from "../../../src/live/arrival-room.js";
import { tinyGuest } from "../../../src/live/guests/tiny.js";
import { parseTinyReports } from "../../../src/live/guests/tiny-reports.js";
import { type LiveMachine, LiveMigration } from "../../../src/live/live-migration.js";
import { LiveServer } from "../../../src/live/live-server.js";
import { nodeCrypto } from "../../../src/live/node-crypto.js";
import { connectTcp, listenTcp, type TcpListener } from "../../../src/live/transport/tcp.js";
import { FakeHost, FakeMachine } from "../../support/fake-machines.js";
import type { EndGuest, EndTask, EndWord } from "../../support/live-processes.js";
import { makeGuest } from "../v86/support.js";

const PAGES = 96;
const TURNS_A_WORD = 4;
const RELEASE_FD = 4;
const TINY_BYTES = 16 * 2 ** 20;
const TINY = tinyGuest({ pattern: "zipf", pages: 100, fillPages: 50, writesPerSec: 500 });

/** A guest, or room for one. */
interface Place {
  readonly source: LiveMachine;
  readonly arrival: ArrivalMachine;
  isRunning(): boolean;
  /** Pages, or reports of the guest, that are not as they have to be. */
  wrongPages(): number;
  stopForGood(): void | Promise<void>;
}

const host = new FakeHost(7, PAGES);
let place: Place | undefined;
let listener: TcpListener | undefined;
let server: LiveServer | undefined;

function say(word: EndWord): void {
  process.send?.(word);
}

async function make(guest: EndGuest, boots: boolean): Promise<Place> {
  place = guest === "tiny" ? await tiny(boots) : calculable(boots);
  return place;
}

function calculable(boots: boolean): Place {
  const turned = (turns: number) => {
    if (turns % TURNS_A_WORD === 0) tell(turns);
  };
  const machine = new FakeMachine(host, { boots, faults: true, turned });
  return {
    source: machine,
    arrival: machine.arrival(),
    isRunning: () => machine.isRunning,
    wrongPages: () => machine.wrongPages().length,
    stopForGood: () => machine.stopForGood(),
  };
}

/** Its reports are its turns. */
async function tiny(boots: boolean): Promise<Place> {
  const boot = { multiboot: TINY.image, cmdline: TINY.commandLine };
  const machine = await makeGuest({ memoryBytes: TINY_BYTES, ...(boots && { boot }) });
  let text = "";
  let line = "";
  machine.onSerial((byte) => {
    line += String.fromCharCode(byte);
    if (byte !== 10) return;
    const [report] = parseTinyReports(line).reports;
    text += line;
    line = "";
    if (report !== undefined) tell(report.n);
  });
  return {
    source: machine,
    arrival: machine,
    isRunning: () => machine.running,
    wrongPages() {
      const { bad, missing, repeated, wrongLines } = parseTinyReports(text);
      return bad + missing.length + repeated.length + wrongLines.length;
    },
    stopForGood: () => machine.destroy(),
  };
}

function tell(turns: number): void {
  say({ turns, atNs: Number(process.hrtime.bigint()) });
}

/** Nothing at all happens here until the other side says so, or kills this process. */
function standStill(): void {
  const byte = new Uint8Array(1);
  for (;;) {
    try {
      readSync(RELEASE_FD, byte);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

async function serve(task: EndTask & { do: "serve" }): Promise<void> {
  server = new LiveServer({
    crypto: nodeCrypto,
    ...(task.secret !== undefined && { secret: new TextEncoder().encode(task.secret) }),
    patienceNs: task.patienceMs * 1e6,
    createMachine: async () => (await make(task.guest, false)).arrival,
    changed: ({ session: { stage } }) => say({ stage }),
  });
  listener = await listenTcp({
    ...{ host: "127.0.0.1", port: 0 },
    onTransport: (transport) => void server?.accept(transport),
  });
  say({ listening: listener.address.port });
}

async function migrate(task: EndTask & { do: "migrate" }): Promise<void> {
  const { source } = await make(task.guest, true);
  await source.resume();
  let seen = 0;
  const migration = await LiveMigration.start({
    machine: source,
    strategy: task.strategy,
    crypto: nodeCrypto,
    ...(task.secret !== undefined && { secret: new TextEncoder().encode(task.secret) }),
    ...{ baselineNs: 0, verify: true, downtimeLimitNs: 20e6, bandwidthBytesPerSec: 4e6 },
    timeoutNs: task.timeoutMs * 1e6,
    connect: () => connectTcp({ host: "127.0.0.1", port: task.port, timeoutMs: 1000 }),
    recordCommit: () => new Promise((resolve) => setTimeout(resolve, task.recordMs)),
    observe: ({ kind }) => {
      if (kind !== task.standAt || ++seen !== task.standTimes) return;
      say({ at: kind });
      if (task.cancels) setTimeout(() => say({ cancelled: migration.cancel() }), 0);
      else standStill();
    },
  });
  const { outcome, stopReason } = await migration.ended;
  say({ outcome, stopReason });
}

/** As it was when it began. */
async function reset(): Promise<void> {
  await place?.stopForGood();
  place = undefined;
  await server?.close();
  await listener?.close();
}

async function leave(): Promise<void> {
  await reset();
  process.disconnect();
}

process.on("message", (task: EndTask) => {
  if (task.do === "serve") void serve(task);
  else if (task.do === "migrate") void migrate(task);
  else if (task.do === "leave") void leave();
  else if (task.do === "reset") void reset().then(() => say({ ready: true }));
  else say({ runs: place?.isRunning() === true, wrongPages: place?.wrongPages() ?? 0 });
});
say({ ready: true });
