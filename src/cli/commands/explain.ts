/** `precopy explain`: what happened in a migration, from the log that it left. */
import { Command, InvalidArgumentError } from "commander";
import { PrecopyError } from "../../base/errors.js";
import { parseRate } from "../../base/units.js";
import { explain } from "../../forecast/explain.js";
import {
  LOG_CHARS_MAX,
  LOG_IMPORTERS,
  type LogFormat,
  readMigrationLog,
} from "../../forecast/logs/index.js";
import { type ReplaySettings, replay } from "../../forecast/replay.js";
import { explainJson } from "../../report/explain-json.js";
import { explainText } from "../../report/explain-text.js";
import { readTextFile } from "../files.js";
import { parseTime } from "../flags.js";
import type { Session } from "../session.js";

const LOG_LIMIT = {
  bytesMax: LOG_CHARS_MAX,
  whose: "the limit of a log: cut it to the migration in question",
};

const NOTES = `
Logs that are read, known by their content:
${LOG_IMPORTERS.map(({ name, title }) => `  ${name.padEnd(18)}${title}`).join("\n")}

Every figure of the JSON carries the line that says it. A line that its format should understand
and does not is refused with its number; --lenient leaves it out and counts it.

Examples:
  precopy explain migrate.log
  virsh domjobinfo --completed web1 | precopy explain /dev/stdin
  precopy explain series.jsonl --json
  precopy explain series.jsonl --downtime-limit 500ms --bandwidth 10Gbit/s
`;

interface ExplainFlags {
  readonly json?: boolean;
  readonly lenient?: boolean;
  readonly format?: LogFormat;
  readonly preset?: string;
  readonly downtimeLimit?: number;
  readonly bandwidth?: number;
}

export function explainCommand(session: Session): Command {
  return new Command("explain")
    .description("say what happened in a real migration, from its log")
    .argument("<log>", "the log of one migration")
    .option("--format <name>", "do not look for the format: it is this one", parseFormat)
    .option("--preset <name>", "judge and replay by this preset's rules (default: the format's)")
    .option("--downtime-limit <time>", "replay it with this limit, as in 500ms", parseTime)
    .option("--bandwidth <rate>", "replay it on this link, payload, as in 10Gbit/s", parseLink)
    .option("--lenient", "leave out bad lines and count them")
    .option("--json", "print JSON instead of text")
    .addHelpText("after", NOTES)
    .action((log: string, flags: ExplainFlags) => run(session, log, flags));
}

async function run(session: Session, path: string, flags: ExplainFlags): Promise<void> {
  const { json = false, lenient = false, format, preset } = flags;
  const text = await readTextFile(path, LOG_LIMIT);
  const observed = readMigrationLog(text, {
    file: path,
    lenient,
    ...(format !== undefined && { format }),
  });
  const explanation = explain(observed, preset === undefined ? {} : { preset });
  const settings = replaySettings(flags);
  const replayed = settings === undefined ? undefined : replay(explanation, settings);
  if (json) return session.printJson(explainJson(explanation, replayed));
  const { width, palette } = session;
  session.print(explainText(explanation, { width, palette, ...(replayed && { replayed }) }));
}

/** Undefined: nothing was asked to be otherwise. */
function replaySettings(flags: ExplainFlags): ReplaySettings | undefined {
  const { preset, downtimeLimit, bandwidth } = flags;
  if (downtimeLimit === undefined && bandwidth === undefined) return undefined;
  return {
    ...(preset !== undefined && { preset }),
    ...(downtimeLimit !== undefined && { downtimeLimitNs: downtimeLimit }),
    ...(bandwidth !== undefined && { bandwidthBytesPerSec: bandwidth }),
  };
}

function parseLink(text: string): number {
  try {
    return parseRate(text);
  } catch (error) {
    if (error instanceof PrecopyError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

function parseFormat(text: string): LogFormat {
  const found = LOG_IMPORTERS.find(({ name }) => name === text);
  if (found !== undefined) return found.name;
  throw new InvalidArgumentError(
    `Choose one of ${LOG_IMPORTERS.map(({ name }) => name).join(", ")}.`,
  );
}
