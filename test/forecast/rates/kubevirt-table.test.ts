import { describe, expect, it } from "vitest";
import { parseRatePoints } from "../../../src/forecast/rates/index.js";
import { MIB, readSample, readText } from "./sample.js";

const NAME = "kubevirt_vmi_dirty_rate_bytes_per_second";

describe("KubeVirt's metric", () => {
  it("is read from a scrape, of guests by namespace and name", () => {
    const { format, guests, readings, notes } = readSample("kubevirt-scrape.txt");
    expect(format).toBe("kubevirt");
    expect(guests).toEqual(["shop/db-0", "shop/web", "test/web"]);
    expect(readings.map((one) => [one.line, one.bytesPerSec, one.atSec])).toEqual([
      [6, 54 * MIB, undefined],
      [7, 0, 1_757_003_412.345],
      [8, MIB, undefined],
    ]);
    for (const one of readings) {
      expect(one).toMatchObject({ windowSec: 1, mode: "page-sampling", samplePagesPerGib: 512 });
      expect(one.resolutionBytesPerSec).toBe(MIB);
    }
    expect(notes.join("\n")).toMatch(/of other metrics left out: 1/);
  });

  it("is read from a query, with the guest's own namespace", () => {
    const { readings } = readSample("kubevirt-vector.jsonl");
    expect(readings.map((one) => [one.guest, one.bytesPerSec, one.atSec])).toEqual([
      ["shop/db-0", 54 * MIB, 1_757_003_412.345],
    ]);
  });

  it("is read as a series, one guest over several nodes, with gaps left out", () => {
    const { guests, readings, notes } = readSample("kubevirt-matrix.json", { guest: "db-0" });
    expect(guests).toEqual(["shop/db-0", "shop/web"]);
    expect(
      readings.map((one) => [(one.atSec ?? 0) - 1_757_003_400, one.bytesPerSec / MIB]),
    ).toEqual([
      [0, 54],
      [30, 56],
      [90, 200],
      [120, 52],
      [150, 55],
    ]);
    expect(notes.join("\n")).toMatch(/samples without a value left out: 1/);
  });

  it("is read from a table, a column a guest, with or without units", () => {
    const { readings } = readSample("kubevirt-grafana.csv");
    expect(readings.map((one) => [one.line, one.guest, one.bytesPerSec])).toEqual([
      [2, "shop/db-0", 56_623_104],
      [2, "shop/web", 0],
      [3, "shop/db-0", 58_720_256],
      [4, "shop/db-0", 56 * MIB],
      [4, "shop/web", 1_050_000],
    ]);
    expect(readings.map((one) => (one.atSec ?? 0) - Date.UTC(2025, 8, 4, 16, 30) / 1000)).toEqual([
      0, 0, 30, 60, 60,
    ]);
    expect(readText("time,value\n5,1048576\n").guests).toEqual([]);
  });

  it("takes series whose name a function took away, and says so", () => {
    const { readings, notes } = readText(
      '{"data":{"resultType":"vector","result":[{"metric":{"name":"a"},"value":[1,"2097152"]}]}}',
    );
    expect(readings[0]).toMatchObject({ guest: "a", bytesPerSec: 2 * MIB });
    expect(notes.join("\n")).toMatch(/series without a name are taken for/);
  });

  it("refuses what is no sample, with its place", () => {
    expect(() => readText(`${NAME}{name="a"} 1\n${NAME}{name="a 2\n`)).toThrow(/^some\.txt:2: /);
    expect(() => readText(`${NAME} +Inf\n`)).toThrow(/^some\.txt:1: its value is no number/);
    expect(
      readText(`${NAME}{name="a"}1
${NAME}2 1
`).readings,
    ).toHaveLength(1);
    expect(() => readText('{"status":"error","data":{"resultType":"x"},"error":"bad"}')).toThrow(
      /^some\.txt:1: Prometheus answered with an error/,
    );
    expect(() => readText("time,value\n5,1,2\n")).toThrow(/^some\.txt:2: it has 3 columns/);
    expect(() => readText("time,value\nnoon,1\n")).toThrow(/^some\.txt:2: its first column is no/);
  });

  it("chooses a guest, and names those there are where none or several fit", () => {
    const only = readSample("kubevirt-scrape.txt", { guest: "db-0" });
    expect(only.readings.map(({ guest }) => guest)).toEqual(["shop/db-0"]);
    expect(readSample("kubevirt-scrape.txt", { guest: "test/web" }).readings).toHaveLength(1);
    expect(() => readSample("kubevirt-scrape.txt", { guest: "web" })).toThrow(
      'more than one guest is "web": it has shop/db-0, shop/web, test/web',
    );
    expect(() => readSample("kubevirt-scrape.txt", { guest: "x" })).toThrow('no guest is "x"');
    expect(() => readSample("hmp.txt", { guest: "x" })).toThrow("the file names no guests");
  });
});

