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
  private lastLine = "";
  private rest = "";

  /** Bytes as they came; lines may be cut anywhere. */
  add(serial: string): void {
    const text = this.rest + serial;
    const end = text.lastIndexOf("\n") + 1;
    this.rest = text.slice(end);
    if (end === 0) return;
    const lines = text.slice(0, end);
    // What is new is held against the last report before it.
    const judged = parseTinyReports(this.lastLine + lines);
    const known = this.lastLine === "" ? 0 : 1;
    const { reports, missing, repeated, wrongLines } = judged;
    this.sound &&= judged.sound || (reports.length === 0 && wrongLines.length === 0);
    this.reports += reports.length - known;
    this.missing += missing.length;
    this.repeated += repeated.length;
    this.wrongLines += wrongLines.length;
    this.last = reports.at(-1) ?? this.last;
    const line = lines
      .split("\n")
      .filter((found) => found.startsWith("tiny n="))
      .at(-1);
    if (line !== undefined) this.lastLine = `${line}\n`;
  }
}
