/**
 * Importer of valgrind lackey's memory trace (`valgrind --tool=lackey --trace-mem=yes`, format in
 * lackey/lk_main.c): one access a line, hexadecimal address and decimal size,
 *
 *     I  04016b80,3      instruction fetch
 *      L 1fff000668,8    load
 *      S 1fff000660,8    store
 *      M 0421c040,4      modify: load and store of one instruction
 *
 * Lines that begin with `==` or `--` are valgrind's own. There are no time stamps: replay time
 * counts accesses. Only data counts by default; instruction fetches are three quarters of a trace.
 */
import { PrecopyError } from "../../base/errors.js";
import { NS_PER_SEC, PAGE_SIZE_BYTES } from "../../base/units.js";
import { EpochFold, READ, WRITTEN } from "./epoch-fold.js";
import type { ImportedTrace, ImportOptions, TraceImporter } from "./importer.js";
import { BadLines, LineSplitter } from "./lines.js";

export const DEFAULT_EPOCH_ACCESSES = 100_000;
/** With 100,000 accesses an epoch this makes an epoch 1 ms long. */
export const DEFAULT_ACCESSES_PER_SEC = 100_000_000;
/** Largest access; lackey's own limit is 512 bytes, so that one touches two pages at most. */
const MAX_ACCESS_BYTES = 4096;
const MAX_HEX_DIGITS = 16;

const SPACE = 0x20;
const COMMA = 0x2c;
const FETCH = 0x49; // I
const LOAD = 0x4c; // L
const STORE = 0x53; // S
const MODIFY = 0x4d; // M
const EQUALS = 0x3d;
const DASH = 0x2d;

export class LackeyImporter implements TraceImporter {
  private readonly lines: LineSplitter;
  private readonly bad: BadLines;
  private readonly fold: EpochFold;
  private readonly pageSizeBytes: number;
  private readonly pageShift: number;
  private readonly lastPage: number;
  private readonly epochAccesses: number;
  private readonly nsPerAccess: number;
  private readonly includeCode: boolean;
  private accesses = 0;
  private inEpoch = 0;

  constructor(private readonly options: ImportOptions) {
    const { name } = options;
    this.pageSizeBytes = options.pageSizeBytes ?? PAGE_SIZE_BYTES;
    this.pageShift = pageShiftOf(this.pageSizeBytes, name);
    this.lastPage = 2 ** (64 - this.pageShift) - 1;
    this.epochAccesses = options.epochAccesses ?? DEFAULT_EPOCH_ACCESSES;
    this.nsPerAccess = NS_PER_SEC / (options.accessesPerSec ?? DEFAULT_ACCESSES_PER_SEC);
    this.includeCode = options.includeCode ?? false;
    checkEpoch(this.epochAccesses, this.nsPerAccess, name);
    this.fold = new EpochFold(name);
    this.bad = new BadLines(name, options.onBadLine ?? "refuse");
    this.lines = new LineSplitter(name, (bytes, start, end) => this.line(bytes, start, end));
  }

  push(chunk: Uint8Array): void {
    this.lines.push(chunk);
  }

  finish(): ImportedTrace {
    this.lines.finish();
    if (this.inEpoch > 0) this.endEpoch();
    const { addresses = "compact", pages } = this.options;
    const trace = this.fold.finish({
      hasReads: true,
      pageSizeBytes: this.pageSizeBytes,
      addresses,
      pages,
    });
    return { trace, skipped: this.bad.skipped };
  }

  private line(bytes: Uint8Array, start: number, end: number): void {
    const first = bytes[start];
    if (end === start || (first === bytes[start + 1] && (first === EQUALS || first === DASH))) {
      return;
    }
    const problem = this.parse(bytes, start, end);
    if (problem !== "") this.bad.report(this.lines.line, problem, bytes.subarray(start, end));
  }

  /** Takes the line in and returns "", or leaves it out and says what is wrong. */
  private parse(bytes: Uint8Array, start: number, end: number): string {
    const isFetch = bytes[start] === FETCH && bytes[start + 1] === SPACE;
    const kind = isFetch ? FETCH : bytes[start + 1];
    const isData = bytes[start] === SPACE && (kind === LOAD || kind === STORE || kind === MODIFY);
    if (!isFetch && !isData) return "the line begins with none of I, L, S, M";
    let at = start + 2;
    while (at < end && bytes[at] === SPACE) at++;

    // The address in two halves of 32 bits: a double would lose its low bits.
    const hexAt = at;
    let high = 0;
    let low = 0;
    for (; at < end; at++) {
      const digit = hexDigit(bytes[at] as number);
      if (digit < 0) break;
      high = ((high << 4) | (low >>> 28)) >>> 0;
      low = ((low << 4) | digit) >>> 0;
    }
    const digits = at - hexAt;
    if (digits < 1 || digits > MAX_HEX_DIGITS) {
      return `the address has ${digits} hexadecimal digits; it has 1 to ${MAX_HEX_DIGITS}`;
    }
    if (bytes[at] !== COMMA || at >= end) return "no comma follows the address";
    const sizeAt = ++at;
    let sizeBytes = 0;
    for (; at < end && sizeBytes <= MAX_ACCESS_BYTES; at++) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) return "the size is not a decimal number";
      sizeBytes = sizeBytes * 10 + digit;
    }
    if (at === sizeAt || sizeBytes < 1 || sizeBytes > MAX_ACCESS_BYTES) {
      return `the size must be 1 to ${MAX_ACCESS_BYTES} bytes`;
    }
    return this.access(kind as number, { high, low, sizeBytes });
  }

  private access(kind: number, at: { high: number; low: number; sizeBytes: number }): string {
    const page = at.high * 2 ** (32 - this.pageShift) + (at.low >>> this.pageShift);
    const offset = at.low & (this.pageSizeBytes - 1);
    const crosses = offset + at.sizeBytes > this.pageSizeBytes;
    if (crosses && page === this.lastPage) return "the access reaches past address 2^64 - 1";
    if (kind === FETCH && !this.includeCode) return "";

    const access = kind === STORE ? WRITTEN : kind === MODIFY ? READ | WRITTEN : READ;
    this.fold.touch(page, access);
    if (crosses) this.fold.touch(page + 1, access);
    this.accesses++;
    if (++this.inEpoch === this.epochAccesses) this.endEpoch();
    return "";
  }

  private endEpoch(): void {
    // A short last epoch may round to no time at all.
    const earliestNs = Math.round(this.fold.epochs * this.epochAccesses * this.nsPerAccess) + 1;
    this.fold.endEpoch(Math.max(earliestNs, Math.round(this.accesses * this.nsPerAccess)));
    this.inEpoch = 0;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function pageShiftOf(pageSizeBytes: number, file: string): number {
  for (let shift = 12; shift <= 30; shift++) if (2 ** shift === pageSizeBytes) return shift;
  throw new PrecopyError(
    "bad-input",
    `page size ${pageSizeBytes} is not a power of two from 4096 to 2^30 bytes`,
    { file },
  );
}

function checkEpoch(epochAccesses: number, nsPerAccess: number, file: string): void {
  const epochNs = epochAccesses * nsPerAccess;
  if (Number.isInteger(epochAccesses) && epochAccesses >= 1 && epochNs >= 1 && epochNs <= 1e15) {
    return;
  }
  throw new PrecopyError(
    "bad-input",
    `an epoch of ${epochAccesses} accesses lasts ${epochNs} ns; it must be at least one access and 1 to 10^15 ns`,
    { file },
  );
}
