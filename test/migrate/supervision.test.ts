/** A manager that does as it is told, over the engine on the bench: a page takes 1 ms to leave. */
import { describe, expect, it } from "vitest";
import { Registry } from "../../src/migrate/registry.js";
import type { Manager, ManagerAction, Progress } from "../../src/policy/manager.js";
import { EngineBench } from "../support/engine-bench.js";

const MS = 1_000_000;

/** A bench whose manager looks every 10 ms and does at its n-th look what stands there. */
function managed(
  strategy: string,
  script: Readonly<Record<number, ManagerAction>>,
  pages = 100,
  pollsOnSync = false,
) {
  const seen: Progress[] = [];
  const manager: Manager = {
    name: "scripted",
    pollNs: 10 * MS,
    pollsOnSync,
    poll(progress) {
      seen.push(progress);
      const action = script[seen.length];
      return action === undefined ? [] : [action];
    },
    describe: () => ({ looks: seen.length }),
  };
  const registry = Registry.standard();
  registry.addManager({
    name: "scripted",
    summary: "as told",
    source: "this test",
    params: {},
    create: () => manager,
  });
  const [name, preset] = strategy.split("@");
  const bench = new EngineBench({
    strategy: `${name}+scripted@${preset}`,
    pages,
    registry,
    sendNs: (count) => count * MS,
  });
  return { bench, seen };
}

const timeOf = (bench: EngineBench, kind: string) =>
  bench.given.filter((given) => given.kind === kind).map(({ atNs }) => atNs / MS);

