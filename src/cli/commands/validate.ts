/**
 * `precopy validate`: the preset `simgrid` of fluid mode beside what SimGrid itself computed, or
 * forecasts beside recorded migrations (validate-runs.ts); what the file holds decides.
 */
import { Command } from "commander";
import { PrecopyError } from "../../base/errors.js";
import {
  parseSimgridCases,
  SIMGRID_BOUNDS,
  SIMGRID_TOLERANCE,
  type SimgridCaseClass,
  type SimgridVerdict,
  validateSimgridCases,
} from "../../fluid/index.js";
import { isQemuRun } from "../../forecast/qemu-run.js";
import { isXenRun } from "../../forecast/xen-run.js";
import { alignColumns } from "../../report/text.js";
import { readLines, readRuns } from "../recorded-runs.js";
import { EXIT, type Session } from "../session.js";
import { type RunsFlags, validateQemu } from "./validate-runs.js";
import { validateXen } from "./validate-xen.js";

/** Cases that disagree are told one by one up to here. */
const TOLD_MAX = 20;

/** What sets a class apart, told where one of its cases disagrees. */
const ABOUT: Readonly<Record<SimgridCaseClass, string>> = {
  single: "one guest, CM02, no latency: the recurrence alone, so the code or the file is wrong",
  independent: "guests on links of their own: as single",
  latency: "each message begins with the latency; rates stop at gamma / (2 latency)",
  LV08: "as latency, with bandwidth x 0.97 and latency x 13.01",
  "cross traffic": "5 % of every rate goes the other way on the same link",
  sharing: "max-min on one link; SimGrid merges events that lie within 1e-9 s",
};

const NOTES = `
Recorded migrations: each is forecast from what was known before it started, with the link's rate
as measured in its first pass and as it was set; traces are cut where the migration starts. Told are
the errors by group, what the ranges hold, and the formulas M0 (geometric) and M1 (unique pages).
A line that cannot be used is named with its run and field, and refused (exit code 2) or left out
(--lenient). Runs that failed or were cancelled by hand are named and left out either way.

SimGrid's cases: agreement means: the same number of rounds; the total time within 1e-8 (one guest on a link, CM02,
no latency) or 1e-6 (all others) of SimGrid's; the bytes of the pause within 64 or 1e-6. Nothing
runs longer than ${SIMGRID_BOUNDS.untilSec} s of simulated time, nor a file longer than
${SIMGRID_BOUNDS.stepsMax.toLocaleString("en")} transfers: what reaches a bound disagrees and says so.

Exit code 3 if a bound is missed or a case disagrees, 2 if the file cannot be used.

Examples:
  precopy validate examples/runs/qemu72.jsonl --traces examples/traces
  precopy validate cases.json
`;

interface ClassSummary {
  readonly kind: SimgridCaseClass;
  readonly cases: number;
  readonly agree: number;
  readonly tolerance: number;
  readonly worstTotalError: number;
  readonly worstStopCopyBytesError: number;
}

export function validateCommand(session: Session): Command {
  return new Command("validate")
    .description("forecasts beside recorded migrations; fluid mode beside SimGrid's results")
    .argument("<file>", "recorded migrations (JSON lines), or SimGrid's cases (JSON)")
    .option("--json", "print JSON instead of text")
    .addHelpText("after", NOTES)
    .option("--traces <dir>", "where the traces of recorded runs lie")
    .option("--lenient", "leave out lines that cannot be used, and name them")
    .option("--bounds <file>", "bounds on the errors: a JSON file, or default", "default")
    .action((path: string, flags: RunsFlags) => validate(session, path, flags));
}

