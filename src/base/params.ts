/**
 * Parameters of named things, written the same in YAML, on the command line and in a URL:
 * `tau=200ms,refs`. Each name declares what it takes, so that a wrong one is told what is right.
 */
import { PrecopyError } from "./errors.js";
import {
  formatBytes,
  formatDuration,
  formatRate,
  parseDuration,
  parseRate,
  parseSize,
} from "./units.js";

export type ParamSpec =
  | {
      readonly kind: "duration";
      readonly default: number | "auto";
      readonly help: string;
      readonly auto?: boolean;
    }
  | {
      /** Bytes, as in 64MiB, or bytes a second, as in 1Gbit/s; both limits are allowed values. */
      readonly kind: "size" | "bandwidth";
      /** Bandwidth only: Infinity = unlimited. */
      readonly default: number;
      readonly min: number;
      readonly max: number;
      readonly help: string;
    }
  | {
      readonly kind: "integer" | "number";
      readonly default: number;
      readonly min: number;
      readonly max: number;
      readonly help: string;
    }
  | { readonly kind: "flag"; readonly default: false; readonly help: string }
  | {
      readonly kind: "choice";
      readonly default: string;
      readonly choices: readonly string[];
      readonly help: string;
    };

export type ParamSpecs = Readonly<Record<string, ParamSpec>>;
/**
 * Durations in nanoseconds (or "auto"), sizes in bytes, bandwidths in bytes a second (Infinity =
 * unlimited), numbers, true for a flag that was given, choices as text.
 */
export type ParamValues = Readonly<Record<string, number | boolean | string>>;

/** Reads `key=value,flag` against `specs`, filling in defaults. `owner` names whose they are. */
export function parseParams(owner: string, text: string, specs: ParamSpecs): ParamValues {
  const values: Record<string, number | boolean | string> = {};
  for (const [key, spec] of Object.entries(specs)) values[key] = spec.default;
  for (const part of text.split(",").filter((piece) => piece.trim() !== "")) {
    const at = part.indexOf("=");
    const key = (at < 0 ? part : part.slice(0, at)).trim();
    const spec = Object.hasOwn(specs, key) ? specs[key] : undefined;
    if (spec === undefined) {
      const known = Object.keys(specs);
      throw new PrecopyError(
        "bad-input",
        `${owner} has no parameter "${key}": ${known.length === 0 ? "it takes none" : `it takes ${known.join(", ")}`}`,
      );
    }
    values[key] = parseParam(
      `${owner}:${key}`,
      at < 0 ? undefined : part.slice(at + 1).trim(),
      spec,
    );
  }
  return values;
}

function parseParam(
  name: string,
  text: string | undefined,
  spec: ParamSpec,
): number | boolean | string {
  if (spec.kind === "flag") {
    if (text === undefined || text === "true") return true;
    if (text === "false") return false;
    throw new PrecopyError("bad-input", `${name} is a flag: write it alone, not "${text}"`);
  }
  if (text === undefined || text === "") {
    throw new PrecopyError(
      "bad-input",
      `${name} needs a value, as in ${name}=${formatParam(spec)}`,
    );
  }
  switch (spec.kind) {
    case "duration":
      if (text === "auto" && spec.auto) return "auto";
      return parseDuration(text);
    case "size":
    case "bandwidth":
      return parseQuantityWithin(name, text, spec);
    case "choice":
      if (spec.choices.includes(text)) return text;
      throw new PrecopyError("bad-input", `${name} is "${text}": it must be ${paramRange(spec)}`);
    default: {
      const value = Number(text);
      const whole = spec.kind === "number" || Number.isInteger(value);
      if (Number.isFinite(value) && whole && value >= spec.min && value <= spec.max) return value;
      throw new PrecopyError("bad-input", `${name} is "${text}": it must be ${paramRange(spec)}`);
    }
  }
}

function parseQuantityWithin(
  name: string,
  text: string,
  spec: Extract<ParamSpec, { kind: "size" | "bandwidth" }>,
): number {
  const value = spec.kind === "size" ? parseSize(text) : parseRate(text);
  if (value >= spec.min && value <= spec.max) return value;
  throw new PrecopyError("bad-input", `${name} is "${text}": it must be ${paramRange(spec)}`);
}

function formatQuantity(kind: "size" | "bandwidth", value: number): string {
  return kind === "size" ? formatBytes(value) : formatRate(value);
}

/** The default as it is written in a name and would be read: "200ms", "64MiB", "1Gbit/s". */
export function formatParam(spec: ParamSpec): string {
  const { default: value } = spec;
  if (typeof value !== "number") return String(value);
  switch (spec.kind) {
    case "duration":
      return exactly(value, parseDuration, [formatDuration(value), `${value} ns`]);
    case "size":
      return exactly(value, parseSize, [formatBytes(value), `${value} B`]);
    case "bandwidth": {
      const inBytes = [`${formatBytes(value)}/s`, `${value} B/s`];
      return exactly(value, parseRate, [formatRate(value), ...inBytes]);
    }
    default:
      return String(value);
  }
}

/** What a parameter may be, in words: "a number from 0.01 to 1", "one of write, reference". */
export function paramRange(spec: ParamSpec): string {
  switch (spec.kind) {
    case "flag":
      return "a flag, written alone";
    case "choice":
      return `one of ${spec.choices.join(", ")}`;
    case "duration":
      return spec.auto ? "a duration or auto" : "a duration";
    case "size":
    case "bandwidth": {
      const { kind, min, max } = spec;
      return `a ${kind} from ${formatQuantity(kind, min)} to ${formatQuantity(kind, max)}`;
    }
    default: {
      const what = spec.kind === "integer" ? "a whole number" : "a number";
      return `${what} from ${spec.min} to ${spec.max}`;
    }
  }
}

/** The first way of writing `value` that is not rounded; the last one never is. */
function exactly(value: number, parse: (text: string) => number, ways: readonly string[]): string {
  const way = ways.find((text) => text === "unlimited" || parse(text) === value);
  return (way ?? (ways.at(-1) as string)).replace(" ", "");
}

/** A duration parameter that is not "auto". */
export function durationParam(values: ParamValues, key: string): number {
  return values[key] as number;
}
