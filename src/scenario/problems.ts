/**
 * What is wrong with a scenario: every problem with its place and a frame of the text around it,
 * all of them in one error, so that a file is mended in one go.
 */
import { PrecopyError } from "../base/errors.js";

/** Problems beyond this many are counted and not shown. */
export const PROBLEMS_MAX = 20;
/** Longest message of one problem, in UTF-16 units; what quotes the file may be as long as it. */
const MESSAGE_MAX = 600;
/** Names that a mistyped one is compared with. */
const KNOWN_MAX = 200;
/** Longest stretch of a line that a frame shows. */
const FRAME_COLUMNS = 90;

/** A field of a file: keys of mappings and indexes of lists (from 0), from the root on. */
export type FieldPath = readonly (string | number)[];

/** A problem before its place is looked up. `at`: point at the value (default) or at its key. */
export interface Finding {
  readonly path: FieldPath;
  readonly message: string;
  readonly at?: "value" | "key";
}

/** One problem of a scenario file; line and column count from 1, columns in UTF-16 units. */
export interface ScenarioProblem {
  /** As in `guests.web.memory`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly line: number;
  readonly column: number;
  /** UTF-16 units that are meant, on that line. */
  readonly length: number;
}

/** A `bad-scenario` that lists its problems, for editors. `place` is the first one's. */
export class ScenarioError extends PrecopyError {
  readonly problems: readonly ScenarioProblem[];

  /** `total`: how many there are, if `problems` are only some. */
  constructor(
    problems: readonly ScenarioProblem[],
    options: { readonly file: string; readonly text: string; readonly total?: number },
  ) {
    const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
    const shown = sorted.slice(0, PROBLEMS_MAX);
    const lines = options.text.split("\n");
    const parts = shown.map((problem, i) => {
      // The first place is written by PrecopyError.
      const place = i === 0 ? "" : `${options.file}:${problem.line}:${problem.column}: `;
      const path = problem.path === "" ? "" : `${problem.path}: `;
      return `${place}${path}${problem.message}${frame(problem, lines)}`;
    });
    const more = Math.max(sorted.length, options.total ?? 0) - shown.length;
    if (more > 0) parts.push(`and ${more} more ${more === 1 ? "problem" : "problems"}`);
    const { line = 1, column = 1 } = shown[0] ?? {};
    super("bad-scenario", parts.join("\n"), { file: options.file, line, column });
    this.problems = sorted;
  }
}

/** The line that a problem is on, and carets under what is meant. */
function frame(problem: ScenarioProblem, lines: readonly string[]): string {
  const whole = lines[problem.line - 1] ?? "";
  const first = problem.column - 1;
  const cut = first + Math.min(problem.length, FRAME_COLUMNS) > FRAME_COLUMNS;
  const from = cut ? Math.max(0, first - FRAME_COLUMNS / 2) : 0;
  const before = from > 0 ? "…" : "";
  const stretch = printable(whole.slice(from, from + FRAME_COLUMNS)).trimEnd();
  const after = whole.trimEnd().length > from + FRAME_COLUMNS ? "…" : "";
  const line = before + stretch + after;
  const at = first - from + before.length;
  const carets = "^".repeat(Math.max(1, Math.min(problem.length, line.length - at)));
  const number = String(problem.line).padStart(5);
  return `\n${number} | ${line}\n${" ".repeat(number.length)} | ${" ".repeat(at)}${carets}`;
}

/** Text of a file as it can be printed on a terminal: one column for each control character. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it replaces
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, " ");
}

/** A message of bounded length without control characters. */
export function clean(message: string): string {
  const line = printable(message);
  return line.length <= MESSAGE_MAX ? line : `${line.slice(0, MESSAGE_MAX - 1)}…`;
}

/** How a value of the file is shown in a message. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "object") return "a mapping";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length <= 60 ? value : `${value.slice(0, 59)}…`);
}

/** The known name that a mistyped one is closest to, if one is close. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = comparable(name);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.ceil(wanted.length / 3)) + 1;
  for (const candidate of known.slice(0, KNOWN_MAX)) {
    if (Math.abs(candidate.length - wanted.length) >= bestDistance) continue;
    const distance = editDistance(wanted, comparable(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** "…: did you mean "x"?", or the list of what there is. */
export function suggestion(name: string, known: readonly string[]): string {
  const close = nearest(name, known);
  if (close !== undefined) return `did you mean "${close}"?`;
  if (known.length === 0) return "there are none";
  const some = known.slice(0, 30).join(", ");
  return `there ${known.length === 1 ? "is" : "are"} ${some}${known.length > 30 ? ", …" : ""}`;
}

/** Case and the kind of hyphen do not make another name. */
function comparable(name: string): string {
  return name.slice(0, 64).toLowerCase().replace(/[_\s]/g, "-");
}

/** Insertions, deletions, replacements and swaps of neighbours from one text to the other. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] as number) + 1);
      }
      next.push(least);
    }
    before = row;
    row = next;
  }
  return row[b.length] as number;
}
