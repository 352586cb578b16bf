/**
 * The checker is tested by breaking the engine and the machines on purpose. Every break here is
 * one that real migration code has had; each must be caught, and by the check that is meant for it.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { PageBitmap, type U32Buffer } from "../../src/kernels/index.js";
import type { Command } from "../../src/migrate/messages.js";
import { Migration } from "../../src/migrate/migration.js";
import { PageMover } from "../../src/migrate/page-mover.js";
import { ModelGuest } from "../../src/model/model-guest.js";
import { PostCopyTarget } from "../../src/model/post-copy-target.js";
import { simulate } from "../../src/model/simulation.js";
import { small, uniform } from "../support/specs.js";

const busy = () =>
  small({ pages: 4096, activity: uniform(4096, 20_000), strategy: "pre-copy@xen" });

afterEach(() => {
  vi.restoreAllMocks();
});

/** Changes what the engine asks for before the machines see it. */
function tamper(change: (command: Command, engine: Migration) => Command | undefined): void {
  const handle = Migration.prototype.handle;
  vi.spyOn(Migration.prototype, "handle").mockImplementation(function (
    this: Migration,
    event,
    out,
  ) {
    const asked: Command[] = [];
    handle.call(this, event, asked);
    for (const command of asked) {
      const changed = change(command, this);
      if (changed !== undefined) out.push(changed);
    }
  });
}

