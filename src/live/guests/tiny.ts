/**
 * The tiny guest: a multiboot image of our own (guests/tiny) that writes pages in a chosen pattern,
 * checks each page before it writes it again, and counts on the first serial port. It needs no
 * BIOS and no operating system, and 16 MiB to 1 GiB of memory.
 *
 * v86 hands the command line to a multiboot image as the specification says (boot information,
 * flag 2), so the image itself is the same for every pattern.
 */
import { assert } from "../../base/assert.js";
import { PrecopyError } from "../../base/errors.js";
import { TINY_IMAGE_BASE64 } from "./tiny-image.js";

/**
 * Which pages are written: drawn evenly; by Zipf's law with exponent 1; `hotPercent` of the writes
 * to `hotPages` pages and the rest to all; one after the other; none, but computing; none, asleep.
 */
export type TinyPattern = "uniform" | "zipf" | "hot" | "sequential" | "cpu" | "idle";

export interface TinyGuestOptions {
  readonly pattern?: TinyPattern;
  /** Pages that are written; 1 to 262,144, 1,000 by default. */
  readonly pages?: number;
  /** More pages that hold data, are checked by scans and never written again; default 1,000. */
  readonly fillPages?: number;
  /** Paced by the guest's time-stamp counter; 0: as fast as it can. At most 10 million; 1,000. */
  readonly writesPerSec?: number;
  /** Only `hot`; 90 by default. */
  readonly hotPercent?: number;
  /** Only `hot`; a tenth of `pages` by default. */
  readonly hotPages?: number;
  /** From the end of a scan of all pages to the next one's start; 0: never. 2,000 by default. */
  readonly scanEveryMs?: number;
  /** How often the timer wakes a guest that has nothing to do; 20 to 1,000, 100 by default. */
  readonly wakesPerSec?: number;
  /** 1 to 2^32 - 1. */
  readonly seed?: number;
}

export interface TinyGuest {
  /** Multiboot 1 image (4 to 5 KB), a copy of its own. */
  readonly image: Uint8Array<ArrayBuffer>;
  readonly commandLine: string;
  /** The least memory, in whole MiB, that holds its pages; at least 16 MiB. */
  readonly minMemoryBytes: number;
}

interface Limits {
  /** On the guest's own command line. */
  readonly key: string;
  readonly least: number;
  readonly most: number;
}

const PAGES_MAX = 262_144;

/** The keys and limits of guests/tiny/tiny.c, in its order. */
export const TINY_NUMBERS: Readonly<Record<Exclude<keyof TinyGuestOptions, "pattern">, Limits>> = {
  pages: { key: "pages", least: 1, most: PAGES_MAX },
  fillPages: { key: "fill", least: 0, most: PAGES_MAX },
  writesPerSec: { key: "rate", least: 0, most: 10_000_000 },
  hotPercent: { key: "hot", least: 0, most: 100 },
  hotPages: { key: "hotpages", least: 1, most: PAGES_MAX },
  scanEveryMs: { key: "scan", least: 0, most: 3_600_000 },
  wakesPerSec: { key: "hz", least: 20, most: 1_000 },
  seed: { key: "seed", least: 1, most: 0xffff_ffff },
};

export const TINY_PATTERNS: readonly TinyPattern[] = [
  ...(["uniform", "zipf", "hot", "sequential", "cpu", "idle"] as const),
];

const MIB = 2 ** 20;
const PAGE_BYTES = 4_096;
const TABLES_AT_BYTES = 2 * MIB;

/**
 * The image and what to start it with.
 *
 * @throws PrecopyError `limit` for a number outside its limits, `unknown-name` for a pattern.
 */
export function tinyGuest(options: TinyGuestOptions = {}): TinyGuest {
  const words: string[] = [];
  const pattern = options.pattern ?? "uniform";
  if (!TINY_PATTERNS.includes(pattern)) {
    const known = TINY_PATTERNS.join(", ");
    const message = `The tiny guest has no pattern "${pattern}": give one of ${known}.`;
    throw new PrecopyError("unknown-name", message);
  }
  words.push(`pattern=${pattern}`);
  for (const name of Object.keys(TINY_NUMBERS) as (keyof typeof TINY_NUMBERS)[]) {
    const value = options[name];
    if (value === undefined) continue;
    const { key, least, most } = TINY_NUMBERS[name];
    checkNumber(name, value, least, name === "hotPages" ? (options.pages ?? 1_000) : most);
    words.push(`${key}=${value}`);
  }
  return {
    image: tinyImage(),
    commandLine: words.join(" "),
    minMemoryBytes: minMemoryBytes(options.pages ?? 1_000, options.fillPages ?? 1_000),
  };
}

function checkNumber(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new PrecopyError(
    "limit",
    `The tiny guest's ${name} is ${value}: give a whole number from ${least} to ${most}.`,
  );
}

/** Image, stack and tables lie below the pages; the tables take at most 8 bytes a page. */
function minMemoryBytes(pages: number, fillPages: number): number {
  const bytes = TABLES_AT_BYTES + (pages + fillPages) * (PAGE_BYTES + 8) + PAGE_BYTES;
  return Math.max(16 * MIB, Math.ceil(bytes / MIB) * MIB);
}

function tinyImage(): Uint8Array<ArrayBuffer> {
  const binary = atob(TINY_IMAGE_BASE64);
  const image = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) image[i] = binary.charCodeAt(i);
  assert(image.length > 0, "the tiny guest's image is empty");
  return image;
}
