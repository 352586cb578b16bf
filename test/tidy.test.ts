/**
 * The house rules that a machine can check: no clocks, chance or transcendental functions where
 * one seed has to give one result; files, functions and lines that can be seen whole; each file
 * opens with what it is; nothing unfinished; nothing built under version control.
 */
import { execFileSync } from "node:child_process";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { parse, ROOT, type SourceFile, sourceFiles } from "./source-files.js";

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const LINE_COLUMNS_MAX = 100;

/** Differ from run to run: only where machines and people are. */
const UNSTEADY = [
  ...["Date.now", "Date", "performance.now", "Math.random", "crypto.getRandomValues"],
  ...["setTimeout", "setInterval", "setImmediate", "requestAnimationFrame"],
];
const UNSTEADY_ALLOWED = /^src\/(live|cli|web)\//;

/** Differ from engine to engine in the last bits. */
const INEXACT = [
  ...["pow", "exp", "expm1", "log", "log10", "log2", "log1p", "cbrt", "hypot"],
  ...["sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh"],
].map((name) => `Math.${name}`);
const INEXACT_ALLOWED = /^src\/(cli|report|web)\//;

const product = [...sourceFiles("src"), ...sourceFiles("assembly")];
const src = product.filter(({ path }) => path.startsWith("src/"));
const all = [...product, ...sourceFiles("test"), ...sourceFiles("scripts")];

describe("determinism", () => {
  it("no clock, timer or chance outside live, cli and web", () => {
    const rooms = src.filter(({ path }) => !UNSTEADY_ALLOWED.test(path));
    expect(rooms.flatMap((file) => uses(file, UNSTEADY))).toEqual([]);
  });

  it("no function that differs between engines, nor **", () => {
    const rooms = src.filter(({ path }) => !INEXACT_ALLOWED.test(path));
    expect(rooms.flatMap((file) => [...uses(file, INEXACT), ...powers(file)])).toEqual([]);
  });
});

describe("size", () => {
  it(`files have at most ${FILE_LINES_MAX} lines`, () => {
    const long = all.map((file) => ({ path: file.path, lines: lineCount(file.text) }));
    expect(long.filter(({ lines }) => lines > FILE_LINES_MAX)).toEqual([]);
  });

  it(`functions have at most ${FUNCTION_LINES_MAX} lines`, () => {
    expect(product.flatMap(longFunctions)).toEqual([]);
  });

  it(`code has at most ${LINE_COLUMNS_MAX} columns`, () => {
    expect(all.flatMap(longLines)).toEqual([]);
  });
});

