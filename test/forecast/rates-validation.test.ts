/** Verdicts from a measured dirty rate: what they read, and what they must not. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { describedGuest } from "../../src/forecast/qemu-guest.js";
import { parseQemuRun } from "../../src/forecast/qemu-run.js";
import { parseRateReadings } from "../../src/forecast/rates/index.js";
import { ratesVerdict } from "../../src/forecast/rates-validation.js";

const LINES = readFileSync("examples/runs/qemu72.jsonl", "utf8").trim().split("\n");

function line(id: string): Record<string, unknown> {
  const found = LINES.find((text) => text.includes(`"id":"${id}"`));
  if (found === undefined) throw new Error(`no run ${id}`);
  return JSON.parse(found) as Record<string, unknown>;
}

/** What the described guest writes in windows, as a perfect tool would tell it. */
function told(wss: number, rate: number) {
  const windows = [1, 2, 4].map((sec) => {
    return `${sec}s=${Math.round(wss * (1 - Math.exp((-rate * sec) / wss)))}pages`;
  });
  return parseRateReadings(windows.join(","));
}

describe("a verdict from measured dirty rates", () => {
  const fields = line("rep-link-hi-2");
  const run = parseQemuRun(fields);
  const guest = describedGuest(run.known);
  const { wss, rate } = run.known.dirtier ?? { wss: 0, rate: 0 };

  it("holds what happened where the tool told the truth", () => {
    const {
      rate: kind,
      group,
      actual,
      forecast,
      total,
    } = ratesVerdict(run, guest, told(wss, rate));
    expect([kind, group]).toEqual(["calc-dirty-rate", "pre-copy, link"]);
    expect(total.low).toBeLessThan(actual.totalMs);
    expect(total.high).toBeGreaterThan(actual.totalMs);
    expect(Math.abs(forecast.bytes / actual.bytes - 1)).toBeLessThan(0.05);
  });

  it("follows the rate that it is told, and no outcome", () => {
    const readings = told(wss, rate);
    const changed = structuredClone(fields) as {
      reported: { total_time_ms: number; ram: Record<string, number> };
    };
    changed.reported.total_time_ms *= 3;
    changed.reported.ram.transferred = 1;
    const other = parseQemuRun(changed as unknown as Record<string, unknown>);
    const before = ratesVerdict(run, guest, readings);
    expect(ratesVerdict(other, guest, readings).forecast).toEqual(before.forecast);
    const idle = ratesVerdict(run, guest, parseRateReadings("1s=0pages"));
    expect(idle.forecast.bytes).toBeLessThan(before.forecast.bytes * 0.9);
  });
});
