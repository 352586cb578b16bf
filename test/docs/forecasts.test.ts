/** What docs/CLI.md shows of `precopy forecast` and `advise` was printed by the commands beside it. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { precopy } from "../cli/run-cli.js";

const text = readFileSync(new URL("../../docs/CLI.md", import.meta.url), "utf8");
const examples = [
  ...text.matchAll(/```console\n\$ precopy ((?:forecast|advise) .*)\n([\s\S]*?)```/g),
].map(([, command = "", output = ""]) => ({ command, output }));

describe("docs/CLI.md on what is asked before a migration", () => {
  it("shows a forecast, advice and a drain", () => {
    expect(examples).toHaveLength(3);
  });

  it.each(examples)(
    "$command prints what stands there",
    async ({ command, output }) => {
      const { code, out } = await precopy(command.split(" "));
      expect(code).toBe(0);
      expect(out.trimEnd()).toBe(output.trimEnd());
    },
    120_000,
  );
});