describe("texts", () => {
  it("every file opens with what it is", () => {
    const silent = product.filter(({ text }) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(text));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it("nothing is left to be done", () => {
    const mark = new RegExp(`\\b(${["TO", "FIX", "XX"].join("|")})(DO|ME|X)\\b`);
    expect(all.filter(({ text }) => mark.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it("no test is skipped or run alone", () => {
    const call = /\b(it|test|describe)\.(only|skip|todo|fails)\b/;
    const tests = all.filter(
      ({ path }) => path.startsWith("test/") && path !== "test/tidy.test.ts",
    );
    expect(tests.filter(({ text }) => call.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

describe("version control", () => {
  it("holds nothing that is built", () => {
    const tracked = execFileSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" }).split("\n");
    expect(tracked).toContain("package.json");
    const isBuilt = /^(dist|build|coverage|node_modules)\/|\.(wasm|tgz|tsbuildinfo)$|^src\/.*\.js$/;
    expect(tracked.filter((path) => isBuilt.test(path))).toEqual([]);
  });
});

describe("the rules themselves", () => {
  it("see what they forbid and no more", () => {
    const bad = parse("x.ts", "const a = Date.now() + Math.pow(2, k) + n ** k; setTimeout(f);");
    expect(uses(bad, UNSTEADY)).toEqual(["x.ts:1 Date.now", "x.ts:1 setTimeout"]);
    expect([...uses(bad, INEXACT), ...powers(bad)]).toEqual(["x.ts:1 Math.pow", "x.ts:1 **"]);
    const good = parse(
      "x.ts",
      "const a = 2 ** 24; /* Date.now */ o.log(x.setTimeout, 'Math.exp');",
    );
    expect([...uses(good, UNSTEADY), ...uses(good, INEXACT), ...powers(good)]).toEqual([]);
  });

  it("measure functions and lines", () => {
    const body = "\n  x();".repeat(FUNCTION_LINES_MAX);
    const long = parse("x.ts", `function f() {${body}\n}\nconst g = () => {${body}\n};`);
    expect(longFunctions(long)).toEqual(["x.ts:1 f", "x.ts:73 g"]);
    const wide = "w".repeat(LINE_COLUMNS_MAX);
    const text = parse("x.ts", `const a = "${wide}";\n// ${wide}\nconst ${wide} = "";\n`);
    expect(longLines(text)).toEqual(["x.ts:3"]);
  });
});

function lineCount(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

function lineOf({ tree }: SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

function each(file: SourceFile, see: (node: ts.Node) => void): void {
  const visit = (node: ts.Node): void => {
    see(node);
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
}

/** Where one of the names is called: a global function, or `Object.member`. */
function uses(file: SourceFile, names: readonly string[]): string[] {
  const found: string[] = [];
  each(file, (node) => {
    const made = ts.isNewExpression(node) && (node.arguments?.length ?? 0) === 0;
    if (!ts.isCallExpression(node) && !made) return;
    const called = (node as ts.CallExpression).expression.getText(file.tree);
    const name = called.replace(/^(globalThis|window|self)\./, "");
    if (names.includes(name)) found.push(`${file.path}:${lineOf(file, node)} ${name}`);
  });
  return found;
}

/** `**` is Math.pow; a whole power of 2 is exact on every engine. */
function powers(file: SourceFile): string[] {
  const found: string[] = [];
  each(file, (node) => {
    if (!ts.isBinaryExpression(node)) return;
    if (node.operatorToken.kind !== ts.SyntaxKind.AsteriskAsteriskToken) return;
    if (node.left.getText(file.tree) === "2") return;
    found.push(`${file.path}:${lineOf(file, node)} **`);
  });
  return found;
}

function longFunctions(file: SourceFile): string[] {
  const found: string[] = [];
  each(file, (node) => {
    if (!ts.isFunctionLike(node)) return;
    const end = file.tree.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
    if (end - lineOf(file, node) + 1 <= FUNCTION_LINES_MAX) return;
    found.push(`${file.path}:${lineOf(file, node)} ${nameOf(node)}`);
  });
  return found;
}

function nameOf(node: ts.SignatureDeclaration): string {
  const named = node.name ?? (ts.isVariableDeclaration(node.parent) ? node.parent.name : undefined);
  return named?.getText() ?? "unnamed";
}

/** Lines that are too long even without quoted text; lines of comments are not looked at. */
function longLines(file: SourceFile): string[] {
  const quoted = quotedRanges(file);
  const starts = file.tree.getLineStarts();
  return file.text.split("\n").flatMap((text, i) => {
    if (text.length <= LINE_COLUMNS_MAX || /^\s*(\/\/|\/?\*)/.test(text)) return [];
    const start = starts[i] as number;
    const end = start + text.length;
    const inside = quoted.map(([from, to]) => Math.min(to, end) - Math.max(from, start));
    const columns = inside.reduce((left, length) => left - Math.max(0, length), text.length);
    return columns > LINE_COLUMNS_MAX ? [`${file.path}:${i + 1}`] : [];
  });
}

/** Where strings, whole templates and patterns stand. */
function quotedRanges(file: SourceFile): [number, number][] {
  const found: [number, number][] = [];
  each(file, (node) => {
    const isText = ts.isStringLiteralLike(node) || ts.isRegularExpressionLiteral(node);
    if (!isText && !ts.isTemplateExpression(node)) return;
    if (ts.findAncestor(node.parent, ts.isTemplateExpression) !== undefined) return;
    found.push([node.getStart(file.tree), node.getEnd()]);
  });
  return found;
}
