/**
 * What the tiny guest says on its serial port, read and judged: reports count 1, 2, 3, … without a
 * gap or a repeat, no page was bad, and nothing else stands between them.
 *
 *     tiny start pattern=uniform pages=1000 … memory=33554432
 *     tiny n=000123 ms=6150 writes=456789 scans=3 bad=0
 *     tiny pong 65
 *     tiny bad page=7 holds=7 generation=3 wanted=4
 *     tiny error: more pages than memory
 */

export interface TinyReport {
  /** Counts from 1; 20 a second of the guest's time-stamp counter. */
  readonly n: number;
  /** Since the first report, by the time-stamp counter: wall time on one host, and across a move. */
  readonly ms: number;
  readonly writes: number;
  readonly scans: number;
  /** Checks of a page that failed: wrong number, wrong checksum, or an older generation. */
  readonly bad: number;
}

export interface TinyReports {
  readonly reports: readonly TinyReport[];
  /** How often it started; more than one start is a reboot. */
  readonly starts: number;
  /** Report numbers that are missing between two others. */
  readonly missing: readonly number[];
  /** Report numbers that came a second time or after a later one. */
  readonly repeated: readonly number[];
  /** Of the last report. */
  readonly bad: number;
  /** Bytes that it answered, in order. */
  readonly pongs: readonly number[];
  /** Lines that tell of an error or a bad page, or that the guest never writes. */
  readonly wrongLines: readonly string[];
  /**
   * No gap, no repeat, nothing bad, no wrong line, at most one start, no counter that fell, and at
   * least one report.
   */
  readonly sound: boolean;
}

const NUMBER = "(\\d{1,16})";
const REPORT_FIELDS = `n=(\\d{6,16}) ms=${NUMBER} writes=${NUMBER} scans=${NUMBER} bad=${NUMBER}`;

/** At most so many missing numbers are listed. */
const MISSING_MAX = 1_000;

/**
 * Judges all that came so far. The text may begin anywhere, so what stands before the first whole
 * line is left out when it is the end of a line; so is an unfinished last line.
 */
export function parseTinyReports(text: string): TinyReports {
  return parseReports(text, "tiny");
}

/** The same for a program that reports in this way under another name. */
export function parseReports(text: string, name: string): TinyReports {
  const pong = new RegExp(`^${name} pong (\\d{1,3})$`);
  const report = new RegExp(`^${name} ${REPORT_FIELDS}$`);
  const reports: TinyReport[] = [];
  const pongs: number[] = [];
  const wrongLines: string[] = [];
  let starts = 0;
  const lines = text.split("\n").slice(0, -1);
  lines.forEach((line, i) => {
    const found = reportOf(report.exec(line));
    const answered = pong.exec(line);
    if (found !== undefined) reports.push(found);
    else if (answered !== null) pongs.push(Number(answered[1]));
    else if (line.startsWith(`${name} start `)) starts += 1;
    else if (i > 0 || line.startsWith(`${name} `)) wrongLines.push(line);
  });
  const { missing, repeated, fell } = sequence(reports);
  const bad = reports.at(-1)?.bad ?? 0;
  const whole = missing.length + repeated.length + wrongLines.length === 0 && !fell;
  const sound = whole && bad === 0 && starts <= 1 && reports.length > 0;
  return { reports, starts, missing, repeated, bad, pongs, wrongLines, sound };
}

function reportOf(found: RegExpExecArray | null): TinyReport | undefined {
  if (found === null) return undefined;
  const [n, ms, writes, scans, bad] = found.slice(1).map(Number) as [
    ...[number, number, number, number, number],
  ];
  return { n, ms, writes, scans, bad };
}

function sequence(reports: readonly TinyReport[]) {
  const missing: number[] = [];
  const repeated: number[] = [];
  let fell = false;
  let last = reports[0];
  for (const report of reports.slice(1)) {
    if (last === undefined) break;
    fell ||= report.writes < last.writes || report.scans < last.scans || report.ms < last.ms;
    if (report.n <= last.n) {
      repeated.push(report.n);
      continue;
    }
    for (let n = last.n + 1; n < report.n && missing.length < MISSING_MAX; n++) missing.push(n);
    last = report;
  }
  return { missing, repeated, fell };
}
