/**
 * Builds the package where dist/ is older than what it is made from, and packs it as `npm publish`
 * would: what the tests load is what a user gets.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { ROOT } from "./places.js";

declare module "vitest" {
  export interface ProvidedContext {
    /** A directory outside the repository, so that nothing is found in its node_modules. */
    readonly workDir: string;
    /** The packed package, in `workDir`. */
    readonly tarball: string;
    /** The files that were packed, relative to the package. */
    readonly packedFiles: readonly string[];
  }
}

const CONFIGS = ["asconfig.json", "asconfig.page-hash.json", "rollup.config.js", "package.json"];
const SOURCES = ["src", "assembly", "scripts", ...CONFIGS];
const PRODUCTS = [
  ...["index.js", "index.cjs", "index.d.ts", "index.d.cts", "v86.js", "v86.d.ts"],
  ...["live.js", "live.d.ts", "live-node.js", "live-node.d.ts"],
  ...["cli.js", "kernels.wasm", "web/index.html", "web/worker.js", "web/index.d.ts"],
];

export default function setup(project: TestProject): () => void {
  if (isStale()) npm(["run", "build"]);
  const workDir = mkdtempSync(join(tmpdir(), "precopy-package-"));
  const answer = npm(["pack", "--ignore-scripts", "--json", "--pack-destination", workDir]);
  const [packed] = JSON.parse(answer) as [{ filename: string; files: { path: string }[] }];
  project.provide("workDir", workDir);
  project.provide("tarball", join(workDir, packed.filename));
  project.provide(
    "packedFiles",
    packed.files.map((file) => file.path),
  );
  return () => rmSync(workDir, { recursive: true, force: true });
}

/** Directories count as well: their time changes when a file in them is removed. */
function isStale(): boolean {
  const products = PRODUCTS.map((name) => join(ROOT, "dist", name));
  if (!products.every(existsSync)) return true;
  const builtMs = Math.min(...products.map((path) => statSync(path).mtimeMs));
  return Math.max(...SOURCES.map((name) => newestMs(join(ROOT, name)))) > builtMs;
}

function newestMs(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  const inside = readdirSync(path).map((name) => newestMs(join(path, name)));
  return Math.max(stat.mtimeMs, ...inside);
}

function npm(args: string[]): string {
  return execFileSync("npm", args, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
}
