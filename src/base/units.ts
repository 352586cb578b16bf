/**
 * Quantities as people write them, and back: durations in nanoseconds, sizes in bytes, rates in
 * bytes a second. A unit is always asked for where leaving it out would be ambiguous.
 */
import { PrecopyError } from "./errors.js";

/** Virtual or wall time, integer nanoseconds. */
export type Nanoseconds = number;
/** A count of bytes, integer. */
export type Bytes = number;
/** A guest's page frame number, 0 .. pages - 1. */
export type Pfn = number;

export const NS_PER_US = 1_000;
export const NS_PER_MS = 1_000_000;
export const NS_PER_SEC = 1_000_000_000;
export const PAGE_SIZE_BYTES = 4096;

const DURATION_UNITS = new Map([
  ["ns", 1],
  ["us", NS_PER_US],
  ["µs", NS_PER_US],
  ["ms", NS_PER_MS],
  ["s", NS_PER_SEC],
  ["min", 60 * NS_PER_SEC],
  ["h", 3600 * NS_PER_SEC],
]);

const SIZE_UNITS = new Map([
  ["B", 1],
  ["kB", 1e3],
  ["KB", 1e3],
  ["MB", 1e6],
  ["GB", 1e9],
  ["TB", 1e12],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
  ["TiB", 2 ** 40],
]);

const RATE_UNITS = new Map([
  ["bit/s", 1 / 8],
  ["kbit/s", 1e3 / 8],
  ["Mbit/s", 1e6 / 8],
  ["Gbit/s", 1e9 / 8],
  ["Tbit/s", 1e12 / 8],
  ...[...SIZE_UNITS].map(([unit, bytes]): [string, number] => [`${unit}/s`, bytes]),
]);

/** "200ms" → 200000000 ns. */
export function parseDuration(text: string): Nanoseconds {
  return Math.round(parseQuantity(text, DURATION_UNITS, "duration", "200ms or 1.5s"));
}

/** "4GiB" → 4294967296 bytes. */
export function parseSize(text: string): Bytes {
  return Math.round(parseQuantity(text, SIZE_UNITS, "size", "4GiB or 512MB"));
}

/** "1Gbit/s" → 125000000 bytes a second; "unlimited" → Infinity. */
export function parseRate(text: string): number {
  if (text.trim() === "unlimited") return Number.POSITIVE_INFINITY;
  return parseQuantity(text, RATE_UNITS, "rate", "1Gbit/s or 125MB/s");
}

function parseQuantity(
  text: string,
  units: ReadonlyMap<string, number>,
  what: string,
  example: string,
): number {
  const match = /^\s*([0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?)\s*([a-zA-Zµ/]+)\s*$/.exec(text);
  const factor = match ? units.get(match[2] as string) : undefined;
  const value = match ? Number(match[1]) * (factor ?? Number.NaN) : Number.NaN;
  if (!Number.isFinite(value)) {
    throw new PrecopyError(
      "bad-input",
      `"${text}" is not a ${what}: write a number and a unit (${[...units.keys()].join(", ")}), as in ${example}`,
    );
  }
  if (value > Number.MAX_SAFE_INTEGER) {
    throw new PrecopyError("limit", `${what} "${text}" is larger than 2^53 - 1 base units`);
  }
  return value;
}

/** 213400000 ns → "213 ms": three significant digits and a unit. */
export function formatDuration(ns: Nanoseconds): string {
  if (!Number.isFinite(ns)) return "never";
  if (ns < NS_PER_US) return `${ns} ns`;
  if (ns < NS_PER_MS) return `${significant(ns / NS_PER_US)} µs`;
  if (ns < NS_PER_SEC) return `${significant(ns / NS_PER_MS)} ms`;
  return `${significant(ns / NS_PER_SEC)} s`;
}

/** 268435456 → "256 MiB". */
export function formatBytes(bytes: Bytes): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let at = 0;
  while (Math.abs(value) >= 1024 && at < units.length - 1) {
    value /= 1024;
    at++;
  }
  return `${at === 0 ? value : significant(value)} ${units[at]}`;
}

/** 125000000 bytes a second → "1 Gbit/s". */
export function formatRate(bytesPerSec: number): string {
  if (!Number.isFinite(bytesPerSec)) return "unlimited";
  const units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];
  let value = bytesPerSec * 8;
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at++;
  }
  return `${significant(value)} ${units[at]}`;
}

function significant(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return Math.abs(value) >= 100 ? rounded.toFixed(0) : String(rounded);
}
