/** What a target does not take, what a source does not begin, and what is left behind: nothing. */
import { describe, expect, it } from "vitest";
import { LiveMigration, type LiveMigrationOptions } from "../../src/live/live-migration.js";
import { LiveServer, type LiveServerOptions } from "../../src/live/live-server.js";
import { nodeCrypto } from "../../src/live/node-crypto.js";
import { memoryPair } from "../../src/live/transport/memory.js";
import { FakeHost, FakeMachine, type FakeOptions } from "../support/fake-machines.js";

const bytes = (text: string) => new TextEncoder().encode(text);

interface Ends {
  readonly server?: Partial<LiveServerOptions>;
  readonly target?: FakeOptions;
  readonly source?: Partial<LiveMigrationOptions>;
}

async function attempt({ server = {}, target = {}, source = {} }: Ends) {
  const host = new FakeHost(1, 64);
  const machine = new FakeMachine(host, { boots: true });
  const made: FakeMachine[] = [];
  const place = new LiveServer({
    crypto: nodeCrypto,
    async createMachine() {
      made.push(new FakeMachine(host, target));
      return (made.at(-1) as FakeMachine).arrival();
    },
    ...server,
  });
  machine.resume();
  const migration = await LiveMigration.start({
    ...{ machine, strategy: "pre-copy", crypto: nodeCrypto, baselineNs: 0 },
    async connect() {
      const { a, b } = memoryPair({ closeTimeoutMs: 100 });
      void place.accept(b);
      return a;
    },
    ...source,
  });
  const result = await migration.ended;
  await place.close();
  const runs = machine.isRunning;
  for (const each of [machine, ...made]) each.stopForGood();
  return { result, runs, made, host };
}

const REFUSED: [string, Ends, RegExp][] = [
  ["a guest that is too large", { server: { memoryBytesMax: 1000 } }, /262144 bytes.*1 to 1000/],
  [
    "post-copy where no guest can wait for pages",
    { source: { strategy: "post-copy" } },
    /cannot run fake while pages are absent/,
  ],
  ["a target with a secret", { server: { secret: bytes("0123456789") } }, /target has a secret/],
  ["a source with a secret", { source: { secret: bytes("0123456789") } }, /source has a secret/],
  [
    "two secrets",
    { server: { secret: bytes("0123456789") }, source: { secret: bytes("9876543210") } },
    /refused the secret/,
  ],
  [
    "a machine that cannot be made",
    { server: { createMachine: () => Promise.reject(new Error("no memory left")) } },
    /no memory left/,
  ],
  [
    "a target that nobody can reach",
    { source: { connect: () => Promise.reject(new Error("no such host")) } },
    /no such host/,
  ],
  ["a secret that is too short", { source: { secret: bytes("abc") } }, /3 bytes, at least 8/],
];

describe("a guest stays where it is", () => {
  it.each(REFUSED)("for %s", async (_what, ends, reason) => {
    const { result, runs, made, host } = await attempt(ends);
    expect(result.outcome).toBe("source-runs");
    expect(result.stopReason).toMatch(reason);
    expect(runs).toBe(true);
    expect(made.every(({ everRan, destroyed }) => !everRan && destroyed)).toBe(true);
    expect(host.violations).toEqual([]);
  });

  it("where another one is under way, which goes on", async () => {
    const host = new FakeHost(1, 64);
    const made: FakeMachine[] = [];
    const place = new LiveServer({
      crypto: nodeCrypto,
      async createMachine() {
        made.push(new FakeMachine(host, {}));
        return (made.at(-1) as FakeMachine).arrival();
      },
    });
    const connect = async () => {
      const { a, b } = memoryPair();
      void place.accept(b);
      return a;
    };
    let second: Awaited<ReturnType<typeof attempt>> | undefined;
    const first = attempt({
      source: {
        connect,
        recordCommit: async () => {
          second = await attempt({ source: { connect } });
        },
      },
    });
    expect((await first).result.outcome).toBe("target-runs");
    expect(second?.result.stopReason).toMatch(/1 migrations are under way, at most 1/);
    expect(second?.runs).toBe(true);
    for (const machine of made) machine.stopForGood();
  });

  it("when it is cancelled before it begins", async () => {
    const { result, runs } = await attempt({ source: { signal: AbortSignal.abort() } });
    expect([result.outcome, result.stopReason, runs]).toEqual(["source-runs", "cancelled", true]);
    expect(result.totalNs).toBe(0);
  });

  it("when it is cancelled while its speed is measured", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 10);
    const source = { signal: controller.signal, baselineNs: 300e6 };
    const { result, runs } = await attempt({ source });
    expect([result.outcome, result.stopReason, runs]).toEqual(["source-runs", "cancelled", true]);
  });

  it("when it is cancelled while the target is being connected to", async () => {
    const controller = new AbortController();
    const connect = () => {
      setTimeout(() => controller.abort(), 1);
      return new Promise<never>(() => {});
    };
    const { result, runs } = await attempt({ source: { signal: controller.signal, connect } });
    expect([result.outcome, runs]).toEqual(["source-runs", true]);
  });
});

describe("a bug", () => {
  it("ends the migration with its error, and the guest goes on", async () => {
    const host = new FakeHost(1, 64);
    const hook = (call: string) => {
      if (call === "deviceState") throw new TypeError("a bug of the machine");
    };
    const machine = new FakeMachine(host, { boots: true, hook });
    machine.resume();
    const place = new LiveServer({
      crypto: nodeCrypto,
      createMachine: async () => new FakeMachine(host).arrival(),
    });
    const migration = await LiveMigration.start({
      ...{ machine, strategy: "pre-copy", crypto: nodeCrypto, baselineNs: 0 },
      async connect() {
        const { a, b } = memoryPair();
        void place.accept(b);
        return a;
      },
    });
    await expect(migration.ended).rejects.toThrow("a bug of the machine");
    expect(machine.isRunning).toBe(true);
    machine.stopForGood();
  });
});
