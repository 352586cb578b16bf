/** Draining a host: shares, order and makespans that can be added up by hand. */
import { describe, expect, it } from "vitest";
import { type DrainGuest, drainPlan } from "../../../src/forecast/advise/index.js";
import { forecast } from "../../../src/forecast/forecast.js";
import { flat, OPEN } from "./guests.js";

const LINK = 100e6;

function guest(name: string, pages: number, written = 100): DrainGuest {
  return {
    name,
    input: {
      ...{ guest: flat(written, pages), linkKnown: "measured" },
      ...{ strategy: OPEN, circumstances: 1 },
    },
  };
}

const totalMs = ({ input }: DrainGuest, linkBytesPerSec: number) =>
  forecast({ ...input, linkBytesPerSec }).totalMs.high;

describe("a drain", () => {
  it("of nobody is nothing to do", () => {
    const { plans, recommended } = drainPlan([], LINK);
    expect(plans).toEqual([]);
    expect(recommended).toBeUndefined();
  });

  it("of one is that guest's own migration", () => {
    const one = guest("a", 20_000);
    const { plans, recommended } = drainPlan([one], LINK, { atOnceMax: 8 });
    expect(plans).toHaveLength(1);
    expect(recommended?.makespanMs).toBe(totalMs(one, LINK));
    expect(recommended?.order).toMatchObject([{ name: "a", startMs: 0 }]);
  });

  it("starts the shortest first, each where a place becomes free", () => {
    const [small, middle, large] = [guest("s", 10_000), guest("m", 20_000), guest("l", 40_000)];
    const { plans } = drainPlan([large, small, middle], LINK);
    const [alone, two] = plans;
    expect(alone?.order.map(({ name }) => name)).toEqual(["s", "m", "l"]);
    const sum = [small, middle, large].reduce((ms, one) => ms + totalMs(one, LINK), 0);
    expect(alone?.makespanMs).toBeCloseTo(sum, 6);
    // Half of the link each: l starts when s has ended, and ends last.
    const shared = totalMs(small, LINK / 2) + totalMs(large, LINK / 2);
    expect(two?.makespanMs).toBeCloseTo(shared, 6);
    expect(two?.order.at(-1)?.startMs).toBeCloseTo(totalMs(small, LINK / 2), 6);
  });

  it("prefers that all get over to being quick", () => {
    // 5,000 pages of 4,104 bytes take 205 ms of the whole link, 410 ms of half of it.
    const guests = [guest("held", 30_000, 5000), guest("quiet", 30_000)];
    const { plans, recommended } = drainPlan(guests, LINK);
    expect(plans[0]?.failing).toEqual([]);
    expect(plans[1]?.failing.map(({ name }) => name)).toEqual(["held"]);
    expect(plans[1]?.failing[0]?.endMs).toBe(Number.POSITIVE_INFINITY);
    expect(recommended?.atOnce).toBe(1);
    expect(recommended?.worstDowntimeMs).toBeGreaterThan(200);
  });

  it("judges each by what is wanted of all", () => {
    // 10,000 pages take 0.41 s, 60,000 take 2.5 s.
    const guests = [guest("large", 60_000), guest("small", 10_000)];
    const { recommended } = drainPlan(guests, LINK, { goals: { totalMs: 1000 } });
    expect(recommended?.failing.map(({ name }) => name)).toEqual(["large"]);
    expect(recommended?.order).toHaveLength(2);
  });

  it("of many is planned whole", () => {
    const guests = Array.from({ length: 40 }, (_, i) => guest(`g${i}`, 2000 + 100 * i));
    const { plans } = drainPlan(guests, LINK, { atOnceMax: 4 });
    expect(plans.map(({ order }) => order.length)).toEqual([40, 40, 40, 40]);
    for (const { order, atOnce } of plans) {
      for (const { startMs } of order) {
        const running = order.filter((one) => one.startMs <= startMs && one.endMs > startMs);
        expect(running.length).toBeLessThanOrEqual(atOnce);
      }
    }
  });

  it("refuses two of one name, too many, and none at a time", () => {
    expect(() => drainPlan([guest("a", 2000), guest("a", 2000)], LINK)).toThrow(/named "a"/);
    const many = Array.from({ length: 257 }, (_, i) => guest(`g${i}`, 2000));
    expect(() => drainPlan(many, LINK)).toThrow(/257 guests to drain: the limit is 256/);
    for (const atOnceMax of [0, 1.5, 33, Number.NaN]) {
      expect(() => drainPlan([], LINK, { atOnceMax })).toThrow(/guests at a time/);
    }
  });
});
