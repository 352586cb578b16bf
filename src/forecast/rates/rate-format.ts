/** The kinds of files with dirty rates that are read, and what an importer is. */
import type { Marked } from "../logs/detect.js";
import type { LogSource } from "../logs/log-source.js";
import type { RateDraft } from "./rate-draft.js";

export type RateFormat = "domstats" | "qmp" | "hmp" | "kubevirt" | "table";

export interface RateImporter extends Marked<RateFormat> {
  /** What it is, for help and errors. */
  readonly title: string;
  /** @throws PrecopyError for a line that it should understand and does not, unless lenient. */
  read(source: LogSource, draft: RateDraft): void;
}
