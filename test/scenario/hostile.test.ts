/** Scenario files that mean harm: none may hang, exhaust memory, or end in anything but an error. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ScenarioError } from "../../src/scenario/index.js";
import { BASE, load, refusal } from "./support.js";

describe("a hostile scenario", () => {
  it("is refused by its size before it is parsed", async () => {
    const error = await refusal(`# ${"x".repeat(2 ** 18)}\n${BASE}`);
    expect(error.message).toContain("characters long: the limit is 262144 characters");
  });

  it.each(["[", "{a: ", "- ", "? ", "-\t", "a: [", "&a - ", "!t - ", "- \r", "- ["])(
    "does not overflow the parser by repeating %j",
    async (piece) => {
      const error = await refusal(piece.repeat(Math.floor(200_000 / piece.length)));
      expect(error.message).toContain("nests deeper than a scenario does");
      expect(error.problems).toHaveLength(1);
    },
  );

  it("does not overflow the parser by indentation either", async () => {
    const lines = Array.from({ length: 600 }, (_, i) => `${" ".repeat(i)}a:`);
    const error = await refusal(lines.join("\n"));
    expect(error.problems[0]).toMatchObject({ line: 66, column: 66 });
    expect(error.message).toContain("nests deeper");
  });

  it("may nest to 16 levels, where no field is, and not deeper", async () => {
    const nested = (depth: number) => `${BASE}x: ${"[".repeat(depth)}${"]".repeat(depth)}`;
    expect((await refusal(nested(10))).problems[0]?.path).toBe("x");
    expect((await refusal(nested(30))).message).toContain("nests deeper");
  });

  it("cannot multiply itself by aliases", async () => {
    const lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"];
    for (let i = 1; i < 12; i++) {
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      );
    }
    const error = await refusal(lines.join("\n"));
    expect(error.message).toContain("more than 100 aliases are followed up to here");
  });

  it("cannot contain itself", async () => {
    const error = await refusal("hosts: &h { a: *h }\nguests: {}");
    expect(error.problems.length).toBeGreaterThan(0);
  });

  it("has at most 50,000 values", async () => {
    const error = await refusal(`compare: [${"1,".repeat(60_000)}]`);
    expect(error.message).toContain("more than 50000 values stand up to here");
  });

  it("has its many unknown keys counted", async () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}: 1\n`).join("");
    const error = await refusal(keys + BASE);
    expect(error.message).toContain("k0: is no key here");
    expect(error.message).toMatch(/and \d+ more problems$/);
  });

  it("has its many unknown names counted", async () => {
    const guests = Array.from({ length: 4000 }, (_, i) => `  g${i}: { on: h${i}, memory: 1B }\n`);
    const error = await refusal(`hosts: { a: }\nguests:\n${guests.join("")}`);
    expect(error.message).toContain("guests.g0.on: there is no host");
    expect(error.message).toMatch(/and \d+ more problems$/);
  });

  it("has limits on what it may list", async () => {
    const hosts = Array.from({ length: 1025 }, (_, i) => `h${i}: {}`).join(", ");
    const error = await refusal(`hosts: { ${hosts} }\nguests: {}`);
    expect(error.problems[0]).toMatchObject({
      path: "hosts",
      message: "has more than 1024 entries",
    });
    const parts = Array(65).fill("{ pattern: uniform, rate: 1/s }").join(", ");
    const many = await refusal(`${BASE}  x: { on: a, memory: 1MiB, workload: [${parts}] }`);
    expect(many.problems[0]?.message).toBe("has 65 entries: the limit is 64");
  });

  it("cannot write control characters to a terminal", async () => {
    const codes = "\u001b]0;owned\u0007\u009b2J";
    const error = await refusal(`"${codes}": 1\ntitle: [${codes}]\n${BASE}`, {
      file: `x${codes}.yaml`,
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the characters that must not occur
    expect(error.message.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });

  it("cannot reach the prototype of anything", async () => {
    for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      const error = await refusal(`${BASE}${key}: { polluted: 1 }\n`);
      expect(error.problems).toHaveLength(1);
    }
    const named = await refusal(`${BASE}migrate: [{ guest: toString, to: constructor }]`);
    expect(named.problems.map(({ path }) => path)).toEqual(["migrate.0.guest", "migrate.0.to"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("of any text ends in a scenario or in its problems", async () => {
    const word = fc.constantFrom(
      ..."hosts guests links on memory a b web : - , [ ] { } 1 1GiB ' \" # & * ! | > ? % @ ` ~ --- ...",
    );
    const piece = fc.oneof(word, fc.constantFrom(...BASE.split(/(\s+)/)), fc.string());
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 60 }), async (pieces) => {
        const text = pieces.join("");
        const outcome = await load(text).catch((error: unknown) => error);
        if (!(outcome instanceof ScenarioError)) {
          expect(outcome).toHaveProperty("spec");
          return;
        }
        const lines = text.split("\n").length;
        for (const { line, column } of outcome.problems) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines);
          expect(column).toBeGreaterThanOrEqual(1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("made by damaging a good one ends in a scenario or in its problems", async () => {
    const good = `${BASE}migrate: [{ guest: web, to: b, strategy: pre-copy@xen, at: 1s }]\n`;
    const damage = fc.record({
      at: fc.nat({ max: good.length - 1 }),
      take: fc.nat({ max: 12 }),
      put: fc.oneof(
        fc.string({ maxLength: 6 }),
        fc.constantFrom("[", "{", "\n", "\t", "- ", "&x *x"),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (all) => {
        let text = good;
        for (const { at, take, put } of all) text = text.slice(0, at) + put + text.slice(at + take);
        const outcome = await load(text).catch((error: unknown) => error);
        expect(outcome instanceof ScenarioError || "spec" in (outcome as object)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
