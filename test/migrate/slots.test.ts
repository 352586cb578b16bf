/**
 * QEMU's loop by numbers that can be followed on paper. A page takes 0.1 ms, so a batch of 64 leaves
 * 6.4 ms after the one before, and two may be between reading and having left: a slice that begins
 * at s reads at s, s, s + 6.4, …, s + 44.8 ms, nine batches, and the last has left at s + 57.6.
 *
 * Window 1 (to 100 ms) sees the nine of slice 1 and eight of slice 2, read at 57.6 … 96: 1088 pages
 * of 4096 + 8 bytes, so that 300 ms have room for 3 × 1088 × 4104 bytes, 3270.4 pages. Window 2 sees
 * one of slice 2, nine of slice 3 and six of slice 4 (172.8 … 198.4): 1024 pages, room for 3078.
 */
import { describe, expect, it } from "vitest";
import { EngineBench } from "../support/engine-bench.js";

const MS = 1_000_000;
const sendNs = (pages: number) => pages * 0.1 * MS;
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

const bench = (pages: number, strategy = "pre-copy@qemu72") =>
  new EngineBench({ strategy, pages, sendNs });

/** What happened when, of the kinds that tell the loop's course. */
const course = ({ given }: EngineBench) =>
  given
    .filter(({ kind }) => kind === "harvest" || kind === "pause")
    .map(({ kind, atNs }) => [kind, atNs / MS]);

describe("pre-copy@qemu72", () => {
  it("sends in slices, reads the log when less than the threshold is left, and stops below it", () => {
    const engine = bench(5000);
    // Left after slices 1 to 4: 4424, 3848, 3272 (above 3270.4), 2696 (below 3078). Then the log
    // shows 500 more, 3196; slice 5 leaves 2620, and the log nothing new.
    engine.readings = [range(0, 500)];
    engine.start(400 * MS);
    expect(course(engine)).toEqual([
      ["harvest", 230.4],
      ["harvest", 288],
      ["pause", 288],
      ["harvest", 288],
    ]);
    const [first, second] = engine.engine.rounds;
    expect(first).toMatchObject({ pagesSent: 2304, pagesDirtied: 500, durationNs: 230.4 * MS });
    expect(second).toMatchObject({ pagesSent: 576, pagesDirtied: 0, durationNs: 57.6 * MS });
    expect(engine.engine.stopReason).toBe("threshold");
  });

  it("goes on where it stood after a reading, not from the first page", () => {
    const engine = bench(5000);
    engine.readings = [range(0, 500)];
    engine.start(287 * MS);
    expect(engine.batches().flat()).toEqual(range(0, 2880));
  });

  it("goes round: what was written behind it is sent after the last page", () => {
    // The threshold of 1 ms has room for 10 pages; a reading of 60 is sent on, from the front.
    const engine = new EngineBench({
      strategy: "pre-copy@qemu72",
      pages: 3000,
      sendNs,
      downtimeLimitNs: MS,
    });
    engine.readings = [range(100, 160)];
    engine.start(2000 * MS);
    const pages = engine.batches().flat();
    expect(pages.slice(0, 3000)).toEqual(range(0, 3000));
    // Nothing at all is left after the pass, so QEMU 7.2 reads the log, since 0 is below 10 pages.
    expect(pages.slice(3000, 3060)).toEqual(range(100, 160));
  });

  it("before the first window has closed nothing fits, so a small guest is sent whole", () => {
    const engine = bench(300);
    engine.start(90 * MS);
    expect(engine.batches().flat()).toEqual(range(0, 300));
    expect(course(engine)[0]).toEqual(["pause", 30]);
  });

  it("a quota that is used up waits for the next window", () => {
    // 10,240 bytes a window of 100 ms, passed by the two batches that may be on their way.
    const engine = bench(3000, "pre-copy@qemu72:max-bandwidth=819200bit/s");
    engine.start(350 * MS);
    const reads = engine.given.filter(({ kind }) => kind === "read-batch");
    expect(reads.map(({ atNs }) => atNs / MS)).toEqual([0, 0, 100, 100, 200, 200, 300, 300]);
  });
});
