import { describe, expect, it } from "vitest";
import { AssertionError } from "../../src/base/assert.js";
import { power } from "../../src/base/math.js";
import type { ActivitySpec } from "../../src/guest/activity.js";
import { Kernels, PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import { ModelGuest } from "../../src/model/model-guest.js";
import { simulate } from "../../src/model/simulation.js";
import type { DomainSpec } from "../../src/model/spec.js";
import { small } from "../support/specs.js";

const PAGES = 100;
const MS = 1_000_000;

/** Streams that write their ten pages in turn, one a millisecond: page k at (k + 1) ms. */
function writers(streams: number, pagesEach = 10): ActivitySpec {
  const components = Array.from({ length: streams }, (_, i) => ({
    pattern: { kind: "sequential", firstPage: i * pagesEach, pages: pagesEach } as const,
    accessesPerSec: 1000,
  }));
  return { kind: "synthetic", components };
}

function world(activity: ActivitySpec, domain: Partial<DomainSpec> = {}) {
  const [base] = small({ pages: PAGES, activity }).domains;
  const spec = { ...base!, ...domain };
  const keeps = { trackReferences: false, trackLastUse: false, trackAbsent: true, foresees: false };
  const kernels = Kernels.loadSync({ arenaBytes: ModelGuest.arenaBytes(spec, keeps) + 4096 });
  const guest = new ModelGuest({ kernels, spec, seed: 5, ...keeps });
  const pages = (...list: number[]) => {
    const bitmap = PageBitmap.create(kernels, PAGES);
    for (const page of list) bitmap.set(page);
    return bitmap;
  };
  return { kernels, guest, pages };
}

const versionsOf = (guest: ModelGuest) =>
  Array.from({ length: PAGES }, (_, page) => guest.pages.version(page));

describe("pages that are expected", () => {
  it("stop the VCPU that needs one, and only that, until it is here", () => {
    const { guest, pages } = world(writers(2), { vcpus: 2 });
    guest.advanceTo(2 * MS);
    guest.expectPages(pages(4, 99));
    const faults = guest.advanceUntilFault(9 * MS);
    expect(faults).toEqual([{ vcpu: 0, page: 4, atNs: 5 * MS - 1 }]);
    expect(versionsOf(guest).slice(0, 20)).toEqual([
      ...[1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
      ...[1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
    ]);
    expect(guest.advanceUntilFault(9 * MS)).toEqual([]);
    expect(guest.ranNs).toBe((9 * MS + 5 * MS - 1) / 2 - 0.5);
    guest.resolve(4, 9 * MS);
    expect(guest.advanceUntilFault(11 * MS)).toEqual([]);
    expect(guest.pages.version(4)).toBe(1);
    expect([guest.pages.version(5), guest.pages.version(6)]).toEqual([1, 0]);
    expect(guest.stalls!.vcpuBlocktimeNs).toEqual([4 * MS + 1, 0]);
    expect(guest.stalls!.allBlockedNs).toBe(0);
    // Since the switch: pages 2 to 5, and 12 to 19 and 10.
    expect(guest.touchedPages()).toBe(4 + 9);
  });

  it("are awaited by two VCPUs at once", () => {
    const both: ActivitySpec = {
      kind: "synthetic",
      components: [1000, 500].map((accessesPerSec) => ({
        pattern: { kind: "sequential", firstPage: 0, pages: 10 },
        accessesPerSec,
      })),
    };
    const { guest, pages } = world(both, { vcpus: 2 });
    guest.expectPages(pages(3));
    expect(guest.advanceUntilFault(10 * MS)).toEqual([
      { vcpu: 0, page: 3, atNs: 4 * MS - 1 },
      { vcpu: 1, page: 3, atNs: 8 * MS - 1 },
    ]);
    guest.resolve(3, 10 * MS);
    expect(guest.stalls!.remote.count).toBe(2);
    expect(guest.stalls!.allBlockedNs).toBe(2 * MS + 1);
    guest.advanceTo(14 * MS);
    expect(guest.pages.version(3)).toBe(2);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])("stop a VCPU at the first of its streams' faults, whatever their order (%d, %d)", (a, b) => {
    // Page 3 is written at 4 ms, page 52 at 3.75 ms.
    const streams = [
      { firstPage: 0, accessesPerSec: 1000 },
      { firstPage: 50, accessesPerSec: 800 },
    ].map(({ firstPage, accessesPerSec }) => ({
      pattern: { kind: "sequential", firstPage, pages: 10 } as const,
      accessesPerSec,
    }));
    const components = [streams[a]!, streams[b]!];
    const { guest, pages } = world({ kind: "synthetic", components });
    guest.expectPages(pages(3, 52));
    const early = { vcpu: 0, page: 52, atNs: 3.75 * MS - 1 };
    expect(guest.advanceUntilFault(9 * MS)).toEqual([early]);
    guest.resolve(52, 9 * MS);
    expect(guest.advanceUntilFault(20 * MS)).toEqual([{ vcpu: 0, page: 3, atNs: 9.25 * MS }]);
  });

  it("that came before they were missed stop nobody", () => {
    const { guest, pages } = world(writers(1));
    guest.expectPages(pages(5));
    expect(guest.advanceUntilFault(20 * MS).length).toBe(1);
    guest.resolve(5, 3 * MS);
    guest.advanceTo(20 * MS);
    expect(guest.ranNs).toBe(20 * MS);
    expect(guest.stalls!.remote.count).toBe(0);
  });

  it("may come many at a time, and the end says so", () => {
    const { kernels, guest, pages } = world(writers(1));
    guest.expectPages(pages(5, 6, 7));
    guest.advanceUntilFault(20 * MS);
    expect(() => guest.allArrived()).toThrow(AssertionError);
    const list = U32Buffer.create(kernels, 3);
    list.set([5, 6, 7]);
    guest.arrived(list, 20 * MS);
    guest.allArrived();
    guest.advanceTo(30 * MS);
    expect(guest.stalls!.remote.count).toBe(1);
    expect(guest.ranNs).toBe(16 * MS - 1);
  });

  it("take no time from a guest that is paused", () => {
    const { guest, pages } = world(writers(1));
    guest.advanceTo(1 * MS);
    guest.expectPages(pages(50));
    guest.pause();
    guest.advanceTo(40 * MS);
    guest.resume();
    guest.advanceTo(43 * MS);
    expect([guest.ranNs, guest.baselineNs]).toEqual([4 * MS, 4 * MS]);
    expect(guest.pages.versionSum()).toBe(4);
  });
});

describe("pages that were taken away", () => {
  it("are brought back by the guest itself, and have been written", () => {
    const { guest, pages } = world(writers(1));
    guest.enableLogDirty();
    guest.refaultNs = 5 * MS;
    guest.takeAway(pages(3, 77));
    guest.advanceTo(6 * MS);
    expect([guest.pages.version(3), guest.pages.dirty.has(3)]).toEqual([0, false]);
    guest.advanceTo(9 * MS - 1);
    expect(guest.pages.version(3)).toBe(0);
    guest.advanceTo(9 * MS);
    // The disk's write and the guest's own.
    expect([guest.pages.version(3), guest.pages.dirty.has(3)]).toEqual([2, true]);
    guest.advanceTo(20 * MS);
    expect([guest.ranNs, guest.baselineNs]).toEqual([15 * MS, 20 * MS]);
    const { local, remote } = guest.stalls!;
    expect([local.count, local.stallNs, local.worstNs]).toEqual([1, 5 * MS, 5 * MS]);
    expect(remote.count).toBe(0);
    expect(guest.pages.absent!.count()).toBe(1);
    expect(guest.faults).toBe(9);
  });

  it("are read once for two VCPUs, the later of which waits less", () => {
    const both: ActivitySpec = {
      kind: "synthetic",
      components: [1000, 500].map((accessesPerSec) => ({
        pattern: { kind: "sequential", firstPage: 0, pages: 10 },
        accessesPerSec,
      })),
    };
    const { guest, pages } = world(both, { vcpus: 2 });
    guest.refaultNs = 10 * MS;
    guest.takeAway(pages(3));
    guest.advanceTo(30 * MS);
    expect(guest.stalls!.vcpuBlocktimeNs).toEqual([10 * MS, 6 * MS]);
    expect(guest.stalls!.allBlockedNs).toBe(6 * MS);
    // Twice by stream 0 (20 ms), twice by stream 1 (at 8 and 28 ms of 24), once by the disk.
    expect(guest.pages.version(3)).toBe(2 + 1 + 1);
  });

  it("can be missing beside pages that are expected", () => {
    const { guest, pages } = world(writers(1));
    guest.refaultNs = 2 * MS;
    guest.takeAway(pages(1));
    guest.expectPages(pages(4));
    expect(guest.advanceUntilFault(20 * MS)).toEqual([{ vcpu: 0, page: 4, atNs: 7 * MS - 1 }]);
    guest.resolve(4, 20 * MS);
    guest.allArrived();
    expect([guest.stalls!.local.count, guest.stalls!.remote.count]).toEqual([1, 1]);
  });

  it("need a guest that keeps which are absent", () => {
    const { kernels, pages } = world(writers(1));
    const [spec] = small({ pages: PAGES, activity: writers(1) }).domains;
    const keeps = { trackReferences: false, trackLastUse: false, foresees: false };
    const large = Kernels.loadSync({ arenaBytes: 1 << 20 });
    const guest = new ModelGuest({ kernels: large, spec: spec!, seed: 1, ...keeps });
    expect(() => guest.takeAway(pages(1))).toThrow(AssertionError);
    expect(kernels.arenaUsedBytes).toBeGreaterThan(0);
  });
});

describe("streams that are watched", () => {
  it("change nothing by being watched", () => {
    const runs = [false, true].map((watched) => {
      const { guest } = world(writers(3), { vcpus: 1 });
      guest.enableLogDirty();
      guest.faultNs = 70_000;
      guest.speed = 0.7;
      if (watched) expect(guest.watchStreams()).toBe(3);
      for (const ms of [1, 7, 30, 31, 90]) guest.advanceTo(ms * MS);
      return { ran: guest.ranNs, faults: guest.faults, versions: versionsOf(guest) };
    });
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[0]!.faults).toBe(30);
  });

  it("know their write faults since the last harvest", () => {
    const { guest, kernels } = world(writers(2));
    const log = PageBitmap.create(kernels, PAGES);
    guest.enableLogDirty();
    guest.watchStreams();
    guest.advanceTo(4 * MS);
    expect([guest.faultsOfStream(0), guest.faultsOfStream(1)]).toEqual([4, 4]);
    guest.harvest("ram", log);
    guest.advanceTo(10 * MS);
    expect([guest.faultsOfStream(0), guest.faults]).toEqual([6, 20]);
  });

  it("make no progress while stunned, and lose no access", () => {
    const { guest } = world(writers(2), { vcpus: 1 });
    guest.advanceTo(2 * MS);
    guest.stun(1);
    guest.advanceTo(6 * MS);
    expect([guest.pages.version(5), guest.pages.version(12)]).toEqual([1, 0]);
    expect([guest.ranNs, guest.baselineNs]).toEqual([4 * MS, 6 * MS]);
    guest.unstunAll();
    guest.advanceTo(9 * MS);
    expect(versionsOf(guest).slice(0, 20)).toEqual([
      ...[1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
      ...[1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
    ]);
    expect(guest.ranNs).toBe(7 * MS);
  });

  it("all stunned, the guest stands", () => {
    const { guest } = world(writers(2), { vcpus: 2 });
    guest.stun(0);
    guest.stun(1);
    guest.advanceTo(50 * MS);
    expect([guest.ranNs, guest.pages.versionSum()]).toEqual([0, 0]);
  });
});

describe("what slows a guest", () => {
  it("an extra stall for each first write stops the VCPU that writes", () => {
    const runs = [1, 4].map((vcpus) => {
      const { guest } = world(writers(1, 100), { vcpus });
      guest.stallPerFaultNs = 500_000;
      guest.enableLogDirty();
      guest.watchStreams();
      guest.advanceTo(60 * MS);
      return { lost: guest.baselineNs - guest.ranNs, faults: guest.faults };
    });
    // Slices of 10 ms run for 10, 5, 7.5, 6.5, 6.5 and 7 ms: what the one before wrote stands first.
    expect(runs[0]).toEqual({ lost: 17.5 * MS, faults: 42 });
    expect(runs[1]).toEqual({ lost: (17.5 * MS) / 4, faults: 42 });
  });

  it("costs as much when it runs as one", () => {
    const { guest } = world(writers(1, 100), { vcpus: 1 });
    guest.stallPerFaultNs = 500_000;
    guest.enableLogDirty();
    guest.advanceTo(60 * MS);
    expect([guest.baselineNs - guest.ranNs, guest.faults]).toEqual([17.5 * MS, 42]);
  });

  it.each([false, true])("memory activity falls less than its CPU share (apart: %s)", (apart) => {
    const { guest } = world(writers(1), { writeElasticity: 0.5 });
    guest.speed = 0.25;
    if (apart) guest.watchStreams();
    guest.advanceTo(200 * MS);
    expect(guest.ranNs).toBe(50 * MS);
    expect(guest.pages.versionSum()).toBe(Math.floor(power(0.25, 0.5) * 200 + 1e-6));
    expect(guest.pages.versionSum()).toBe(100);
    guest.speed = 0;
    guest.advanceTo(400 * MS);
    expect(guest.pages.versionSum()).toBe(100);
  });

  it("an elasticity outside of 0 to 1 is refused", async () => {
    const spec = small();
    const domains = [{ ...spec.domains[0]!, writeElasticity: 1.5 }];
    await expect(simulate({ ...spec, domains })).rejects.toThrow(/elasticity is 1.5.*from 0 to 1/);
  });
});
