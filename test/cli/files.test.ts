import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../src/base/errors.js";
import { fileError, findFile, packageFolder } from "../../src/cli/files.js";
import { parseShare, parseTime, shellCommand } from "../../src/cli/flags.js";

describe("fileError", () => {
  it.each([
    ["EACCES", "permission is denied"],
    ["EPERM", "permission is denied"],
    ["ENOSPC", "the disk is full"],
    ["EWHATEVER", "EWHATEVER"],
  ])("turns %s into a sentence of the user's", (code, reason) => {
    const error = fileError(Object.assign(new Error("x"), { code }), "written", "out.csv");
    expect(error).toBeInstanceOf(PrecopyError);
    expect((error as Error).message).toBe(`out.csv: cannot be written: ${reason}`);
  });

  it("leaves other errors as they are", () => {
    const ours = new TypeError("x");
    expect(fileError(ours, "read", "f")).toBe(ours);
    const known = new PrecopyError("limit", "too long");
    expect(fileError(known, "read", "f")).toBe(known);
  });
});

describe("findFile", () => {
  it("takes what is there, then this package's own", () => {
    const seed = join("examples", "seed.yaml");
    expect(existsSync(join(packageFolder(), seed))).toBe(true);
    const before = process.cwd();
    process.chdir("/");
    try {
      expect(findFile(seed)).toBe(join(packageFolder(), seed));
      expect(findFile("no/such.yaml")).toBe("no/such.yaml");
      expect(findFile("/no/such.yaml")).toBe("/no/such.yaml");
    } finally {
      process.chdir(before);
    }
  });
});

describe("flags", () => {
  it("reads shares and times", () => {
    expect(parseShare("10%")).toBeCloseTo(0.1, 12);
    expect(parseShare(" 0 % ")).toBe(0);
    expect(parseTime("1.5s")).toBe(1_500_000_000);
    for (const text of ["10", "%", "-1%", "1e9%", "100.1%"]) {
      expect(() => parseShare(text)).toThrow(/as in 10%/);
    }
    expect(() => parseTime("5")).toThrow(/not a duration/);
  });

  it("writes commands as a shell reads them", () => {
    const words = ["precopy", "run", "my file.yaml", "-s", "pre-copy+wsclock:tau=1s@xen", "it's"];
    expect(shellCommand(words)).toBe(
      "precopy run 'my file.yaml' -s pre-copy+wsclock:tau=1s@xen 'it'\\''s'",
    );
  });
});
