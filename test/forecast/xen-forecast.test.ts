/** Xen's rounds by hand, and beside 17 recorded `xl migrate` runs. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { forecastXen } from "../../src/forecast/xen-forecast.js";
import { parseXenRun } from "../../src/forecast/xen-run.js";

const lines = readFileSync("test/fixtures/xen-migrations.jsonl", "utf8").trim().split("\n");
const runs = lines.map((line) => parseXenRun(JSON.parse(line) as Record<string, unknown>));

describe("xl migrate, forecast", () => {
  it.each(runs.map((run) => [run.known.id, run] as const))(
    "%s: live rounds and stop reason from cap and description",
    (_id, { known, actual }) => {
      const { liveRounds, stopReason } = forecastXen(known);
      expect({ liveRounds, stopReason }).toEqual({
        liveRounds: actual.liveRounds,
        stopReason: actual.stopReason,
      });
    },
  );

  it("takes the unique pages of the round before: sequential ones by hand", () => {
    const { pages } = forecastXen({
      ...{ id: "by hand", kind: "pv", mode: "seq", memoryPages: 40_000 },
      ...{ writtenPages: 1e6, writesPerSec: 1000, capBytesPerSec: 41_040_000 },
    });
    // 4 s at 10,000 pages a second, 0.045 s to the next round: 4,045 pages and the kernel's 92.
    expect(pages[1]).toBeGreaterThan(4130);
    expect(pages[1]).toBeLessThan(4140);
    // 0.4 s, what lay in pipes apart: 400 and some 50.
    expect(pages[2]).toBeGreaterThan(400);
    expect(pages[2]).toBeLessThan(460);
  });

  it("cannot end below 50 pages with an idle PVH guest, whose kernel writes 53", () => {
    const idle = { mode: "seq", memoryPages: 32_784, writtenPages: 256, writesPerSec: 0 } as const;
    const pvh = forecastXen({ id: "h", kind: "pvh", ...idle, capBytesPerSec: 16e6 });
    expect(pvh.stopReason).toBe("max-iterations");
    const pv = forecastXen({ id: "p", kind: "pv", ...idle, capBytesPerSec: 16e6 });
    expect(pv).toMatchObject({ stopReason: "dirty-count", liveRounds: 3 });
  });

  it("refuses a line without its rounds", () => {
    expect(() => parseXenRun({ id: "x", domu: {}, dirtier: {}, rounds: [] })).toThrow(
      /domain_type/,
    );
  });
});
