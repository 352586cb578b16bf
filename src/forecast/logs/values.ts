/** Numbers, sizes and instants as logs write them. Undefined: it is none, or not in range. */
import { NS_PER_MS, NS_PER_SEC } from "../../base/units.js";

const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  bytes: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
  EiB: 2 ** 60,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** A whole number that a double holds exactly. */
export function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,20}$/.test(text)) return undefined;
  return exact(Number(text));
}

/** A number of 0 or more with decimals. */
export function decimalNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,20}(\.\d{1,12})?$/.test(text)) return undefined;
  return exact(Number(text));
}

/** "1.6 GiB" → 1717986918 */
export function sizeBytes(text: string | undefined): number | undefined {
  const match = /^\s*(\d{1,20}(?:\.\d{1,12})?)\s*([A-Za-z]+)\s*$/.exec(text ?? "");
  const unit = match === null ? undefined : SIZES[match[2] as string];
  if (match === null || unit === undefined) return undefined;
  return exact(Math.round(Number(match[1]) * unit));
}

export function nsOfMs(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : exact(Math.round(milliseconds * NS_PER_MS));
}

export function nsOfSec(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : exact(Math.round(seconds * NS_PER_SEC));
}

function exact(value: number): number | undefined {
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** When a line was written, seconds since some origin, and the line without that. */
export interface Stamped {
  readonly atSec: number;
  readonly rest: string;
}

const DAY_SEC = 86_400;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** 2022-03-03 17:48:59, 2020-05-21T19:27:22.238949Z, [2012-03-09 13:37:12 xend 3113] */
const ISO =
  /^\[?(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?(?:[^\]\n]{0,40}\])?\s*:?\s?/;
/** Jan  2 22:12:32, as syslog writes it, without a year */
const SYSLOG = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?\s/;
/** "136.5849 ", "cloud-hypervisor:  12.702682s: ", "[  136.58] " */
const SECONDS = /^(?:cloud-hypervisor:)? {0,20}\[? {0,20}(\d{1,12}\.\d{1,9})s?\]?:?\s+/;

/** The instant at the beginning of a line, in any of the ways that the formats have. */
export function stamped(text: string): Stamped | undefined {
  const line = text.trimStart();
  const iso = ISO.exec(line);
  if (iso !== null) {
    const [year, month, day] = [Number(iso[1]), Number(iso[2]), Number(iso[3])];
    const midnightSec = Date.UTC(year, month - 1, day) / 1000;
    const zoneSec = zoneOf(iso[8]);
    const atSec = midnightSec + clockSec(iso[4], iso[5], iso[6], iso[7]) - zoneSec;
    return { atSec, rest: line.slice(iso[0].length) };
  }
  const syslog = SYSLOG.exec(line);
  const month = syslog === null ? -1 : MONTHS.indexOf(syslog[1] as string);
  if (syslog !== null && month >= 0) {
    // Only differences count, so any leap year will do.
    const midnightSec = Date.UTC(2000, month, Number(syslog[2])) / 1000;
    const atSec = midnightSec + clockSec(syslog[3], syslog[4], syslog[5], syslog[6]);
    return { atSec, rest: line.slice(syslog[0].length) };
  }
  const seconds = SECONDS.exec(line);
  if (seconds === null) return undefined;
  return { atSec: Number(seconds[1]), rest: line.slice(seconds[0].length) };
}

function clockSec(hours?: string, minutes?: string, seconds?: string, fraction?: string): number {
  const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return (whole % DAY_SEC) + (fraction === undefined ? 0 : Number(`0.${fraction}`));
}

function zoneOf(zone: string | undefined): number {
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(zone ?? "");
  if (match === null) return 0;
  const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60;
  return match[1] === "-" ? -seconds : seconds;
}
