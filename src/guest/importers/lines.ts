/**
 * Text, a line at a time, from chunks of any size: only an unfinished line is kept. Lines are
 * handed on as bytes, because lackey writes hundreds of megabytes of them.
 */
import { PrecopyError } from "../../base/errors.js";

/** Longest line taken, in bytes. Trace lines have some 30; a longer one means another kind of file. */
export const MAX_LINE_BYTES = 4096;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const QUOTED_CHARS = 60;

/** Receives `bytes[start .. end)` without its line end; the bytes are good until it returns. */
export type OnLine = (bytes: Uint8Array, start: number, end: number) => void;

export class LineSplitter {
  private readonly carry = new Uint8Array(MAX_LINE_BYTES);
  private carried = 0;
  /** Number of the line being handed on, from 1. */
  line = 0;

  constructor(
    private readonly file: string,
    private readonly onLine: OnLine,
  ) {}

  push(chunk: Uint8Array): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      if (this.carried > 0) {
        this.keep(chunk.subarray(start, end));
        this.emit(this.carry, 0, this.carried);
        this.carried = 0;
      } else {
        this.emit(chunk, start, end);
      }
      start = end + 1;
    }
    this.keep(chunk.subarray(start));
  }

  /** Hands on a last line that has no line end. */
  finish(): void {
    if (this.carried > 0) this.emit(this.carry, 0, this.carried);
    this.carried = 0;
  }

  private keep(part: Uint8Array): void {
    if (this.carried + part.length > MAX_LINE_BYTES) this.tooLong();
    this.carry.set(part, this.carried);
    this.carried += part.length;
  }

  private emit(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > MAX_LINE_BYTES) this.tooLong();
    this.line++;
    const trimmed = end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    this.onLine(bytes, start, trimmed);
  }

  private tooLong(): never {
    throw new PrecopyError(
      "bad-trace",
      `the line is longer than ${MAX_LINE_BYTES} bytes; this is not a text trace`,
      { file: this.file, line: this.line + 1 },
    );
  }
}

/** Refuses a line that cannot be read, or counts it and goes on, as the user asked. */
export class BadLines {
  skipped = 0;

  constructor(
    private readonly file: string,
    private readonly mode: "refuse" | "skip",
  ) {}

  report(line: number, problem: string, bytes: Uint8Array): void {
    if (this.mode === "skip") {
      this.skipped++;
      return;
    }
    throw new PrecopyError(
      "bad-trace",
      `${problem}: ${quote(bytes)} (bad lines can be skipped and counted on request)`,
      { file: this.file, line },
    );
  }
}

function quote(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes.subarray(0, QUOTED_CHARS)) text += String.fromCharCode(byte);
  return JSON.stringify(bytes.length > QUOTED_CHARS ? `${text}…` : text);
}
