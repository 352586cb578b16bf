import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BURST_NS, Pacer, RateMeter } from "../../../src/live/transport/pacing.js";

const MS = 1_000_000;
const SEC = 1_000_000_000;

/** 1 kbit/s to 100 Gbit/s. */
const rates = fc.integer({ min: 125, max: 12_500_000_000 });

describe("Pacer", () => {
  it("never lets more pass in any window than its rate, a burst and one write", () => {
    const steps = fc.array(
      fc.record({ bytes: fc.integer({ min: 1, max: 1 << 20 }), idleNs: fc.nat(100 * MS) }),
      { minLength: 2, maxLength: 60 },
    );
    const property = fc.property(rates, steps, (rate, list) => {
      const pacer = new Pacer(rate, 0);
      const sent: { atNs: number; bytes: number }[] = [];
      let nowNs = 0;
      for (const { bytes, idleNs } of list) {
        nowNs += idleNs + pacer.waitNs(nowNs + idleNs);
        sent.push({ atNs: nowNs, bytes });
        pacer.take(bytes, nowNs);
      }
      for (let from = 0; from < sent.length; from++) {
        let sum = 0;
        for (let to = from; to < sent.length; to++) {
          const last = sent[to]!;
          sum += last.bytes;
          const spanNs = last.atNs - sent[from]!.atNs;
          const most = (rate * (spanNs + BURST_NS)) / SEC + last.bytes;
          expect(sum).toBeLessThanOrEqual(most * (1 + 1e-9) + 1);
        }
      }
    });
    fc.assert(property);
  });

  it("gives a sender that always has something its rate within 1 %, timers late or not", () => {
    const lateness = fc.array(fc.nat(15 * MS), { minLength: 1, maxLength: 20 });
    const property = fc.property(rates, fc.integer({ min: 1, max: 200 }), lateness, (...given) => {
      const [rate, frameMs, late] = given;
      const frameBytes = Math.max(1, Math.round((rate * frameMs) / 1000 / 10));
      const pacer = new Pacer(rate, 5 * SEC);
      // 20 s of frames, beside which a burst is a thousandth.
      const frames = Math.ceil((20 * rate) / frameBytes);
      let nowNs = 5 * SEC;
      for (let i = 0; i < frames; i++) {
        const waitNs = pacer.take(frameBytes, nowNs);
        if (waitNs > 0) nowNs += waitNs + late[i % late.length]!;
      }
      const had = ((frames * frameBytes) / (nowNs - 5 * SEC)) * SEC;
      expect(Math.abs(had / rate - 1)).toBeLessThan(0.01);
    });
    fc.assert(property, { numRuns: 50 });
  });

  it("says a wait that is enough and no more", () => {
    const property = fc.property(rates, fc.integer({ min: 1, max: 1 << 24 }), (rate, bytes) => {
      const pacer = new Pacer(rate, 0);
      const waitNs = pacer.take(bytes, 0);
      expect(waitNs).toBe(Math.ceil((bytes * SEC) / rate));
      // Half a wait leaves the other half, within what a float of that size can hold.
      const half = Math.floor(waitNs / 2);
      expect(Math.abs(pacer.waitNs(half) - (waitNs - half))).toBeLessThanOrEqual(
        1 + waitNs * 1e-12,
      );
      expect(pacer.waitNs(waitNs + 1 + waitNs * 1e-12)).toBe(0);
    });
    fc.assert(property);
  });

  it("takes a new rate at once, also for what is owed", () => {
    const pacer = new Pacer(1000, 0);
    expect(pacer.take(1000, 0)).toBe(SEC);
    pacer.setRate(10_000, SEC / 2);
    expect(pacer.waitNs(SEC / 2)).toBe(SEC / 20);
    pacer.setRate(Number.POSITIVE_INFINITY, SEC / 2);
    expect(pacer.take(1e9, SEC / 2)).toBe(0);
    pacer.setRate(1000, SEC / 2);
    expect(pacer.take(10, SEC / 2)).toBe(SEC / 100);
  });

  it("saves up no more than a burst while idle, and at a lower rate that one's burst", () => {
    const pacer = new Pacer(1_000_000, 0);
    expect(pacer.take(20_000, 100 * SEC)).toBe(0);
    expect(pacer.take(1000, 100 * SEC)).toBe(1 * MS);
    const slowed = new Pacer(1_000_000, 0);
    slowed.setRate(1000, 100 * SEC);
    expect(slowed.take(20, 100 * SEC)).toBe(0);
    expect(slowed.take(1, 100 * SEC)).toBe(1 * MS);
  });

  it("is not misled by a clock that steps back", () => {
    const pacer = new Pacer(1000, SEC);
    pacer.take(100, SEC);
    expect(pacer.waitNs(0)).toBe(100 * MS);
    expect(pacer.waitNs(SEC)).toBe(100 * MS);
    expect(pacer.waitNs(SEC + 100 * MS)).toBe(0);
  });

  it("refuses a rate that sends nothing", () => {
    for (const rate of [0, -1, Number.NaN]) {
      expect(() => new Pacer(rate, 0)).toThrow("above 0");
      expect(() => new Pacer(1, 0).setRate(rate, 0)).toThrow("above 0");
    }
  });
});

describe("RateMeter", () => {
  it("shows a steady rate within one delivery of it", () => {
    const everyNs = fc.integer({ min: 10_000, max: 50 * MS });
    const property = fc.property(everyNs, fc.integer({ min: 1, max: 1 << 20 }), (gap, bytes) => {
      const meter = new RateMeter(0);
      const times = Math.ceil((2 * SEC) / Math.max(gap, MS));
      for (let i = 1; i <= times; i++) meter.add(bytes, i * gap);
      const rate = (bytes * SEC) / gap;
      // The window is at least 0.9 s once that long has passed; one delivery may fall out of it.
      const windowNs = Math.min(times * gap, 0.9 * SEC);
      const seen = meter.bytesPerSec(times * gap);
      expect(Math.abs(seen / rate - 1)).toBeLessThanOrEqual(gap / windowNs + 1e-9);
    });
    fc.assert(property);
  });

  it("forgets what lies more than its window back", () => {
    const meter = new RateMeter(0);
    meter.add(1000, 50 * MS);
    expect(meter.bytesPerSec(100 * MS)).toBe(10_000);
    expect(meter.bytesPerSec(SEC - 1)).toBeCloseTo(1000, 3);
    expect(meter.bytesPerSec(SEC + 100 * MS)).toBe(0);
    meter.add(500, 7 * SEC);
    expect(meter.bytesPerSec(7 * SEC + 50 * MS)).toBeCloseTo(500 / 0.95, 3);
    expect(meter.bytesPerSec(900 * SEC)).toBe(0);
  });

  it("is 0 at its start", () => {
    expect(new RateMeter(5 * SEC).bytesPerSec(5 * SEC)).toBe(0);
  });
});
