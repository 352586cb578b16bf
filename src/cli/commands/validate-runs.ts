/** `precopy validate RUNS.jsonl`: forecasts beside recorded migrations of QEMU and Xen. */
import { PrecopyError } from "../../base/errors.js";
import { isQemuRun, parseQemuRun } from "../../forecast/qemu-run.js";
import { qemuVerdict } from "../../forecast/qemu-validation.js";
import { type DirtyRateReading, readDirtyRates } from "../../forecast/rates/index.js";
import { ratesVerdict } from "../../forecast/rates-validation.js";
import {
  BOUNDS,
  type Bound,
  type ErrorSpread,
  type GroupErrors,
  groupErrors,
  type Miss,
  missesOf,
  type RateKind,
  type RunVerdict,
} from "../../forecast/validation.js";
import { alignColumns } from "../../report/text.js";
import { readTextFile } from "../files.js";
import { type LeftOut, leftOutLines, RunGuests, type RunLine, RunLines } from "../recorded-runs.js";
import { EXIT, type Session } from "../session.js";

export interface RunsFlags {
  readonly json?: boolean;
  readonly lenient?: boolean;
  readonly traces?: string;
  readonly bounds?: string;
}

/** Rows with the same rate and half, and their groups. */
interface Section {
  readonly rate: RateKind;
  readonly half: "all" | "fit" | "check";
  readonly groups: readonly GroupErrors[];
}

export async function validateQemu(
  session: Session,
  path: string,
  lines: readonly RunLine[],
  flags: RunsFlags,
): Promise<void> {
  const bounds = await readBounds(flags.bounds);
  const guests = new RunGuests(path, flags.traces);
  const runs = new RunLines(path, flags.lenient === true);
  const verdicts = await runs.each(lines, (fields) => verdictsOf(fields, guests));
  const sections = sectionsOf(verdicts);
  const measured = sections.find(({ rate, half }) => rate === "measured" && half === "all");
  const misses = missesOf(measured?.groups ?? [], bounds);
  const { leftOut } = runs;
  if (flags.json) session.printJson({ sections, misses, leftOut, runs: verdicts });
  else session.print(asText(session, lines.length - leftOut.length, sections, misses, leftOut));
  if (misses.length > 0) session.endWith(EXIT.limitMissed);
}

async function verdictsOf(
  fields: Readonly<Record<string, unknown>>,
  guests: RunGuests,
): Promise<RunVerdict[]> {
  if (!isQemuRun(fields)) {
    throw new PrecopyError("bad-input", "it has no guest and net: no recorded migration of QEMU");
  }
  const run = parseQemuRun(fields);
  const readings = readingsOf(fields);
  // All that is known of a guest that was only observed.
  if (readings !== undefined && !RunGuests.knows(run)) {
    return [ratesVerdict(run, undefined, readings)];
  }
  const guest = await guests.guestOf(run);
  const rates = ["measured", "nominal"] as const;
  const verdicts = rates.map((rate) => qemuVerdict({ run, guest, rate }));
  if (readings !== undefined) verdicts.push(ratesVerdict(run, guest, readings));
  if (!RunGuests.hasFuture(run)) return verdicts;
  const oracle = await guests.guestOf(run, true);
  return [...verdicts, qemuVerdict({ run, guest: oracle, rate: "oracle-trace" })];
}

/** What QEMU's calc-dirty-rate said before the migration; undefined if it was not asked. */
function readingsOf({
  calc_dirty_rate: told,
}: Readonly<Record<string, unknown>>): readonly DirtyRateReading[] | undefined {
  if (!Array.isArray(told) || told.length === 0) return undefined;
  return readDirtyRates(JSON.stringify(told), { file: "calc_dirty_rate", format: "qmp" }).readings;
}

/** Bounds of a file, a JSON object as {@link BOUNDS}; groups that it leaves out have none. */
async function readBounds(file: string | undefined): Promise<Readonly<Record<string, Bound>>> {
  if (file === undefined || file === "default") return BOUNDS;
  const value: unknown = JSON.parse(await readTextFile(file));
  if (typeof value === "object" && value !== null) return value as Record<string, Bound>;
  throw new PrecopyError("bad-input", "bounds are an object of groups", { file });
}

