/**
 * The adaptive strategy on guests whose outcome can be told beforehand: it ends within the downtime
 * limit where plain pre-copy does not, slows only guests that need it, and moves them instead where
 * that is asked for.
 */
import { describe, expect, it } from "vitest";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { simulate } from "../../src/model/simulation.js";
import { hotCold, type SmallOptions, small, uniform } from "../support/specs.js";

const MS = 1_000_000;
const PAGES = 16_384;

async function move(options: SmallOptions): Promise<MigrationResult> {
  return (await simulate(small({ pages: PAGES, ...options }))).migrations[0]!;
}

/** Writes 100,000 pages a second into 64 MiB over a link that carries 28,000. */
const TOO_FAST = { activity: uniform(PAGES, 100_000), downtimeLimitNs: 150 * MS };

describe("adaptive", () => {
  it("ends within the limit where pre-copy is cut off far above it", async () => {
    const plain = await move({ ...TOO_FAST, strategy: "pre-copy@xen" });
    expect(plain.stopReason).toBe("max-iterations");
    expect(plain.downtimeNs).toBeGreaterThan(2 * TOO_FAST.downtimeLimitNs);
    const adaptive = await move({ ...TOO_FAST, strategy: "adaptive" });
    expect(adaptive.outcome).toBe("target-runs");
    expect(adaptive.downtimeNs).toBeLessThanOrEqual(TOO_FAST.downtimeLimitNs);
    expect(adaptive.guestSlowdown).toBeGreaterThan(plain.guestSlowdown);
    expect(adaptive.rounds.at(-1)!.cpuShare).toBeLessThan(1);
  });

  it("leaves a guest alone that converges by itself", async () => {
    const quiet = await move({ activity: hotCold(PAGES, 2000), strategy: "adaptive" });
    expect(quiet.rounds.every(({ cpuShare }) => cpuShare === 1)).toBe(true);
    expect(quiet.downtimeNs).toBeLessThanOrEqual(300 * MS);
  });

  it("moves the guest rather than slow it, if asked to", async () => {
    const moved = await move({ ...TOO_FAST, strategy: "adaptive:post-copy" });
    expect(moved.outcome).toBe("target-runs");
    expect(moved.stopReason).toBe("does not converge");
    expect(moved.residualPages).toBeGreaterThan(0);
    expect(moved.exposureNs).toBeGreaterThan(0);
  });

  it("moves a guest that not even the least share slows down enough", async () => {
    // Every page again within 4 ms: at a hundredth of the CPU still 40,000 pages a second.
    const wild = { activity: uniform(PAGES, 4_000_000), downtimeLimitNs: 150 * MS };
    const moved = await move({ ...wild, strategy: "adaptive" });
    expect(moved.outcome).toBe("target-runs");
    expect(moved.stopReason).toBe("does not converge, however slow it runs");
    expect(moved.downtimeNs).toBeLessThanOrEqual(wild.downtimeLimitNs);
  });

  it("stops when it fits where a page less in the pause is worth nothing", async () => {
    const options = { activity: uniform(PAGES, 5000) };
    const soon = await move({ ...options, strategy: "adaptive:worth=0" });
    const late = await move({ ...options, strategy: "adaptive" });
    expect(soon.totalNs).toBeLessThanOrEqual(late.totalNs);
    expect(late.downtimeNs).toBeLessThan(soon.downtimeNs);
  });

  it("says what it saw", async () => {
    const { strategyState, stopReason } = await move({ ...TOO_FAST, strategy: "adaptive" });
    expect(stopReason).toBe("fits the downtime limit");
    expect(strategyState.ticks).toBeGreaterThan(0);
    expect(strategyState.lowestPages).toBeLessThanOrEqual(strategyState.roomPages as number);
  });

  it.each([1, 2, 63, 64, 65])("moves a guest of %i pages", async (pages) => {
    const activity = uniform(pages, 1000);
    const moved = await move({ pages, activity, strategy: "adaptive" });
    expect(moved.outcome).toBe("target-runs");
  });

  it("gives up at the time-out when the link carries nothing", async () => {
    const stuck = { bandwidthBytesPerSec: 0, timeoutNs: 1000 * MS, strategy: "adaptive" };
    expect((await move(stuck)).stopReason).toBe("timeout");
  });
});
