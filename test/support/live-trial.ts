/**
 * One whole move between two fake machines over memory transports, with one thing that goes wrong
 * somewhere by a seed, and everything that has to hold whatever became of it.
 */

import { PrecopyError } from "../../src/base/errors.js";
import { Random } from "../../src/base/random.js";
import { LiveMigration, type LiveMigrationOptions } from "../../src/live/live-migration.js";
import type { LiveResult } from "../../src/live/live-result.js";
import { LiveServer, type LiveServerOptions } from "../../src/live/live-server.js";
import { nodeCrypto } from "../../src/live/node-crypto.js";
import { type MemoryPair, memoryPair } from "../../src/live/transport/memory.js";
import type { Transport } from "../../src/live/transport/transport.js";
import type { Command, MigrationEvent } from "../../src/migrate/messages.js";
import type { MigrationState } from "../../src/migrate/migration.js";
import { FakeHost, FakeMachine } from "./fake-machines.js";

/** What may go wrong in a trial. */
export type Trouble =
  | "none"
  | "cut" // the connection breaks; the next one comes up
  | "cut-for-good"
  | "flapping" // every connection breaks after a while
  | "stall" // nothing arrives any more, nobody hears why
  | "cancel"
  | "source-call" // a call to the source's machine fails
  | "target-call"
  | "record-fails"
  | "record-hangs"
  | "corrupt"; // bytes are changed on the way

export interface TrialOptions {
  readonly strategy: string;
  readonly seed: number;
  readonly trouble: Trouble;
  /** Messages between engine and machines until it strikes. */
  readonly after: number;
  /** Only messages of this kind count: a command's, an event's, or what the target said. */
  readonly at?: string;
  readonly pages?: number;
  readonly delayMs?: number;
  readonly slowMs?: number;
  readonly secret?: boolean;
  readonly verify?: boolean;
  readonly bandwidthBytesPerSec?: number;
  readonly migration?: Partial<LiveMigrationOptions>;
  readonly server?: Partial<LiveServerOptions>;
}

export interface Trial {
  readonly result: LiveResult;
  readonly host: FakeHost;
  readonly source: FakeMachine;
  readonly targets: readonly FakeMachine[];
  /** The engine's state when it struck; undefined: it did not. */
  readonly struckIn: MigrationState | undefined;
  /** What cancelling came to. */
  readonly cancelled: boolean | undefined;
  /** All that is not as it has to be. */
  readonly wrong: string[];
}

const SECRET = new TextEncoder().encode("sixteen bytes ok");
/** Short enough for a test of what waits for them. */
const SILENCE_NS = 150e6;
const TIMEOUT_NS = 900e6;
const PATIENCE_NS = 450e6;

export async function runTrial(options: TrialOptions): Promise<Trial> {
  const { seed, pages = 96 } = options;
  const random = new Random(seed);
  const host = new FakeHost(seed, pages, options.slowMs ?? 0);
  const blow = new Blow(options, random.fork(1));
  const source = new FakeMachine(host, { boots: true, hook: blow.hook("source-call") });
  const targets: FakeMachine[] = [];
  // What nothing stops may take its time where the machine is loaded.
  const hasTime = ["none", "cancel", "corrupt"].includes(options.trouble);
  const silenceNs = hasTime ? 20e9 : SILENCE_NS;
  const secret = options.secret === true ? { secret: SECRET } : {};
  const server = new LiveServer({
    crypto: nodeCrypto,
    ...secret,
    silenceNs,
    patienceNs: PATIENCE_NS,
    handshakeNs: silenceNs,
    windowBytes: 40_000 + random.below(200_000),
    createMachine: async () => {
      const made = new FakeMachine(host, { faults: true, hook: blow.hook("target-call") });
      targets.push(made);
      return made.arrival();
    },
    ...options.server,
  });
  source.resume();
  while (!source.isRunning) await sleep(1);
  const migration = await LiveMigration.start({
    machine: source,
    strategy: options.strategy,
    crypto: nodeCrypto,
    ...secret,
    seed,
    baselineNs: 0,
    silenceNs,
    timeoutNs: hasTime ? 30e9 : TIMEOUT_NS,
    downtimeLimitNs: 20e6,
    verify: options.verify ?? true,
    connect: () => blow.connect(server),
    recordCommit: () => blow.record(),
    observe: (message) => blow.count(message),
    ...(options.bandwidthBytesPerSec !== undefined && {
      bandwidthBytesPerSec: options.bandwidthBytesPerSec,
    }),
    ...options.migration,
  });
  blow.migration = migration;
  const result = await migration.ended;
  const wrong = await judge(result, { host, source, targets });
  wrong.push(...impossible(result, { ...options, ...blow }));
  await server.close();
  for (const machine of [source, ...targets]) machine.stopForGood();
  blow.end();
  const { struckIn, cancelled } = blow;
  return { result, host, source, targets, struckIn, cancelled, wrong };
}