describe("a manager", () => {
  it("looks when the move is asked for and then as often as it wants, and sees what a monitor shows", () => {
    const { bench, seen } = managed("pre-copy@xen", {});
    bench.start(35 * MS);
    expect(seen.map(({ elapsedNs }) => elapsedNs / MS)).toEqual([0, 10, 20, 30]);
    expect(seen[0]).toMatchObject({
      memoryBytes: 100 * 4096,
      iteration: 0,
      bandwidthBytesPerSec: 0,
      downtimeLimitNs: 300 * MS,
      state: "pre-copy",
    });
    expect(seen[1]?.remainingBytes).toBe(0);
  });

  it("looks besides when a round has ended, if it wants that", () => {
    const { bench, seen } = managed("pre-copy@xen", {}, 115, true);
    bench.readings = [Array.from({ length: 90 }, (_, i) => i)];
    bench.start(119 * MS);
    // 115 pages take 115 ms; looks at 0, 10, …, 110, and one with the first reading.
    expect(seen.map(({ elapsedNs }) => elapsedNs / MS).slice(-3)).toEqual([100, 110, 115]);
    expect(seen.map(({ iteration }) => iteration).slice(-2)).toEqual([0, 1]);
    // All 90 are read for sending by the time that anybody can look.
    expect(seen.length).toBe(13);
  });

  it("can order before there are rounds: limits hold from the first, leaving waits for it", () => {
    const limit: ManagerAction = { kind: "set-bandwidth", bytesPerSec: 1_000_000 };
    const limited = managed("pre-copy@xen", { 1: limit }, 3000);
    limited.bench.start(100 * MS);
    const rates = limited.bench.given.flatMap(({ command }) =>
      command.kind === "set-bandwidth" ? [command.bytesPerSec] : [],
    );
    expect(rates).toEqual([1_000_000]);
    const left = managed("pre-copy@xen", { 1: { kind: "pause" } }, 3000);
    left.bench.start(1100 * MS);
    expect(timeOf(left.bench, "pause")).toEqual([1024]);
    const cancelled = managed("pre-copy@xen", { 1: { kind: "cancel", reason: "no" } });
    cancelled.bench.start(100 * MS);
    expect(cancelled.bench.engine.report()).toMatchObject({ stopReason: "no", rounds: [] });
    expect(cancelled.bench.kinds()).not.toContain("connect");
  });

  it("moves the downtime limit, which the next decision goes by", () => {
    // QEMU's slots: the first window closes at the turn of 128 ms with three batches of 64 pages read,
    // 6156 bytes a ms. That is 450 pages in 300 ms and 4508 in 3 s; 2808 are left.
    const limit: ManagerAction = { kind: "set-downtime-limit", downtimeLimitNs: 3000 * MS };
    const raised = managed("pre-copy@qemu72", { 3: limit }, 3000);
    raised.bench.start(300 * MS);
    expect(timeOf(raised.bench, "pause")).toEqual([128]);
    expect(raised.seen.slice(0, 4).map(({ downtimeLimitNs }) => downtimeLimitNs / MS)).toEqual([
      300, 300, 300, 3000,
    ]);
    const left = managed("pre-copy@qemu72", {}, 3000);
    left.bench.start(300 * MS);
    expect(timeOf(left.bench, "pause")).toEqual([]);
  });

  it("limits the rounds' rate for good, not for one round", () => {
    const limit: ManagerAction = { kind: "set-bandwidth", bytesPerSec: 1_000_000 };
    const { bench } = managed("pre-copy@xen", { 2: limit });
    const rewritten = Array.from({ length: 90 }, (_, i) => i);
    bench.readings = [rewritten, rewritten, rewritten];
    bench.start(400 * MS);
    const limits = bench.given.flatMap(({ command }) =>
      command.kind === "set-bandwidth" ? [command.bytesPerSec] : [],
    );
    expect(bench.engine.rounds.length).toBeGreaterThan(1);
    expect(limits[0]).toBe(Number.POSITIVE_INFINITY);
    // The last one is the pause's, which is not limited.
    expect(limits.slice(1, -1).every((rate) => rate === 1_000_000)).toBe(true);
    expect(limits.length).toBeGreaterThan(3);
    expect(limits.at(-1)).toBe(Number.POSITIVE_INFINITY);
  });

  it("pauses in the middle of a round: what is on its way leaves, the rest waits for the pause", () => {
    const { bench } = managed("pre-copy@xen", { 3: { kind: "pause" } }, 3000);
    bench.start(1100 * MS);
    // A batch of 1024 takes 1024 ms; the two others of the round are not begun.
    expect(timeOf(bench, "pause")).toEqual([1024]);
    expect(bench.engine.rounds).toMatchObject([{ pagesSent: 1024, pagesDirtied: -1 }]);
    expect(bench.engine.stopReason).toBe("scripted: stop-and-copy");
    bench.run(4000 * MS);
    expect(bench.batches().flat().length).toBe(3000);
  });

  it("switches to post-copy in the middle of a round, and the rest follows", () => {
    const { bench, seen } = managed("pre-copy@xen", { 3: { kind: "post-copy" } }, 3000);
    bench.start(1100 * MS);
    expect(timeOf(bench, "pause")).toEqual([1024]);
    bench.peer("image-complete", 1100 * MS);
    bench.run(1100 * MS);
    bench.peer("running", 1101 * MS);
    bench.peer("announced", 1102 * MS);
    bench.run(5000 * MS);
    expect(seen.at(-1)?.state).toBe("post-copy");
    bench.peer("all-received", 5000 * MS);
    bench.run(5000 * MS);
    const { outcome, residualPages, rounds } = bench.engine.report();
    expect({ outcome, residualPages }).toEqual({ outcome: "target-runs", residualPages: 1976 });
    expect(rounds.length).toBe(1);
  });

  it("leaves slots as it leaves rounds", () => {
    for (const kind of ["pause", "post-copy"] as const) {
      const { bench } = managed("pre-copy@qemu72", { 3: { kind } }, 3000);
      bench.start(300 * MS);
      // Batches of 64, two of them read at 0: the look after the first has left finds the order.
      expect(timeOf(bench, "pause")).toEqual([64]);
      expect(bench.engine.rounds).toMatchObject([{ pagesSent: 128 }]);
    }
  });

  it("cancels before the commit point, and not after it", () => {
    const cancel: ManagerAction = { kind: "cancel", reason: "stuck" };
    const early = managed("pre-copy@xen", { 3: cancel }, 3000);
    early.bench.start(100 * MS);
    expect(early.bench.engine.report()).toMatchObject({
      outcome: "source-runs",
      stopReason: "stuck",
      managerState: { looks: 3 },
    });
    const late = managed("pre-copy@xen", { 13: cancel });
    late.bench.start(105 * MS);
    late.bench.peer("image-complete", 110 * MS);
    late.bench.run(200 * MS);
    expect(late.seen.at(-1)?.state).toBe("paused");
    expect(late.seen.length).toBeGreaterThan(13);
    expect(late.bench.engine.ended).toBe(false);
  });

  it("a second order to leave changes nothing, and none counts after the pause", () => {
    const script = {
      3: { kind: "pause" },
      4: { kind: "post-copy" },
      5: { kind: "pause" },
    } as const;
    const { bench } = managed("pre-copy@xen", script, 3000);
    bench.start(1100 * MS);
    expect(timeOf(bench, "pause")).toEqual([1024]);
    expect(bench.engine.stopReason).toBe("scripted: stop-and-copy");
  });
});
