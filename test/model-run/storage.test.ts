/** Disks that move along: everything arrives, in its own books, and what is lost is caught. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { PageMover } from "../../src/migrate/page-mover.js";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { ModelDisk } from "../../src/model/model-disk.js";
import { simulate } from "../../src/model/simulation.js";
import { DISK_BLOCK_BYTES, type SimulationSpec } from "../../src/model/spec.js";
import { small, uniform } from "../support/specs.js";

afterEach(() => {
  vi.restoreAllMocks();
});

const BLOCKS = 4000;

function withDisk(strategy: string, blocksPerSec = 200): SimulationSpec {
  const spec = small({ strategy });
  const disk = { blocks: BLOCKS, activity: uniform(1000, blocksPerSec) };
  return { ...spec, domains: spec.domains.map((it) => ({ ...it, disk })) };
}

async function move(spec: SimulationSpec): Promise<MigrationResult> {
  return (await simulate(spec)).migrations[0]!;
}

describe("storage that moves along", () => {
  it("sends every block at least once, and again what is written meanwhile", async () => {
    const { storage, bytes, verified, stagesNs, bytesSent } = await move(
      withDisk("pre-copy+storage"),
    );
    expect(storage).toMatchObject({ blocks: BLOCKS, blockBytes: DISK_BLOCK_BYTES });
    expect(storage!.blocksSent).toBeGreaterThan(BLOCKS + 100);
    expect(storage!.rounds).toBeGreaterThanOrEqual(3);
    expect(storage!.pauseBlocks).toBeLessThan(50);
    // Each block has a header of 16 bytes.
    expect(storage!.bytes).toBe(storage!.blocksSent * (DISK_BLOCK_BYTES + 16));
    expect(bytes.storage).toBe(storage!.bytes);
    const { rounds, pause, control, residual, total } = bytes;
    expect(rounds + pause + control + residual + bytes.storage).toBe(total);
    expect(bytesSent).toBe(total);
    expect(verified).toMatchObject({ targetDiskEqualsSource: true, targetEqualsSource: true });
    // 262 MB at 117.7 MB/s, before the memory's rounds.
    expect(stagesNs.iterativePreCopy).toBeGreaterThan(2.2e9);
  });

  it("sends a disk that nobody writes once", async () => {
    const { storage } = await move(withDisk("pre-copy+storage", 0));
    expect(storage).toMatchObject({ rounds: 1, blocksSent: BLOCKS, pauseBlocks: 0 });
  });

  it("leaves a shared disk where it is", async () => {
    const shared = await move(withDisk("pre-copy"));
    expect(shared.storage).toBeUndefined();
    expect(shared).toEqual(await move(small({ strategy: "pre-copy" })));
  });

  it("moves a guest without a disk as it is", async () => {
    const { storage, outcome } = await move(small({ strategy: "pre-copy+storage" }));
    expect([storage, outcome]).toEqual([undefined, "target-runs"]);
  });

  it.each([
    "suspend",
    "post-copy",
    "hybrid",
    "seed",
    "pre-copy@qemu72",
    "pre-copy+wsclock",
    "pre-copy+free-page-cache",
    "pre-copy+sdps@vmotion",
  ])("goes with %s", async (name) => {
    const [body, preset] = name.split("@");
    const strategy = `${body}+storage${preset === undefined ? "" : `@${preset}`}`;
    const moved = await move(withDisk(strategy));
    expect(moved.outcome).toBe("target-runs");
    expect(moved.storage?.blocksSent).toBeGreaterThanOrEqual(BLOCKS);
    expect(moved.verified).toMatchObject({ targetDiskEqualsSource: true });
  });

  it("follows the rounds of the memory, so that little is left for the pause", async () => {
    const passes = await move(withDisk("pre-copy+storage", 500));
    expect(passes.storage!.rounds).toBeGreaterThan(2);
    expect(passes.storage!.pauseBlocks).toBeLessThan(passes.storage!.blocksSent - BLOCKS);
  });

  it("gives up as cleanly as without: the source goes on", async () => {
    const spec = withDisk("pre-copy+storage");
    const hasty = spec.migrations.map((it) => ({ ...it, timeoutNs: 1_000_000_000 }));
    const { outcome, stopReason } = await move({ ...spec, migrations: hasty });
    expect([outcome, stopReason]).toEqual(["source-runs", "timeout"]);
  });

  it("gives the same result again", async () => {
    const spec = withDisk("pre-copy+storage");
    expect(await simulate(spec)).toEqual(await simulate(spec));
  });

  it("refuses a disk above the limit", async () => {
    const spec = withDisk("pre-copy+storage");
    const disk = { blocks: 2 ** 24 + 1, activity: { kind: "idle" } as const };
    const domains = spec.domains.map((it) => ({ ...it, disk }));
    await expect(simulate({ ...spec, domains })).rejects.toThrow(/from 1 to 16777216/);
  });
});

describe("the checker of a disk", () => {
  it("catches a block that the dirty map lost", async () => {
    const harvest = ModelDisk.prototype.harvest;
    let lost = -1;
    vi.spyOn(ModelDisk.prototype, "harvest").mockImplementation(function (this: ModelDisk, into) {
      const count = harvest.call(this, into);
      if (lost < 0) lost = into.nextSet(0);
      if (lost >= 0) into.clear(lost);
      return count;
    });
    await expect(simulate(withDisk("pre-copy+storage"))).rejects.toThrow(
      /pages of the target differ.*disk/,
    );
    expect(lost).toBeGreaterThanOrEqual(0);
  });

  it("catches a block that is forgotten in the pause", async () => {
    const sendAll = PageMover.prototype.sendAll;
    let passes = 0;
    vi.spyOn(PageMover.prototype, "sendAll").mockImplementation(function (
      this: PageMover,
      set,
      options,
      done,
    ) {
      // The bulk copy alone is carried out.
      if (this.pages === BLOCKS && ++passes > 1) done(options.nowNs);
      else sendAll.call(this, set, options, done);
    });
    await expect(simulate(withDisk("pre-copy+storage"))).rejects.toThrow(
      /owed at the switch.*disk/,
    );
  });
});
