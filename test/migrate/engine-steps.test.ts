/**
 * The engine without any machine: events go in by hand, commands come out, and what matters is
 * their order. One page of a guest costs nothing here, so the numbers can be followed on paper.
 */
import { describe, expect, it } from "vitest";
import { Kernels } from "../../src/kernels/index.js";
import type { Command, MigrationEvent } from "../../src/migrate/messages.js";
import { Migration } from "../../src/migrate/migration.js";
import { Registry } from "../../src/migrate/registry.js";
import { resolveConfigs } from "../../src/model/setup.js";
import { small } from "../support/specs.js";

const PAGES = 3000;

/** Answers every command as it is asked to, and keeps a list of what was asked. */
class Bench {
  readonly engine: Migration;
  readonly asked: string[] = [];
  nowNs = 0;
  /** Pages that each reading of the log shows; empty when the list has run out. */
  readings: number[][] = [];
  /** Pages of every batch that was read for sending, in order. */
  readonly batches: number[][] = [];
  private readonly answers: MigrationEvent[] = [];

  constructor(strategy: string) {
    const spec = small({ pages: PAGES, strategy, activity: { kind: "idle" } });
    const [config] = resolveConfigs(spec, Registry.standard());
    this.engine = new Migration(config!, Kernels.loadSync({ arenaBytes: 16 << 20 }));
  }

  /** Feeds an event and answers what follows, until nothing is asked or `until` comes up. */
  run(event: MigrationEvent, until?: Command["kind"]): Command | undefined {
    this.answers.push(event);
    while (this.answers.length > 0) {
      const out: Command[] = [];
      this.engine.handle(this.answers.shift()!, out);
      for (const command of out) {
        if (command.kind === until) return command;
        this.answer(command);
      }
    }
    return undefined;
  }

  start(until?: Command["kind"]): Command | undefined {
    return this.run({ kind: "start", atNs: 0 }, until);
  }

  peer(message: "image-complete" | "running" | "announced" | "refused-to-run"): void {
    this.run({ kind: "peer", message, atNs: this.nowNs, receivedNs: this.nowNs });
  }

  private answer(command: Command): void {
    if (command.kind !== "set-timer") this.asked.push(command.kind);
    if (!("id" in command) || command.kind === "set-timer") return;
    this.nowNs += 1000;
    const answer = { id: command.id, atNs: this.nowNs };
    if (command.kind === "harvest") {
      command.into.reset();
      const reading = this.readings.shift() ?? [];
      for (const page of reading) command.into.set(page);
      this.answers.push({ ...answer, kind: "harvested", count: reading.length, virtualNs: 0 });
    } else if (command.kind === "send") {
      this.answers.push({ ...answer, kind: "sent" });
    } else if (command.kind === "read-batch") {
      const pages = [...command.pages.view()];
      this.batches.push(pages);
      const bodyBytes = pages.length * 4096;
      this.answers.push({ ...answer, kind: "batch-read", bodyBytes, headerPages: pages.length });
    } else {
      if (command.kind === "peek") command.mask.set(new Uint32Array(command.pages.length));
      this.answers.push({ ...answer, kind: "done", virtualNs: 0 });
    }
  }
}

/** The list without the commands that only tune. */
const essential = (asked: string[]): string[] =>
  asked.filter((kind) => kind !== "set-bandwidth" && kind !== "throttle" && kind !== "round-ended");

describe("the stages, in order", () => {
  it("suspend: no log, pause, everything, hand over", () => {
    const bench = new Bench("suspend");
    bench.start();
    bench.peer("image-complete");
    bench.peer("running");
    bench.peer("announced");
    expect(essential(bench.asked)).toEqual([
      "connect",
      "prepare",
      "pause",
      ...["read-batch", "send", "read-batch", "send", "read-batch", "send"],
      "send", // device state
      "finish",
      "commit",
      "go",
      "release-source",
      "ended",
    ]);
    expect(bench.engine.report().outcome).toBe("target-runs");
  });

  it("pre-copy@xen: one full round, a small one sent live, a last look after the pause", () => {
    const bench = new Bench("pre-copy@xen");
    bench.readings = [[5, 7], [7]];
    bench.start();
    const kinds = essential(bench.asked);
    expect(kinds.slice(0, 3)).toEqual(["connect", "enable-log-dirty", "prepare"]);
    expect(kinds.slice(-7)).toEqual(
      [
        "read-batch", // pages 5 and 7, live
        "send",
        "pause",
        "harvest", // page 7 again
        "read-batch",
        "send",
        "send",
      ]
        .concat("finish")
        .slice(-7),
    );
    expect(bench.batches.slice(0, 3).flat()).toEqual([...Array(PAGES).keys()]);
    expect(bench.batches.slice(3)).toEqual([[5, 7], [7]]);
  });

  it("batches are Xen's: 1,024 pages, the rest in the last", () => {
    const bench = new Bench("suspend");
    bench.start();
    expect(bench.batches.map((batch) => batch.length)).toEqual([1024, 1024, 952]);
  });

  it("xen2005 walks the pages in Clark's pseudo-random order, each once", () => {
    const bench = new Bench("pre-copy@xen2005");
    bench.start("pause");
    const order = bench.batches.flat();
    expect(order.length).toBe(PAGES);
    expect(new Set(order).size).toBe(PAGES);
    // permute() of xc_linux_save.c by hand: order = bit length of 2999 = 12, so a page number is
    // rotated left by 10 of 12 bits, again while it is past the end: 0 -> 0, 1 -> 1024, 2 -> 2048,
    // 3 -> 3072 (past 2999) -> 768, 4 -> 1, 5 -> 1025.
    expect(order.slice(0, 6)).toEqual([0, 1024, 2048, 768, 1, 1025]);
  });
});

