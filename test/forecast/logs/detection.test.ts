import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../../src/base/errors.js";
import { detectLog, LOG_IMPORTERS, type LogFormat } from "../../../src/forecast/logs/index.js";
import { stamped } from "../../../src/forecast/logs/values.js";
import { readText, sample } from "./sample.js";

const SAMPLES = readdirSync("test/fixtures/logs").filter((name) => !name.endsWith(".md"));

/** Names of the samples begin with the format's, but for these. */
const FORMAT_OF: Readonly<Record<string, string>> = { "xend-2012.log": "xc-save" };

const formatOf = (name: string) =>
  FORMAT_OF[name] ?? LOG_IMPORTERS.find((one) => name.startsWith(one.name))?.name;

/** Reads, and says what came of it: never anything but a result or the user's error. */
function attempt(
  text: string,
  options: { lenient?: boolean; format?: LogFormat } = {},
): "read" | "refused" {
  try {
    readText(text, options);
    return "read";
  } catch (error) {
    expect(error).toBeInstanceOf(PrecopyError);
    expect((error as Error).message).toMatch(/^some\.log/);
    return "refused";
  }
}

describe("detection by content", () => {
  it.each(SAMPLES)("knows %s", (name) => {
    expect(detectLog(sample(name))).toBe(formatOf(name));
    expect(detectLog(sample(name).replaceAll("\n", "\r\n"))).toBe(formatOf(name));
  });

  it("goes by most lines where a log is wrapped in another's", () => {
    const noise = "Nov 23 01:00:00 host sshd[1]: Accepted publickey\n".repeat(100);
    expect(detectLog(noise + sample("proxmox-8.log") + noise)).toBe("proxmox");
  });

  it("names all formats where it knows none", () => {
    expect(detectLog("nothing of the kind\n")).toBeUndefined();
    for (const { name } of LOG_IMPORTERS) {
      expect(() => readText("nothing of the kind\n")).toThrow(`${name} (`);
    }
  });
});

describe("what is not a log of a migration", () => {
  it("refuses the empty and the blank", () => {
    for (const text of ["", "\n\n", " \r\n ", "\uFEFF"]) {
      expect(() => readText(text)).toThrow("some.log: the log is empty");
    }
  });

  it("ends in a result or in an error that names the place, wherever a log is cut", () => {
    for (const name of SAMPLES) {
      const text = sample(name);
      const results = new Set([name.includes("cut") ? "read" : attempt(text)]);
      const step = Math.max(1, Math.floor(text.length / 40));
      for (let at = 0; at <= text.length; at += step) results.add(attempt(text.slice(0, at)));
      expect(results.size, name).toBe(2);
    }
  });

  it("reads leniently what it refuses, and the same passes from CR LF", () => {
    for (const name of SAMPLES.filter((one) => !one.includes("cut"))) {
      const plain = readText(sample(name));
      const windows = readText(sample(name).replaceAll("\n", "\r\n"));
      expect(windows.passes, name).toEqual(plain.passes);
      expect(windows.totals, name).toEqual(plain.totals);
    }
  });

  it("takes huge numbers for bad, not for numbers", () => {
    for (const name of SAMPLES) {
      const huge = sample(name).replace(/\d+/g, "9".repeat(25));
      attempt(huge);
      attempt(huge, { lenient: true });
      attempt(sample(name).replace(/\d+/g, "-1"), { lenient: true });
      attempt(sample(name).replace(/\d+/g, "NaN"), { lenient: true });
    }
  });

  it("ends on lines made to keep a pattern busy", () => {
    const marks = SAMPLES.map((name) => sample(name).split("\n")[0]?.slice(0, 40) ?? "");
    const fillers = [" ", "A", "A1:1", "of ", "1", "issuing ", "migration sender: ", "-", "{"];
    for (const mark of marks) {
      for (const filler of fillers) {
        const line = mark + filler.repeat(4_000 / filler.length);
        for (const { name } of LOG_IMPORTERS)
          attempt(`${line}x\n  ${line}`, { lenient: true, format: name });
      }
    }
  });

  it("survives two logs in one, binary, and endless lines", () => {
    for (const name of SAMPLES) attempt(sample(name) + sample("proxmox-8.log"), { lenient: true });
    attempt("\u0000\u0001Frames iteration 1: \uFFFD".repeat(1000));
    attempt(`Frames iteration 1: 5/5 100%\n${"x".repeat(100_000)}`);
    expect(attempt(`Frames iteration 1: 5/5 100%\n${"x".repeat(100_000)}`, { lenient: true })).toBe(
      "read",
    );
  });
});

describe("instants in front of lines", () => {
  it("are read in every way that the formats have", () => {
    const read = (line: string) => stamped(line)?.atSec;
    const noon = Date.UTC(2022, 2, 3, 12, 0, 1) / 1000;
    expect(read("2022-03-03 12:00:01 migration active")).toBe(noon);
    expect(read("2022-03-03T12:00:01.5Z info")).toBe(noon + 0.5);
    expect(read("2022-03-03T13:00:01+0100 info")).toBe(noon);
    expect(read("2022-03-03T07:30:01-04:30 info")).toBe(noon);
    expect(read("[2022-03-03 12:00:01 xend 3113] INFO")).toBe(noon);
    expect(read("136.5849 libxl: debug")).toBe(136.5849);
    expect(read("cloud-hypervisor:  12.702682s: <vmm> DEBUG")).toBe(12.702682);
    expect((read("Jan  2 22:12:32 h x[1]: y") ?? 0) - (read("Jan  1 22:12:30 h x") ?? 0)).toBe(
      86_402,
    );
    expect(read("Migration successful.")).toBeUndefined();
  });

  it("do not become part of the line", () => {
    expect(stamped("136.5849 xc: info")?.rest).toBe("xc: info");
    expect(stamped("2022-03-03 12:00:01 xc: info")?.rest).toBe("xc: info");
  });
});
