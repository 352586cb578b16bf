/**
 * The text of a log as lines, and what becomes of bad ones: refused with file, line and reason, or
 * left out and counted. Lines end with LF, CR LF, or CR alone (progress that overwrites itself).
 */
import { PrecopyError } from "../../base/errors.js";
import type { Said } from "./observed-migration.js";

/** A series of `query-migrate` every 20 ms for an hour has 180,000 lines. */
export const LOG_LINES_MAX = 2_000_000;
/** In characters; the runs of a data set keep a whole series in one line. */
export const LOG_CHARS_MAX = 2 ** 26;
/** Of one line of a log that people read: patterns with two gaps stay quick. JSON may be longer. */
const LINE_CHARS_MAX = 8192;
const QUOTED_CHARS = 60;
/** Bad lines that are remembered with their problem. */
const REMEMBERED_MAX = 20;

export interface LogOptions {
  /** Name for errors. */
  readonly file: string;
  /** Leave bad lines out and count them; by default they are refused. */
  readonly lenient?: boolean;
}

export class LogSource {
  readonly file: string;
  readonly lines: readonly string[];
  skippedCount = 0;
  readonly skippedFirst: Said<string>[] = [];
  private readonly lenient: boolean;

  /**
   * @param what for errors
   * @throws PrecopyError for an empty text, and for one beyond the limits
   */
  constructor(
    readonly text: string,
    { file, lenient = false }: LogOptions,
    what = "the log",
  ) {
    this.file = file;
    this.lenient = lenient;
    if (text.length > LOG_CHARS_MAX) {
      this.refuse("limit", `${what} has ${text.length} characters, at most ${LOG_CHARS_MAX}`);
    }
    this.lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
    if (this.lines.length > LOG_LINES_MAX) {
      this.refuse("limit", `${what} has ${this.lines.length} lines, at most ${LOG_LINES_MAX}`);
    }
    if (text.trim() === "") this.refuse("bad-input", `${what} is empty`);
  }

  /** Each line with its number, from 1; those that are too long for any of the formats are bad. */
  *entries(): Generator<[text: string, line: number]> {
    for (const [at, text] of this.lines.entries()) {
      if (text.length > LINE_CHARS_MAX) {
        this.bad(at + 1, `the line has ${text.length} characters, at most ${LINE_CHARS_MAX}`);
      } else {
        yield [text, at + 1];
      }
    }
  }

  /** Refuses the line, or counts it and returns. */
  bad(line: number, problem: string): void {
    const text = (this.lines[line - 1] ?? "").trim();
    const quoted = JSON.stringify(
      text.length > QUOTED_CHARS ? `${text.slice(0, QUOTED_CHARS)}…` : text,
    );
    if (!this.lenient) {
      throw new PrecopyError(
        "bad-input",
        `${problem}: ${quoted} (--lenient leaves such lines out and counts them)`,
        { file: this.file, line },
      );
    }
    this.skippedCount++;
    if (this.skippedFirst.length < REMEMBERED_MAX) {
      this.skippedFirst.push({ value: `${problem}: ${quoted}`, line });
    }
  }

  refuse(code: "bad-input" | "limit", problem: string, line?: number): never {
    throw new PrecopyError(code, problem, {
      file: this.file,
      ...(line !== undefined && { line }),
    });
  }
}
