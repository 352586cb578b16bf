/**
 * The guests of an experiment on a live Xen 4.17 (PVH guest of 128 MB, link of 24 MB/s, writes
 * sampled at 5 Hz, tau 1 s of guest time, at most 4,096 pages held), set up in the model.
 */
import type { SyntheticComponent } from "../../src/guest/synthetic.js";
import type { WorkloadSpec } from "../../src/kernels/index.js";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { simulate } from "../../src/model/simulation.js";
import { small } from "./specs.js";

const PAGES = 32_768;
/** Measured on PVH guests of Xen 4.17. */
const SUSPEND_DIRTIES = 260;
export const LIVE_XEN_WSCLOCK = "wsclock:tau=1s,tick=200ms";

export interface LiveXenGuest {
  readonly name: string;
  readonly pattern: WorkloadSpec | undefined;
  readonly rate: number;
  readonly heldPagesMax: number;
  /** Pages in all, by default and held back. */
  readonly real: readonly [number, number];
  /** Pages in the last copy, by default and held back, over one or two runs. */
  readonly realLastCopy: readonly [string, string];
}

export const LIVE_XEN_GUESTS: readonly LiveXenGuest[] = [
  {
    name: "hot/cold 90/10, 12,288 pages, 4,000/s",
    pattern: { kind: "hot-cold", firstPage: 0, pages: 12_288, hotPages: 1229, hotFraction: 0.9 },
    rate: 4000,
    heldPagesMax: 4096,
    real: [41_836, 36_464],
    realLastCopy: ["976 to 1,170", "1,725"],
  },
  {
    name: "uniform, 1,024 pages, 4,000/s",
    pattern: { kind: "uniform", firstPage: 0, pages: 1024 },
    rate: 4000,
    heldPagesMax: 4096,
    real: [36_020, 33_064],
    realLastCopy: ["682 to 687", "1,372 to 1,376"],
  },
  {
    name: "uniform, 12,288 pages, 6,000/s",
    pattern: { kind: "uniform", firstPage: 0, pages: 12_288 },
    rate: 6000,
    heldPagesMax: 4096,
    real: [70_900, 51_400],
    realLastCopy: ["4,805 to 6,186", "5,871"],
  },
  {
    name: "cyclic sequential, 8,192 pages, 3,000/s",
    pattern: { kind: "sequential", firstPage: 0, pages: 8192 },
    rate: 3000,
    heldPagesMax: 4096,
    real: [52_900, 39_800],
    realLastCopy: ["1,323 to 2,240", "4,331 to 4,508"],
  },
  {
    // The exponent of the real guest's choice of pages is not recorded; 1 is the common case.
    name: "Zipf, 12,288 pages, 4,000/s",
    pattern: { kind: "zipf", firstPage: 0, pages: 12_288, exponent: 1 },
    rate: 4000,
    heldPagesMax: 4096,
    real: [43_778, 40_022],
    realLastCopy: ["675 to 889", "1,958 to 2,003"],
  },
  {
    name: "idle",
    pattern: undefined,
    rate: 0,
    heldPagesMax: 1024,
    real: [33_400, 33_000],
    realLastCopy: ["310", "339"],
  },
];

/** The pages that an idle PVH kernel writes all the time, and those about once a second. */
const KERNEL: readonly SyntheticComponent[] = [
  { pattern: { kind: "uniform", firstPage: PAGES - 53, pages: 53 }, accessesPerSec: 53_000 },
  { pattern: { kind: "uniform", firstPage: PAGES - 117, pages: 64 }, accessesPerSec: 64 },
];

export async function moveLiveXen(guest: LiveXenGuest, strategy: string): Promise<MigrationResult> {
  const { pattern, rate, heldPagesMax } = guest;
  const dirtier = pattern === undefined ? [] : [{ pattern, accessesPerSec: rate }];
  const bandwidth = 24_000_000;
  const spec = small({
    pages: PAGES,
    activity: { kind: "synthetic", components: [...KERNEL, ...dirtier] },
    suspendDirtiesPages: SUSPEND_DIRTIES,
    // The link's 24 MB/s are what the pipe let through: no frames to pay for.
    bandwidthBytesPerSec: (bandwidth * 1538) / 1448,
    // The cap as a downtime budget: so many pages, those that suspending dirties, and what is fixed
    // besides (under 40 ms here).
    downtimeLimitNs: (((heldPagesMax + SUSPEND_DIRTIES) * 4104) / bandwidth) * 1e9 + 40_000_000,
    strategy,
  });
  const started = { ...spec, migrations: spec.migrations.map((m) => ({ ...m, startNs: 2e9 })) };
  return (await simulate(started)).migrations[0]!;
}
