/** The README's ten lines run against the packed package and print what stands below them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeProject, ROOT, runNode } from "./places.js";

it("the README's ten lines print what stands below them", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const [, code, output] = /```js\n([\s\S]*?)```\n+```text\n([\s\S]*?)```/.exec(readme) ?? [];
  if (code === undefined || output === undefined) throw new Error("README has no such example");
  const project = makeProject("readme", {}, ["yaml", "zod"]);
  const dir = join(project, "node_modules", "precopy");
  writeFileSync(join(dir, "ten-lines.mjs"), code);
  expect(runNode(dir, ["ten-lines.mjs"])).toBe(output);
});
