/**
 * Logs of real migrations: which kind a text is (by its content), and what it tells. One importer
 * a format, each a file under the format's name.
 */
import { PrecopyError } from "../../base/errors.js";
import { cloudHypervisor } from "./cloud-hypervisor.js";
import { formatOf } from "./detect.js";
import { domjobinfo } from "./domjobinfo.js";
import { kubevirt } from "./kubevirt.js";
import type { LogFormat, LogImporter } from "./log-format.js";
import { type LogOptions, LogSource } from "./log-source.js";
import type { ObservedMigration } from "./observed-migration.js";
import { proxmox } from "./proxmox.js";
import { qmp } from "./qmp.js";
import { xcSave } from "./xc-save.js";
import { xl } from "./xl.js";

export type { LogFormat } from "./log-format.js";
export { LOG_CHARS_MAX, type LogOptions } from "./log-source.js";
export type {
  ObservedMigration,
  ObservedPass,
  ObservedSample,
  Said,
} from "./observed-migration.js";

/** Of equally many marks the first counts: KubeVirt's lines are JSON, xend's look like xl's. */
export const LOG_IMPORTERS: readonly LogImporter[] = [
  kubevirt,
  cloudHypervisor,
  xcSave,
  xl,
  proxmox,
  domjobinfo,
  qmp,
];

/** The format of which most lines have the mark; undefined where none has. */
export function detectLog(text: string): LogFormat | undefined {
  return formatOf(text, LOG_IMPORTERS);
}

/** Format names and what they are, for help and errors. */
export function listLogFormats(): string {
  return LOG_IMPORTERS.map(({ name, title }) => `${name} (${title})`).join("; ");
}

export interface ReadLogOptions extends LogOptions {
  /** Do not look for it. */
  readonly format?: LogFormat;
}

/**
 * What a log tells of the one migration in it.
 *
 * @throws PrecopyError for an empty or too large text, a format that is none of those known, and,
 *   unless `lenient`, for the first line that its format should understand and does not.
 */
export function readMigrationLog(text: string, options: ReadLogOptions): ObservedMigration {
  const source = new LogSource(text, options);
  const format = options.format ?? detectLog(text);
  const importer = LOG_IMPORTERS.find(({ name }) => name === format);
  if (importer === undefined) {
    const what = format === undefined ? "no line is like one of a migration's log" : `"${format}"`;
    throw new PrecopyError(
      format === undefined ? "bad-input" : "unknown-name",
      `${what}: known are ${listLogFormats()}`,
      { file: options.file },
    );
  }
  const draft = importer.read(source);
  return {
    ...draft,
    file: source.file,
    skipped: { count: source.skippedCount, first: source.skippedFirst },
  };
}