describe("the hand-over", () => {
  it("nothing is committed before the target has the whole image", () => {
    const bench = new Bench("pre-copy@xen");
    bench.start();
    expect(bench.asked).toContain("finish");
    expect(bench.asked).not.toContain("commit");
  });

  it("permission to run comes after the commit point, never before", () => {
    const bench = new Bench("pre-copy@xen");
    bench.start();
    bench.run({ kind: "peer", message: "image-complete", atNs: 9e6, receivedNs: 9e6 }, "commit");
    expect(bench.asked).not.toContain("go");
  });

  it("before the commit point a cancel gives the guest back to the source", () => {
    const bench = new Bench("pre-copy@xen");
    bench.start();
    bench.run({ kind: "cancel", atNs: bench.nowNs, reason: "operator" });
    expect(bench.asked.slice(-2)).toEqual(["roll-back", "ended"]);
    expect(bench.engine.report()).toMatchObject({ outcome: "source-runs", stopReason: "operator" });
  });

  it("after it a cancel does nothing", () => {
    const bench = new Bench("pre-copy@xen");
    bench.start();
    bench.peer("image-complete");
    bench.run({ kind: "cancel", atNs: bench.nowNs, reason: "too late" });
    expect(bench.asked).not.toContain("roll-back");
    bench.peer("running");
    bench.peer("announced");
    expect(bench.engine.report().outcome).toBe("target-runs");
  });

  it("only the target's refusal gives the guest back after it", () => {
    const bench = new Bench("pre-copy@xen");
    bench.start();
    bench.peer("image-complete");
    bench.peer("refused-to-run");
    expect(bench.engine.report()).toMatchObject({ outcome: "source-runs" });
    expect(bench.asked.slice(-2)).toEqual(["roll-back", "ended"]);
  });

  it("messages that come twice, late or out of turn change nothing", () => {
    const bench = new Bench("pre-copy@xen");
    bench.start();
    bench.peer("running"); // nobody permitted it to run
    bench.peer("announced");
    expect(bench.asked).not.toContain("release-source");
    bench.peer("image-complete");
    bench.peer("image-complete");
    bench.peer("running");
    bench.peer("running");
    bench.peer("refused-to-run"); // it runs: too late to refuse
    bench.peer("announced");
    bench.peer("announced");
    const times = (kind: string) => bench.asked.filter((asked) => asked === kind).length;
    expect(["commit", "go", "release-source", "ended", "roll-back"].map(times)).toEqual([
      1, 1, 1, 1, 0,
    ]);
    expect(bench.engine.report().outcome).toBe("target-runs");
  });

  it("a cancel before the start, twice, and after the end does no harm", () => {
    const bench = new Bench("pre-copy@xen");
    bench.start();
    bench.run({ kind: "cancel", atNs: bench.nowNs, reason: "first" });
    bench.run({ kind: "cancel", atNs: bench.nowNs, reason: "second" });
    expect(bench.engine.report().stopReason).toBe("first");
    expect(bench.asked.filter((kind) => kind === "roll-back").length).toBe(1);
  });
});

describe("what is owed", () => {
  it("a page whose send failed is owed again and travels later", () => {
    const bench = new Bench("pre-copy@xen");
    const send = bench.start("send");
    expect(send?.kind).toBe("send");
    const id = (send as { id: number }).id;
    bench.run({ kind: "send-failed", id, atNs: bench.nowNs });
    const sent = new Set(bench.batches.slice(1).flat());
    for (const page of bench.batches[0]!) expect(sent.has(page)).toBe(true);
  });

  it("two readings of the log under way at once both count", () => {
    // A tick's reading is answered after the round's end asked for another: neither may be lost.
    const bench = new Bench("pre-copy+recency:tick=1ms,warmup=0@xen");
    const { mover } = bench.engine;
    const seen: number[] = [];
    const requests: { into: { set(p: number): void; reset(): void }; answer: () => void }[] = [];
    mover.requests.request = ((command: never, answer: (event: MigrationEvent) => void) => {
      const { into } = command as { into: { set(p: number): void; reset(): void } };
      const event = { kind: "harvested", id: 1, atNs: 0, count: 1, virtualNs: 0 } as const;
      requests.push({ into, answer: () => answer(event) });
      return 1;
    }) as never;
    mover.owed.reset();
    mover.harvest((pages) => seen.push(pages.nextSet(0)));
    mover.harvest((pages) => seen.push(pages.nextSet(0)));
    expect(requests.length).toBe(1);
    requests[0]!.into.set(11);
    requests[0]!.answer();
    expect(requests.length).toBe(2);
    requests[1]!.into.reset();
    requests[1]!.into.set(22);
    requests[1]!.answer();
    expect(seen).toEqual([11, 22]);
    expect([mover.owed.has(11), mover.owed.has(22)]).toEqual([true, true]);
  });
});
