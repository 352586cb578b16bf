import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alignColumns, bar, count, wrap } from "../../src/report/text.js";

const WORD = fc.stringMatching(/^[a-z]{1,12}$/);

describe("text, for anything", () => {
  it("wrap keeps all words in order and the width where words allow it", () => {
    fc.assert(
      fc.property(fc.array(WORD), fc.integer({ min: 1, max: 40 }), (words, width) => {
        const lines = wrap(words, width);
        expect(lines.flatMap((line) => line.split(" "))).toEqual(words);
        for (const line of lines) {
          if (line.includes(" ")) expect(line.length).toBeLessThanOrEqual(width);
        }
      }),
    );
  });

  it("bar never is longer than its cells and grows with the share", () => {
    const share = fc.double({ min: 0, max: 2, noNaN: true });
    fc.assert(
      fc.property(share, share, fc.integer({ min: 1, max: 60 }), (a, b, cells) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(bar(high, cells).length).toBeLessThanOrEqual(cells);
        expect(bar(low, cells).length).toBeLessThanOrEqual(bar(high, cells).length);
      }),
    );
  });

  it("count keeps the digits", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(Number(count(value).replaceAll(",", ""))).toBe(value);
        expect(count(value)).toMatch(/^\d{1,3}(,\d{3})*$/);
      }),
    );
  });

  it("alignColumns lets every row start its last column at the same place", () => {
    const rows = fc.array(fc.tuple(WORD, WORD), { minLength: 1 });
    fc.assert(
      fc.property(rows, (cells) => {
        const lines = alignColumns(cells, ["left", "left"]);
        const at = Math.max(...cells.map(([first]) => first.length)) + 2;
        lines.forEach((line, i) => {
          expect(line.slice(0, at).trimEnd()).toBe(cells[i]?.[0]);
          expect(line.slice(at)).toBe(cells[i]?.[1]);
        });
      }),
    );
  });
});
