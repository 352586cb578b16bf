import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../../src/base/errors.js";
import { fitCurve } from "../../../src/forecast/curve-fit.js";
import {
  type DirtyRates,
  dirtyPoints,
  parseRatePoints,
  RATE_IMPORTERS,
  type RateFormat,
} from "../../../src/forecast/rates/index.js";
import { readText, SAMPLES, sample } from "./sample.js";

const LINES = SAMPLES.map((name) => sample(name).split("\n"));

/** Lines of the samples in any order and number, with characters taken out and put in. */
const garbled = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(LINES.length - 1), fc.nat(1000)), { minLength: 1, maxLength: 40 }),
    fc.array(fc.tuple(fc.nat(3000), fc.nat(3), fc.string({ maxLength: 4 })), { maxLength: 6 }),
  )
  .map(([picks, edits]) => {
    let text = picks
      .map(([file, line]) => {
        const lines = LINES[file] as readonly string[];
        return lines[line % lines.length] as string;
      })
      .join("\n");
    for (const [at, cut, put] of edits) {
      const where = at % (text.length + 1);
      text = text.slice(0, where) + put + text.slice(where + cut);
    }
    return text;
  });

/** Whole samples, each line in its place, with characters taken out and put in. */
const edited = fc
  .tuple(
    fc.constantFrom(...SAMPLES),
    fc.array(fc.tuple(fc.nat(3000), fc.nat(3), fc.stringMatching(/^[-0-9.eE,"{}[\]a-z ]{0,3}$/)), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([name, edits]) => {
    let text = sample(name);
    for (const [at, cut, put] of edits) {
      const where = at % (text.length + 1);
      text = text.slice(0, where) + put + text.slice(where + cut);
    }
    return text;
  });

const formats = fc.option(fc.constantFrom(...RATE_IMPORTERS.map(({ name }) => name)), {
  nil: undefined,
});

function read(text: string, format: RateFormat | undefined): DirtyRates | undefined {
  try {
    return readText(text, { lenient: true, ...(format !== undefined && { format }) });
  } catch (error) {
    expect(error).toBeInstanceOf(PrecopyError);
    return undefined;
  }
}

function holds(rates: DirtyRates, lines: number): void {
  expect(rates.readings.length).toBeGreaterThan(0);
  for (const reading of rates.readings) {
    const { vcpus = [], guest, mode, ...numbers } = reading;
    for (const [key, value] of [...Object.entries(numbers), ...vcpus.flatMap(Object.entries)]) {
      expect(Number.isFinite(value), key).toBe(true);
      expect(value, key).toBeGreaterThanOrEqual(0);
    }
    expect(reading.windowSec).toBeGreaterThan(0);
    expect(reading.line).toBeLessThanOrEqual(lines);
    expect(guest === undefined || rates.guests.includes(guest)).toBe(true);
    expect([undefined, "page-sampling", "dirty-bitmap", "dirty-ring"]).toContain(mode);
  }
  expect(rates.notes.join()).not.toMatch(/NaN|undefined|Infinity/);
}

function fits(rates: DirtyRates): void {
  for (const guest of [undefined, ...rates.guests]) {
    const mine = rates.readings.filter((one) => one.guest === guest);
    if (mine.length === 0) continue;
    const { points } = dirtyPoints(mine);
    expect(() => fitCurve(points, { pagesMax: Number.MAX_VALUE })).not.toThrow();
  }
}

describe("garbled dirty rates", () => {
  it("end in finite figures of 0 or more that a curve fits, or in the user's error", () => {
    let understood = 0;
    fc.assert(
      fc.property(fc.oneof(garbled, edited), formats, (text, format) => {
        const rates = read(text, format);
        if (rates === undefined) return;
        understood++;
        holds(rates, text.split(/\r\n|\n|\r/).length);
        fits(rates);
      }),
      { numRuns: 500 },
    );
    expect(understood).toBeGreaterThan(50);
  });

  it("on a command line, too", () => {
    const part = fc.oneof(
      fc.constantFrom("1s", "=", "5ms", ",", "20pages", "3MB/s", "9MiB/s", "unlimited", "0s", " "),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        try {
          const points = parseRatePoints(parts.join(""));
          expect(() => fitCurve(points, { pagesMax: Number.MAX_VALUE })).not.toThrow();
        } catch (error) {
          expect(error).toBeInstanceOf(PrecopyError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
