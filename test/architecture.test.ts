/**
 * The rooms: each imports only rooms before it in the list. What lies at the root of src/ are the
 * public entries; the doors cli and web import all rooms, and neither the other.
 */
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { importsOf, parse, type SourceFile, sourceFiles } from "./source-files.js";

const ROOMS = [
  ...["base", "kernels", "guest", "bound", "workingset", "codec", "policy", "migrate", "wire"],
  ...["model", "fluid", "live", "forecast", "scenario", "report"],
];
const DOORS = ["cli", "web"];

/** Packages and builtins that a room may import; the others import nothing from outside. */
const OUTSIDE: Readonly<Record<string, RegExp>> = {
  kernels: /^as-bind\//,
  live: /^(node:|v86$|@noble\/hashes\/)/,
  scenario: /^(zod|yaml)$/,
  cli: /^(node:|commander$|picocolors$|tinypool$|@bokuweb\/zstd-wasm$)/,
};

const files = sourceFiles("src");

describe("rooms", () => {
  it("are all known", () => {
    const rooms = new Set(files.map(({ path }) => roomOf(path)));
    expect(rooms.size).toBeGreaterThan(8);
    expect([...rooms].filter((room) => ![...ROOMS, ...DOORS, ""].includes(room))).toEqual([]);
  });

  it("import only rooms before them", () => {
    expect(files.flatMap(roomViolations)).toEqual([]);
  });

  it("import from outside only what is theirs", () => {
    expect(files.flatMap(outsideViolations)).toEqual([]);
  });

  it("have no circle of files that load one another across rooms", () => {
    expect(circles(files)).toEqual([]);
  });
});

describe("the entries", () => {
  it("do not reach what has to be installed, nor Node", () => {
    for (const entry of ["src/index.ts", "src/kernels-entry.ts", "src/forecast-entry.ts"]) {
      const reached = [...closure(entry)];
      const outside = reached.flatMap((path) => outsideImports(fileAt(path)));
      expect(
        outside.filter((specifier) => !specifier.startsWith("as-bind/")),
        entry,
      ).toEqual([]);
    }
  });
});

describe("the entries for pages and workers", () => {
  it.each(["src/v86.ts", "src/live-entry.ts"])(
    "%s does not reach Node, nor v86 itself",
    (entry) => {
      const outside = [...closure(entry)].flatMap((path) => outsideImports(fileAt(path)));
      const known = /^(as-bind|@noble\/hashes)\//;
      expect(outside.filter((specifier) => !known.test(specifier))).toEqual([]);
    },
  );
});

describe("assembly", () => {
  it("imports nothing outside", () => {
    const kernels = sourceFiles("assembly");
    expect(kernels.length).toBeGreaterThan(5);
    const names = kernels.flatMap((file) => importsOf(file).map((found) => found.specifier));
    expect(names.filter((name) => !/^\.\/[a-z0-9-]+$/.test(name))).toEqual([]);
  });
});

describe("the rules themselves", () => {
  const wrong = (path: string, text: string) => parse(path, text);

  it("see a room that reaches ahead, a door in a room, and door to door", () => {
    const ahead = wrong("src/base/x.ts", `import type { A } from "../model/a.js";`);
    expect(roomViolations(ahead)).toEqual(["src/base/x.ts imports model/"]);
    const door = wrong("src/model/x.ts", `export * from "../cli/main.js";`);
    expect(roomViolations(door)).toEqual(["src/model/x.ts imports cli/"]);
    const doors = wrong("src/web/x.ts", `const a = import("../cli/main.js");`);
    expect(roomViolations(doors)).toEqual(["src/web/x.ts imports cli/"]);
    const entry = wrong("src/index.ts", `export * from "./web/x.js";`);
    expect(roomViolations(entry)).toEqual(["src/index.ts imports web/"]);
  });

  it("see packages and builtins where they do not belong", () => {
    const zod = wrong("src/model/x.ts", `import { z } from "zod";`);
    expect(outsideViolations(zod)).toEqual(["src/model/x.ts imports zod"]);
    const fs = wrong("src/guest/x.ts", `import { readFileSync } from "node:fs";`);
    expect(outsideViolations(fs)).toEqual(["src/guest/x.ts imports node:fs"]);
  });

  it("see a circle, and not one of types alone", () => {
    const a = wrong("src/base/a.ts", `import { b } from "../guest/b.js";`);
    const b = wrong("src/guest/b.ts", `import { a } from "../base/a.js";`);
    const types = wrong("src/guest/b.ts", `import type { A } from "../base/a.js";`);
    expect(circles([a, b])).toEqual([["src/base/a.ts", "src/guest/b.ts", "src/base/a.ts"]]);
    expect(circles([a, types])).toEqual([]);
  });
});

/** The folder directly below src/, empty for the entries. */
function roomOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? "";
}

function roomViolations(file: SourceFile): string[] {
  const from = roomOf(file.path);
  return insideImports(file)
    .map(({ path }) => path)
    .filter((path) => path.startsWith("src/") && !mayImport(from, roomOf(path)))
    .map((path) => `${file.path} imports ${roomOf(path)}/`);
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  if (DOORS.includes(from)) return ROOMS.includes(to);
  if (from === "") return ROOMS.includes(to);
  return ROOMS.includes(to) && ROOMS.indexOf(to) < ROOMS.indexOf(from);
}

function outsideViolations(file: SourceFile): string[] {
  const allowed = OUTSIDE[roomOf(file.path)];
  const leaves = insideImports(file)
    .map(({ path }) => path)
    .filter((path) => !path.startsWith("src/"))
    .filter((path) => !(roomOf(file.path) === "kernels" && path === "build/wasm.ts"));
  const foreign = outsideImports(file).filter((specifier) => !allowed?.test(specifier));
  return [...foreign, ...leaves].map((specifier) => `${file.path} imports ${specifier}`);
}

function outsideImports(file: SourceFile): string[] {
  return importsOf(file)
    .map(({ specifier }) => specifier)
    .filter((specifier) => !specifier.startsWith("."));
}

function insideImports(file: SourceFile): { path: string; typeOnly: boolean }[] {
  return importsOf(file)
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier, typeOnly }) => ({
      path: posix.join(posix.dirname(file.path), specifier).replace(/\.js$/, ".ts"),
      typeOnly,
    }));
}

function fileAt(path: string): SourceFile {
  const file = files.find((candidate) => candidate.path === path);
  expect(file, path).toBeDefined();
  return file as SourceFile;
}

/** A file and all that it loads at run time. */
function closure(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path) || !path.startsWith("src/")) return seen;
  seen.add(path);
  for (const found of insideImports(fileAt(path))) closure(found.path, seen);
  return seen;
}

/** Circles through several rooms that are followed at run time, each back to where it began. */
function circles(among: readonly SourceFile[]): string[][] {
  const byPath = new Map(among.map((file) => [file.path, file]));
  const done = new Set<string>();
  const found: string[][] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      const circle = [...trail.slice(trail.indexOf(path)), path];
      if (new Set(circle.map(roomOf)).size > 1) found.push(circle);
      return;
    }
    const file = byPath.get(path);
    if (file === undefined || done.has(path)) return;
    for (const next of insideImports(file)) {
      if (!next.typeOnly) walk(next.path, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of byPath.keys()) walk(path, []);
  return found;
}
