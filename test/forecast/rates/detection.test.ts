import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../../src/base/errors.js";
import {
  detectDirtyRates,
  RATE_IMPORTERS,
  type ReadRatesOptions,
} from "../../../src/forecast/rates/index.js";
import { readText, SAMPLES, sample } from "./sample.js";

/** Names of the samples begin with the format's. */
const formatOf = (name: string) => RATE_IMPORTERS.find((one) => name.startsWith(one.name))?.name;

/** Reads, and says what came of it: never anything but a result or the user's error. */
function attempt(text: string, options: Partial<ReadRatesOptions> = {}): "read" | "refused" {
  try {
    readText(text, options);
    return "read";
  } catch (error) {
    expect(error).toBeInstanceOf(PrecopyError);
    expect((error as Error).message).toMatch(/^some\.txt/);
    return "refused";
  }
}

describe("detection by content", () => {
  it.each(SAMPLES)("knows %s, and no other format takes it", (name) => {
    expect(formatOf(name)).toBeDefined();
    expect(detectDirtyRates(sample(name))).toBe(formatOf(name));
    expect(detectDirtyRates(sample(name).replaceAll("\n", "\r\n"))).toBe(formatOf(name));
    const lines = sample(name).split("\n");
    const others = RATE_IMPORTERS.filter((one) => one.name !== formatOf(name));
    expect(others.filter(({ mark }) => lines.some((line) => mark.test(line)))).toEqual([]);
  });

  it("reads every sample strictly, and the same from CR LF", () => {
    for (const name of SAMPLES) {
      const { readings, skipped } = readText(sample(name));
      expect(skipped.count, name).toBe(0);
      const windows = readText(sample(name).replaceAll("\n", "\r\n"));
      expect(windows.readings, name).toEqual(readings);
    }
  });

  it("takes no log of a migration for dirty rates", () => {
    const logs = readdirSync("test/fixtures/logs");
    expect(logs.length).toBeGreaterThan(20);
    for (const name of logs) {
      const text = readFileSync(`test/fixtures/logs/${name}`, "utf8");
      expect(detectDirtyRates(text), name).toBeUndefined();
    }
  });

  it("names all formats where it knows none", () => {
    for (const { name } of RATE_IMPORTERS) {
      expect(() => readText("nothing of the kind\n")).toThrow(`${name} (`);
    }
    expect(() => readText("1s 1MB/s", { format: "perf" as never })).toThrow(/"perf": known are/);
  });
});

describe("what is not a file of dirty rates", () => {
  it("refuses the empty and the blank", () => {
    for (const text of ["", "\n\n", " \r\n ", "\uFEFF"]) {
      expect(() => readText(text)).toThrow("some.txt: the file is empty");
    }
  });

  it("ends in a result or in an error that names the place, wherever a file is cut", () => {
    for (const name of SAMPLES) {
      const text = sample(name);
      const results = new Set([attempt(text)]);
      const step = Math.max(1, Math.floor(text.length / 40));
      for (let at = 0; at <= text.length; at += step) results.add(attempt(text.slice(0, at)));
      expect(results.size, name).toBe(2);
    }
  });

  it("takes huge numbers for bad, not for numbers", () => {
    for (const name of SAMPLES) {
      for (const number of ["9".repeat(25), "-1", "NaN", "1e308"]) {
        const text = sample(name).replace(/\d+/g, number);
        attempt(text);
        attempt(text, { lenient: true });
      }
    }
  });

  it("ends on lines made to keep a pattern busy", () => {
    const marks = SAMPLES.flatMap((name) => sample(name).split("\n").slice(0, 3));
    const fillers = [" ", "1", "1s ", '"', '""', "\\", 'a="', "(", "{", ",", "=", ". ", "vcpu."];
    for (const mark of new Set(marks.map((text) => text.slice(0, 40)))) {
      for (const filler of fillers) {
        const line = mark + filler.repeat(4_000 / filler.length);
        for (const { name } of RATE_IMPORTERS) {
          attempt(`${line}x\n  ${line}`, { lenient: true, format: name });
        }
        detectDirtyRates(`${line}x\n`);
      }
    }
  });

  it("survives two files in one, binary, and endless lines", () => {
    for (const name of SAMPLES) attempt(sample(name) + sample("hmp.txt"), { lenient: true });
    attempt("\u0000\u0001dirtyrate.calc_status=2\uFFFD".repeat(1000));
    const endless = `1s 5MB/s\n1s ${"5".repeat(100_000)}MB/s`;
    expect(attempt(endless)).toBe("refused");
    expect(attempt(endless, { lenient: true })).toBe("read");
  });
});
