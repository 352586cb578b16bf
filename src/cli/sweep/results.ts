/** What `sweep` and `merge` print, and how they end. */
import { analyseOutcomes, type SweepOutcome, sweepCsv } from "../../report/sweep.js";
import { sweepText } from "../../report/sweep-text.js";
import { count, plural } from "../../report/text.js";
import { EXIT, type Session } from "../session.js";
import { jobText, type SweepHeader } from "./sweep-file.js";

export interface OutputFlags {
  readonly csv?: boolean;
  readonly json?: boolean;
}

/** Version of the form of `sweep --json`. */
const ANALYSIS_SCHEMA_VERSION = 1;

/** The results of all jobs; where some have not run, the rows that are there and no analysis. */
export function printResults(
  session: Session,
  header: SweepHeader,
  outcomes: readonly (SweepOutcome | undefined)[],
  { flags, repeat }: { flags: OutputFlags; repeat: string },
): void {
  const { space, title } = header;
  const all = outcomes.filter((outcome) => outcome !== undefined);
  const missing = header.jobs - all.length;
  if (flags.csv) {
    session.print(sweepCsv(space, outcomes));
  } else if (missing === 0) {
    const analyses = analyseOutcomes(space, all);
    const { palette, width } = session;
    if (flags.json) {
      const { sweep: _, ...of } = header;
      session.printJson({ schemaVersion: ANALYSIS_SCHEMA_VERSION, ...of, analyses });
    } else {
      const seeds = space.seeds.length;
      session.print(sweepText(analyses, { title, repeat, seeds, palette, width }));
    }
  }
  judgeOutcomes(session, header, outcomes);
}

function judgeOutcomes(
  session: Session,
  { space }: SweepHeader,
  outcomes: readonly (SweepOutcome | undefined)[],
): void {
  const failed: number[] = [];
  const aborted: number[] = [];
  const bugs: number[] = [];
  outcomes.forEach((outcome, job) => {
    if (outcome === undefined) return;
    if (!("error" in outcome)) {
      if (!outcome.completed) aborted.push(job);
    } else if (outcome.error.code === "bug") bugs.push(job);
    else failed.push(job);
  });
  for (const [jobs, code] of [
    [failed, EXIT.limitMissed],
    [bugs, EXIT.bug],
  ] as const) {
    const [first] = jobs;
    if (first === undefined) continue;
    const outcome = outcomes[first];
    const message = outcome !== undefined && "error" in outcome ? outcome.error.message : "";
    const who = code === EXIT.bug ? " by a bug in precopy or a plug-in" : "";
    const text = `${plural(jobs.length, "job")} of ${count(outcomes.length)} failed${who}`;
    session.note(`${text}, the first with ${jobText(space, first)}: ${message}`);
    session.endWith(code);
  }
  const [first] = aborted;
  if (first === undefined) return;
  const text = `in ${plural(aborted.length, "job")} of ${count(outcomes.length)} a migration ended without a switch`;
  session.note(
    `${text}, the first with ${jobText(space, first)}; they are left out of the figures`,
  );
  session.endWith(EXIT.aborted);
}