async function validate(session: Session, path: string, flags: RunsFlags): Promise<void> {
  const text = await readRuns(path);
  if (isJsonLines(text)) {
    const lines = readLines(text);
    const isXen = lines.find(({ fields }) => fields !== undefined && isXenRun(fields));
    const isQemu = lines.find(({ fields }) => fields !== undefined && isQemuRun(fields));
    const xenFirst = isXen !== undefined && isXen.line < (isQemu?.line ?? Number.MAX_VALUE);
    if (xenFirst) return validateXen(session, path, lines, flags);
    return validateQemu(session, path, lines, flags);
  }
  const cases = parseSimgridCases(text, path);
  const verdicts = validateSimgridCases(cases);
  const classes = summarise(verdicts);
  const crashed = cases.length - verdicts.length;
  if (crashed > 0)
    session.note(`${crashed} of ${cases.length} cases left out: SimGrid crashed in them`);
  if (verdicts.length === 0) {
    throw new PrecopyError("bad-input", "no case has a result to compare with", { file: path });
  }
  if (flags.json) session.printJson(asJson(verdicts, classes));
  else session.print(asText(verdicts, classes, session));
  if (verdicts.some(({ agrees }) => !agrees)) session.endWith(EXIT.limitMissed);
}

function summarise(verdicts: readonly SimgridVerdict[]): ClassSummary[] {
  const kinds = Object.keys(SIMGRID_TOLERANCE) as SimgridCaseClass[];
  return kinds.flatMap((kind) => {
    const mine = verdicts.filter((verdict) => verdict.kind === kind);
    if (mine.length === 0) return [];
    return {
      kind,
      cases: mine.length,
      agree: mine.filter(({ agrees }) => agrees).length,
      tolerance: SIMGRID_TOLERANCE[kind],
      worstTotalError: Math.max(...mine.map(({ totalError }) => totalError)),
      worstStopCopyBytesError: Math.max(...mine.map((verdict) => verdict.stopCopyBytesError)),
    };
  });
}

/** An infinite error is null in JSON. */
function asJson(verdicts: readonly SimgridVerdict[], classes: readonly ClassSummary[]): object {
  const agree = verdicts.filter(({ agrees }) => agrees).length;
  return { cases: verdicts.length, agree, classes, disagree: verdicts.filter((v) => !v.agrees) };
}

function asText(
  verdicts: readonly SimgridVerdict[],
  classes: readonly ClassSummary[],
  session: Session,
): string {
  const { bold, dim, good, bad } = session.palette;
  const agree = verdicts.filter(({ agrees }) => agrees).length;
  const all = agree === verdicts.length;
  const worst = Math.max(...verdicts.map(({ totalError }) => totalError));
  const verdict = `${agree} of ${verdicts.length} cases agree with SimGrid`;
  const words = `${verdict}; worst error of the total time ${error(worst)}`;
  const [head = "", ...body] = alignColumns(
    [
      ["class", "agree", "of", "worst error", "allowed", "bytes of the pause off by"],
      ...classes.map((one) => [
        one.kind,
        String(one.agree),
        String(one.cases),
        error(one.worstTotalError),
        error(one.tolerance),
        String(one.worstStopCopyBytesError),
      ]),
    ],
    ["left"],
  );
  const lines = [bold(all ? good(words) : bad(words)), "", dim(head), ...body];
  lines.push(...disagreements(verdicts));
  return `${lines.join("\n")}\n`;
}

function disagreements(verdicts: readonly SimgridVerdict[]): string[] {
  const wrong = verdicts.filter(({ agrees }) => !agrees);
  const lines: string[] = [];
  for (const kind of new Set(wrong.map((verdict) => verdict.kind))) {
    lines.push("", `${kind}: ${ABOUT[kind]}`);
    for (const { name, differences } of wrong.filter((v) => v.kind === kind).slice(0, TOLD_MAX)) {
      lines.push(`  ${name}: ${differences.slice(0, 5).join("; ")}`);
    }
  }
  if (wrong.length > TOLD_MAX) lines.push("", "--json names all of them.");
  return lines;
}

function error(value: number): string {
  return value === 0 ? "0" : value.toExponential(1);
}

/** An object a line; a file of cases is one object, on one line or over many. */
function isJsonLines(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    const isOne = typeof value === "object" && value !== null && !Array.isArray(value);
    return isOne && !("cases" in value);
  } catch {
    return readLines(text).some(({ fields }) => fields !== undefined && "id" in fields);
  }
}