describe("the checker", () => {
  it("is content with the engine as it is", async () => {
    const { migrations } = await simulate(busy());
    const verified = migrations[0]!.verified;
    expect(Object.keys(verified).length).toBeGreaterThan(5);
    expect(Object.values(verified).every(Boolean)).toBe(true);
  });

  it("catches a dirty bit that the log lost", async () => {
    const harvest = ModelGuest.prototype.harvest;
    let lost = 0;
    vi.spyOn(ModelGuest.prototype, "harvest").mockImplementation(function (
      this: ModelGuest,
      region,
      into,
    ) {
      const count = harvest.call(this, region, into);
      const page = into.nextSet(0);
      if (lost++ === 1 && page >= 0) into.clear(page);
      return count;
    });
    // Written once more in the last round, a lost page would heal: look where nobody writes again.
    const quiet = small({ pages: 4096, activity: uniform(4096, 500) });
    await expect(simulate(quiet)).rejects.toThrow(/pages of the target differ/);
  });

  it("catches a reading of the log that the engine forgot", async () => {
    const harvest = PageMover.prototype.harvest;
    let readings = 0;
    vi.spyOn(PageMover.prototype, "harvest").mockImplementation(function (this: PageMover, then) {
      harvest.call(this, (seen, event) => {
        if (++readings === 1) this.owed.andNot(seen);
        then(seen, event);
      });
    });
    await expect(simulate(busy())).rejects.toThrow(/owed at the switch/);
  });

  it("catches a page that is skipped", async () => {
    tamper((command) => {
      if (command.kind === "read-batch") {
        const pages = command.pages as U32Buffer;
        pages.length = Math.max(1, pages.length - 1);
      }
      return command;
    });
    await expect(simulate(busy())).rejects.toThrow(/checker: /);
  });

  it("catches an activation before the image is whole", async () => {
    let early = false;
    tamper((command) => {
      if (command.kind !== "pause" || early) return command;
      early = true;
      return { kind: "go", epoch: 1 };
    });
    await expect(simulate(busy())).rejects.toThrow(/at most one copy runs|owed at the switch/);
  });

  it("catches a target that runs while the source does", async () => {
    tamper((command) => (command.kind === "pause" ? { kind: "go", epoch: 1 } : command));
    await expect(simulate(busy())).rejects.toThrow(/at most one copy runs/);
  });

  it("catches a held page that was forgotten in the pause", async () => {
    const sendAll = PageMover.prototype.sendAll;
    let forgotten = -1;
    tamper((command, engine) => {
      if (command.kind !== "pause") return command;
      const { held } = (engine as unknown as { live: { sampler: { held: PageBitmap } } }).live
        .sampler;
      vi.spyOn(PageMover.prototype, "sendAll").mockImplementation(function (
        this: PageMover,
        _set,
        options,
        done,
      ) {
        const rest = PageBitmap.create(this.kernels, this.pages);
        rest.assignAnd(this.owed, held);
        forgotten = rest.nextSet(0);
        rest.copyFrom(this.owed);
        rest.clear(forgotten);
        sendAll.call(this, rest, options, done);
      });
      return command;
    });
    const holding = small({
      pages: 4096,
      activity: uniform(600, 20_000),
      strategy: "pre-copy+wsclock:tau=100ms,tick=10ms",
    });
    await expect(simulate(holding)).rejects.toThrow(/1 pages are owed at the switch/);
    expect(forgotten).toBeGreaterThanOrEqual(0);
  });

  it("catches a rewrite between peek and send that is taken for clean", async () => {
    // A log that is cleared when a page was sent, not when it was read: what was written while the
    // batch was on its way is forgotten.
    let guest: ModelGuest | undefined;
    const advance = ModelGuest.prototype.advanceTo;
    vi.spyOn(ModelGuest.prototype, "advanceTo").mockImplementation(function (
      this: ModelGuest,
      nowNs,
    ) {
      guest = this;
      advance.call(this, nowNs);
    });
    let batch: number[] = [];
    const handle = Migration.prototype.handle;
    vi.spyOn(Migration.prototype, "handle").mockImplementation(function (
      this: Migration,
      event,
      out,
    ) {
      if (event.kind === "sent") {
        guest?.advanceTo(event.atNs);
        for (const page of batch) guest?.pages.dirty.clear(page);
      }
      const from = out.length;
      handle.call(this, event, out);
      for (const command of out.slice(from)) {
        if (command.kind === "read-batch") batch = [...command.pages.view()];
      }
    });
    await expect(simulate(busy())).rejects.toThrow(/pages of the target differ/);
  });

  it("catches a page sent twice", async () => {
    tamper((command, engine) => {
      if (command.kind === "read-batch" && engine.rounds.length === 1) {
        const list = command.pages.view();
        if (list.length > 1) list[1] = list[0]!;
      }
      return command;
    });
    await expect(simulate(busy())).rejects.toThrow(/not owed/);
  });

  it("catches bytes that the report does not count", async () => {
    tamper((command) =>
      command.kind === "send" && command.what === "device-state"
        ? { ...command, bytes: command.bytes + 1 }
        : command,
    );
    await expect(simulate(busy())).rejects.toThrow(/the link carried/);
  });

  it("catches a reservation that is not given back", async () => {
    tamper((command) => (command.kind === "release-source" ? undefined : command));
    await expect(simulate(busy())).rejects.toThrow(/reservation returned to zero/);
  });

  describe("of post-copy", () => {
    const following = () =>
      small({ pages: 2000, activity: uniform(2000, 5000), strategy: "post-copy" });
    type Batch = Parameters<PostCopyTarget["arrived"]>[0];

    /** Changes what the n-th batch brings to the running target. */
    function tamperBatch(change: (batch: Batch) => readonly Batch[]): void {
      const arrived = PostCopyTarget.prototype.arrived;
      let batches = 0;
      vi.spyOn(PostCopyTarget.prototype, "arrived").mockImplementation(function (
        this: PostCopyTarget,
        batch,
        nowNs,
      ) {
        const all = ++batches === 3 ? change(batch) : [batch];
        for (const one of all) arrived.call(this, one, nowNs);
      });
    }

    it("is content with it as it is", async () => {
      const { migrations } = await simulate(following());
      expect(migrations[0]!.outcome).toBe("target-runs");
    });

    it("catches a batch that is delivered twice, over what the guest has written", async () => {
      tamperBatch((batch) => [batch, batch]);
      await expect(simulate(following())).rejects.toThrow(/arrived over pages that were there/);
    });

    it("catches a page that brings contents it never had", async () => {
      tamperBatch(({ pages, versions }) => [{ pages, versions: versions.map((v) => v + 1) }]);
      await expect(simulate(following())).rejects.toThrow(/arrived with other contents/);
    });

    it("catches a page that got lost on the way", async () => {
      tamperBatch(({ pages, versions }) => [
        { pages: pages.subarray(1), versions: versions.subarray(1) },
      ]);
      await expect(simulate(following())).rejects.toThrow(/no page is absent at the end/);
    });

    it("catches a target that is told of too few absent pages", async () => {
      tamper((command) => {
        if (command.kind === "finish") (command.absent as PageBitmap).clear(7);
        return command;
      });
      await expect(simulate(following())).rejects.toThrow(/what is absent at the target is what/);
    });

    it("catches a source that keeps its half when the target has everything", async () => {
      tamper((command) => (command.kind === "release-source" ? undefined : command));
      await expect(simulate(following())).rejects.toThrow(/reservation returned to zero/);
    });
  });

  it("names the seed in what it throws", async () => {
    tamper((command) => (command.kind === "pause" ? { kind: "go", epoch: 1 } : command));
    await expect(simulate({ ...busy(), seed: 4711 })).rejects.toThrow(/seed 4711/);
  });
});