type Machines = Pick<Trial, "host" | "source" | "targets">;

/** What has to hold of every outcome. */
async function judge(result: LiveResult, { host, source, targets }: Machines): Promise<string[]> {
  const wrong: string[] = [];
  const expect = (holds: boolean, what: string) => {
    if (!holds) wrong.push(`${result.outcome} (${result.stopReason}): ${what}`);
  };
  const ran = targets.filter(({ everRan }) => everRan);
  expect(ran.length <= 1, `${ran.length} targets ran`);
  const arrived = ran[0];
  if (result.outcome === "target-runs") {
    expect(arrived?.isRunning === true, "the target runs");
    expect(source.released && !source.isRunning, "the source was released");
  } else {
    expect(!source.released, "the source was not released");
    expect(source.isRunning === (result.outcome === "source-runs"), "the source runs");
  }
  if (result.outcome === "source-runs") {
    expect(ran.length === 0, "no target ran");
    expect((source.brake?.cpuShare ?? 1) === 1, "the source is not throttled");
    expect(!source.logging, "the source's log is off");
  }
  const survivor = result.outcome === "source-runs" ? source : arrived;
  if (survivor?.isRunning === true && result.outcome !== "lost") {
    const turns = survivor.turns;
    // It goes on, and what it makes of its memory is what a guest that never moved makes of it.
    for (let i = 0; i < 200 && survivor.turns < turns + 3; i++) await sleep(2);
    const goesOn = survivor.turns >= turns + 3;
    expect(goesOn || result.outcome === "in-doubt", `it goes on after turn ${turns}`);
    const bad = result.outcome === "in-doubt" ? [] : survivor.wrongPages();
    expect(bad.length === 0, `pages ${bad.slice(0, 5)} are as they should be`);
  }
  const { stagesNs, bytes, totalNs } = result;
  const stages = Object.values(stagesNs).reduce((sum, ns) => sum + ns, 0);
  expect(stages === totalNs, `stages of ${stages} ns add up to ${totalNs}`);
  expect(
    Object.values(stagesNs).every((ns) => ns >= 0),
    `no stage is negative: ${JSON.stringify(stagesNs)}`,
  );
  const { rounds, pause, control, residual, storage, total } = bytes;
  const sum = rounds + pause + control + residual + storage;
  expect(result.outcome !== "target-runs" || sum === total, `${sum} bytes add up to ${total}`);
  return [...wrong, ...host.violations];
}

interface Fate extends Pick<TrialOptions, "trouble" | "strategy"> {
  readonly struckIn: MigrationState | undefined;
  readonly cancelled: boolean | undefined;
}

/** The table of outcomes in docs/PROTOCOL.md, as far as no clock decides between two of them. */
function impossible(result: LiveResult, fate: Fate): string[] {
  const { outcome, stopReason } = result;
  const { trouble, struckIn, cancelled, strategy } = fate;
  const postCopies = /post-copy|hybrid|adaptive/.test(strategy);
  const possible = (...outcomes: string[]) =>
    outcomes.includes(outcome)
      ? []
      : [`${outcome} (${stopReason}) after ${trouble} in ${struckIn}: ${outcomes} are possible`];
  if (trouble === "none") return possible("target-runs");
  if (trouble === "cancel") return possible(cancelled === true ? "source-runs" : "target-runs");
  if (trouble === "record-fails" || trouble === "record-hangs") return possible("source-runs");
  const half = postCopies ? ["lost"] : [];
  if (struckIn === undefined || !["cut", "cut-for-good", "stall"].includes(trouble)) {
    return possible("source-runs", "target-runs", "in-doubt", ...half);
  }
  if (struckIn === "completed") return possible("target-runs");
  if (struckIn === "activation" || struckIn === "residual-push") {
    // The source runs on where the target refused.
    const refused = struckIn === "activation" ? ["source-runs"] : [];
    return possible("target-runs", "in-doubt", ...refused, ...half);
  }
  // It may have struck when the commit was recorded and the engine had not heard of it.
  if (struckIn === "commitment") {
    return possible("source-runs", "in-doubt", "target-runs", ...half);
  }
  return possible("source-runs");
}

