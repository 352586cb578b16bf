/**
 * Files with dirty rates, as operators have them before a migration: which kind a text is (by its
 * content), and what it tells. One importer a format, each a file under the format's name.
 */
import { PrecopyError } from "../../base/errors.js";
import type { DirtyPoint } from "../../fluid/index.js";
import { formatOf } from "../logs/detect.js";
import { type LogOptions, LogSource } from "../logs/log-source.js";
import { dirtyPoints } from "./dirty-points.js";
import type { DirtyRates } from "./dirty-rates.js";
import { domstats } from "./domstats.js";
import { hmp } from "./hmp.js";
import { kubevirt } from "./kubevirt.js";
import { qmp } from "./qmp.js";
import { RateDraft } from "./rate-draft.js";
import type { RateFormat, RateImporter } from "./rate-format.js";
import { parseRateReadings, table } from "./table.js";

export { LOG_CHARS_MAX as RATES_CHARS_MAX } from "../logs/log-source.js";
export { type DirtyPoints, type DirtyWindow, dirtyPoints } from "./dirty-points.js";
export type {
  DirtyRateReading,
  DirtyRates,
  MeasureMode,
  VcpuDirtyRate,
} from "./dirty-rates.js";
export type { RateFormat } from "./rate-format.js";
export { ratesGuest } from "./rates-guest.js";
export { parseRateReadings } from "./table.js";

/** Of equally many marks the first counts. */
export const RATE_IMPORTERS: readonly RateImporter[] = [domstats, kubevirt, qmp, hmp, table];

/** The format of which most lines have the mark; undefined where none has. */
export function detectDirtyRates(text: string): RateFormat | undefined {
  return formatOf(text, RATE_IMPORTERS);
}

/** Format names and what they are, for help and errors. */
export function listRateFormats(): string {
  return RATE_IMPORTERS.map(({ name, title }) => `${name} (${title})`).join("; ");
}

export interface ReadRatesOptions extends LogOptions {
  /** Do not look for it. */
  readonly format?: RateFormat;
  /** Of this one alone: as the file names it, or without its namespace where one has that name. */
  readonly guest?: string;
}

/**
 * What a file tells of the dirty rates of one guest or several.
 *
 * @throws PrecopyError for an empty or too large text, a format that is none of those known, a file
 *   without any rate, a guest that is not in it, and, unless `lenient`, for the first line that its
 *   format should understand and does not.
 */
export function readDirtyRates(text: string, options: ReadRatesOptions): DirtyRates {
  const source = new LogSource(text, options, "the file");
  const format = options.format ?? detectDirtyRates(text);
  const importer = RATE_IMPORTERS.find(({ name }) => name === format);
  if (importer === undefined) {
    const what = format === undefined ? "no line tells a dirty rate" : `"${format}"`;
    throw new PrecopyError(
      format === undefined ? "bad-input" : "unknown-name",
      `${what}: known are ${listRateFormats()}`,
      { file: options.file },
    );
  }
  const draft = new RateDraft(source);
  importer.read(source, draft);
  if (draft.readings.length === 0) {
    const why = draft.notes.length === 0 ? "" : `: ${draft.notes.join("; ")}`;
    source.refuse("bad-input", `the file has no measured dirty rate${why}`);
  }
  const guests = [...new Set(draft.readings.flatMap(({ guest }) => guest ?? []))];
  const chosen = options.guest === undefined ? undefined : choose(options.guest, guests, source);
  return {
    format: importer.name,
    file: source.file,
    readings:
      chosen === undefined
        ? draft.readings
        : draft.readings.filter(({ guest }) => guest === chosen),
    guests,
    notes: draft.notes,
    skipped: { count: source.skippedCount, first: source.skippedFirst },
  };
}

const NAMED_MAX = 10;

function choose(wanted: string, guests: readonly string[], { file }: LogSource): string {
  if (guests.includes(wanted)) return wanted;
  const [only, ...more] = guests.filter((guest) => guest.endsWith(`/${wanted}`));
  if (only !== undefined && more.length === 0) return only;
  const list = guests.slice(0, NAMED_MAX).join(", ");
  const problem =
    guests.length === 0
      ? `the file names no guests, so none is "${wanted}"`
      : `${only === undefined ? "no guest" : "more than one guest"} is "${wanted}": it has ${list}` +
        (guests.length > NAMED_MAX ? `, and ${guests.length - NAMED_MAX} more` : "");
  throw new PrecopyError("unknown-name", problem, { file });
}

/** `1s=120MiB/s,5s=20000pages` as points for `fitCurve` and `forecast`. */
export function parseRatePoints(text: string): readonly DirtyPoint[] {
  return dirtyPoints(parseRateReadings(text)).points;
}
