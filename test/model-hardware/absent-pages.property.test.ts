/**
 * A guest runs while its pages arrive one by one: what it did is what it would have done with all
 * of them there, each VCPU less the time that it stood, and that time is counted right.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ActivitySpec, createActivity } from "../../src/guest/activity.js";
import { GuestPages, Kernels, PageBitmap } from "../../src/kernels/index.js";
import { ModelGuest } from "../../src/model/model-guest.js";
import type { VcpuFault } from "../../src/model/vcpus.js";
import { allBlockedOf, type Blocked, blocktimeOf } from "../model/blocktime.js";
import { small } from "../support/specs.js";

const PAGES = 200;
const MS = 1_000_000;
const SEED = 11;

interface Case {
  readonly vcpus: number;
  readonly rates: number[];
  readonly absent: number[];
  readonly latencyNs: number;
  readonly stepNs: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  vcpus: fc.integer({ min: 1, max: 4 }),
  rates: fc.array(fc.integer({ min: 50, max: 20_000 }), { minLength: 1, maxLength: 5 }),
  absent: fc.uniqueArray(fc.nat(PAGES - 1), { maxLength: PAGES }),
  latencyNs: fc.integer({ min: 1, max: 5 * MS }),
  stepNs: fc.integer({ min: 1 * MS, max: 30 * MS }),
});

function activityOf({ rates }: Case): ActivitySpec {
  const components = rates.map((accessesPerSec, i) => ({
    pattern: { kind: "uniform", firstPage: i * 10, pages: PAGES - i * 20, writeFraction: 0.7 },
    accessesPerSec,
  }));
  return { kind: "synthetic", components } as ActivitySpec;
}

function guestOf(it: Case): { kernels: Kernels; guest: ModelGuest } {
  const kernels = Kernels.loadSync({ arenaBytes: 1 << 20 });
  const [spec] = small({ pages: PAGES, activity: activityOf(it) }).domains;
  const guest = new ModelGuest({
    kernels,
    spec: { ...spec!, vcpus: it.vcpus },
    seed: SEED,
    trackReferences: false,
    trackLastUse: false,
    trackAbsent: true,
    foresees: false,
  });
  return { kernels, guest };
}

/** Answers every fault after the latency until `endNs`, arrivals in order of time. */
function serve(guest: ModelGuest, { latencyNs, stepNs }: Case, endNs: number): Blocked[] {
  const blocked: Blocked[] = [];
  let open: VcpuFault[] = [];
  let nowNs = 0;
  while (nowNs < endNs) {
    const asked = Math.min(...open.map((fault) => fault.atNs));
    // The first request for a page brings it, also to who asks later.
    const arrivesNs = asked + latencyNs;
    const untilNs = Math.min(endNs, nowNs + stepNs, Math.max(arrivesNs, nowNs));
    open.push(...guest.advanceUntilFault(untilNs));
    open.sort((a, b) => a.atNs - b.atNs);
    const first = open[0];
    if (first === undefined || first.atNs + latencyNs > untilNs) {
      nowNs = untilNs;
      continue;
    }
    const cameNs = first.atNs + latencyNs;
    open.push(...guest.advanceUntilFault(cameNs));
    guest.resolve(first.page, cameNs);
    for (const { vcpu, page, atNs } of open) {
      if (page !== first.page || atNs >= cameNs) continue;
      blocked.push({ vcpu, fromNs: atNs, toNs: cameNs });
    }
    open = open.filter(({ page }) => page !== first.page);
  }
  return blocked;
}

describe("a guest with absent pages", () => {
  it("does what it would have done, each VCPU less the time that it stood", () => {
    fc.assert(
      fc.property(cases, (it) => {
        const { kernels, guest } = guestOf(it);
        const missing = PageBitmap.create(kernels, PAGES);
        for (const page of it.absent) missing.set(page);
        guest.expectPages(missing);
        serve(guest, it, 400 * MS);
        // The rest comes at once, and the guest goes on without faults.
        for (let page = 0; page < PAGES; page++) {
          if (guest.pages.absent!.has(page)) guest.resolve(page, 400 * MS);
        }
        guest.allArrived();
        expect(guest.pages.faulting).toBe(false);
        guest.advanceTo(600 * MS);

        const stalls = guest.stalls!;
        const stood = stalls.vcpuBlocktimeNs;
        const total = stood.reduce((sum, ns) => sum + ns, 0);
        expect(guest.ranNs).toBe(Math.floor(600 * MS - total / it.vcpus));
        expect(guest.baselineNs).toBe(600 * MS);
        expect(stalls.remote.stallNs).toBe(total);
        expect(stalls.remote.buckets.reduce((a, b) => a + b, 0)).toBe(stalls.remote.count);

        const twin = Kernels.loadSync({ arenaBytes: 1 << 20 });
        const plain = GuestPages.create(twin, PAGES);
        const activity = createActivity(twin, activityOf(it), { pages: PAGES, seed: SEED });
        it.rates.forEach((_, i) => {
          activity.runStream(i, plain, 0, 600 * MS - stood[i % it.vcpus]!);
        });
        const versions = Array.from({ length: PAGES }, (_, page) => page);
        expect(versions.map((p) => guest.pages.version(p))).toEqual(
          versions.map((p) => plain.version(p)),
        );
      }),
      { numRuns: 80 },
    );
  });

  it("counts blocktime as intervals add up", () => {
    fc.assert(
      fc.property(cases, (it) => {
        const { kernels, guest } = guestOf(it);
        const missing = PageBitmap.create(kernels, PAGES);
        for (const page of it.absent) missing.set(page);
        guest.expectPages(missing);
        const blocked = serve(guest, it, 3_000 * MS);
        fc.pre(!blocked.some(({ toNs }) => toNs > 3_000 * MS));
        const stalls = guest.stalls!;
        const ended = stalls.remote.buckets.reduce((a, b) => a + b, 0);
        expect(ended).toBe(blocked.length);
        expect(stalls.vcpuBlocktimeNs).toEqual(
          stalls.vcpuBlocktimeNs.map((_, vcpu) => blocktimeOf(vcpu, blocked)),
        );
        expect(stalls.allBlockedNs).toBe(allBlockedOf(it.vcpus, blocked));
        expect(stalls.remote.worstNs).toBe(
          Math.max(0, ...blocked.map(({ fromNs, toNs }) => toNs - fromNs)),
        );
      }),
      { numRuns: 80 },
    );
  });
});
