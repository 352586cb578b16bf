/** The tiny guest's workload as people write it: the words of its own command line. */
import { PrecopyError } from "../../base/errors.js";
import { TINY_NUMBERS, type TinyGuestOptions, type TinyPattern } from "./tiny.js";

/**
 * "pattern=zipf pages=2000 rate=3000" → { pattern: "zipf", pages: 2000, writesPerSec: 3000 }. Limits are
 * checked by `tinyGuest`.
 *
 * @throws PrecopyError `unknown-name` for a word that the guest does not know, `bad-input` for one
 *   that is no number.
 */
export function parseTinyWorkload(text: string): TinyGuestOptions {
  const options: Record<string, string | number> = {};
  const names = Object.entries(TINY_NUMBERS).map(([name, { key }]) => [key, name] as const);
  const nameOf = new Map<string, string>(names);
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    const [, key = "", value = ""] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    if (key === "pattern") {
      options.pattern = value as TinyPattern;
      continue;
    }
    const name = nameOf.get(key);
    if (name === undefined) {
      const known = ["pattern", ...nameOf.keys()].join("=, ");
      throw new PrecopyError(
        "unknown-name",
        `"${word}" is no word of the tiny guest's workload: write ${known}=`,
      );
    }
    if (!/^\d{1,12}$/.test(value)) {
      throw new PrecopyError("bad-input", `"${word}" gives no number: write ${key}=1000`);
    }
    options[name] = Number(value);
  }
  return options;
}
