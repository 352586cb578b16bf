import { describe, expect, it } from "vitest";
import {
  alignColumns,
  bar,
  count,
  inOneUnit,
  percent,
  plural,
  quantity,
  wrap,
} from "../../src/report/text.js";

describe("alignColumns", () => {
  it("puts every column at one place, left or right, and trims the end", () => {
    const lines = alignColumns(
      [
        ["name", "n", "note"],
        ["a", "1,000", ""],
        ["longer", "7", "x"],
      ],
      ["left", "right", "left"],
    );
    expect(lines).toEqual(["name        n  note", "a       1,000", "longer      7  x"]);
  });

  it("takes rows of different lengths", () => {
    expect(alignColumns([["a"], ["b", "c"]], [])).toEqual(["a", "b  c"]);
    expect(alignColumns([], [])).toEqual([]);
  });
});

describe("bar", () => {
  it("fills its cells by eighths", () => {
    expect(bar(1, 4)).toBe("████");
    expect(bar(0.5, 4)).toBe("██");
    expect(bar(5 / 32, 4)).toBe("▋");
  });

  it("shows anything above nothing and never overflows", () => {
    expect(bar(1e-9, 10)).toBe("▏");
    expect(bar(0, 10)).toBe("");
    expect(bar(-1, 10)).toBe("");
    expect(bar(Number.NaN, 10)).toBe("");
    expect(bar(7, 3)).toBe("███");
  });
});

describe("numbers", () => {
  it("groups thousands", () => {
    expect([0, 999, 1000, 1048576].map(count)).toEqual(["0", "999", "1,000", "1,048,576"]);
    expect(plural(1, "page")).toBe("1 page");
    expect(plural(2000, "page")).toBe("2,000 pages");
  });

  it("writes shares as percent with three digits", () => {
    expect([0, 0.0142, 0.5, 1, 2.345].map(percent)).toEqual([
      "0 %",
      "1.42 %",
      "50 %",
      "100 %",
      "235 %",
    ]);
  });

  it("writes quantities with their units, negative ones too", () => {
    expect(quantity(1_500_000, "duration")).toBe("1.5 ms");
    expect(quantity(-2048, "bytes")).toBe("-2 KiB");
    expect(quantity(0.1, "share")).toBe("10 %");
  });

  it("puts several numbers into the unit of the first", () => {
    expect(inOneUnit([41_200_000, 6_000_000, 1_029_000_000], "duration")).toEqual({
      texts: ["41.2", "6.0", "1029.0"],
      unit: "ms",
    });
    expect(inOneUnit([0, 0], "duration")).toEqual({ texts: ["0.00", "0.00"], unit: "ns" });
    expect(inOneUnit([3 * 2 ** 20, 2 ** 19], "bytes")).toEqual({
      texts: ["3.00", "0.50"],
      unit: "MiB",
    });
    expect(inOneUnit([-0.125], "share")).toEqual({ texts: ["-12.5"], unit: "%" });
  });
});

describe("wrap", () => {
  it("breaks between words", () => {
    expect(wrap(["one", "two", "three"], 7)).toEqual(["one two", "three"]);
    expect(wrap(["unbreakable", "x"], 4)).toEqual(["unbreakable", "x"]);
    expect(wrap([], 10)).toEqual([]);
  });
});
