/**
 * A scenario's text as plain data that still knows where each field stands (YAML 1.2, of which
 * JSON is a part). Nothing is built before its limits are checked: size, nesting, aliases, nodes.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from "yaml";
import {
  clean,
  type FieldPath,
  type Finding,
  PROBLEMS_MAX,
  type ScenarioProblem,
} from "./problems.js";

/** Longest scenario file, in UTF-16 units: 256 Ki. */
const SCENARIO_TEXT_MAX = 1 << 18;
/** Aliases that may be followed; each may bring a whole subtree. */
const ALIASES_MAX = 100;
/** Values in a file, aliases followed. */
const NODES_MAX = 50_000;
const DEPTH_MAX = 16;
/** Problems that are looked up: each search goes through the mappings above it. */
const FINDINGS_MAX = 200;
/** Columns of indentation and of "- - -", and open brackets: yaml's parser is recursive. */
const NESTING_MAX = 64;

const TOO_DEEP = "this nests deeper than a scenario does: check brackets and indentation";

interface Span {
  readonly start: number;
  readonly end: number;
}

export class ScenarioDocument {
  /** The file's content: mappings without the keys that have no value, lists, scalars. */
  readonly value: unknown;
  /** What is wrong with the text itself; nothing else is worth checking then. */
  readonly problems: ScenarioProblem[] = [];
  private readonly lines = new LineCounter();
  private readonly document: Document.Parsed | undefined;
  private aliases = 0;
  private nodes = 0;

  constructor(text: string) {
    if (text.length > SCENARIO_TEXT_MAX) {
      const limit = `${SCENARIO_TEXT_MAX} characters; traces go into files of their own`;
      this.add({ start: 0, end: 1 }, `is ${text.length} characters long: the limit is ${limit}`);
      return;
    }
    const deep = nestedTooDeep(text);
    if (deep !== undefined) {
      this.lines.addNewLine(0);
      for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
        this.lines.addNewLine(at + 1);
      }
      this.add({ start: deep, end: deep + 1 }, TOO_DEEP);
      return;
    }
    const document = parseDocument(text, {
      lineCounter: this.lines,
      prettyErrors: false,
      // Its own check takes the square of the number of keys.
      uniqueKeys: false,
    });
    this.document = document;
    let line = 0;
    for (const { pos, code, message } of [...document.errors, ...document.warnings]) {
      // The first of a line is the cause, more often than not, of the others.
      if (this.lines.linePos(pos[0]).line === line) continue;
      line = this.lines.linePos(pos[0]).line;
      this.add({ start: pos[0], end: pos[1] }, SYNTAX[code] ?? message);
    }
    if (this.problems.length === 0) this.value = this.plain(document.contents, []);
  }

  /** Puts findings on their places, the first {@link FINDINGS_MAX} of them. */
  locate(findings: readonly Finding[]): ScenarioProblem[] {
    return findings
      .slice(0, FINDINGS_MAX)
      .map(({ path, message, at = "value" }) => this.problem(this.spanOf(path, at), path, message));
  }

  /** The plain value of a node; aliases are followed, keys without a value left out. */
  private plain(node: unknown, path: FieldPath): unknown {
    if (path.length > DEPTH_MAX) {
      this.addOnce(this.spanOf(path, "value"), TOO_DEEP);
      return undefined;
    }
    if (++this.nodes > NODES_MAX) {
      this.addOnce(this.spanOf(path, "value"), `more than ${NODES_MAX} values stand up to here`);
      return undefined;
    }
    if (isAlias(node)) return this.followed(node, path);
    if (isScalar(node)) return node.value;
    if (isSeq(node)) {
      return node.items.map((item, i) => {
        const enough = this.problems.length >= PROBLEMS_MAX;
        return enough ? undefined : this.plain(item, [...path, i]);
      });
    }
    if (!isMap(node)) return null;
    const value: Record<string, unknown> = {};
    const seen = new Set<string>();
    for (const pair of node.items) {
      if (this.problems.length >= PROBLEMS_MAX) break;
      const key = keyOf(pair);
      if (key === undefined || key === "__proto__") {
        this.add(spanOfNode(pair.key), `a key must be a name, not ${key ?? "a list or mapping"}`);
        continue;
      }
      if (seen.has(key)) {
        const message = `"${key}" was given already in this mapping: keep one of the two`;
        this.add(spanOfNode(pair.key), message);
        continue;
      }
      seen.add(key);
      const inner = this.plain(pair.value, [...path, key]);
      // A host of which nothing is said is a host all the same: every field has a default.
      if (inner !== null) value[key] = inner;
      else if (path.length === 1 && path[0] === "hosts") value[key] = {};
    }
    return value;
  }

  private followed(node: Node, path: FieldPath): unknown {
    if (!isAlias(node) || this.document === undefined) return undefined;
    const target = node.resolve(this.document);
    if (target === undefined) {
      this.add(spanOfNode(node), `*${node.source} names no anchor: write &${node.source} first`);
      return undefined;
    }
    if (++this.aliases > ALIASES_MAX) {
      this.addOnce(spanOfNode(node), `more than ${ALIASES_MAX} aliases are followed up to here`);
      return undefined;
    }
    return this.plain(target, path);
  }

  /** Where a field stands; where it is missing, the nearest thing around it. */
  private spanOf(path: FieldPath, at: "value" | "key"): Span {
    let node: unknown = this.document?.contents;
    let around: Span = { start: 0, end: 1 };
    for (const [i, segment] of path.entries()) {
      if (isAlias(node) && this.document !== undefined) node = node.resolve(this.document);
      if (isMap(node)) {
        const pair = node.items.find((item) => keyOf(item) === String(segment));
        if (pair === undefined) return around;
        const key = spanOfNode(pair.key);
        if (i === path.length - 1 && at === "key") return key;
        node = pair.value;
        const isValue = (isScalar(node) && node.value !== null) || (isSeq(node) && node.flow);
        around = isValue ? spanOfNode(node) : key;
      } else if (isSeq(node)) {
        node = node.items[Number(segment)];
        if (node === undefined) return around;
        around = spanOfNode(node);
      } else {
        return around;
      }
    }
    return around;
  }

  private addOnce(span: Span, message: string): void {
    if (!this.problems.some((problem) => problem.message === message)) this.add(span, message);
  }

  private add(span: Span, message: string): void {
    this.problems.push(this.problem(span, [], message));
  }

  private problem({ start, end }: Span, path: FieldPath, message: string): ScenarioProblem {
    const from = this.lines.linePos(start);
    const to = this.lines.linePos(Math.max(start, end));
    const line = Math.max(1, from.line);
    const column = Math.max(1, from.col);
    // A value of several lines is pointed at where it begins.
    const length = to.line === from.line ? Math.max(1, end - start) : 1;
    return { path: clean(path.join(".")), message: clean(message), line, column, length };
  }
}

