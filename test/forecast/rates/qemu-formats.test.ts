import { describe, expect, it } from "vitest";
import { MIB, readSample, readText, sample } from "./sample.js";

describe("virsh domstats --dirtyrate", () => {
  it("reads both windows, and leaves out what was asked too early or twice", () => {
    const { format, guests, readings, notes } = readSample("domstats-two-windows.txt");
    expect(format).toBe("domstats");
    expect(guests).toEqual(["db01"]);
    expect(readings.map((one) => [one.line, one.windowSec, one.bytesPerSec, one.atSec])).toEqual([
      [13, 1, 254 * MIB, 348412],
      [32, 10, 61 * MIB, 348431],
    ]);
    // 254 MiB are 256 pages each; 61 MiB/s ten times.
    expect(readings.map((one) => one.pagesPerWindow)).toEqual([254 * 256, 610 * 256]);
    expect(notes.join("\n")).toMatch(/1 answer measuring.*ask again after the window/);
    expect(notes.join("\n")).toMatch(/1 answer of a measurement that was told before/);
  });

  it("tells domains, ways of measuring and VCPUs apart, among other statistics", () => {
    const { guests, readings, notes } = readSample("domstats-all-domains.txt");
    expect(guests).toEqual(["web 1", "idle"]);
    expect(readings[0]).toMatchObject({
      guest: "web 1",
      mode: "dirty-ring",
      windowSec: 2,
      vcpus: [
        { id: 0, bytesPerSec: 105 * MIB },
        { id: 1, bytesPerSec: 2 * MIB },
      ],
      // Two VCPUs, each cut to whole MiB/s.
      resolutionBytesPerSec: 2 * MIB,
    });
    expect(readings[1]).toMatchObject({
      guest: "idle",
      mode: "dirty-bitmap",
      bytesPerSec: 0,
      resolutionBytesPerSec: MIB,
    });
    expect(readings[1]).not.toHaveProperty("standardErrorBytesPerSec");
    expect(notes.join("\n")).toMatch(/1 answer unstarted/);
    expect(notes.join("\n")).toMatch(/0 MB\/s is less than 1 MiB\/s/);
  });

  it("reads answers whose line Domain: was left out, and the fields of older versions", () => {
    const answer = (rate: number) =>
      `dirtyrate.calc_status=2\ndirtyrate.calc_start_time=${rate}\ndirtyrate.calc_period=3\n` +
      `dirtyrate.megabytes_per_second=${rate}\n`;
    const { guests, readings } = readText(answer(7) + answer(8));
    expect(guests).toEqual([]);
    expect(readings.map((one) => one.bytesPerSec / MIB)).toEqual([7, 8]);
    expect(readings[0]).not.toHaveProperty("mode");
  });

  it("refuses with the place what it cannot read, and leaves it out on request", () => {
    const text = sample("domstats-two-windows.txt").replace("=254", "=lots");
    expect(() => readText(text)).toThrow(/^some\.txt:16: .*megabytes_per_second cannot be read/);
    const { readings, skipped } = readText(text, { lenient: true });
    expect(readings).toHaveLength(2);
    expect(skipped.count).toBe(2);
    expect(() =>
      readText(sample("domstats-two-windows.txt").replace("status=2", "status=5")),
    ).toThrow(/^some\.txt:13: its status is "5"/);
  });

  it("says what to do where nothing was measured", () => {
    const never = sample("domstats-all-domains.txt").split("\n\n").at(-2) ?? "";
    expect(() => readText(never)).toThrow(
      /^some\.txt: the file has no measured dirty rate: 1 answer unstarted.*start a measurement/,
    );
  });
});

