/**
 * Fields of a scenario file as zod schemas: quantities with units, numbers with limits, mappings
 * that refuse unknown keys. Each says in its own words what is wrong and how it is written right.
 */
import { z } from "zod";
import { PrecopyError } from "../base/errors.js";
import {
  formatBytes,
  formatDuration,
  formatRate,
  parseDuration,
  parseRate,
  parseSize,
} from "../base/units.js";
import { shown, suggestion } from "./problems.js";
import type { StrategyCompletion } from "./strategy-completion.js";

/** What a field is, for editors and for the message when it is missing. */
export interface FieldText {
  readonly description: string;
  readonly example?: string | number | undefined;
}

/** What zod tells an error function, as far as it is used here. */
interface Issue {
  readonly code?: string | undefined;
  readonly input?: unknown;
  readonly keys?: readonly string[];
}

const QUANTITY_MAX = 64;
const WORDS_MAX = 200;
const UNKNOWN_KEYS_MAX = 50;

/** A value that is missing; `what` as in "a duration". */
function missing(what: string, example: string | number | undefined): string {
  return `missing: give ${what}${example === undefined ? "" : `, as in ${example}`}`;
}

interface QuantityKind {
  readonly what: string;
  readonly example: string;
  readonly parse: (text: string) => number;
  readonly format: (value: number) => string;
}

const DURATION: QuantityKind = {
  what: "a duration",
  example: "300ms",
  parse: parseDuration,
  format: formatDuration,
};
const SIZE: QuantityKind = {
  what: "a size",
  example: "512MiB",
  parse: parseSize,
  format: formatBytes,
};
const BANDWIDTH: QuantityKind = {
  what: "a rate",
  example: "1Gbit/s",
  parse: parseRate,
  format: formatRate,
};
const PER_SECOND: QuantityKind = {
  what: "a rate",
  example: "8000/s",
  parse: parsePerSecond,
  format: (value) => `${value}/s`,
};

interface QuantityField extends FieldText {
  readonly min: number;
  readonly max: number;
}

/** "300ms" → integer nanoseconds. */
export const duration = (field: QuantityField) => quantity(DURATION, field);
/** "512MiB" → bytes. */
export const size = (field: QuantityField) => quantity(SIZE, field);
/** "1Gbit/s" → bytes a second. */
export const bandwidth = (field: QuantityField) => quantity(BANDWIDTH, field);
/** "8000/s", "59.78M/s" → a number a second. */
export const perSecond = (field: QuantityField) => quantity(PER_SECOND, field);

function quantity(kind: QuantityKind, field: QuantityField) {
  const example = field.example ?? kind.example;
  const error = ({ input }: Issue) => {
    if (input === undefined) return missing(kind.what, example);
    if (typeof input === "number") {
      return `${input} has no unit: write ${kind.what} as a number and a unit, as in ${example}`;
    }
    return `${shown(input)} is not ${kind.what}: write a number and a unit, as in ${example}`;
  };
  return z
    .string({ error })
    .max(QUANTITY_MAX, { error })
    .meta({ description: field.description, examples: [example] })
    .transform((text, context) => {
      const problem = (message: string) => {
        context.issues.push({ code: "custom", message, input: text });
        return z.NEVER;
      };
      const value = attempt(() => kind.parse(text));
      if (value instanceof PrecopyError) return problem(value.message);
      if (value >= field.min && value <= field.max) return value;
      return problem(
        `"${text}" is too ${value < field.min ? "small" : "large"}: it must be from ` +
          `${tight(kind.format(field.min))} to ${tight(kind.format(field.max))}`,
      );
    });
}

/** A text that `parse` reads or refuses with a {@link PrecopyError}. */
export function parsed<T>(
  field: FieldText & { readonly what: string; readonly completion?: StrategyCompletion },
  parse: (text: string) => T,
) {
  const error = ({ input }: Issue) =>
    input === undefined
      ? missing(field.what, field.example)
      : `${shown(input)} is not ${field.what}${field.example ? `: write it as in ${field.example}` : ""}`;
  return z
    .string({ error })
    .max(WORDS_MAX, { error })
    .meta({
      description: field.description,
      ...(field.example !== undefined && { examples: [field.example] }),
      ...field.completion,
    })
    .transform((text, context) => {
      const value = attempt(() => parse(text));
      if (!(value instanceof PrecopyError)) return value;
      context.issues.push({ code: "custom", message: value.message, input: text });
      return z.NEVER;
    });
}

function attempt<T>(parse: () => T): T | PrecopyError {
  try {
    return parse();
  } catch (error) {
    if (error instanceof PrecopyError) return error;
    throw error;
  }
}

