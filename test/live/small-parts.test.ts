/** The small parts of the live driver, each alone: checks, digest, clocks, shares, progress. */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/base/random.js";
import { Kernels, U32Buffer } from "../../src/kernels/index.js";
import { PeerClock } from "../../src/live/clock.js";
import { GuestShare } from "../../src/live/guest-share.js";
import { liveConfig } from "../../src/live/live-config.js";
import { ProgressMeter } from "../../src/live/live-progress.js";
import { MemoryDigest } from "../../src/live/memory-digest.js";
import { nodeCrypto } from "../../src/live/node-crypto.js";
import { PageChecks } from "../../src/live/page-checks.js";
import { webCrypto } from "../../src/live/web-crypto.js";
import { Migration } from "../../src/migrate/migration.js";
import { FakeHost, FakeMachine } from "../support/fake-machines.js";

const PAGE_BYTES = 4096;

describe("checks of pages", () => {
  const kernels = Kernels.loadSync({ arenaBytes: 2 ** 20 });
  const checks = new PageChecks(kernels, 8);
  const ptr = kernels.allocate(8 * PAGE_BYTES, "pages");
  const contents = kernels.bytes(ptr, 8 * PAGE_BYTES);
  const pages = Uint32Array.of(3, 9, 11, 20);
  const unread = () => {
    throw new Error("no page is read");
  };
  const fresh = () => {
    const random = new Random(5);
    for (let i = 0; i < contents.length; i++) contents[i] = random.below(256);
    return { pages, checks: checks.of(pages, ptr) };
  };

  it("find nothing wrong with what was sent, in any order", () => {
    const expected = fresh();
    expect(() => checks.compare(expected, { pages, ptr }, unread)).not.toThrow();
    const first = contents.slice(0, PAGE_BYTES);
    contents.copyWithin(0, PAGE_BYTES, 2 * PAGE_BYTES);
    contents.set(first, PAGE_BYTES);
    const swapped = { pages: Uint32Array.of(9, 3, 11, 20), ptr };
    expect(() => checks.compare(expected, swapped, unread)).not.toThrow();
    expect(() => checks.compare(expected, { pages, ptr }, unread)).toThrow(/page 3 came/);
  });

  it("find any bit that was flipped", () => {
    const expected = fresh();
    const random = new Random(6);
    for (let i = 0; i < 200; i++) {
      const at = random.below(pages.length * PAGE_BYTES);
      const bit = 1 << random.below(8);
      contents[at] = (contents[at] as number) ^ bit;
      const page = pages[Math.floor(at / PAGE_BYTES)];
      const wrong = new RegExp(`page ${page} came`);
      expect(() => checks.compare(expected, { pages, ptr }, unread)).toThrow(wrong);
      contents[at] = (contents[at] as number) ^ bit;
    }
  });

  it("compare a page that was left out with the one that is here", () => {
    const expected = fresh();
    const staged = { pages: pages.subarray(0, 3), ptr };
    const known = contents.slice(3 * PAGE_BYTES, 4 * PAGE_BYTES);
    expect(() => checks.compare(expected, staged, () => known)).not.toThrow();
    known[7] = (known[7] as number) ^ 1;
    expect(() => checks.compare(expected, staged, () => known)).toThrow(/page 20 was left out/);
  });

  it("refuse a page that nobody announced", () => {
    const { checks: all } = fresh();
    const announced = { pages: pages.subarray(0, 3), checks: all.subarray(0, 3) };
    expect(() => checks.compare(announced, { pages, ptr }, unread)).toThrow(/20 came unannounced/);
  });
});

describe("the digest of a memory", () => {
  it("differs when a byte differs or two pages change places", () => {
    const kernels = Kernels.loadSync({ arenaBytes: 2 ** 20 });
    const digest = new MemoryDigest(kernels);
    const machine = new FakeMachine(new FakeHost(2, 130), { boots: true });
    const of = (crypto = nodeCrypto) =>
      Buffer.from(digest.of(machine, 130, crypto)).toString("hex");
    const before = of();
    expect(of()).toBe(before);
    expect(of(webCrypto)).toBe(before);
    const { memory } = machine;
    for (const at of [0, 129 * PAGE_BYTES + 4095, 64 * PAGE_BYTES]) {
      memory[at] = (memory[at] as number) ^ 128;
      expect(of()).not.toBe(before);
      memory[at] = (memory[at] as number) ^ 128;
    }
    const first = memory.slice(PAGE_BYTES, 2 * PAGE_BYTES);
    memory.copyWithin(PAGE_BYTES, 2 * PAGE_BYTES, 3 * PAGE_BYTES);
    memory.set(first, 2 * PAGE_BYTES);
    expect(of()).not.toBe(before);
  });
});

