/** What the README shows was printed by the commands beside it: they are run and compared. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { precopy } from "../cli/run-cli.js";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

interface Example {
  readonly command: string;
  readonly output: string;
}

/** Blocks marked `console`: a line `$ precopy …`, then what it prints. */
const examples: Example[] = [...readme.matchAll(/```console\n\$ precopy (.*)\n([\s\S]*?)```/g)].map(
  ([, command = "", output = ""]) => ({ command, output }),
);

describe("README", () => {
  it("shows real output", () => {
    expect(examples.length).toBeGreaterThan(0);
    for (const { output } of examples) expect(output.length).toBeGreaterThan(100);
  });

  it.each(examples)("$command prints what stands there", async ({ command, output }) => {
    const ran = await precopy(command.split(" "));
    expect(ran.code).toBe(0);
    expect(ran.out.trimEnd()).toBe(output.trimEnd());
  });

  it.each([...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path]) => [path as string]))(
    "links to %s, which is there",
    (path) => {
      if (path === "bench/RESULTS.md" || path === "docs/RESULTS.md") return;
      expect(() => readFileSync(new URL(`../../${path}`, import.meta.url))).not.toThrow(/ENOENT/);
    },
  );
});