function sectionsOf(verdicts: readonly RunVerdict[]): Section[] {
  const section = (rate: RateKind, half: Section["half"]): Section => {
    const mine = verdicts.filter(
      (one) => one.rate === rate && (half === "all" || one.half === half),
    );
    const names = [...new Set(mine.map(({ group }) => group))];
    const ofGroup = (name: string) => mine.filter(({ group }) => group === name);
    return { rate, half, groups: names.map((name) => groupErrors(name, ofGroup(name))) };
  };
  return [
    section("measured", "all"),
    section("measured", "fit"),
    section("measured", "check"),
    section("nominal", "all"),
    section("oracle-trace", "all"),
    section("calc-dirty-rate", "all"),
  ].filter(({ groups }) => groups.length > 0);
}

const TITLES: Readonly<Record<string, string>> = {
  "measured all": "All runs, with the link's rate as measured in the first pass",
  "measured fit": "The half that constants were looked up in (even hash of the name)",
  "measured check": "The half that they were not",
  "oracle-trace all": "Traces of the migration itself, which nobody has beforehand; measured rate",
  "calc-dirty-rate all":
    "From QEMU's own calc-dirty-rate before the start; the rate that the link was set to",
  "nominal all": "All runs, with the rate that the link was set to",
};

const HEAD = [
  "group",
  "runs",
  "total %",
  "bytes %",
  "downtime %",
  "off ms",
  "readings ±1",
  "ends",
  "borderline",
  "in range",
  "width %",
  "M0 %",
  "M1 %",
];

function asText(
  session: Session,
  runs: number,
  sections: readonly Section[],
  misses: readonly Miss[],
  leftOut: readonly LeftOut[],
): string {
  const { bold, dim, good, bad } = session.palette;
  const lines = [
    `${runs} recorded migrations; errors as median / 90th / worst, M0 and M1 the median`,
  ];
  for (const { rate, half, groups } of sections) {
    const [head = "", ...body] = alignColumns([HEAD, ...groups.map(rowOf)], ["left"]);
    lines.push("", bold(TITLES[`${rate} ${half}`] ?? `${rate}, ${half}`), dim(head), ...body);
  }
  lines.push("", ...leftOutLines(leftOut));
  for (const { group, what, value, bound } of misses) {
    lines.push(bad(`missed   ${group}: ${what} is ${value.toFixed(2)}, the bound is ${bound}`));
  }
  const isBounded = sections.some(({ rate }) => rate === "measured");
  if (!isBounded) lines.push(dim("No bound is stated for forecasts from dirty rates alone."));
  else if (misses.length === 0) lines.push(good("All bounds are held."));
  return `${lines.join("\n")}\n`;
}

function rowOf(one: GroupErrors): string[] {
  return [
    one.group,
    String(one.runs),
    spread(one.total),
    spread(one.bytes, 2),
    spread(one.downtime),
    spread(one.downtimeMs, 0),
    percent(one.syncsWithinOne),
    `${one.endsAgree}/${one.runs}`,
    String(one.borderline),
    percent(one.coverage),
    (one.width * 100).toFixed(1),
    formula(one.baselineTotal.M0),
    formula(one.baselineTotal.M1),
  ];
}

function formula({ median }: ErrorSpread): string {
  return Number.isFinite(median) ? median.toFixed(0) : "never";
}

function percent(share: number): string {
  return Number.isNaN(share) ? "-" : `${(share * 100).toFixed(0)} %`;
}

function spread({ median, p90, worst }: ErrorSpread, digits = 1): string {
  const word = (value: number) => (Number.isFinite(value) ? value.toFixed(digits) : "never");
  if (Number.isNaN(median)) return "-";
  return `${word(median)} / ${word(p90)} / ${word(worst)}`;
}
