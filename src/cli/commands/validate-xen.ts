/** `precopy validate` on recorded `xl migrate` runs: rounds, stop reasons and pages. */
import { PrecopyError } from "../../base/errors.js";
import { halfOf, quantile } from "../../forecast/validation.js";
import { forecastXen, measuredXenRate } from "../../forecast/xen-forecast.js";
import { isXenRun, parseXenRun } from "../../forecast/xen-run.js";
import { alignColumns } from "../../report/text.js";
import { type LeftOut, leftOutLines, type RunLine, RunLines } from "../recorded-runs.js";
import { EXIT, type Session } from "../session.js";

/** Rounds and reasons right in at least this share; pages of a round off by this in the median. */
const BOUNDS = { right: 0.9, pagesMedian: 5 };

interface XenVerdict {
  readonly id: string;
  readonly rate: "measured" | "nominal";
  readonly half: "fit" | "check";
  readonly rounds: { readonly actual: number; readonly forecast: number };
  readonly stopReason: { readonly actual: string; readonly forecast: string };
  readonly pages: { readonly actual: readonly number[]; readonly forecast: readonly number[] };
  readonly right: boolean;
}

interface XenRow {
  readonly rate: XenVerdict["rate"];
  readonly half: "all" | XenVerdict["half"];
  readonly runs: number;
  readonly right: number;
  readonly rounds: number;
  readonly pages: { readonly median: number; readonly p90: number; readonly worst: number };
}

export async function validateXen(
  session: Session,
  path: string,
  lines: readonly RunLine[],
  flags: { readonly json?: boolean; readonly lenient?: boolean },
): Promise<void> {
  const runs = new RunLines(path, flags.lenient === true);
  const verdicts = await runs.each(lines, (fields) => {
    if (isXenRun(fields)) return verdictsOf(fields);
    throw new PrecopyError("bad-input", "it has no domain_type: no recorded xl migrate");
  });
  const { leftOut } = runs;
  const rows = (["nominal", "measured"] as const).flatMap((rate) =>
    (["all", "fit", "check"] as const).map((half) => rowOf(verdicts, rate, half)),
  );
  const misses = missesOf(rows[0] as XenRow);
  if (flags.json) session.printJson({ rows, misses, leftOut, runs: verdicts });
  else session.print(asText(session, rows, verdicts, misses, leftOut));
  if (misses.length > 0) session.endWith(EXIT.limitMissed);
}

function verdictsOf(line: Readonly<Record<string, unknown>>): XenVerdict[] {
  const { known, actual } = parseXenRun(line);
  return (["nominal", "measured"] as const).map((rate) => {
    const bytesPerSec = measuredXenRate(known, actual.firstRoundSec);
    const measured = rate === "measured" && Number.isFinite(bytesPerSec);
    const forecast = forecastXen(known, measured ? { bytesPerSec } : {});
    const rounds = { actual: actual.liveRounds, forecast: forecast.liveRounds };
    const stopReason = { actual: actual.stopReason, forecast: forecast.stopReason };
    const same = actual.stopReason === forecast.stopReason;
    const pages = { actual: actual.pages, forecast: forecast.pages };
    const right = same && rounds.actual === rounds.forecast;
    return { id: known.id, rate, half: halfOf(known.id), rounds, stopReason, pages, right };
  });
}

function rowOf(
  verdicts: readonly XenVerdict[],
  rate: XenRow["rate"],
  half: XenRow["half"],
): XenRow {
  const mine = verdicts.filter((one) => one.rate === rate && (half === "all" || one.half === half));
  // Round 0 is all of memory: it says nothing.
  const errors = mine.flatMap(({ pages: { actual, forecast } }) =>
    actual.slice(1).flatMap((pages, i) => {
      const said = forecast[i + 1];
      return said === undefined ? [] : Math.abs(said / pages - 1) * 100;
    }),
  );
  errors.sort((a, b) => a - b);
  const pages = {
    median: quantile(errors, 0.5),
    p90: quantile(errors, 0.9),
    worst: errors.at(-1) ?? Number.NaN,
  };
  const right = mine.filter((one) => one.right).length;
  return { rate, half, runs: mine.length, right, rounds: errors.length, pages };
}

function missesOf({ right, runs, pages }: XenRow): string[] {
  const misses: string[] = [];
  if (right < runs * BOUNDS.right) {
    misses.push(`rounds and stop reason right in ${right} of ${runs}, the bound is 9 of 10`);
  }
  if (pages.median > BOUNDS.pagesMedian) {
    const value = pages.median.toFixed(1);
    misses.push(
      `pages per round off by ${value} % in the median, the bound is ${BOUNDS.pagesMedian}`,
    );
  }
  return misses;
}

const RATES = { nominal: "the cap", measured: "as in round 0" };

function asText(
  session: Session,
  rows: readonly XenRow[],
  verdicts: readonly XenVerdict[],
  misses: readonly string[],
  leftOut: readonly LeftOut[],
): string {
  const { dim, good, bad } = session.palette;
  const [head = "", ...body] = alignColumns(
    [
      ["rate", "half", "runs", "rounds and reason right", "pages per round off, %"],
      ...rows.map(({ rate, half, runs, right, pages: { median, p90, worst } }) => [
        ...[RATES[rate], half, String(runs), String(right)],
        `${median.toFixed(1)} / ${p90.toFixed(1)} / ${worst.toFixed(1)}`,
      ]),
    ],
    ["left", "left"],
  );
  const lines = [
    `${verdicts.length / 2} recorded xl migrate runs; errors as median / 90th / worst`,
  ];
  lines.push("", dim(head), ...body, "");
  for (const { id, rounds, stopReason, right, rate } of verdicts) {
    if (right || rate === "measured") continue;
    const actual = `${rounds.actual} live rounds, ${stopReason.actual}`;
    lines.push(`${id}: ${actual}; forecast ${rounds.forecast}, ${stopReason.forecast}`);
  }
  lines.push(...leftOutLines(leftOut));
  for (const miss of misses) lines.push(bad(`missed   ${miss}`));
  if (misses.length === 0) lines.push(good("All bounds are held."));
  return `${lines.join("\n")}\n`;
}