interface NumberField extends FieldText {
  readonly min: number;
  readonly max: number;
}

export function integer(field: NumberField) {
  const error = numberError("a whole number", field);
  return z
    .number({ error })
    .int({ error })
    .min(field.min, { error })
    .max(field.max, { error })
    .meta(numberMeta(field));
}

export function decimal(field: NumberField) {
  const error = numberError("a number", field);
  return z
    .number({ error })
    .min(field.min, { error })
    .max(field.max, { error })
    .meta(numberMeta(field));
}

function numberMeta({ description, example }: NumberField) {
  return { description, ...(example !== undefined && { examples: [example] }) };
}

function numberError(what: string, { min, max, example }: NumberField) {
  return ({ input }: Issue) =>
    input === undefined
      ? missing(`${what} from ${min} to ${max}`, example)
      : `${shown(input)} must be ${what} from ${min} to ${max}`;
}

export function flag(field: FieldText) {
  const error = ({ input }: Issue) => `${shown(input)} must be true or false`;
  return z.boolean({ error }).meta({ description: field.description });
}

export function words(field: FieldText) {
  const error = ({ input }: Issue) => {
    if (input === undefined) return missing("a text", field.example);
    return typeof input === "string"
      ? `must be a text of 1 to ${WORDS_MAX} characters`
      : `${shown(input)} must be a text: put it in quotes`;
  };
  return z
    .string({ error })
    .min(1, { error })
    .max(WORDS_MAX, { error })
    .meta({
      description: field.description,
      ...(field.example !== undefined && { examples: [field.example] }),
    });
}

export function choice<const T extends readonly string[]>(names: T, field: FieldText) {
  const error = ({ input }: Issue) =>
    input === undefined
      ? missing(`one of ${names.join(", ")}`, field.example)
      : `${shown(input)} must be one of ${names.join(", ")}`;
  return z.enum(names, { error }).meta({ description: field.description });
}

/** A mapping with just these keys. Each unknown key gets a line of the message, in order. */
export function mapping<T extends z.core.$ZodLooseShape>(shape: T, description: string) {
  const known = Object.keys(shape);
  return z.strictObject(shape, { error: mappingError(known) }).meta({ description });
}

export function mappingError(known: readonly string[]) {
  return ({ code, input, keys = [] }: Issue) => {
    if (code === "unrecognized_keys") {
      return keys
        .slice(0, UNKNOWN_KEYS_MAX)
        .map((key) => `is no key here: ${suggestion(key, known)}`)
        .join("\n");
    }
    return input === undefined
      ? `missing: give a mapping with ${known.join(", ")}`
      : `${shown(input)} must be a mapping with keys such as ${known.slice(0, 5).join(", ")}`;
  };
}

/** At most `max` of what `item` is. */
export function list<T extends z.ZodType>(item: T, field: FieldText & { max: number }) {
  const error = ({ input }: Issue) =>
    Array.isArray(input)
      ? `has ${input.length} entries: the limit is ${field.max}`
      : `${shown(input)} must be a list: begin each entry with "- "`;
  return z
    .array(item, { error })
    .max(field.max, { error })
    .meta({ description: field.description });
}

/** Hosts and guests by name. A name that begins with a letter keeps its place in the order. */
export function named<T extends z.ZodType>(item: T, field: FieldText & { max: number }) {
  const name = z.string().regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/);
  const error = ({ input, code }: Issue) => {
    if (code === "invalid_key")
      return "is not a name: a letter, then up to 63 of A-Z a-z 0-9 . _ -";
    if (input === undefined) return missing("a mapping from names to what they name", undefined);
    return `${shown(input)} must be a mapping from names to what they name`;
  };
  return z
    .record(name, item, { error })
    .refine((all) => Object.keys(all).length <= field.max, {
      error: `has more than ${field.max} entries`,
    })
    .meta({ description: field.description });
}

/** "8000/s" → 8000; k, M and G are decimal. */
export function parsePerSecond(text: string): number {
  const match = /^\s*([0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?)\s*([kMG]?)\s*\/s\s*$/.exec(text);
  if (match) return Number(match[1]) * (MULTIPLES[match[2] as string] as number);
  throw new PrecopyError(
    "bad-input",
    `"${text}" is not a rate: write a number and /s (k/s, M/s, G/s), as in 8000/s or 59.78M/s`,
  );
}

const MULTIPLES: Record<string, number> = { "": 1, k: 1e3, M: 1e6, G: 1e9 };

/** "5 ms" → "5ms", as it is written in a file. */
function tight(text: string): string {
  return text.replace(" ", "");
}
