/**
 * Fields of a recorded run, read one by one: what is missing, of another kind or out of bounds is
 * named by its whole path, with what stands there and what may.
 */
import { PrecopyError } from "../base/errors.js";

export interface NumberBounds {
  readonly least?: number;
  readonly most?: number;
  /** Stands in where the field is missing or null; without it that is an error. */
  readonly otherwise?: number;
}

export class RecordedFields {
  private constructor(
    private readonly of: Readonly<Record<string, unknown>>,
    private readonly path: string,
  ) {}

  static of(line: Readonly<Record<string, unknown>>): RecordedFields {
    return new RecordedFields(line, "");
  }

  has(name: string): boolean {
    return this.value(name) !== undefined;
  }

  /** An object; `optional`: an empty one where it is missing or null. */
  object(name: string, { optional = false } = {}): RecordedFields {
    const value = this.value(name);
    if (value === undefined && optional) return new RecordedFields({}, this.pathOf(name));
    if (typeof value !== "object" || Array.isArray(value)) throw this.error(name, "an object");
    return new RecordedFields(value as Record<string, unknown>, this.pathOf(name));
  }

  list(name: string): readonly unknown[] {
    const value = this.value(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.error(name, "a list");
    return value as unknown[];
  }

  /** A number, or digits in a string, as settings are sometimes given. */
  number(name: string, { least = 0, most = MOST, otherwise }: NumberBounds = {}): number {
    const value = this.value(name);
    if (value === undefined && otherwise !== undefined) return otherwise;
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number === "number" && number >= least && number <= most) return number;
    throw this.error(name, `a number from ${least} to ${most}`);
  }

  /** One of the words; the first where the field is missing or null. */
  word<T extends string>(name: string, words: readonly [T, ...T[]]): T {
    const value = this.value(name);
    if (value === undefined) return words[0];
    if (words.includes(value as T)) return value as T;
    throw this.error(name, `one of ${words.join(", ")}`);
  }

  text(name: string): string | undefined {
    const value = this.value(name);
    return typeof value === "string" && value !== "" ? value : undefined;
  }

  flag(name: string): boolean {
    const value = this.value(name);
    if (value === undefined) return false;
    if (typeof value === "boolean") return value;
    throw this.error(name, "true or false");
  }

  error(name: string, wanted: string): PrecopyError {
    const value = this.value(name);
    const is = value === undefined ? "is missing" : `is ${shown(value)}`;
    return new PrecopyError("bad-input", `the field ${this.pathOf(name)} ${is}, not ${wanted}`);
  }

  private value(name: string): unknown {
    return Object.hasOwn(this.of, name) ? (this.of[name] ?? undefined) : undefined;
  }

  private pathOf(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }
}

const MOST = 1e15;
const SHOWN_MAX = 40;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;
}
