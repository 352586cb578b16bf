/**
 * QEMU's loop by numbers that can be followed on paper. A page takes 0.1 ms, so a batch of 64 leaves
 * 6.4 ms after the one before, and two may be between reading and having left: reads at 0, 0, 6.4,
 * 12.8, … without a gap. A slice of 50 ms is over at the look after it, so turns are at 51.2 n ms,
 * when 8 n + 1 batches have been read.
 *
 * Window 1 closes at the turn of 102.4 ms: 1088 pages of 4096 + 8 bytes in 102 whole ms, so that
 * 300 ms have room for 13,132,800 bytes, 3206.25 pages. Window 2 closes at 204.8 ms: 1024 pages in
 * 102 ms, room for 12,360,282 bytes, 3017.6 pages.
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
    // Left at the turns: 4424, 3912, 3400 (above 3206), 2888 (below 3017). Then the log shows 500
    // more, 3388; slice 5 leaves 2876, and the log nothing new.
    engine.readings = [range(0, 500)];
    engine.start(400 * MS);
    expect(course(engine)).toEqual([
      ["harvest", 204.8],
      ["harvest", 256],
      ["pause", 256],
      ["harvest", 256],
    ]);
    const [first, second] = engine.engine.rounds;
    expect(first).toMatchObject({ pagesSent: 2112, pagesDirtied: 500, durationNs: 204.8 * MS });
    expect(second).toMatchObject({ pagesSent: 512, pagesDirtied: 0, durationNs: 51.2 * MS });
    expect(engine.engine.stopReason).toBe("threshold");
  });

  it("goes on where it stood after a reading, not from the first page", () => {
    const engine = bench(5000);
    engine.readings = [range(0, 500)];
    engine.start(255 * MS);
    expect(engine.batches().flat()).toEqual(range(0, 2624));
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
    // Its five batches are read by 19.2 ms; the next look finds nothing left.
    expect(course(engine)[0]).toEqual(["pause", 25.6]);
  });

  it("a quota that is used up waits for the next window", () => {
    // 10,240 bytes a window of 100 ms, 2.5 pages: two batches of ceil(1.25) pages each.
    const engine = bench(3000, "pre-copy@qemu72:max-bandwidth=819200bit/s");
    engine.start(350 * MS);
    const reads = engine.given.filter(({ kind }) => kind === "read-batch");
    expect(reads.map(({ atNs }) => atNs / MS)).toEqual([0, 0, 100, 100, 200, 200, 300, 300]);
    expect(reads.every(({ pages }) => pages.length === 2)).toBe(true);
    // The link itself is not held back, but for the pause.
    const limits = engine.given.flatMap(({ command }) =>
      command.kind === "set-bandwidth" ? [command.bytesPerSec] : [],
    );
    expect(limits).toEqual([]);
  });
});
