/** What a value written in a scenario measures, seen from its text alone: its unit tells. */
import { PrecopyError } from "../base/errors.js";
import { parseDuration, parseRate, parseSize } from "../base/units.js";
import { parsePerSecond } from "./fields.js";

export type QuantityKind = "number" | "duration" | "size" | "rate" | "per-second";

/** A quantity in the base unit of its kind: ns, bytes, bytes a second, events a second. */
export interface WrittenQuantity {
  readonly kind: QuantityKind;
  readonly value: number;
  /** As written behind the number; empty for plain numbers. */
  readonly unit: string;
}

const WRITTEN = /^\s*[0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?\s*([a-zA-Zµ/]*)\s*$/;
const PARSERS: readonly (readonly [QuantityKind, (text: string) => number])[] = [
  ["duration", parseDuration],
  ["size", parseSize],
  ["rate", parseRate],
  ["per-second", parsePerSecond],
];

/** "512MiB" → 536870912 bytes; undefined for what is no quantity. */
export function quantityOf(text: string): WrittenQuantity | undefined {
  const match = WRITTEN.exec(text);
  if (match === null) return undefined;
  const unit = match[1] as string;
  if (unit === "") return { kind: "number", value: Number(text), unit };
  for (const [kind, parse] of PARSERS) {
    try {
      return { kind, value: parse(text), unit };
    } catch (error) {
      if (!(error instanceof PrecopyError)) throw error;
    }
  }
  return undefined;
}

/** A value from a command line as it would stand in a file: numbers and flags are not texts. */
export function scalarOf(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^[0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?$/.test(text) ? Number(text) : text;
}
