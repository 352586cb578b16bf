/**
 * Follows what a tiny guest says on its serial port over any time and any number of moves, and
 * judges it as it comes: reports count on without a gap or a repeat, and no page was bad. Nothing but
 * the last report is kept.
 */
import { parseTinyReports, type TinyReport } from "../live/guests/tiny-reports.js";

export class SerialJudge {
  /** The last whole report. */
  last: TinyReport | undefined;
  /** Reports that were seen. */
  reports = 0;
  missing = 0;
  repeated = 0;
  wrongLines = 0;
  /** Nothing was wrong so far. */
  sound = true;
  private topLine = "";
  private rest = "";

  /** Bytes as they came; lines may be cut anywhere. */
  add(serial: string): void {
    const text = this.rest + serial;
    const end = text.lastIndexOf("\n") + 1;
    this.rest = text.slice(end);
    if (end === 0) return;
    const lines = text.slice(0, end);
    // What is new is held against the highest count before it.
    const judged = parseTinyReports(this.topLine + lines);
    const known = this.topLine === "" ? 0 : 1;
    const { reports, missing, repeated, wrongLines } = judged;
    this.sound &&= judged.sound || (reports.length === 0 && wrongLines.length === 0);
    this.reports += reports.length - known;
    this.missing += missing.length;
    this.repeated += repeated.length;
    this.wrongLines += wrongLines.length;
    this.last = reports.at(-1) ?? this.last;
    const top = reports.reduce((most, { n }) => Math.max(most, n), 0);
    const line = lines
      .split("\n")
      .find((found) => Number(/^tiny n=(\d+) /.exec(found)?.[1]) === top);
    if (line !== undefined) this.topLine = `${line}\n`;
  }
}
