/**
 * JSON values that stand one after the other in a text, each on one line or on many, or all in one
 * list. What stands between them (prompts, words) is a bad line, and so is a value that cannot be
 * read or does not end.
 */
import type { LogSource } from "./log-source.js";

export interface JsonValue {
  readonly value: unknown;
  /** Where it begins. */
  readonly line: number;
}

export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function jsonValues(source: LogSource): JsonValue[] {
  const found: JsonValue[] = [];
  let open: { text: string[]; line: number; depth: number } | undefined;
  for (const [at, text] of source.lines.entries()) {
    const line = at + 1;
    if (open === undefined) {
      // Lists of answers are taken apart: their brackets and commas mean nothing.
      const bare = isListMark(text) ? "" : text.trim();
      if (bare === "") continue;
      if (!bare.startsWith("{") && !bare.startsWith("[{")) {
        source.bad(line, "it is no JSON");
        continue;
      }
      open = { text: [], line, depth: 0 };
    }
    open.text.push(text);
    open.depth += depthOf(text);
    if (open.depth > 0 && text.trim() !== "],") continue;
    take(source, open, found);
    open = undefined;
  }
  if (open !== undefined) source.bad(open.line, "the JSON that begins here does not end");
  return found;
}

const isListMark = (text: string) => /^[\s[\],]*$/.test(text);

function take(
  source: LogSource,
  { text, line }: { text: readonly string[]; line: number },
  found: JsonValue[],
): void {
  const joined = text.join("\n").trim().replace(/,$/, "");
  let value: unknown;
  try {
    value = JSON.parse(joined.startsWith("{") ? joined.replace(/\]$/, "") : joined);
  } catch {
    source.bad(line, "it is no JSON, or cut off");
    return;
  }
  // One by one: a list may have more than a call takes arguments.
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const one of values) found.push({ value: one, line });
}

/** Braces that open less those that close, outside of strings. */
function depthOf(text: string): number {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (inString) {
      if (char === "\\") i++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{") depth++;
    else if (char === "}") depth--;
  }
  return depth;
}
