/** Workloads as words: what they mean, and that the guest's own command line is made of the same. */
import { describe, expect, it } from "vitest";
import { tinyGuest } from "../../../src/live/guests/tiny.js";
import { parseTinyWorkload } from "../../../src/live/guests/tiny-workload.js";

describe("parseTinyWorkload", () => {
  it("reads the guest's own words", () => {
    expect(parseTinyWorkload(" pattern=zipf  pages=2000 rate=3000 ")).toEqual({
      ...{ pattern: "zipf", pages: 2000, writesPerSec: 3000 },
    });
    expect(parseTinyWorkload("")).toEqual({});
  });

  it("gives back what the guest is started with, all words used", () => {
    const all = "pattern=hot pages=20 fill=10 rate=3 hot=80 hotpages=4 scan=100 hz=50 seed=7";
    const { commandLine } = tinyGuest(parseTinyWorkload(all));
    expect(commandLine.split(" ").sort()).toEqual(all.split(" ").sort());
  });

  it.each([
    ["pages", /"pages" is no word/],
    ["PAGES=1", /"PAGES=1" is no word.*pattern=, pages=, .*seed=/],
    ["pages=-1", /gives no number: write pages=1000/],
    ["pages=1e3", /gives no number/],
    ["__proto__=1", /is no word/],
  ])("refuses %s", (text, message) => {
    expect(() => parseTinyWorkload(text)).toThrow(message);
  });
});