describe("QMP query-dirty-rate", () => {
  it("reads answers among events, commands, errors and other answers", () => {
    const { format, readings, notes } = readSample("qmp-answers.jsonl");
    expect(format).toBe("qmp");
    expect(readings.map((one) => [one.line, one.mode, one.windowSec, one.bytesPerSec])).toEqual([
      [6, "page-sampling", 1, 108 * MIB],
      [9, "dirty-ring", 0.2, 231 * MIB],
    ]);
    expect(readings[0]?.samplePagesPerGib).toBe(4096);
    expect(readings[1]).not.toHaveProperty("samplePagesPerGib");
    expect(readings[1]?.vcpus?.map((one) => one.bytesPerSec / MIB)).toEqual([120, 111]);
    expect(notes.join("\n")).toMatch(/line 7: QEMU answered "mode dirty-bitmap is not enabled/);
    expect(notes.join("\n")).toMatch(/1 answer over a window told as 0 s/);
  });

  it("gives a sample the error of as many pages as were dirty", () => {
    // 4096 samples per GiB: each stands for 256 KiB; 108 MiB are 432 of them.
    const [sampled] = readSample("qmp-answers.jsonl").readings;
    const share = (sampled?.standardErrorBytesPerSec ?? 0) / (sampled?.bytesPerSec ?? 1);
    expect(share).toBeCloseTo(1 / Math.sqrt(432), 10);
    // None dirty: one page, of 1 MiB with 1024 samples per GiB.
    const [idle] = readSample("qmp-runs.jsonl", { guest: "lin-idle-pre-100" }).readings;
    expect(idle?.bytesPerSec).toBe(0);
    expect(idle?.standardErrorBytesPerSec).toBe(MIB);
  });

  it("reads pretty-printed answers of old versions, and -1 as nothing measured", () => {
    const { readings, notes } = readSample("qmp-pretty.txt");
    expect(readings).toEqual([
      {
        line: 1,
        windowSec: 60,
        bytesPerSec: 12 * MIB,
        pagesPerWindow: 60 * 12 * 256,
        atSec: 91377,
        resolutionBytesPerSec: MIB,
      },
    ]);
    expect(notes).toEqual([expect.stringMatching(/rate of -1.*128 MiB/)]);
  });

  it("reads what recorded runs were asked before they migrated", () => {
    const { guests, readings } = readSample("qmp-runs.jsonl");
    expect(guests).toHaveLength(10);
    expect(readings.map((one) => one.bytesPerSec / MIB)).toEqual([0, 6, 1, 3, 4, 1, 4, 8, 1, 4]);
    const list =
      '[{"mode":"page-sampling","mb_per_s":3,"raw":{"status":"measured",' +
      '"sample-pages":1024,"dirty-rate":3,"mode":"page-sampling","start-time":5,"calc-time":1}}]';
    expect(readText(list).readings.map((one) => one.bytesPerSec)).toEqual([3 * MIB]);
  });

  it("takes a list of more answers than a call has arguments", () => {
    const one = (start: number) =>
      `{"status":"measured","dirty-rate":5,"start-time":${start},"calc-time":1}`;
    const count = 150_000;
    const list = Array.from({ length: count }, (_, i) => one(i)).join(",");
    expect(readText(`[${list}]`).readings.length).toBe(count);
  });

  it("refuses answers that tell no rate, no window, or another unit", () => {
    const refused = (answer: string) => (problem: RegExp) =>
      expect(() => readText(answer)).toThrow(problem);
    refused('{"return":{"status":"measured","calc-time":1}}')(/^some\.txt:1: .*tells no rate/);
    refused('{"return":{"status":"measured","dirty-rate":1}}')(/does not tell the window/);
    refused('{"return":{"status":"measured","dirty-rate":-7,"calc-time":1}}')(
      /its dirty-rate is no/,
    );
    refused('{"return":{"status":"measured","dirty-rate":1,"calc-time":1,"mode":"x"}}')(
      /mode is "x"/,
    );
    refused('{"dirty-rate":1,"calc-time":1,"calc-time-unit":"hour"}')(/neither second nor milli/);
    refused('{"status":"measured","dirty-rate":1e12,"calc-time":1}')(/known are 0 to 2\^44/);
  });
});

describe("info dirty_rate", () => {
  it("reads answers among commands", () => {
    const { format, guests, readings, notes } = readSample("hmp.txt");
    expect(format).toBe("hmp");
    expect(guests).toEqual([]);
    expect(readings.map((one) => [one.line, one.mode, one.windowSec, one.bytesPerSec])).toEqual([
      [12, "page-sampling", 1, 36 * MIB],
      [22, "dirty-ring", 5, 21 * MIB],
    ]);
    // It says (ms), and prints seconds.
    expect(readings[0]?.atSec).toBe(2679);
    expect(readings[0]?.samplePagesPerGib).toBe(512);
    expect(readings[1]?.vcpus?.map((one) => one.bytesPerSec / MIB)).toEqual([20, 1]);
    expect(notes.join("\n")).toMatch(/1 answer unstarted/);
  });

  it("refuses a unit that is not the monitor's", () => {
    const text = sample("hmp.txt").replace("Period: 1 (sec)", "Period: 1 (ms)");
    expect(() => readText(text)).toThrow(/^some\.txt:15: Period is no number with \(sec\)/);
  });
});