/** What the parser's codes mean for somebody who writes a scenario. */
const SYNTAX: Record<string, string> = {
  MULTIPLE_DOCS: "a second document begins here: one file holds one scenario",
  TAB_AS_INDENT: "a tab indents this line: use spaces",
  TAG_RESOLVE_FAILED: "tags (!name) have no meaning in a scenario: leave it out",
};

function keyOf(pair: Pair): string | undefined {
  const { key } = pair;
  return isScalar(key) && (typeof key.value !== "object" || key.value === null)
    ? String(key.value)
    : undefined;
}

function spanOfNode(node: unknown): Span {
  const range = (node as Node | null)?.range;
  if (!range) return { start: 0, end: 1 };
  return { start: range[0], end: Math.max(range[0] + 1, range[1]) };
}

/**
 * Offset at which the text nests deeper than any scenario does. It counts on the safe side:
 * columns of indentation with the dashes after it, dashes within a line, and brackets.
 */
function nestedTooDeep(text: string): number | undefined {
  let open = 0;
  let start = 0;
  for (const line of text.split("\n")) {
    const content = line.trimStart();
    if (!content.startsWith("#")) {
      const indent = line.length - content.length;
      const dashes = line.match(/(?:^|[\s:,[{])[-?](?=\s|$)/g)?.length ?? 0;
      if (content !== "" && indent + dashes > NESTING_MAX) return start + indent;
      for (let i = 0; i < line.length; i++) {
        const char = line[i];
        if (char === "[" || char === "{") open++;
        else if (char === "]" || char === "}") open = Math.max(0, open - 1);
        if (open > NESTING_MAX) return start + i;
      }
    }
    start += line.length + 1;
  }
  return undefined;
}
