/** Xen credit shares against cases worked by hand. */
import { describe, expect, it } from "vitest";
import { CreditScheduler } from "../../src/model/credit-scheduler.js";

function scheduler(
  physicalCpus: number,
  ...domains: { id: string; vcpus?: number; weight?: number; cap?: number; demandCpus?: number }[]
): CreditScheduler {
  const credit = new CreditScheduler({ physicalCpus });
  for (const { id, vcpus = 1, demandCpus = vcpus, ...settings } of domains) {
    credit.add({ id, vcpus, demandCpus, ...settings });
  }
  return credit;
}

describe("credit scheduler shares", () => {
  it("gives weight 512 twice the CPU of weight 256 under contention", () => {
    const credit = scheduler(1, { id: "a", weight: 512 }, { id: "b", weight: 256 });
    expect(credit.shareOf("a")).toBeCloseTo(2 / 3, 12);
    expect(credit.shareOf("b")).toBeCloseTo(1 / 3, 12);
    expect(credit.idleCpus()).toBeCloseTo(0, 12);
  });

  it("does nothing with weights while a CPU is idle", () => {
    const credit = scheduler(2, { id: "a", weight: 65_535 }, { id: "b", weight: 1 });
    expect([...credit.shares()]).toEqual([
      ["a", 1],
      ["b", 1],
    ]);
    credit.configure("a", { weight: 1 });
    expect(credit.shareOf("a")).toBe(1);
  });

  it("halves a busy domain with cap 50, on an idle CPU too", () => {
    const credit = scheduler(1, { id: "a" });
    credit.configure("a", { cap: 50 });
    expect(credit.shareOf("a")).toBe(0.5);
    expect(credit.idleCpus()).toBe(0.5);
    credit.configure("a", { cap: 0 });
    expect(credit.shareOf("a")).toBe(1);
  });

  it("shares what a capped domain leaves among the others by weight", () => {
    const credit = scheduler(
      1,
      { id: "capped", weight: 512, cap: 10 },
      { id: "heavy", weight: 512 },
      { id: "light", weight: 256 },
    );
    expect(credit.shareOf("capped")).toBeCloseTo(0.1, 12);
    expect(credit.shareOf("heavy")).toBeCloseTo(0.6, 12);
    expect(credit.shareOf("light")).toBeCloseTo(0.3, 12);
  });

  it("counts a domain's weight once, however many VCPUs it has", () => {
    const credit = scheduler(2, { id: "wide", vcpus: 4 }, { id: "narrow", vcpus: 1 });
    expect(credit.shareOf("wide")).toBe(1);
    expect(credit.shareOf("narrow")).toBe(1);
  });

  it("lets no domain run more than it asks for, nor more than its VCPUs", () => {
    const credit = scheduler(8, { id: "a", vcpus: 2, demandCpus: 0.25 }, { id: "b", vcpus: 2 });
    expect(credit.shareOf("a")).toBe(0.25);
    expect(credit.shareOf("b")).toBe(2);
    expect(credit.idleCpus()).toBe(5.75);
  });

  it("gives a domain without demand nothing and the others all", () => {
    const credit = scheduler(1, { id: "idle", weight: 65_535, demandCpus: 0 }, { id: "busy" });
    expect(credit.shareOf("idle")).toBe(0);
    expect(credit.shareOf("busy")).toBe(1);
  });

  it("forgets a removed domain", () => {
    const credit = scheduler(1, { id: "a" }, { id: "b" });
    credit.remove("b");
    expect(credit.has("b")).toBe(false);
    expect(credit.shareOf("a")).toBe(1);
  });
});

describe("credit scheduler questions and refusals", () => {
  it("answers what would be without touching what is", () => {
    const credit = scheduler(1, { id: "dom0", demandCpus: 0.5 }, { id: "guest" });
    const before = [...credit.shares()];
    const without = credit.sharesWith(new Map([["dom0", { demandCpus: 0 }]]));
    expect(without.get("guest")).toBe(1);
    const capped = credit.sharesWith(new Map([["guest", { cap: 25 }]]));
    expect([...capped]).toEqual([
      ["dom0", 0.5],
      ["guest", 0.25],
    ]);
    expect([...credit.shares()]).toEqual(before);
  });

  it("keeps an answer that was handed out as it was", () => {
    const credit = scheduler(1, { id: "a" });
    const shares = credit.shares();
    credit.configure("a", { cap: 50 });
    expect(shares.get("a")).toBe(1);
  });

  it.each([
    [{ weight: 0 }, "0 is not an integer from 1 to 65535"],
    [{ weight: 65_536 }, "65536 is not an integer from 1 to 65535"],
    [{ cap: -1 }, "-1 is not an integer from 0 to 200"],
    [{ cap: 201 }, "201 is not an integer from 0 to 200"],
    [{ demandCpus: 2.5 }, "2.5 CPUs: give 0 to 2"],
    [{ demandCpus: Number.NaN }, "NaN CPUs: give 0 to 2"],
  ])("refuses %o with both numbers and changes nothing", (settings, message) => {
    const credit = scheduler(1, { id: "a", vcpus: 2 });
    expect(() => credit.configure("a", settings)).toThrow(message);
    expect(() => credit.sharesWith(new Map([["a", settings]]))).toThrow(message);
    expect(credit.settingsOf("a")).toEqual({
      id: "a",
      vcpus: 2,
      weight: 256,
      cap: 0,
      demandCpus: 2,
    });
  });

  it("refuses hosts and domains that cannot be, and names it does not know", () => {
    expect(() => new CreditScheduler({ physicalCpus: 0 })).toThrow("0 is not an integer from 1");
    const credit = scheduler(1, { id: "a" });
    expect(() => credit.add({ id: "b", vcpus: 0, demandCpus: 0 })).toThrow("0 is not an integer");
    expect(() => credit.add({ id: "a", vcpus: 1, demandCpus: 1 })).toThrow("already scheduled");
    expect(() => credit.shareOf("web")).toThrow("domain web is not scheduled here; there are: a");
    expect(() => credit.sharesWith(new Map([["web", {}]]))).toThrow("web is not scheduled");
  });
});
