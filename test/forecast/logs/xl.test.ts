import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readSample, readText, sample } from "./sample.js";

interface Record {
  readonly id: string;
  readonly domain_type: string;
  readonly rounds: readonly { phase: string; pages_in_stream: number; dirty_interval_s?: number }[];
  readonly times: { readonly downtime_toolstack_s: number };
}

/** What was measured from the stream, not from xl's output. */
const RECORDS = readFileSync("test/fixtures/xen-migrations.jsonl", "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Record);

const recordOf = (id: string) => RECORDS.find((record) => record.id === id) as Record;

describe("xl -vvv migrate", () => {
  it.each(["x01", "x05", "h04"])("finds in %s the passes that the stream held", (id) => {
    const { rounds, domain_type } = recordOf(id);
    const { passes } = readSample(`xl-${id}.log`);
    expect(passes.map(({ phase }) => phase)).toEqual(
      rounds.map(({ phase }) => (phase === "live" ? "live" : "pause")),
    );
    // A PV guest's two deferred pages are counted twice by Xen in the last round.
    const extra = rounds.map((_, at) => (domain_type === "pv" && at === rounds.length - 1 ? 2 : 0));
    expect(passes.map(({ sentPages = 0 }, at) => sentPages - (extra[at] as number))).toEqual(
      rounds.map(({ pages_in_stream }) => pages_in_stream),
    );
    for (const [at, pass] of passes.entries()) {
      expect(pass.dirtiedPages).toBe(passes[at + 1]?.sentPages);
    }
  });

  it.each(["x05", "h04"])("finds in %s the windows in which pages were written", (id) => {
    const { rounds } = recordOf(id);
    const { passes } = readSample(`xl-${id}.log`);
    for (const [at, { dirty_interval_s: seconds }] of rounds.entries()) {
      if (seconds === undefined) continue;
      const window = passes[at - 1]?.durationNs ?? 0;
      expect(Math.abs(window / 1e9 - seconds) / seconds).toBeLessThan(0.15);
    }
  });

  it.each(["x01", "x05", "h04"])("finds the downtime of %s and its parts", (id) => {
    const { downtime } = readSample(`xl-${id}.log`);
    const real = (downtime.realNs?.value ?? 0) / 1e9;
    expect(Math.abs(real - recordOf(id).times.downtime_toolstack_s)).toBeLessThan(0.001);
    const sum = downtime.parts.reduce((total, { value }) => total + value, 0);
    expect(sum).toBe(downtime.realNs?.value);
  });

  it("tells the stop-and-copy from a live pass with the same label", () => {
    const labels = sample("xl-x01.log").match(/iteration 2: \d+\/\d+/g);
    expect(labels?.at(-1)).toBe("iteration 2: 212/212");
    expect(readSample("xl-x01.log").passes.at(-1)).toMatchObject({
      phase: "pause",
      sentPages: 212,
    });
  });

  it("names guest, outcome and total with their lines", () => {
    const { guest, outcome, totals } = readSample("xl-x05.log");
    const lines = sample("xl-x05.log").split("\n");
    expect(guest?.value).toBe("domain 13, x86 PV");
    expect(lines[(guest?.line ?? 0) - 1]).toContain("Saving domain 13");
    expect(lines[outcome.line - 1]).toContain("Migration successful.");
    expect(totals.totalNs?.line).toBe(outcome.line);
  });

  it("says so where the passes are hidden or the lines have no time", () => {
    const shown = sample("xl-x05.log").split("\n");
    const hidden = shown.filter((line) => !line.includes("Frames iteration")).join("\n");
    const read = readText(hidden);
    expect(read.passes).toEqual([]);
    expect(read.notes.join()).toMatch(/xl hid the lines of its iterations/);
    const bare = readText(shown.map((line) => line.replace(/^\d+\.\d+ /, "")).join("\n"));
    expect(bare.passes.map(({ sentPages }) => sentPages)).toEqual([
      32768, 8277, 6413, 5019, 3949, 3370,
    ]);
    expect(bare.passes[0]?.durationNs).toBeUndefined();
    expect(bare.downtime.realNs).toBeUndefined();
  });

  it("finds why a migration failed", () => {
    const text =
      "xc: info: Saving domain 3, type x86 PV\n" +
      "xc: error: Failed to enable logdirty: 95,22,0\n" +
      "libxl: error: libxl_dom_save.c:1: domain did not respond to suspend request\n";
    const { outcome, stopReason } = readText(text);
    expect(outcome).toEqual({ value: "failed", line: 3 });
    expect(stopReason).toEqual({ value: "xc: error: Failed to enable logdirty: 95,22,0", line: 2 });
  });

  it("reads xenguest of XCP-ng, behind syslog's time", () => {
    const line = (at: string, n: number, pages: number) =>
      `Jan  2 22:12:${at} host xenguest-10-emp[25929]: progress: Frames iteration ${n}: ${pages} of ${pages} (100%)`;
    const { passes } = readText([line("30", 4001, 89367), line("32", 4002, 3)].join("\n"));
    expect(passes.map(({ sentPages }) => sentPages)).toEqual([89367, 3]);
  });
});
