/** What docs/SWEEPS.md shows was printed by the commands beside it: they are run and compared. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { precopy, temporaryFolder } from "../cli/run-cli.js";

const text = readFileSync(new URL("../../docs/SWEEPS.md", import.meta.url), "utf8");
const examples = [...text.matchAll(/```console\n\$ precopy (.*)\n([\s\S]*?)```/g)].map(
  ([, command = "", output = ""]) => ({ command, output }),
);

let folder: ReturnType<typeof temporaryFolder>;
const home = process.cwd();

// Sweeps write a file where they are started.
beforeAll(() => {
  folder = temporaryFolder();
  process.chdir(folder.path);
});
afterAll(() => {
  process.chdir(home);
  folder.remove();
});

describe("docs/SWEEPS.md", () => {
  it("shows the text and the CSV", () => {
    expect(examples).toHaveLength(2);
  });

  it.each(examples)(
    "$command prints what stands there",
    async ({ command, output }) => {
      const { code, out, err } = await precopy(command.split(" "));
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out.replaceAll("\r", "").trimEnd()).toBe(output.trimEnd());
    },
    120_000,
  );
});
