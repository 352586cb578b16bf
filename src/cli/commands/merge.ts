/** `precopy merge`: the parts of a sweep, from wherever they ran, put together and analysed. */
import { Command } from "commander";
import { PrecopyError } from "../../base/errors.js";
import type { SweepOutcome } from "../../report/sweep.js";
import { count, plural } from "../../report/text.js";
import { shellCommand } from "../flags.js";
import { EXIT, type Session } from "../session.js";
import { type OutputFlags, printResults } from "../sweep/results.js";
import {
  conflict,
  differences,
  jobText,
  lineOf,
  readSweepFile,
  type SweepHeader,
} from "../sweep/sweep-file.js";
import { writeWhole } from "../trace-files.js";

interface MergeFlags extends OutputFlags {
  readonly out: string;
}

const FILES_MAX = 10_000;

const EXAMPLES = `
Jobs that stand in several files count once. The result does not depend on the order of files.
Exits with 3 when jobs are missing: the message says which.

Example:
  precopy merge 1.jsonl 2.jsonl 3.jsonl 4.jsonl --out all.jsonl
`;

export function mergeCommand(session: Session): Command {
  return new Command("merge")
    .argument("<files...>", "files that precopy sweep wrote")
    .description("put the parts of a sweep together, check that all are there, and analyse them")
    .requiredOption("--out <file>", "the whole sweep's file")
    .option("--csv", "print a CSV row for each job instead of text")
    .option("--json", "print the analysis as JSON instead of text")
    .addHelpText("after", EXAMPLES)
    .action((files: string[], flags: MergeFlags) => merge(session, files, flags));
}

async function merge(session: Session, files: readonly string[], flags: MergeFlags): Promise<void> {
  if (flags.csv && flags.json) {
    throw new PrecopyError("bad-input", "--csv and --json are two forms of output: give one");
  }
  if (files.length > FILES_MAX) {
    const problem = `${count(files.length)} files are too many: merge up to ${count(FILES_MAX)}, then the results`;
    throw new PrecopyError("limit", problem);
  }
  const { header, headerText, outcomes } = await readAll(files);
  await writeWhole(flags.out, textOf(header, headerText, outcomes));
  const repeat = shellCommand(["precopy", "merge", ...files, "--out", flags.out]);
  printResults(session, header, outcomes, { flags, repeat });
  const missing = outcomes.flatMap((outcome, job) => (outcome === undefined ? [job] : []));
  const [first] = missing;
  if (first === undefined) return;
  const some = `${plural(missing.length, "job")} of ${count(header.jobs)} missing`;
  session.note(
    `${some}, the first with ${jobText(header.space, first)}: run the sweep with --out ${flags.out} to fill it up`,
  );
  session.endWith(EXIT.limitMissed);
}

/** Every job's outcome; files of different sweeps and different results of a job are refused. */
async function readAll(files: readonly string[]): Promise<{
  header: SweepHeader;
  headerText: string;
  outcomes: (SweepOutcome | undefined)[];
}> {
  let whole: { header: SweepHeader; headerText: string } | undefined;
  const outcomes: (SweepOutcome | undefined)[] = [];
  const texts: (string | undefined)[] = [];
  for (const file of files) {
    const { header, headerText, lines } = await readSweepFile(file);
    whole ??= { header, headerText };
    if (headerText !== whole.headerText) {
      const what = differences(whole.header, header) || "their title";
      const problem = `belongs to another sweep than ${files[0]}: they differ in ${what}`;
      throw new PrecopyError("bad-input", problem, { file });
    }
    for (const { job, text, outcome, line } of lines) {
      const before = texts[job];
      if (before !== undefined && before !== text) {
        throw new PrecopyError("bad-input", conflict(header.space, job), { file, line });
      }
      texts[job] = text;
      outcomes[job] = outcome;
    }
    outcomes.length = header.jobs;
  }
  if (whole === undefined) throw new PrecopyError("bad-input", "name at least one file");
  return { ...whole, outcomes: Array.from(outcomes) };
}

async function* textOf(
  { space }: SweepHeader,
  headerText: string,
  outcomes: readonly (SweepOutcome | undefined)[],
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  yield encoder.encode(`${headerText}\n`);
  for (const [job, outcome] of outcomes.entries()) {
    if (outcome !== undefined) yield encoder.encode(`${lineOf(space, job, outcome)}\n`);
  }
}
