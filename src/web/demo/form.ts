/** The demo's form, read in the notation of scenario files; the first wrong field says what is wrong. */
import { PrecopyError } from "../../base/errors.js";
import { parseDuration, parseRate, parseSize } from "../../base/units.js";
import type { TinyPattern } from "../../live/guests/tiny.js";
import type { BootOptions, MigrateOptions } from "../messages.js";

/** More would not fit beside its copy in most tabs. */
const MEMORY_MAX_BYTES = 512 * 2 ** 20;
const FILL_PAGES = 2_000;

export function readGuest(form: HTMLFormElement): BootOptions {
  clear(form);
  return {
    pattern: field(form, "pattern").value as TinyPattern,
    pages: read(form, "pages", wholeNumber),
    writesPerSec: read(form, "writes", wholeNumber),
    memoryBytes: read(form, "memory", memory),
    fillPages: FILL_PAGES,
  };
}

export type Wishes = Pick<
  MigrateOptions,
  "strategy" | "bandwidthBytesPerSec" | "downtimeLimitNs" | "verify"
>;

export function readMove(form: HTMLFormElement): Wishes {
  clear(form);
  const rate = read(form, "bandwidth", parseRate);
  return {
    strategy: field(form, "strategy").value.trim(),
    ...(Number.isFinite(rate) && { bandwidthBytesPerSec: rate }),
    downtimeLimitNs: read(form, "limit", parseDuration),
    verify: (field(form, "verify") as HTMLInputElement).checked,
  };
}

export function isToTab(form: HTMLFormElement): boolean {
  return field(form, "to").value === "tab";
}

export function chooseTab(form: HTMLFormElement): void {
  field(form, "to").value = "tab";
}

function read<T>(form: HTMLFormElement, name: string, parse: (text: string) => T): T {
  const input = field(form, name);
  try {
    return parse(input.value);
  } catch (error) {
    input.setAttribute("aria-invalid", "true");
    input.focus();
    throw error;
  }
}

function clear(form: HTMLFormElement): void {
  for (const input of form.querySelectorAll("[aria-invalid]"))
    input.removeAttribute("aria-invalid");
}

function wholeNumber(text: string): number {
  if (/^\s*\d{1,9}\s*$/.test(text)) return Number(text);
  throw new PrecopyError("bad-input", `"${text}" is not a whole number`);
}

function memory(text: string): number {
  const bytes = parseSize(text);
  if (bytes <= MEMORY_MAX_BYTES) return bytes;
  throw new PrecopyError(
    "limit",
    `${text} of memory, and its copy, are much for a page: at most 512MiB`,
  );
}

function field(form: HTMLFormElement, name: string): HTMLInputElement | HTMLSelectElement {
  return form.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;
}
