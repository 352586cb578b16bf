#!/usr/bin/env node
/**
 * Compiles assembly/ twice (with and without SIMD), and page-hash.ts, which works on another
 * module's memory, on its own. Writes build/kernels.simd.wasm, build/kernels.scalar.wasm,
 * build/page-hash.wasm and build/wasm.js, which carries them as base64 so that no bundler and no
 * server has to find a file. `--if-changed` does nothing when the sources are those of the last
 * build.
 *
 * `noAssert` stays false in asconfig.json: the only assertions are those of the managed runtime
 * under the control calls; the hot loops work on raw loads and stores, which have none.
 * Files are written beside their place and renamed, so that two builds at once do no harm.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const build = join(root, "build");
const asc = join(root, "node_modules/assemblyscript/bin/asc");
/** Names of what is compiled, each with its file in build/ and its configuration. */
const targets = [
  { target: "simd", file: "kernels.simd.wasm", config: "asconfig.json" },
  { target: "scalar", file: "kernels.scalar.wasm", config: "asconfig.json" },
  { target: "page-hash", file: "page-hash.wasm", config: "asconfig.page-hash.json" },
];
const configs = ["asconfig.json", "asconfig.page-hash.json"];
const products = [...targets.map(({ file }) => file), "wasm.js", "wasm.d.ts"];

const hash = sourceHash();
if (!process.argv.includes("--if-changed") || !isBuilt(hash)) {
  mkdirSync(build, { recursive: true });
  const started = Date.now();
  const modules = await Promise.all(targets.map(compile));
  writeModule(modules);
  publish("stamp", hash);
  const sizes = targets.map(({ target }, i) => `${target} ${modules[i].length} bytes`).join(", ");
  console.log(`kernels built in ${((Date.now() - started) / 1000).toFixed(1)} s: ${sizes}`);
}

function sourceHash() {
  const files = readdirSync(join(root, "assembly"), { recursive: true })
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => join("assembly", name));
  const digest = createHash("sha256");
  for (const file of [...files, ...configs, "scripts/build-kernels.mjs"]) {
    digest
      .update(file)
      .update("\0")
      .update(readFileSync(join(root, file)))
      .update("\0");
  }
  return digest.digest("hex");
}

function isBuilt(wanted) {
  const stamp = join(build, "stamp");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) return false;
  return products.every((name) => existsSync(join(build, name)));
}

/** Compiles one target; resolves to its bytes. */
async function compile({ target, file, config }) {
  const partial = `${file}.${process.pid}.wasm`;
  const args = [asc, "--config", config, "--target", target];
  args.push("--binaryFile", join("build", partial));
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (text) => {
    output += text;
  });
  child.stderr.on("data", (text) => {
    output += text;
  });
  const status = await new Promise((resolve) => child.on("close", resolve));
  if (status !== 0) {
    console.error(output);
    throw new Error(`asc failed on target ${target} with status ${status}`);
  }
  renameSync(join(build, partial), join(build, file));
  return readFileSync(join(build, file));
}

function writeModule([simd, scalar, pageHash]) {
  publish(
    "wasm.js",
    `export const simdBase64 = "${simd.toString("base64")}";\n` +
      `export const scalarBase64 = "${scalar.toString("base64")}";\n` +
      `export const pageHashBase64 = "${pageHash.toString("base64")}";\n`,
  );
  publish(
    "wasm.d.ts",
    "/** The kernels compiled with SIMD. */\nexport declare const simdBase64: string;\n" +
      "/** The kernels compiled without SIMD. */\nexport declare const scalarBase64: string;\n" +
      "/** The module that hashes another one's pages. */\n" +
      "export declare const pageHashBase64: string;\n",
  );
}

function publish(name, text) {
  const partial = join(build, `${name}.${process.pid}`);
  writeFileSync(partial, text);
  renameSync(partial, join(build, name));
}
