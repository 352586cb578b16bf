/** The kinds of logs that are read, and what an importer is. */
import type { Marked } from "./detect.js";
import type { LogSource } from "./log-source.js";
import type { Draft } from "./observed-migration.js";

export type LogFormat =
  | "qmp"
  | "domjobinfo"
  | "proxmox"
  | "xl"
  | "xc-save"
  | "cloud-hypervisor"
  | "kubevirt";

export interface LogImporter extends Marked<LogFormat> {
  /** What it is, for help and errors. */
  readonly title: string;
  /** @throws PrecopyError for a line that it should understand and does not, unless lenient. */
  read(source: LogSource): Draft;
}
