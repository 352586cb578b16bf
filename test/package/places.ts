/** Where the built package lies, and projects of users who have installed it. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const DIST = join(ROOT, "dist");

/**
 * A user's project outside the repository: `files` by name, the packed package unpacked into its
 * node_modules, and links to those packages of the repository that `installed` names. Returns its
 * directory.
 */
export function makeProject(
  name: string,
  files: Readonly<Record<string, string>>,
  installed: readonly string[] = [],
): string {
  const dir = join(inject("workDir"), name);
  const precopy = join(dir, "node_modules", "precopy");
  mkdirSync(precopy, { recursive: true });
  execFileSync("tar", ["xzf", inject("tarball"), "-C", precopy, "--strip-components=1"]);
  for (const dependency of installed) {
    const link = join(dir, "node_modules", dependency);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", dependency), link, "dir");
  }
  for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, file), text);
  return dir;
}

/** Runs `node` in `dir` and returns what it prints; a failure is thrown with all its output. */
export function runNode(dir: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: dir,
    encoding: "utf8",
  });
  if (status !== 0) {
    throw new Error(`node ${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
  }
  return stdout;
}
