/**
 * Builds dist/: the library's four entries as ES modules and as CommonJS, the entries that have to do
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
  forecast: "src/forecast-entry.ts",
};
/** ES modules alone, as the packages are that they work with. */
const modern = {
  v86: "src/v86.ts",
  live: "src/live-entry.ts",
  "live-node": "src/live-node-entry.ts",
};
const cli = {
  cli: "src/cli/main.ts",
  "sweep-worker": "src/cli/sweep/worker.ts",
  "receiver-worker": "src/cli/live/receiver-worker.ts",
};

/** For pages, which resolve no names of packages: everything but v86 is in it. */
const web = { "web/index": "src/web/index.ts" };
const webScripts = { "web/worker": "src/web/worker.ts", "web/demo": "src/web/demo/main.ts" };
const DEMO_FILES = ["index.html", "demo.css"];

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
  {
    input: { ...web, ...webScripts },
    plugins: [...code(), copyDemo()],
    output: { ...modules("js", "es"), chunkFileNames: "web/chunks/[name]-[hash].js" },
  },
  types("d.ts", { ...library, ...modern, ...web }),
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

/** The demo's page beside its script. */
function copyDemo() {
  return {
    name: "copy-demo",
    writeBundle() {
      for (const file of DEMO_FILES) copyFileSync(`src/web/demo/${file}`, `dist/web/${file}`);
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
