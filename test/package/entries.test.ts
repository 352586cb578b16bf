/** The built entries as a user's project loads them: by import, by require, and by sub-path. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";
import { describe, expect, inject, it } from "vitest";
import { simulate } from "../../src/model/simulation.js";
import { DIST, makeProject, ROOT, runNode } from "./places.js";
import { SPEC } from "./spec.js";

const MAIN = `
  const result = await simulate(JSON.parse(process.argv[2]));
  console.log(result.eventLogHash);
`;
const SAME_CLASSES = `
  const loaded = kernels.Kernels.loadSync({ arenaBytes: 4096 });
  const same = Object.keys(kernels).map((name) => [name, kernels[name] === main[name]]);
  let error;
  try { kernels.PageBitmap.create(loaded, 2 ** 20); } catch (thrown) { error = thrown; }
  console.log(JSON.stringify({
    same: Object.fromEntries(same),
    kernels: loaded instanceof main.Kernels,
    error: error instanceof main.PrecopyError && error.code,
  }));
`;

describe("with nothing else installed", () => {
  it("runs a simulation by import and by require, with the events of the sources", async () => {
    const spec = JSON.stringify(SPEC);
    const dir = makeProject("bare", {
      "main.mjs": `import { simulate } from "precopy";${MAIN}`,
      "main.cjs": `const { simulate } = require("precopy");(async () => {${MAIN}})();`,
    });
    const { eventLogHash } = await simulate(SPEC);
    expect(runNode(dir, ["main.mjs", spec]).trim()).toBe(eventLogHash);
    expect(runNode(dir, ["main.cjs", spec]).trim()).toBe(eventLogHash);
  });

  it.each([
    [
      "import",
      "classes.mjs",
      `import * as kernels from "precopy/kernels";
      import * as main from "precopy";${SAME_CLASSES}`,
    ],
    [
      "require",
      "classes.cjs",
      `const kernels = require("precopy/kernels");
      const main = require("precopy");${SAME_CLASSES}`,
    ],
  ])("gives the same classes from both entries by %s", (how, file, text) => {
    const dir = makeProject(`classes-${how}`, { [file]: text });
    const { same, kernels, error } = JSON.parse(runNode(dir, [file]));
    expect(Object.keys(same)).toContain("WsClockRing");
    expect(Object.keys(same).filter((name) => !same[name])).toEqual([]);
    expect(kernels).toBe(true);
    expect(error).toBe("arena-full");
  });

  it("loads the kernels that are fetched apart, with SIMD and without", () => {
    const dir = makeProject("wasm", {
      "wasm.mjs": `
        import { readFileSync } from "node:fs";
        import { createRequire } from "node:module";
        import { Kernels, PageBitmap } from "precopy/kernels";
        const { resolve } = createRequire(import.meta.url);
        for (const path of ["precopy/kernels.wasm", "precopy/kernels.scalar.wasm"]) {
          const wasm = readFileSync(resolve(path));
          const kernels = await Kernels.load({ arenaBytes: 65536, wasm });
          const bitmap = PageBitmap.create(kernels, 1000);
          bitmap.setRange(10, 600);
          console.log(kernels.simd, bitmap.count());
        }`,
    });
    expect(runNode(dir, ["wasm.mjs"])).toBe("true 600\nfalse 600\n");
  });

  it.each([
    ["import", "forecast.mjs", `import * as all from "precopy/forecast";`],
    ["require", "forecast.cjs", `const all = require("precopy/forecast");`],
  ])("forecasts from measured rates by %s", (how, file, head) => {
    const text = `${head}
      const guest = { kind: "rates", pages: 65536, dirtied: all.parseRatePoints("1s=2MiB/s") };
      const said = all.forecast({ guest, linkBytesPerSec: 1e8 });
      let error;
      try { all.forecast({ guest, linkBytesPerSec: 0 }); } catch (thrown) { error = thrown; }
      console.log(said.converges, said.rule, error instanceof all.PrecopyError, error.code);`;
    const dir = makeProject(`forecast-${how}`, { [file]: text });
    expect(runNode(dir, [file]).trim()).toBe("yes threshold true bad-input");
  });

  it("does not give away its inner files", () => {
    const dir = makeProject("inner", {
      "inner.mjs": `import("precopy/dist/index.js").catch((e) => console.log(e.code));`,
    });
    expect(runNode(dir, ["inner.mjs"]).trim()).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });
});

describe("with its dependencies installed", () => {
  it.each([
    [
      "import",
      "scenario.mjs",
      `import * as scenario from "precopy/scenario";
      import { PrecopyError } from "precopy";`,
    ],
    [
      "require",
      "scenario.cjs",
      `const scenario = require("precopy/scenario");
      const { PrecopyError } = require("precopy");`,
    ],
  ])("reads scenarios by %s and throws the main entry's errors", (how, file, imports) => {
    const text = `${imports}
      const schema = scenario.scenarioJsonSchema();
      const options = { file: "bad.yaml", readTrace: () => { throw new Error("no trace"); } };
      Promise.resolve()
        .then(() => scenario.loadScenario("hosts: 7", options))
        .catch((e) => e)
        .then((e) => console.log(schema.type, e instanceof PrecopyError, e.code));`;
    const dir = makeProject(`scenario-${how}`, { [file]: text }, ["zod", "yaml"]);
    expect(runNode(dir, [file]).trim()).toBe("object true bad-scenario");
  });

  it("makes a v86 guest that shares the kernels' classes", () => {
    const text = `
      import { readFileSync } from "node:fs";
      import { Kernels, PageBitmap } from "precopy/kernels";
      import { V86Guest } from "precopy/v86";
      import { V86 } from "v86";
      const wasm = readFileSync("node_modules/v86/build/v86.wasm");
      const guest = await V86Guest.create({ V86, wasm, memoryBytes: 2 ** 21 });
      const kernels = await Kernels.load({ arenaBytes: 65536 });
      guest.enableLogDirty();
      const dirty = PageBitmap.create(kernels, guest.pages);
      console.log(guest.tracking, guest.describe().kind, guest.harvest("ram", dirty));
      await guest.destroy();`;
    const dir = makeProject("v86", { "v86.mjs": text }, ["v86"]);
    expect(runNode(dir, ["v86.mjs"]).trim()).toBe("tlb v86 0");
  });

  it("moves a tiny guest by the live entries, from one of its machines to another", () => {
    const text = `
      import { LiveMigration, LiveServer, parseTinyReports, tinyGuest } from "precopy/live";
      import { connectTcp, listenTcp, loadV86, nodeCrypto } from "precopy/live/node";
      import { V86Guest } from "precopy/v86";
      const v86 = await loadV86();
      const memoryBytes = 2 ** 24;
      const tiny = tinyGuest({ pages: 100, fillPages: 0 });
      const boot = { multiboot: tiny.image, cmdline: tiny.commandLine };
      const machine = await V86Guest.create({ ...v86, memoryBytes, boot });
      const targets = [];
      let serial = "";
      const heard = (guest) => guest.onSerial((byte) => { serial += String.fromCharCode(byte); });
      heard(machine);
      const server = new LiveServer({
        crypto: nodeCrypto,
        async createMachine(guest) {
          const made = await V86Guest.create({ ...v86, memoryBytes: guest.pages * 4096 });
          heard(made);
          targets.push(made);
          return made;
        },
      });
      const onTransport = (transport) => server.accept(transport);
      const listener = await listenTcp({ host: "127.0.0.1", port: 0, onTransport });
      machine.resume();
      const strategy = "pre-copy+zero";
      const connect = () => connectTcp(listener.address);
      const options = { machine, strategy, connect, crypto: nodeCrypto, verify: true };
      const { outcome, live } = await (await LiveMigration.start(options)).ended;
      const before = parseTinyReports(serial).reports.length;
      while (parseTinyReports(serial).reports.length < before + 3) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      console.log(outcome, live.verified, parseTinyReports(serial).sound);
      await listener.close();
      await server.close();
      for (const target of targets) await target.destroy();`;
    const dir = makeProject("live", { "live.mjs": text }, ["v86"]);
    expect(runNode(dir, ["live.mjs"]).trim()).toBe("target-runs true true");
  });

  it("says what to install where there is no v86", () => {
    const text = `import { loadV86 } from "precopy/live/node";
      await loadV86().catch((error) => console.log(error.code, error.message));`;
    const dir = makeProject("no-v86", { "live.mjs": text });
    expect(runNode(dir, ["live.mjs"])).toMatch(/^unsupported .*npm install v86@\d/);
  });

  describe("as a command", () => {
    const installed = ["zod", "yaml", "commander", "picocolors", "tinypool"];
    const cli = "node_modules/precopy/dist/cli.js";

    it("is a file that runs by itself and knows its version", () => {
      const path = join(makeProject("command", {}, installed), cli);
      const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
      expect(statSync(path).mode & 0o111).toBe(0o111);
      expect(readFileSync(path, "utf8").startsWith("#!/usr/bin/env node\n")).toBe(true);
      expect(runNode(dirname(path), [path, "--version"]).trim()).toBe(version);
    });

    it("runs the example that comes along", () => {
      const dir = makeProject("command-run", {}, installed);
      const result = JSON.parse(runNode(dir, [cli, "run", "examples/seed.yaml", "--json"]));
      expect(result.eventLogHash).toMatch(/^[0-9a-f]{16}$/);
      expect(result.migrations[0].outcome).toBe("target-runs");
    });

    it("sweeps on threads that run the built worker", () => {
      const dir = makeProject("command-sweep", {}, installed);
      const over = ["--over", "link.bandwidth=1Gbit/s,10Gbit/s", "--jobs", "2", "--json"];
      const result = JSON.parse(runNode(dir, [cli, "sweep", "examples/seed.yaml", ...over]));
      expect(result.jobs).toBe(2);
      expect(result.analyses[0].metrics.totalNs.factors[0].elasticity).toBeLessThan(0);
    });

    it("shares its classes with plug-ins that import the library", () => {
      const plugin = `import { PrecopyError, Registry } from "precopy";
        export default function register(registry) {
          const same = registry instanceof Registry;
          throw new PrecopyError("bad-input", same ? "one Registry" : "two Registries");
        }`;
      const dir = makeProject("command-plugin", { "plugin.mjs": plugin }, installed);
      const words = [cli, "run", "examples/seed.yaml", "--plugin", "plugin.mjs"];
      const { status, stderr } = spawnSync(process.execPath, words, { cwd: dir, encoding: "utf8" });
      expect(stderr).toContain("one Registry");
      expect(status).toBe(2);
    });
  });
});

describe("what the built files import", () => {
  it.each([
    ["index.js", []],
    ["index.cjs", []],
    ["kernels.js", []],
    ["kernels.cjs", []],
    ["scenario.js", ["yaml", "zod"]],
    ["scenario.cjs", ["yaml", "zod"]],
    ["v86.js", []],
    ["v86.d.ts", []],
    ["live.js", []],
    ["live.d.ts", []],
    ["index.d.ts", []],
    ["kernels.d.cts", []],
  ])("%s: from outside the package %j", (entry, expected) => {
    expect([...outsideImports(join(DIST, entry))].sort()).toEqual(expected);
  });

  it("live-node.js: Node and v86, from outside the package", () => {
    const outside = [...outsideImports(join(DIST, "live-node.js"))];
    expect(outside).toContain("node:net");
    expect(outside.filter((name) => !/^(node:|v86$)/.test(name))).toEqual([]);
  });

  it.each(["index.js", "v86.js", "live.js"])("%s names nothing that only Node has", (entry) => {
    const reached = closure(join(DIST, entry));
    for (const file of reached) {
      const text = readFileSync(file, "utf8");
      expect(text, relative(DIST, file)).not.toMatch(/\bprocess\.|\bBuffer\.|\b__dirname\b/);
    }
  });
});

describe("what is packed", () => {
  const packed = inject("packedFiles");

  it("holds dist, examples, and the texts that belong to a package", () => {
    const texts = ["CHANGELOG.md", "LICENSE", "README.md", "package.json"];
    const others = packed.filter((path) => !/^(dist|examples)\//.test(path));
    expect(others.sort()).toEqual(texts);
    expect(packed).toContain("examples/embed/worker-snapshot.mjs");
  });

  it("holds every file that package.json names", () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const named = [manifest.main, manifest.module, manifest.types, manifest.bin, manifest.exports];
    const paths = [...new Set(leaves(named))].map((path) => path.replace(/^\.\//, ""));
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !packed.includes(path))).toEqual([]);
  });
});

/** Every text in a nested value. */
function leaves(value: unknown): string[] {
  return typeof value === "string" ? [value] : Object.values(value as object).flatMap(leaves);
}

/** A built file and all that it reaches inside dist/. */
function closure(entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  for (const name of importsOf(entry)) {
    if (name.startsWith(".")) closure(resolveBuilt(entry, name), seen);
  }
  return seen;
}

function outsideImports(entry: string): Set<string> {
  const names = [...closure(entry)].flatMap(importsOf);
  return new Set(names.filter((name) => !name.startsWith(".")));
}

function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, "utf8"), true, true);
  return importedFiles.map((imported) => imported.fileName);
}

/** In declarations `./x.js` stands for `./x.d.ts`. */
function resolveBuilt(from: string, name: string): string {
  const path = join(dirname(from), name);
  const declared = path.replace(/\.(c?)js$/, ".d.$1ts");
  const resolved = /\.d\.c?ts$/.test(from) ? declared : path;
  expect(existsSync(resolved), `${from} imports ${name}`).toBe(true);
  return resolved;
}
