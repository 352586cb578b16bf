/**
 * Builds dist/: the library's three entries as ES modules and as CommonJS, the entries that have to do
 * with real machines, the command line and the worker of its sweeps as ES modules, types for both kinds of import, and the kernels as files.
 * Wasm is inlined as base64 (build/wasm.js), and as-bind is bundled: the library and the kernels
 * import nothing. Entries of one kind share their code, so that a class is the same object
 * whichever entry it came from.
 *
 * No source maps: the output is not minified and would double in size.
 */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import nodeResolve from "@rollup/plugin-node-resolve";
import { dts } from "rollup-plugin-dts";
import esbuild from "rollup-plugin-esbuild";

const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const packages = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)];
const external = [/^node:/, ...packages];

const library = {
  index: "src/index.ts",
  kernels: "src/kernels-entry.ts",
  scenario: "src/scenario/index.ts",
};
/** ES modules alone, as the packages are that they work with. */
const modern = {
  v86: "src/v86.ts",
  live: "src/live-entry.ts",
  "live-node": "src/live-node-entry.ts",
};
const cli = { cli: "src/cli/main.ts", "sweep-worker": "src/cli/sweep/worker.ts" };

const modules = (extension, format) => ({
  dir: "dist",
  format,
  entryFileNames: `[name].${extension}`,
  chunkFileNames: `chunks/[name]-[hash].${extension}`,
  exports: "named",
});

const code = () => [nodeResolve(), esbuild({ target: "es2022", tsconfig: "tsconfig.json" })];

const types = (extension, input) => ({
  input,
  external,
  plugins: [dts({ tsconfig: "tsconfig.json" })],
  output: modules(extension, "es"),
});

export default [
  {
    input: { ...library, ...modern, ...cli },
    external,
    plugins: [startClean(), ...code(), finish()],
    output: modules("js", "es"),
  },
  { input: library, external, plugins: code(), output: modules("cjs", "cjs") },
  types("d.ts", { ...library, ...modern }),
  types("d.cts", library),
];

/** Chunks of an earlier build would be packed with this one's. A build that fails removes none. */
function startClean() {
  return {
    name: "start-clean",
    renderStart() {
      rmSync("dist", { recursive: true, force: true });
      mkdirSync("dist");
    },
  };
}

/** What is no module: the kernels for those who fetch them apart, and the bit that runs a file. */
function finish() {
  return {
    name: "finish",
    writeBundle() {
      copyFileSync("build/kernels.simd.wasm", "dist/kernels.wasm");
      copyFileSync("build/kernels.scalar.wasm", "dist/kernels.scalar.wasm");
      chmodSync("dist/cli.js", 0o755);
    },
  };
}
