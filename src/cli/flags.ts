/** Values of options that several commands share, read and checked. */
import { type Command, InvalidArgumentError } from "commander";
import { PrecopyError } from "../base/errors.js";
import { parseDuration } from "../base/units.js";
import type { Limits } from "../report/limits.js";

/** Seeds are mixed as 32-bit numbers. */
export const SEED_MAX = 2 ** 32 - 1;
export const RUNS_MAX = 10_000;

export function parseSeed(text: string): number {
  return parseWholeNumber(text, { min: 0, max: SEED_MAX });
}

export function parseRuns(text: string): number {
  return parseWholeNumber(text, { min: 1, max: RUNS_MAX });
}

/** An instant or a length of time with its unit. */
export function parseTime(text: string): number {
  return asArgument(() => parseDuration(text));
}

/** "10%" → 0.1 */
export function parseShare(text: string): number {
  const match = /^\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]);
  if (value <= 100) return value / 100;
  throw new InvalidArgumentError("Write a share from 0% to 100%, as in 10%.");
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

export interface LimitFlags {
  readonly maxDowntime?: number;
  readonly maxTotal?: number;
  readonly maxSlowdown?: number;
}

/** The options that state limits; {@link limitsOf} reads them. */
export function addLimitOptions(command: Command): Command {
  return command
    .option("--max-downtime <time>", "exit with 3 if a downtime is longer, as in 300ms", parseTime)
    .option("--max-total <time>", "exit with 3 if a migration takes longer, as in 30s", parseTime)
    .option("--max-slowdown <share>", "exit with 3 if a guest lost more, as in 10%", parseShare);
}

export function limitsOf({ maxDowntime, maxTotal, maxSlowdown }: LimitFlags): Limits {
  return {
    ...(maxDowntime !== undefined && { downtimeNs: maxDowntime }),
    ...(maxTotal !== undefined && { totalNs: maxTotal }),
    ...(maxSlowdown !== undefined && { guestSlowdown: maxSlowdown }),
  };
}

/** The words of a command as a shell reads them. */
export function shellCommand(words: readonly string[]): string {
  return words.map((word) => (PLAIN_WORD.test(word) ? word : quoted(word))).join(" ");
}

const PLAIN_WORD = /^[\w@%+=:,./-]+$/;

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function parseWholeNumber(text: string, { min, max }: { min: number; max: number }): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
}

/** Commander adds which option it was. */
export function asArgument<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof PrecopyError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}