describe("tables", () => {
  it("are a window and a rate a line", () => {
    const { format, readings } = readSample("table.txt");
    expect(format).toBe("table");
    expect(readings.map((one) => [one.line, one.windowSec, one.pagesPerWindow])).toEqual([
      [2, 0.2, 231 * 0.2 * 256],
      [3, 1, 108 * 256],
      [4, 1, 112 * 256],
      [5, 10, 610 * 256],
      [6, 60, 40_000],
    ]);
    expect(readings[0]).not.toHaveProperty("resolutionBytesPerSec");
  });

  it("may have their units in the header", () => {
    const { readings } = readSample("table-units.csv");
    expect(readings.map((one) => [one.windowSec, one.bytesPerSec])).toEqual([
      [1, 108 * MIB],
      [5, 80.5 * MIB],
      [30, 12 * MIB],
    ]);
    expect(readText('"window (ms)","pages"\n"500","20"\n').readings[0]).toMatchObject({
      windowSec: 0.5,
      pagesPerWindow: 20,
    });
  });

  it("say that MB/s are not what QEMU calls so", () => {
    expect(readSample("table-flag.txt").notes.join()).toMatch(/10\^6.*QEMU.*MiB\/s/);
    expect(readSample("table.txt").notes).toEqual([]);
  });

  it("refuse what has no unit, no rate, or no window", () => {
    expect(() => readText("1s 100MB/s\n5 100MB/s")).toThrow(/^some\.txt:2: "5" is not a duration/);
    expect(() => readText("1s 100MB/s\n5s 100MB")).toThrow(/^some\.txt:2: "100MB" is not a rate/);
    expect(() => readText("1s 100MB/s\n5s")).toThrow(/^some\.txt:2: .*no window and rate/);
    expect(() => readText("1s 100MB/s\n0s 5pages")).toThrow(/^some\.txt:2: a window of 0 s/);
    expect(() => readText("1s 100MB/s\n1s unlimited")).toThrow(/^some\.txt:2: a dirty rate of Inf/);
    expect(readText("1s 1MB/s\nx y", { lenient: true }).skipped.count).toBe(1);
  });
});

describe("rates on a command line", () => {
  it("become points", () => {
    expect(parseRatePoints("5s=20000pages, 1s=40MiB/s")).toEqual([
      { windowSec: 1, pages: 40 * 256 },
      { windowSec: 5, pages: 20_000 },
    ]);
    expect(parseRatePoints("2s=300pages/s")).toEqual([{ windowSec: 2, pages: 600 }]);
  });

  it("are refused without a word on lines and files", () => {
    const bad = ["", "120MB/s", "1s=", "=5MB/s", "1s=2s=3MB/s", "1s=120", "1s=-5MB/s", "0s=1pages"];
    for (const text of bad) {
      expect(() => parseRatePoints(text), text).toThrow(
        /^(?!.*lenient).*(write|no reading|window)/,
      );
    }
  });
});
