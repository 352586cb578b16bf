/**
 * Importer of `epoch,page,reads,writes`: the form to which every recorder of page accesses can be
 * folded. Epochs and counts are decimal, pages hexadecimal page numbers (address / page size).
 * Epochs count from 0 and do not go back; one without rows is an interval without accesses. How
 * often a page was accessed is not kept, only whether. A row of two zeros makes its page part of
 * the memory, no more.
 */
import { PrecopyError } from "../../base/errors.js";
import { NS_PER_MS, PAGE_SIZE_BYTES } from "../../base/units.js";
import { MAX_TRACE_INTERVALS } from "../trace.js";
import { EpochFold, MAX_PAGE_NUMBER, READ, WRITTEN } from "./epoch-fold.js";
import type { ImportedTrace, ImportOptions, TraceImporter } from "./importer.js";
import { BadLines, LineSplitter } from "./lines.js";

/** Length of an epoch when none is given: the file does not say it. */
export const DEFAULT_EPOCH_NS = NS_PER_MS;
/** Longest epoch: the whole of the longest trace stays under 2^53 ns. */
const MAX_EPOCH_NS = Math.floor(Number.MAX_SAFE_INTEGER / MAX_TRACE_INTERVALS);

const COLUMNS = "epoch,page,reads,writes";
const ROW = /^(\d{1,15}),(?:0x)?([0-9a-fA-F]{1,16}),(\d{1,15}),(\d{1,15})$/;

export class EpochCsvImporter implements TraceImporter {
  private readonly lines: LineSplitter;
  private readonly bad: BadLines;
  private readonly fold: EpochFold;
  private readonly epochNs: number;
  private readonly decoder = new TextDecoder();
  private epoch = 0;
  private rows = 0;
  private hasReads = false;

  constructor(private readonly options: ImportOptions) {
    this.epochNs = options.epochNs ?? DEFAULT_EPOCH_NS;
    if (!Number.isInteger(this.epochNs) || this.epochNs < 1 || this.epochNs > MAX_EPOCH_NS) {
      const limits = `it must be an integer, 1 to ${MAX_EPOCH_NS}`;
      throw new PrecopyError("bad-input", `an epoch of ${this.epochNs} ns; ${limits}`, {
        file: options.name,
      });
    }
    this.fold = new EpochFold(options.name);
    this.bad = new BadLines(options.name, options.onBadLine ?? "refuse");
    this.lines = new LineSplitter(options.name, (bytes, start, end) => {
      if (end > start) this.line(bytes.subarray(start, end));
    });
  }

  push(chunk: Uint8Array): void {
    this.lines.push(chunk);
  }

  finish(): ImportedTrace {
    this.lines.finish();
    if (this.rows > 0) this.endEpochsBefore(this.epoch + 1);
    const { addresses = "compact", pages, pageSizeBytes = PAGE_SIZE_BYTES } = this.options;
    const trace = this.fold.finish({ hasReads: this.hasReads, pageSizeBytes, addresses, pages });
    return { trace, skipped: this.bad.skipped };
  }

  private line(bytes: Uint8Array): void {
    const text = this.decoder.decode(bytes);
    const row = ROW.exec(text);
    if (row === null) {
      if (this.lines.line === 1 && text.toLowerCase().replaceAll(" ", "") === COLUMNS) return;
      this.bad.report(this.lines.line, `the line is not ${COLUMNS}, page in hexadecimal`, bytes);
      return;
    }
    const epoch = Number(row[1]);
    const page = Number.parseInt(row[2] as string, 16);
    const problem = this.check(epoch, page);
    if (problem !== "") {
      this.bad.report(this.lines.line, problem, bytes);
      return;
    }
    this.endEpochsBefore(epoch);
    const access = (Number(row[3]) > 0 ? READ : 0) | (Number(row[4]) > 0 ? WRITTEN : 0);
    if ((access & READ) !== 0) this.hasReads = true;
    this.fold.touch(page, access);
    this.rows++;
  }

  private check(epoch: number, page: number): string {
    if (epoch < this.epoch) return `epoch ${epoch} comes after epoch ${this.epoch}`;
    if (epoch >= MAX_TRACE_INTERVALS) {
      return `epoch ${epoch} is over the limit of ${MAX_TRACE_INTERVALS - 1}; number them from 0`;
    }
    return page > MAX_PAGE_NUMBER ? `the page number is over ${MAX_PAGE_NUMBER.toString(16)}` : "";
  }

  private endEpochsBefore(epoch: number): void {
    for (; this.epoch < epoch; this.epoch++) this.fold.endEpoch((this.epoch + 1) * this.epochNs);
  }
}
