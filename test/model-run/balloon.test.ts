/** Whole migrations with memory taken back first: what is saved, what is paid, what is checked. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { AssertionError } from "../../src/base/assert.js";
import type { Command } from "../../src/migrate/messages.js";
import { Reclaiming } from "../../src/migrate/reclaiming.js";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { ModelGuest } from "../../src/model/model-guest.js";
import { simulate } from "../../src/model/simulation.js";
import type { DomainSpec, SimulationSpec } from "../../src/model/spec.js";
import { small, uniform } from "../support/specs.js";

afterEach(() => {
  vi.restoreAllMocks();
});

const PAGES = 8192;

/** A guest that uses its first pages all the time and the others seldom. */
function guest(strategy: string, domain: Partial<DomainSpec> = {}): SimulationSpec {
  const spec = small({ pages: PAGES, activity: uniform(1000, 4000), strategy });
  // By then it has shown which pages it uses.
  const migrations = spec.migrations.map((it) => ({ ...it, startNs: 5_000_000_000 }));
  return { ...spec, migrations, domains: spec.domains.map((it) => ({ ...it, ...domain })) };
}

async function move(spec: SimulationSpec): Promise<MigrationResult> {
  return (await simulate(spec)).migrations[0]!;
}

describe("ballooning before a move", () => {
  it("sends no free page, and takes them back for microseconds", async () => {
    const plain = await move(guest("pre-copy", { freeShare: 0.5 }));
    const moved = await move(guest("pre-copy+dsb", { freeShare: 0.5 }));
    expect(plain.pagesSent - moved.pagesSent).toBeGreaterThan(3500);
    expect(moved.reclaim).toMatchObject({ balloonedPages: 4096, emptyPages: 4096 });
    expect(moved.reclaimState).toEqual({ givenPages: 4096 });
    expect(moved.techniques).toContain("dsb");
    expect(moved.verified).toEqual(plain.verified);
  });

  it("takes free pages and then those used longest ago", async () => {
    const { reclaim } = await move(
      guest("pre-copy+free-page-cache", { freeShare: 0.25, pageCacheShare: 0.5 }),
    );
    // 6,144 pages of 8,192, of which 7,192 are never used.
    expect(reclaim).toEqual({
      balloonedPages: 6144,
      emptyPages: 2048,
      refaultsBefore: 0,
      refaultStallBeforeNs: 0,
      refaultsAfter: 0,
      refaultStallAfterNs: 0,
      worstRefaultNs: 0,
      pagesAway: 6144,
    });
  });

  it("lets the guest wait for what it uses again, at both ends", async () => {
    // Every page is used: what is given up comes back, a disk read for each.
    const spec = guest("pre-copy+free-page-cache:refault=4ms", {
      activity: uniform(PAGES, 500),
      freeShare: 0,
      pageCacheShare: 0.25,
    });
    const plain = await move(guest("pre-copy", { activity: uniform(PAGES, 500) }));
    const moved = await move(spec);
    const reclaim = moved.reclaim!;
    expect(reclaim.balloonedPages).toBe(2048);
    expect(reclaim.refaultsBefore).toBeGreaterThan(0);
    expect(reclaim.refaultsAfter).toBeGreaterThan(500);
    expect(reclaim.worstRefaultNs).toBe(4_000_000);
    expect(reclaim.refaultStallAfterNs).toBeLessThanOrEqual(reclaim.refaultsAfter * 4_000_000);
    expect(reclaim.refaultStallAfterNs).toBeGreaterThan((reclaim.refaultsAfter - 2) * 4_000_000);
    expect(moved.guestSlowdown).toBeGreaterThan(plain.guestSlowdown + 0.1);
    // One VCPU: what it waited is what it lost, over the window of 10 s and the move itself.
    const waitedNs = reclaim.refaultStallBeforeNs + reclaim.refaultStallAfterNs;
    expect(moved.guestBaselineNs - moved.guestRanNs).toBeGreaterThanOrEqual(waitedNs * 0.99);
    expect(moved.guestBaselineNs).toBeGreaterThan(10e9);
    expect(moved.totalNs).toBeLessThan(plain.totalNs * 1.2);
  });

  it("stops watching when every page is back", async () => {
    const quick = "pre-copy+free-page-cache:refault=100us,refault-window=1000s";
    const moved = await move(
      guest(quick, { activity: uniform(PAGES, 20_000), pageCacheShare: 0.02 }),
    );
    expect(moved.reclaim).toMatchObject({ balloonedPages: 163, pagesAway: 0 });
    const { refaultsBefore, refaultsAfter } = moved.reclaim!;
    expect(refaultsBefore + refaultsAfter).toBe(163);
    expect(moved.guestBaselineNs).toBeLessThan(20e9);
  });

  it("samples what is active, and taxes the rest", async () => {
    const moved = await move(guest("pre-copy+balloon"));
    const { activeShare, givenPages } = moved.reclaimState as Record<string, number>;
    // 1,000 of 8,192 pages are drawn uniformly 4,000 times a second: 98 % of them in a second.
    expect(activeShare).toBeGreaterThan(0.05);
    expect(activeShare).toBeLessThan(0.25);
    expect(givenPages).toBe(Math.floor(0.75 * (1 - activeShare!) * PAGES));
    expect(moved.stagesNs.initialisation).toBeGreaterThan(3e9);
  });

  it.each(["suspend", "post-copy", "hybrid", "pre-copy+wsclock", "seed"])(
    "goes with %s",
    async (strategy) => {
      const spec = guest(`${strategy}+free-page-cache:refault=1ms`, {
        activity: uniform(PAGES, 1000),
        pageCacheShare: 0.25,
        suspendDirtiesPages: 100,
        vcpus: 2,
      });
      const moved = await move(spec);
      expect(moved.outcome).toBe("target-runs");
      expect(moved.reclaim?.balloonedPages).toBe(2048);
      expect(moved.reclaim?.refaultsAfter).toBeGreaterThan(0);
    },
  );

  it("names the pages to the target in 16 bytes a run", async () => {
    const plain = await move(guest("pre-copy", { freeShare: 0.5 }));
    const moved = await move(guest("pre-copy+dsb", { freeShare: 0.5 }));
    const runs = (moved.bytes.control - plain.bytes.control) / 16;
    // The never-used pages 1000 to 5095 are the oldest, in page order.
    expect(runs).toBe(1);
  });

  it("gives the same result again", async () => {
    const spec = guest("pre-copy+balloon", { activity: uniform(PAGES, 3000) });
    const [a, b] = [await simulate(spec), await simulate(spec)];
    expect(a).toEqual(b);
  });

  it("moves a guest on that has pages away", async () => {
    const spec = guest("pre-copy+free-page-cache", {
      activity: uniform(PAGES, 300),
      pageCacheShare: 0.5,
    });
    const [first] = spec.migrations;
    const back = { ...first!, to: "a", startNs: 7_000_000_000 };
    const { migrations } = await simulate({ ...spec, migrations: [first!, back] });
    expect(migrations.map(({ outcome }) => outcome)).toEqual(["target-runs", "target-runs"]);
    expect(migrations[0]?.guestBaselineNs).toBeLessThan(5e9);
    const postCopied = { ...back, strategy: "post-copy" };
    const again = await simulate({ ...spec, migrations: [first!, postCopied] });
    expect(again.migrations[1]?.outcome).toBe("target-runs");
  });

  it("refuses shares that are more than the memory", async () => {
    const spec = guest("pre-copy", { freeShare: 0.7, pageCacheShare: 0.4 });
    await expect(simulate(spec)).rejects.toThrow(/at most 1 together/);
  });
});

