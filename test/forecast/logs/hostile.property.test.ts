import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../../src/base/errors.js";
import { explain } from "../../../src/forecast/explain.js";
import { LOG_IMPORTERS, type ObservedMigration } from "../../../src/forecast/logs/index.js";
import { replay } from "../../../src/forecast/replay.js";
import { readText, sample } from "./sample.js";

// Whole series are slow to take apart a hundred times.
const SAMPLES = readdirSync("test/fixtures/logs")
  .filter((name) => !name.endsWith(".md") && !name.startsWith("qmp-run"))
  .map((name) => sample(name).split("\n"));

/** Lines of the samples in any order and number, with characters taken out and put in. */
const garbled = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(SAMPLES.length - 1), fc.nat(1000)), { minLength: 1, maxLength: 40 }),
    fc.array(fc.tuple(fc.nat(3000), fc.nat(3), fc.string({ maxLength: 4 })), { maxLength: 6 }),
  )
  .map(([picks, edits]) => {
    let text = picks
      .map(([file, line]) => {
        const lines = SAMPLES[file] as readonly string[];
        return lines[line % lines.length] as string;
      })
      .join("\n");
    for (const [at, cut, put] of edits) {
      const where = at % (text.length + 1);
      text = text.slice(0, where) + put + text.slice(where + cut);
    }
    return text;
  });

const formats = fc.option(fc.constantFrom(...LOG_IMPORTERS.map(({ name }) => name)), {
  nil: undefined,
});

/** Numbers anywhere in a value, with the way to them. */
function* numbersIn(value: unknown, path = ""): Generator<[path: string, value: number]> {
  if (typeof value === "number") yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* numbersIn(inner, `${path}.${key}`);
}

function read(text: string, format: (typeof LOG_IMPORTERS)[number]["name"] | undefined) {
  try {
    return readText(text, { lenient: true, ...(format !== undefined && { format }) });
  } catch (error) {
    expect(error).toBeInstanceOf(PrecopyError);
    return undefined;
  }
}

function holds(observed: ObservedMigration): void {
  for (const [path, value] of numbersIn(observed)) {
    expect(Number.isFinite(value), path).toBe(true);
    expect(value, path).toBeGreaterThanOrEqual(0);
  }
  const numbers = observed.passes.map(({ number }) => number);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
}

describe("garbled logs", () => {
  it("end in finite figures of 0 or more and passes in order, or in the user's error", () => {
    fc.assert(
      fc.property(garbled, formats, (text, format) => {
        const observed = read(text, format);
        if (observed === undefined) return;
        holds(observed);
        const explanation = explain(observed);
        expect(explanation.end.words).not.toMatch(/NaN|undefined|Infinity/);
        expect([...explanation.next, ...explanation.downtime].join()).not.toMatch(/NaN|undefined/);
        try {
          const { own } = replay(explanation, {});
          expect(Number.isFinite(own.totalNs)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(PrecopyError);
        }
      }),
      { numRuns: 400 },
    );
  });
});
