import { describe, expect, it } from "vitest";
import { readSample, readText, sample } from "./sample.js";

/** QEMU's own trace events: pages since the last reset of its period of at least a second. */
interface Sync {
  readonly t_ms: number;
  readonly pages_dirty_period: number;
}

function syncsOf(name: string): readonly Sync[] {
  return (JSON.parse(sample(name)) as { syncs: Sync[] }).syncs;
}

describe("QMP query-migrate", () => {
  it("finds in a series what QEMU itself counted as dirty at each reading", () => {
    const syncs = syncsOf("qmp-run-link.jsonl").map((sync) => sync.pages_dirty_period);
    const { passes } = readSample("qmp-run-link.jsonl");
    const [, first, second, third, fourth] = syncs as number[];
    // The third event goes on counting from the second; before the fourth the period began anew.
    expect(passes.slice(0, 4).map(({ dirtiedPages }) => dirtiedPages)).toEqual([
      first,
      second,
      (third as number) - (second as number),
      fourth,
    ]);
  });

  it("finds passes whose lengths are those between QEMU's readings", () => {
    for (const name of ["qmp-run-link.jsonl", "qmp-run-auto-converge.jsonl"]) {
      const at = syncsOf(name).map(({ t_ms }) => t_ms);
      const live = readSample(name).passes.filter(({ phase, dirtiedPages }) => {
        return phase === "live" && dirtiedPages !== undefined;
      });
      expect(live.length).toBeGreaterThanOrEqual(4);
      for (const { number, through, startNs = 0, durationNs = 0 } of live) {
        const from = number === 1 ? 0 : (at[number - 1] as number);
        // Looks are 20 ms apart, at times 50.
        expect(Math.abs(startNs / 1e6 - from)).toBeLessThan(60);
        expect(Math.abs((startNs + durationNs) / 1e6 - (at[through] as number))).toBeLessThan(60);
      }
    }
  });

  it("adds up to what was sent and how long it took", () => {
    const { passes, totals } = readSample("qmp-run-link.jsonl");
    const sent = passes.reduce((sum, { sentBytes = 0 }) => sum + sentBytes, 0);
    const took = passes.reduce((sum, { durationNs = 0 }) => sum + durationNs, 0);
    expect(sent).toBe(294_413_922);
    expect(took).toBe(5_958_000_000);
    expect(totals.sentBytes).toEqual({ value: 294_413_922, line: 1 });
    expect(passes.at(-1)).toMatchObject({ phase: "pause", durationNs: 64e6, sentBytes: 3_119_040 });
  });

  it("reads answers a line with settings and greeting, each with its line", () => {
    const { settings, totals, downtime, outcome, preset } = readSample("qmp-answers.jsonl");
    expect(settings.downtimeLimitNs).toEqual({ value: 100e6, line: 3 });
    expect(settings.bandwidthBytesPerSec).toEqual({ value: 4e9, line: 3 });
    expect(totals.totalNs).toEqual({ value: 5958e6, line: 37 });
    expect(downtime.realNs).toEqual({ value: 64e6, line: 37 });
    expect(outcome).toEqual({ value: "completed", line: 37 });
    expect(preset).toBe("qemu72");
  });

  it("reads the same from one list, pretty-printed and with CR LF", () => {
    const lines = sample("qmp-answers.jsonl").trimEnd().split("\n");
    const pretty = lines.map((line) => JSON.stringify(JSON.parse(line), null, 2)).join("\n");
    const list = `[\n${lines.join(",\n")}\n]\n`;
    const oneLine = JSON.stringify(lines.map((line) => JSON.parse(line)));
    const indented = JSON.stringify(JSON.parse(oneLine), null, 4);
    const plain = readSample("qmp-answers.jsonl");
    for (const text of [pretty, list, oneLine, indented, lines.join("\r\n")]) {
      const read = readText(text);
      expect(read.passes.map((pass) => ({ ...pass, lines: 0 }))).toEqual(
        plain.passes.map((pass) => ({ ...pass, lines: 0 })),
      );
      expect(read.totals.totalNs?.value).toBe(5958e6);
    }
  });

  it("sees the switch to post-copy, throttling and a cancelled migration", () => {
    const postCopy = readSample("qmp-run-postcopy.jsonl");
    expect(postCopy.passes.map(({ phase }) => phase)).toEqual(["live", "live", "post-copy"]);
    expect(postCopy.totals.postCopyRequests?.value).toBe(356);
    const throttled = readSample("qmp-run-auto-converge.jsonl");
    expect(throttled.passes.find(({ number }) => number === 3)?.throttlePercent).toBe(20);
    expect(throttled.settings.techniques.map(({ value }) => value)).toEqual(["auto-converge"]);
    const cancelled = readSample("qmp-run-cancelled.jsonl");
    expect(cancelled.outcome.value).toBe("cancelled");
    expect(cancelled.downtime.realNs).toBeUndefined();
  });

  it("does not take a total of 0 for one: QEMU says completed some milliseconds too early", () => {
    const early = readText(
      '{"return":{"status":"completed","total-time":0,"ram":{"transferred":5}}}',
    );
    expect(early.totals.totalNs).toBeUndefined();
    expect(early.outcome.value).toBe("completed");
  });

  it("takes events' times for the pause", () => {
    const stop = '{"timestamp":{"seconds":1700000000,"microseconds":900000},"event":"STOP"}';
    const resume = '{"timestamp":{"seconds":1700000001,"microseconds":150000},"event":"RESUME"}';
    const answer = '{"return":{"status":"active","total-time":9}}';
    const [part] = readText([stop, resume, answer].join("\n")).downtime.parts;
    expect(part?.value).toBeGreaterThan(249_999_000);
    expect(part?.value).toBeLessThan(250_001_000);
  });

  it("refuses numbers that are none, and looks whose counters go back", () => {
    const wrong = '{"return":{"status":"active","ram":{"transferred":1e300,"dirty-sync-count":1}}}';
    expect(() => readText(wrong)).toThrow(/some\.log:1: transferred is 1e\+300/);
    const look = (ms: number, sent: number) =>
      `{"return":{"status":"active","total-time":${ms},"ram":{"transferred":${sent},"remaining":9,"dirty-sync-count":1}}}`;
    const twice = [look(10, 100), look(20, 200), look(5, 10)].join("\n");
    expect(() => readText(twice)).toThrow(/some\.log:3: the counters go back/);
    expect(readText(twice, { lenient: true }).samples).toHaveLength(2);
  });
});
