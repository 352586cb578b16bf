/** The report of a live migration: what stands beside the modelled one's, and when. */
import { describe, expect, it } from "vitest";
import type { LiveFigures, LiveResult } from "../../src/live/live-result.js";
import { liveSummaryText } from "../../src/report/live-summary.js";
import { migration } from "./results.js";

const WAY = {
  ...{ source: "here", target: "10.0.0.2:4444", link: "200 Mbit/s", seed: 7 },
  downtimeLimitNs: 300e6,
};

const FIGURES: LiveFigures = {
  ...{ verifyNs: 0, verified: false, checkedPages: 1200, deviceStateBytes: 6144, rehearsalNs: 0 },
  ...{ faults: 0, downtimeWithoutVerifyNs: 15e6, guestShare: 0.93, workShare: 0.06 },
  ...{ linkUse: 0, roundsBytesPerSec: 23.5e6 },
};

function textOf(live: Partial<LiveFigures> = {}, changes: Partial<LiveResult> = {}): string {
  const result = { ...migration(), live: { ...FIGURES, ...live }, ...changes };
  return liveSummaryText(result, { way: WAY, repeat: "precopy migrate …", guestSays: "7 reports" });
}

describe("liveSummaryText", () => {
  it("opens with the way, and ends with the command", () => {
    const lines = textOf().split("\n");
    expect(lines[0]).toMatch(/here → 10\.0\.0\.2:4444 +200 Mbit\/s +pre-copy@xen +seed 7$/);
    expect(lines.slice(-2)).toEqual(["  repeat           precopy migrate …", ""]);
  });

  it("tells the guest's share and what arrived, before what was checked", () => {
    const text = textOf();
    expect(text).toContain("guest share      93 % of the thread (reading pages took 6 %)");
    expect(text).toContain("arrived          6 KiB of devices, 1,200 pages checked");
    expect(text).toContain("guest            7 reports");
    expect(text.indexOf("guest share")).toBeLessThan(text.indexOf("checked          "));
  });

  it("keeps comparing all memory apart from the downtime", () => {
    expect(textOf()).not.toContain("verified  ");
    const live = { verified: true, verifyNs: 5e6, downtimeWithoutVerifyNs: 10e6 };
    expect(textOf(live)).toContain("all memory in 5 ms (downtime without: 10 ms)");
    expect(textOf(live, { outcome: "source-runs" })).not.toContain("all memory in");
  });

  it("gives the rate as a share of what was allowed, or alone where all was", () => {
    expect(textOf()).toContain("rounds' rate     188 Mbit/s (no limit was given)");
    expect(textOf({ linkUse: 0.94 })).toContain("link use         94 % in the rounds (188 Mbit/s)");
  });

  it("tells rehearsal and faults where there were any", () => {
    expect(textOf()).not.toMatch(/rehearsal|faults/);
    const text = textOf({ rehearsalNs: 4e6, faults: 1234 });
    expect(text).toContain("rehearsal        stopped for 4 ms before the first round");
    expect(text).toContain("faults           1,234");
  });
});
