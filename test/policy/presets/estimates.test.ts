import { describe, expect, it } from "vitest";
import { parseParams } from "../../../src/base/params.js";
import { cloudHypervisor } from "../../../src/policy/presets/cloud-hypervisor.js";
import { hyperVBeforeRound } from "../../../src/policy/presets/hyper-v.js";
import { PRESETS } from "../../../src/policy/presets/index.js";
import { vmotionBeforeRound } from "../../../src/policy/presets/vmotion.js";
import type { RoundStats } from "../../../src/policy/stop-rule.js";
import { answer, roundStats } from "../round-stats.js";

const PAGE = 4096;
const pages = (dirtyCount: number): Partial<RoundStats> => ({
  dirtyCount,
  dirtyBytes: dirtyCount * PAGE,
});

describe("cloud-hypervisor", () => {
  const params = cloudHypervisor.params ?? {};
  const rule = (text: string) =>
    cloudHypervisor.configure?.(parseParams("cloud-hypervisor", text, params)).createStopRule();
  const ask = (text: string, given: Partial<RoundStats>): string =>
    answer(rule(text)?.beforeRound(roundStats({ bandwidthBytesPerSec: 1e9, ...given })) as never);

  // 300 ms at 10^9 bytes a second are 73,242.1875 pages.
  const vectors: [string, string, Partial<RoundStats>, string][] = [
    ["the first iteration sends all", "", { ...pages(0), iteration: 0 }, "continue"],
    ["nothing left", "", pages(0), "stop: dirty-count"],
    ["fits", "", pages(73_242), "stop: downtime-limit"],
    ["does not fit", "", pages(73_243), "continue"],
    ["no bandwidth yet", "", { ...pages(9), bandwidthBytesPerSec: 0 }, "continue"],
    ["an hour less 1 ns", "", { ...pages(99_999), elapsedNs: 3.6e12 - 1 }, "continue"],
    ["after an hour", "", { ...pages(99_999), elapsedNs: 3.6e12 }, "abort: timeout"],
    [
      "or finishes",
      "timeout=10s,timeout-strategy=ignore",
      { ...pages(99_999), elapsedNs: 1e10 },
      "stop: timeout",
    ],
    [
      "fits at the last moment",
      "timeout=10s",
      { ...pages(1), elapsedNs: 1e10 },
      "stop: downtime-limit",
    ],
  ];
  it.each(vectors)("%s", (_name, text, given, expected) => {
    expect(ask(text, given)).toBe(expected);
  });

  it("has no limit of rounds", () => {
    expect(ask("", { ...pages(99_999), iteration: 5000 })).toBe("continue");
  });
});

describe("vmotion", () => {
  const vectors: [string, Partial<RoundStats>, string][] = [
    ["before the first pass", { ...pages(100_000), iteration: 0 }, "continue"],
    ["16 MiB less a page", pages(4095), "stop: dirty-count"],
    ["16 MiB", { ...pages(4096), pagesSent: 4097 }, "continue"],
    ["one page less than before", { ...pages(9999), pagesSent: 10_000 }, "continue"],
    ["as many as before", { ...pages(10_000), pagesSent: 10_000 }, "stop: no-progress"],
    [
      "skipped pages were in the set too",
      { ...pages(10_000), pagesSent: 9000, pagesSkipped: 1001 },
      "continue",
    ],
  ];
  it.each(vectors)("%s", (_name, given, expected) => {
    expect(answer(vmotionBeforeRound(roundStats(given)))).toBe(expected);
  });
});

describe("hyper-v", () => {
  const vectors: [number, number, string][] = [
    [0, 50_000, "continue"],
    [1, 0, "stop: dirty-count"],
    [1, 7324, "stop: downtime-limit"],
    [9, 50_000, "continue"],
    [10, 50_000, "stop: max-iterations"],
  ];
  it.each(vectors)("pass %i with %i pages: %s", (iteration, dirtyCount, expected) => {
    const given = { ...pages(dirtyCount), iteration, bandwidthBytesPerSec: 1e8 };
    expect(answer(hyperVBeforeRound(roundStats(given)))).toBe(expected);
  });
});

describe("every preset", () => {
  it("with parameters is, by default, what it is without being configured", () => {
    const configurable = PRESETS.filter(({ configure }) => configure !== undefined);
    expect(configurable.map(({ name }) => name)).toEqual(["qemu72", "qemu102", "cloud-hypervisor"]);
    for (const preset of configurable) {
      const again = preset.configure?.(parseParams(preset.name, "", preset.params ?? {}));
      const plain = (of: object | undefined) => JSON.stringify(of);
      expect(plain(again)).toBe(plain(preset));
    }
  });

  it("has slots where it says so", () => {
    const slotted = PRESETS.filter(({ loop }) => loop === "slots");
    expect(slotted.map(({ name, slots }) => [name, slots !== undefined])).toEqual([
      ["qemu72", true],
      ["qemu102", true],
    ]);
  });
});
