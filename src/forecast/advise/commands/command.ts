/** Lines that can be pasted, and names in them. */
import { PrecopyError } from "../../../base/errors.js";
import type { ToolSettings } from "./settings.js";

export interface CommandBlock {
  /** Where or when, in words. */
  readonly title: string;
  readonly lines: readonly string[];
}

export interface GuestName {
  /** As the user gave it; checked. */
  readonly guest?: string;
}

export type Commands = (settings: ToolSettings, name: GuestName) => readonly CommandBlock[];

const NAME_MAX = 253;

/** @throws PrecopyError for what no line can hold: control characters, what looks like an option. */
export function checkGuestName(name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  const isPrintable = !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(name);
  if (name.length > 0 && name.length <= NAME_MAX && isPrintable && !name.startsWith("-")) return;
  throw new PrecopyError(
    "bad-input",
    `${JSON.stringify(name.slice(0, 40))} cannot be a guest's name on a command line: give 1 to ` +
      `${NAME_MAX} characters without control characters, not beginning with "-"`,
  );
}

/** A word as a POSIX shell reads it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A text as YAML reads it: JSON's strings are strings there. */
export const yamlText = (text: string): string => JSON.stringify(text);

export function shellLine(words: readonly (string | number)[]): string {
  return words.map((word) => shellWord(String(word))).join(" ");
}