describe("the checker of ballooned pages", () => {
  const busy = () =>
    guest("pre-copy+free-page-cache:refault=100us", {
      activity: uniform(PAGES, 4000),
      pageCacheShare: 0.5,
    });

  it("catches a page that was given up, written again and not sent", async () => {
    const harvest = ModelGuest.prototype.harvest;
    let given: number[] = [];
    vi.spyOn(ModelGuest.prototype, "harvest").mockImplementation(function (
      this: ModelGuest,
      region,
      into,
    ) {
      const count = harvest.call(this, region, into);
      // What comes back from the balloon is not logged.
      for (const page of given) if (into.has(page)) into.clear(page);
      return count;
    });
    const giveUp = ModelGuest.prototype.giveUp;
    vi.spyOn(ModelGuest.prototype, "giveUp").mockImplementation(function (
      this: ModelGuest,
      pages,
      free,
      into,
    ) {
      const count = giveUp.call(this, pages, free, into);
      given = [];
      for (let page = into.nextSet(0); page >= 0; page = into.nextSet(page + 1)) given.push(page);
      return count;
    });
    await expect(simulate(busy())).rejects.toThrow(/pages of the target differ|owed at the switch/);
  });

  it("catches a target that was not told", async () => {
    const tell = vi.spyOn(Reclaiming.prototype, "tellTarget").mockReturnValue(0);
    await expect(simulate(busy())).rejects.toThrow(AssertionError);
    expect(tell).toHaveBeenCalled();
  });

  it("catches a page that is told to be empty and is not", async () => {
    const told = Reclaiming.prototype.tellTarget;
    vi.spyOn(Reclaiming.prototype, "tellTarget").mockImplementation(function (this: Reclaiming) {
      const { given, parts } = this as unknown as {
        given: { set(page: number): void; has(page: number): boolean };
        parts: { mover: { owed: { clear(page: number): void } } };
      };
      const page = Array.from({ length: PAGES }, (_, i) => i).find((i) => !given.has(i))!;
      given.set(page);
      parts.mover.owed.clear(page);
      return told.call(this);
    });
    const spec = { ...busy(), domains: busy().domains };
    const quiet = spec.domains.map((it) => ({ ...it, activity: { kind: "idle" } as const }));
    await expect(simulate({ ...spec, domains: quiet })).rejects.toThrow(/owed at the switch/);
  });

  it("sees what the engine asked for", async () => {
    const seen: Command["kind"][] = [];
    await simulate(busy(), { observe: (_, message) => seen.push(message.kind as Command["kind"]) });
    const order = ["enable-log-dirty", "balloon", "prepare", "tell-empty", "pause"] as const;
    const places = order.map((kind) => seen.indexOf(kind));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThanOrEqual(0);
  });
});
