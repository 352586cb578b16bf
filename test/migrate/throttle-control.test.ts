/** A throttle's accounts, by hand: a page takes 1 ms to leave, and the log shows what it is told. */
import { describe, expect, it } from "vitest";
import { Registry } from "../../src/migrate/registry.js";
import { type Brake, NO_BRAKE, type ThrottleStats } from "../../src/policy/throttle.js";
import { EngineBench } from "../support/engine-bench.js";

const MS = 1_000_000;
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

function throttled(
  strategy: string,
  options: { periodNs?: number; brakes?: readonly Brake[]; pages?: number } = {},
) {
  const asked: ThrottleStats[] = [];
  const { periodNs = 0, brakes = [], pages = 200 } = options;
  const registry = Registry.standard();
  registry.addThrottle({
    name: "scripted",
    summary: "as told",
    source: "this test",
    params: {},
    create: () => ({
      name: "scripted",
      periodNs,
      afterSync: (stats) => {
        asked.push(stats);
        return brakes[asked.length - 1] ?? brakes.at(-1) ?? NO_BRAKE;
      },
      describe: () => ({ asked: asked.length }),
    }),
  });
  const [name, preset] = strategy.split("@");
  const bench = new EngineBench({
    strategy: `${name}+scripted@${preset}`,
    pages,
    registry,
    sendNs: (count) => count * MS,
  });
  return { bench, asked };
}

describe("ThrottleControl", () => {
  it("is asked after every reading that ends a round, with what happened since the last", () => {
    const { bench, asked } = throttled("pre-copy@xen");
    bench.readings = [range(0, 120), range(50, 130), range(0, 60)];
    bench.start(270 * MS);
    // Round 1: 200 pages in 200 ms, 120 written. Round 2 sends those 120, and would be read at 320.
    expect(asked.length).toBe(1);
    bench.run(330 * MS);
    expect(asked).toMatchObject([
      { nowNs: 200 * MS, periodNs: 200 * MS, dirtiedBytes: 120 * 4096, rounds: 1, vcpus: 1 },
      { nowNs: 320 * MS, periodNs: 120 * MS, dirtiedBytes: 80 * 4096, rounds: 2 },
    ]);
    expect(asked[0]?.remainingBytes).toBe(120 * 4096);
    expect(asked[0]?.memoryBytes).toBe(200 * 4096);
    // Bodies, and Xen's 8 bytes a page and 24 a batch or thereabouts: close to the pages sent.
    const [first, second] = asked.map(({ sentBytes }) => sentBytes);
    expect(first! / 4096).toBeCloseTo(200, -1);
    expect(second! / 4096).toBeCloseTo(120, -1);
    expect(first! + second!).toBe(bench.engine.mover.totals.bytes - bytesOf(bench, 2));
  });

  it("reads the log between rounds when it wants to, and counts no page of it twice", () => {
    const { bench, asked } = throttled("pre-copy@xen", { periodNs: 40 * MS, pages: 300 });
    // Round 1 ends at 300 ms; before that there is nothing to judge by. Round 2 sends 250 pages:
    // the log is read when the 40 ms strike and as long has passed, at 360, 400, …, and at its end.
    bench.readings = [range(0, 250), range(0, 30), range(20, 60), [], [], [], [], range(0, 10)];
    bench.start(551 * MS);
    expect(asked.map(({ nowNs }) => nowNs / MS)).toEqual([300, 360, 400, 440, 480, 520, 550]);
    expect(asked.map(({ dirtiedBytes }) => dirtiedBytes / 4096).slice(0, 4)).toEqual([
      250, 30, 40, 0,
    ]);
    expect(asked.map(({ periodNs }) => periodNs / MS).slice(1)).toEqual([60, 40, 40, 40, 40, 30]);
    // The last one is of 30 ms; pages that the round saw before were told already.
    expect(asked.at(-1)?.dirtiedBytes).toBe(0);
    expect(bench.engine.rounds[1]?.pagesDirtied).toBe(60);
  });

  it("tells a brake when it changes, and not again", () => {
    const half = { ...NO_BRAKE, cpuShare: 0.5 };
    const { bench } = throttled("pre-copy@xen", { brakes: [half, { ...half }, NO_BRAKE] });
    bench.readings = [range(0, 150), range(0, 140), range(0, 130), range(0, 120)];
    bench.start(700 * MS);
    const told = bench.given.flatMap(({ command }) =>
      command.kind === "throttle" ? [command.brake.cpuShare] : [],
    );
    expect(told).toEqual([0.5, 1]);
    expect(bench.engine.rounds.map(({ cpuShare }) => cpuShare).slice(0, 4)).toEqual([
      1, 0.5, 0.5, 1,
    ]);
  });

  it("asks for nothing any more once the guest is paused", () => {
    const { bench, asked } = throttled("pre-copy@xen", { periodNs: 40 * MS });
    bench.start(5000 * MS);
    expect(bench.kinds()).toContain("finish");
    const paused = bench.given.find(({ kind }) => kind === "pause")!.atNs;
    expect(asked.every(({ nowNs }) => nowNs <= paused)).toBe(true);
  });
});

/** Bytes of the batches that were read after the n-th reading of the log. */
function bytesOf({ given }: EngineBench, readings: number): number {
  const nth = given.filter(({ kind }) => kind === "harvest")[readings - 1]!;
  return given
    .slice(given.indexOf(nth))
    .flatMap(({ command }) =>
      command.kind === "send" && command.what === "pages" ? [command.bytes] : [],
    )
    .reduce((sum, bytes) => sum + bytes, 0);
}
