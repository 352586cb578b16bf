/**
 * `virsh domjobinfo`, one answer or many (as from `watch` or a loop), and `--completed`. Names as
 * tools/virsh-domain.c (cmdDomjobinfo) prints them; sizes and rates are scaled to KiB .. GiB with
 * three decimals. "Iteration" is QEMU's dirty-sync-count, "Constant pages" are pages of zeros.
 */
import type { LogImporter } from "./log-format.js";
import type { LogSource } from "./log-source.js";
import { type Draft, newDraft, type ObservedSample, type Said } from "./observed-migration.js";
import { addSampledPasses } from "./pass-series.js";
import { decimalNumber, nsOfMs, sizeBytes, stamped, wholeNumber } from "./values.js";

export const domjobinfo: LogImporter = {
  name: "domjobinfo",
  title: "virsh domjobinfo, once or repeatedly, with or without --completed",
  mark: /^\s*(Job type|Memory processed|Memory remaining|Data processed|Expected downtime|Total downtime):\s/,
  read(source) {
    const draft = newDraft("domjobinfo", "qemu102");
    for (const block of blocksOf(source)) takeBlock(block, draft, source);
    if (draft.samples.length === 0)
      source.refuse("bad-input", 'no "Job type:" line is in this log');
    addSampledPasses(draft, source);
    draft.notes.push("libvirt rounds sizes to three decimals of their unit");
    return draft;
  },
};

type Field = Said<string>;
type Block = Map<string, Field>;

const FIELD = /^([A-Z][A-Za-z/ ]{2,40}):\s+(\S.*)$/;

function blocksOf(source: LogSource): Block[] {
  const blocks: Block[] = [];
  for (const [text, line] of source.entries()) {
    if (text.trim() === "" || /^\s*(\$|#|Every |--)/.test(text) || stampOnly(text)) continue;
    const match = FIELD.exec(text.trim());
    if (match === null) {
      source.bad(line, 'it is no "Name: value" of domjobinfo');
      continue;
    }
    const [, name, value] = match as unknown as [string, string, string];
    if (name === "Job type") blocks.push(new Map());
    const block = blocks.at(-1);
    if (block === undefined) source.bad(line, 'it stands before the first "Job type:"');
    else block.set(name, { value, line });
  }
  return blocks;
}

const stampOnly = (text: string) => stamped(`${text} `)?.rest.trim() === "";

const STATUS: Readonly<Record<string, string>> = {
  Bounded: "active",
  Unbounded: "active",
  Completed: "completed",
  Failed: "failed",
  Cancelled: "cancelled",
};

/** One answer's fields, each with its line. */
class Answer {
  constructor(
    private readonly block: Block,
    private readonly source: LogSource,
  ) {}

  whole = (name: string) => this.read(name, wholeNumber);
  size = (name: string) => this.read(name, sizeBytes);
  ms = (name: string) =>
    this.read(name, (text) => nsOfMs(wholeNumber(/^(\d+)\s*ms$/.exec(text)?.[1])));
  perSec = (name: string) => this.read(name, (text) => sizeBytes(text.replace(/\/s$/, "")));
  pagesPerSec = (name: string) =>
    this.read(name, (text) => wholeNumber(/^(\d+)\s*pages\/s$/.exec(text)?.[1]));
  percent = (name: string) =>
    this.read(name, (text) => decimalNumber(/^(\d+(?:\.\d+)?)\s*%?$/.exec(text)?.[1]));

  private read<T>(name: string, parse: (text: string) => T | undefined): Said<T> | undefined {
    const field = this.block.get(name);
    if (field === undefined) return undefined;
    const value = parse(field.value);
    if (value !== undefined) return { value, line: field.line };
    this.source.bad(field.line, `${name} cannot be read`);
    return undefined;
  }
}

function takeBlock(block: Block, draft: Draft, source: LogSource): void {
  const type = block.get("Job type") as Field;
  // Before and after the job: nothing else is printed.
  if (type.value === "None") return;
  const status = STATUS[type.value];
  if (status === undefined) return source.bad(type.line, "this type of job is not known");
  const value = status === "active" ? "running" : (status as "completed");
  draft.outcome = { value, line: type.line };
  const answer = new Answer(block, source);
  takeGuest(answer, draft);
  draft.samples.push(sampleOf(answer, status, { line: type.line, draft }));
}

function takeGuest(answer: Answer, draft: Draft): void {
  const pageBytes = answer.size("Page size");
  const memory = answer.size("Memory total");
  const real = answer.ms("Total downtime");
  const net = answer.ms("Downtime w/o network");
  if (pageBytes !== undefined && pageBytes.value > 0) draft.pageBytes = pageBytes.value;
  if (memory !== undefined) draft.memoryBytes ??= memory;
  if (real !== undefined) draft.downtime.realNs = real;
  if (net !== undefined) draft.downtime.parts.push({ name: "without network", ...net });
}

function sampleOf(
  answer: Answer,
  status: string,
  { line, draft }: { line: number; draft: Draft },
): ObservedSample {
  const normal = answer.whole("Normal pages");
  const zero = answer.whole("Constant pages");
  const compressed = answer.whole("Compressed pages")?.value ?? 0;
  const elapsed = answer.ms("Time elapsed");
  const processed = answer.size("Memory processed") ?? answer.size("Data processed");
  const remaining = answer.size("Memory remaining") ?? answer.size("Data remaining");
  const iteration = answer.whole("Iteration");
  const dirty = answer.pagesPerSec("Dirty rate");
  const bandwidth = answer.perSec("Memory bandwidth");
  const throttle = answer.percent("Auto converge throttle");
  const expected = answer.ms("Expected downtime");
  const setup = answer.ms("Setup time");
  const requests = answer.whole("Postcopy requests");
  const isPostCopy = status === "active" && requests !== undefined && requests.value > 0;
  if (expected !== undefined) draft.downtime.expectedNs = expected;
  Object.assign(draft.totals, {
    ...(elapsed && { totalNs: elapsed }),
    ...(setup && { setupNs: setup }),
    ...(processed && { sentBytes: processed }),
    ...(zero && { zeroPages: zero }),
    ...(normal && { dataPages: normal }),
    ...(iteration && { passes: iteration }),
    ...(requests && requests.value > 0 && { postCopyRequests: requests }),
  });
  return {
    line,
    status: isPostCopy ? "postcopy-active" : status,
    ...(elapsed && { elapsedNs: elapsed.value }),
    ...(processed && { transferredBytes: processed.value }),
    ...(remaining && { remainingBytes: remaining.value }),
    ...(normal && zero && { sentPages: normal.value + zero.value + compressed }),
    ...(iteration && { passes: iteration.value }),
    ...(dirty && dirty.value > 0 && { dirtyPagesPerSec: dirty.value }),
    ...(bandwidth && bandwidth.value > 0 && { bandwidthBytesPerSec: bandwidth.value }),
    ...(throttle && { throttlePercent: throttle.value }),
    ...(expected && { expectedDowntimeNs: expected.value }),
  };
}