describe("the peer's clock", () => {
  it("is known to half a round trip, of the shortest one", () => {
    const clock = new PeerClock();
    const around = { causedNs: 0, heardNs: 1e9 };
    expect(clock.toOurs(77, around)).toBe(1e9);
    clock.pong(1000, 5_000_500, 3000);
    // Sent at 1,000 and back at 3,000, the answer was given at 2,000.
    expect(clock.toOurs(5_000_500, around)).toBe(2000);
    clock.pong(10_000, 9_999_999, 90_000);
    expect(clock.toOurs(5_000_500, around)).toBe(2000);
    expect(clock.bestRoundTripNs).toBe(2000);
  });

  it("never says that something was before its cause, or after it was heard", () => {
    const clock = new PeerClock();
    clock.pong(0, 1000, 200);
    expect(clock.toOurs(0, { causedNs: 50, heardNs: 90 })).toBe(50);
    expect(clock.toOurs(5000, { causedNs: 50, heardNs: 90 })).toBe(90);
  });
});

describe("a guest's share", () => {
  it("is its part of the time since the work began, counted without what the guest ran", async () => {
    let nowNs = 0;
    let guestNs = 0;
    const machine = { guestNs: () => guestNs, idleNs: () => 0 };
    // Each look at the clock takes 10 µs, which the guest has.
    const share = new GuestShare(machine, 0.75, () => {
      nowNs += 10_000;
      guestNs += 10_000;
      return nowNs;
    });
    await share.work(false, () => {
      nowNs += 1_000_000;
    });
    expect(share.workNs).toBe(1_000_000);
    // Three times what the work took.
    expect(guestNs).toBeGreaterThanOrEqual(3_000_000);
    const before = guestNs;
    await share.work(true, () => {});
    expect(guestNs - before).toBeLessThan(100_000);
  });
});

describe("progress", () => {
  it("estimates an end that never moves away", () => {
    const guest = new FakeMachine(new FakeHost(1, 64)).describe();
    const config = liveConfig(guest, { strategy: "pre-copy" });
    const kernels = Kernels.loadSync({ arenaBytes: Migration.arenaBytes(config) + 2 ** 16 });
    const engine = new Migration(config, kernels);
    let nowNs = 0;
    let queuedBytes = 0;
    const link = {
      get queuedBytes() {
        return queuedBytes;
      },
    };
    const meter = new ProgressMeter(engine, link, () => nowNs);
    const random = new Random(9);
    let etaNs = Number.POSITIVE_INFINITY;
    expect(meter.look().etaNs).toBeUndefined();
    const all = U32Buffer.create(kernels, 64);
    for (let i = 0; i < 100; i++) {
      nowNs += 10e6;
      engine.mover.totals.bytes += random.below(200_000);
      queuedBytes = random.below(50_000);
      all.set(Array.from({ length: random.below(64) }, (_, page) => page));
      engine.mover.owed.reset();
      engine.mover.owed.setBatch(all);
      const { etaNs: next = etaNs, expectedDowntimeNs } = meter.look();
      expect(next).toBeLessThanOrEqual(etaNs);
      expect(expectedDowntimeNs).toBeGreaterThan(0);
      etaNs = next;
    }
    expect(Number.isFinite(etaNs)).toBe(true);
  });
});

describe("what is wished of a live migration", () => {
  const guest = new FakeMachine(new FakeHost(1, 64)).describe();
  it.each([
    ["pre-copy+oracle", {}, /oracle/],
    ["pre-copy+exact-ws", {}, /exact-ws/],
    ["pre-copy+balloon", {}, /balloon/],
    ["pre-copy+nonsense", {}, /nonsense/],
    ["pre-copy", { bandwidthBytesPerSec: 0 }, /moves nothing/],
    ["pre-copy", { bandwidthBytesPerSec: Number.NaN }, /moves nothing/],
  ])("%s %o is refused before anything starts", (strategy, wishes, why) => {
    expect(() => liveConfig(guest, { strategy, ...wishes })).toThrow(why);
  });
});