/** Counts messages and strikes once. */
class Blow {
  struckIn: MigrationState | undefined;
  cancelled: boolean | undefined;
  migration: LiveMigration | undefined;
  private seen = 0;
  private calls = 0;
  private struck = false;
  private pair: MemoryPair | undefined;
  private dead = false;
  private stopped = false;
  private readonly timers: ReturnType<typeof setTimeout>[] = [];

  constructor(
    private readonly options: TrialOptions,
    private readonly random: Random,
  ) {}

  count(message: Command | MigrationEvent): void {
    const { at, after } = this.options;
    const kind = message.kind === "peer" ? message.message : message.kind;
    if ((at === undefined || at === kind) && ++this.seen === after) this.strike(kind);
  }

  hook(which: Trouble): (call: string) => void {
    return (call) => {
      if (this.options.trouble !== which) return;
      if (call === "resume" || call === "abort" || (call === "run" && this.struck)) return;
      if (++this.calls * 9 < this.options.after || this.struck) return;
      this.struck = true;
      throw new PrecopyError("aborted", `the ${which} ${call} failed on purpose`);
    };
  }

  async connect(server: LiveServer): Promise<Transport> {
    if (this.dead) {
      await sleep(5);
      throw new PrecopyError("aborted", "nobody answers");
    }
    const { delayMs = 0, seed, trouble } = this.options;
    const pair = memoryPair({ delayMs, chunkSeed: seed, closeTimeoutMs: 100 });
    this.pair = pair;
    void server.accept(pair.b);
    if (trouble === "flapping" && (this.struck || this.random.below(2) === 0)) {
      this.later(() => pair.cut(), this.random.below(60));
    }
    if (trouble === "corrupt") return flipping(pair.a, this.random, this.options.after);
    return pair.a;
  }

  async record(): Promise<void> {
    const { trouble } = this.options;
    if (trouble === "record-fails") throw new Error("the disk is full");
    if (trouble === "record-hangs") await sleep(TIMEOUT_NS / 1e6 + 300);
    else await sleep(this.random.below(4));
  }

  end(): void {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
  }

  private later(act: () => void, ms: number): void {
    this.timers.push(setTimeout(() => !this.stopped && act(), ms));
  }

  private strike(kind: string): void {
    const { trouble } = this.options;
    const inMs = this.random.below(3);
    if (this.struck) return;
    const act = () => {
      this.struck = true;
      const { migration } = this;
      // A message is seen before the engine takes it.
      this.struckIn = kind === "image-complete" ? "commitment" : migration?.engine.state;
      if (trouble === "cancel") this.cancelled = migration?.cancel("no longer wanted");
      if (trouble === "cut-for-good") this.dead = true;
      if (trouble === "stall") this.pair?.stall(true);
      if (["cut", "cut-for-good", "flapping"].includes(trouble)) this.pair?.cut();
    };
    // Sometimes in the midst of what the driver does, mostly between.
    if (inMs === 0 && trouble !== "cancel") act();
    else this.later(act, inMs);
  }
}

/** Changes a bit of one write in a few. */
function flipping(inner: Transport, random: Random, after: number): Transport {
  let writes = 0;
  const write = (parts: readonly Uint8Array[]) => {
    if (++writes * 3 < after || random.below(4) > 0) return inner.write(parts);
    const flat = Uint8Array.from(Buffer.concat(parts));
    const at = random.below(flat.length);
    flat[at] = (flat[at] as number) ^ (1 << random.below(8));
    return inner.write([flat]);
  };
  return new Proxy(inner, {
    get: (target, key) => {
      if (key === "write") return write;
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
