/** Post-copy's rest on the bench: what goes out when, by hand. A page takes 1 ms to leave. */
import { describe, expect, it } from "vitest";
import { EngineBench } from "../support/engine-bench.js";

const MS = 1_000_000;

/** A migration whose target has had permission to run since 0. */
function pushing(params: string, pages = 12): EngineBench {
  const strategy = `post-copy${params}@xen`;
  const bench = new EngineBench({ strategy, pages, sendNs: (count) => count * MS });
  // Everything up to the pause costs nothing on the bench.
  bench.start(0);
  bench.peer("image-complete", 0);
  bench.run(0);
  bench.peer("running", 0);
  bench.peer("announced", 0);
  return bench;
}

const fault = (bench: EngineBench, page: number, atNs: number) =>
  bench.at({ kind: "fault", page, atNs });

const reads = (bench: EngineBench) =>
  bench.given
    .filter(({ kind }) => kind === "read-batch")
    .map(({ atNs, pages }) => [atNs / MS, ...pages]);

describe("active push", () => {
  it("from page 0 until a page faults, then around the fault; every page once", () => {
    // One page of 4 KiB in the buffer: batches of a page.
    const bench = pushing(":buffer=4KiB");
    fault(bench, 6, 2.5 * MS);
    bench.run(60 * MS);
    const order = reads(bench).map(([, page]) => page);
    // 0, 1 and 2 were read before; 6 is asked for, and the bubble around it goes 7, 5, 8, 4, …
    expect(order).toEqual([0, 1, 2, 6, 7, 5, 8, 4, 9, 3, 10, 11]);
    expect(bench.kinds().filter((kind) => kind === "finish-residual").length).toBe(1);
  });

  it("sends a fault's page once, however often it is asked for", () => {
    const bench = pushing(":buffer=4KiB");
    for (const atNs of [2.5 * MS, 2.6 * MS, 9 * MS, 30 * MS]) fault(bench, 6, atNs);
    bench.run(60 * MS);
    expect(reads(bench).filter(([, page]) => page === 6).length).toBe(1);
    expect(bench.engine.mover.totals.pagesSent).toBe(12);
  });

  it("marks what a fault waits for as urgent with preempt alone", () => {
    for (const [params, urgent] of [
      ["", false],
      [",preempt", true],
    ] as const) {
      const bench = pushing(`:buffer=4KiB${params}`);
      fault(bench, 6, 2.5 * MS);
      bench.run(60 * MS);
      const sends = bench.given.flatMap(({ command }) =>
        command.kind === "send" && command.what === "pages" ? [command.urgent] : [],
      );
      expect(sends.filter((one) => one).length).toBe(urgent ? 1 : 0);
    }
  });

  it("is quiet for so long: only what is asked for goes", () => {
    const bench = pushing(":buffer=4KiB,quiet=20ms");
    fault(bench, 3, 5 * MS);
    fault(bench, 9, 12 * MS);
    bench.run(60 * MS);
    const all = reads(bench);
    expect(all.slice(0, 2)).toEqual([
      [5, 3],
      [12, 9],
    ]);
    expect(all[2]).toEqual([20, 10]);
    expect(all.length).toBe(12);
  });

  it("is over before quiet is when every page was asked for", () => {
    const bench = pushing(":quiet=1s", 2);
    fault(bench, 1, 5 * MS);
    fault(bench, 0, 6 * MS);
    bench.run(100 * MS);
    const done = bench.given.find(({ kind }) => kind === "finish-residual");
    expect(done?.atNs).toBe(7 * MS);
  });

  it("release and end wait for the target to run and to have everything", () => {
    const bench = pushing("", 2);
    bench.run(50 * MS);
    expect(bench.kinds()).toContain("finish-residual");
    expect(bench.kinds()).not.toContain("release-source");
    bench.peer("all-received", 51 * MS);
    bench.run(60 * MS);
    expect(bench.kinds().slice(-2)).toEqual(["release-source", "ended"]);
    expect(bench.engine.report().outcome).toBe("target-runs");
  });
});

describe("a broken connection", () => {
  const down = (bench: EngineBench, atNs: number) => bench.at({ kind: "link", up: false, atNs });
  const up = (bench: EngineBench, atNs: number) => bench.at({ kind: "link", up: true, atNs });

  it("loses the guest without recovery", () => {
    const bench = pushing(":buffer=4KiB");
    down(bench, 3.5 * MS);
    bench.run(60 * MS);
    expect(bench.kinds().slice(-2)).toEqual(["abandon", "ended"]);
    expect(bench.engine.report().outcome).toBe("lost");
  });

  it("with recovery nothing is read while it is down, and faults wait", () => {
    const bench = pushing(":buffer=4KiB,recover");
    down(bench, 3.5 * MS);
    fault(bench, 8, 10 * MS);
    up(bench, 30 * MS);
    bench.run(60 * MS);
    const times = reads(bench).map(([atMs]) => atMs as number);
    expect(times.filter((atMs) => atMs > 3.5 && atMs < 30)).toEqual([]);
    expect(times.length).toBe(12);
    expect(bench.kinds().filter((kind) => kind === "reconnect").length).toBe(1);
  });

  it("and active push stays quiet after it as long as it was to be", () => {
    const bench = pushing(":buffer=4KiB,recover,quiet=50ms");
    down(bench, 5 * MS);
    up(bench, 10 * MS);
    bench.run(49 * MS);
    expect(reads(bench)).toEqual([]);
    bench.run(100 * MS);
    expect(reads(bench).length).toBe(12);
  });

  it("permission is given again until the target is heard of", () => {
    const bench = new EngineBench({ strategy: "post-copy:recover@xen", pages: 4 });
    bench.start(0);
    bench.peer("image-complete", 0);
    bench.run(0);
    down(bench, MS);
    up(bench, 2 * MS);
    bench.run(3 * MS);
    expect(bench.kinds().filter((kind) => kind === "go").length).toBe(2);
  });

  it("a cancel does nothing once the guest may run at the target", () => {
    const bench = pushing(":buffer=4KiB");
    bench.at({ kind: "cancel", reason: "operator", atNs: 2 * MS });
    bench.run(60 * MS);
    expect(bench.kinds()).not.toContain("roll-back");
    expect(bench.engine.mover.totals.pagesSent).toBe(12);
  });
});
