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

const FIELD = /^\s*([A-Z][A-Za-z/ ]{2,40}):\s+(\S.*?)\s*$/;

function blocksOf(source: LogSource): Block[] {
  const blocks: Block[] = [];
  for (const [text, line] of source.entries()) {
    if (text.trim() === "" || /^\s*(\$|#|Every |--)/.test(text) || stampOnly(text)) continue;
    const match = FIELD.exec(text);
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

function takeBlock(block: Block, draft: Draft, source: LogSource): void {
  const type = block.get("Job type") as Field;
  // Before and after the job: nothing else is printed.
  if (type.value === "None") return;
  const status = STATUS[type.value];
  if (status === undefined) return source.bad(type.line, "this type of job is not known");
  const read = <T>(name: string, parse: (text: string) => T | undefined): Said<T> | undefined => {
    const field = block.get(name);
    if (field === undefined) return undefined;
    const value = parse(field.value);
    if (value !== undefined) return { value, line: field.line };
    source.bad(field.line, `${name} cannot be read`);
    return undefined;
  };
  const ms = (text: string) => nsOfMs(wholeNumber(/^(\d+)\s*ms$/.exec(text)?.[1]));
  const rate = (text: string) => sizeBytes(text.replace(/\/s$/, ""));
  const pagesPerSec = (text: string) => wholeNumber(/^(\d+)\s*pages\/s$/.exec(text)?.[1]);
  const percent = (text: string) => decimalNumber(/^(\d+(?:\.\d+)?)\s*%?$/.exec(text)?.[1]);
  const normal = read("Normal pages", wholeNumber);
  const zero = read("Constant pages", wholeNumber);
  const compressed = read("Compressed pages", wholeNumber);
  const elapsed = read("Time elapsed", ms);
  const processed = read("Memory processed", sizeBytes) ?? read("Data processed", sizeBytes);
  const remaining = read("Memory remaining", sizeBytes) ?? read("Data remaining", sizeBytes);
  const iteration = read("Iteration", wholeNumber);
  const dirty = read("Dirty rate", pagesPerSec);
  const bandwidth = read("Memory bandwidth", rate);
  const throttle = read("Auto converge throttle", percent);
  const expected = read("Expected downtime", ms);
  const real = read("Total downtime", ms);
  const memory = read("Memory total", sizeBytes);
  const setup = read("Setup time", ms);
  const pageBytes = read("Page size", sizeBytes);
  const requests = read("Postcopy requests", wholeNumber);
  const net = read("Downtime w/o network", ms);
  draft.outcome = {
    value: status === "active" ? "running" : (status as "completed"),
    line: type.line,
  };
  if (pageBytes !== undefined && pageBytes.value > 0) draft.pageBytes = pageBytes.value;
  if (memory !== undefined) draft.memoryBytes ??= memory;
  if (expected !== undefined) draft.downtime.expectedNs = expected;
  if (real !== undefined) draft.downtime.realNs = real;
  if (net !== undefined) draft.downtime.parts.push({ name: "without network", ...net });
  Object.assign(draft.totals, {
    ...(elapsed && { totalNs: elapsed }),
    ...(setup && { setupNs: setup }),
    ...(processed && { sentBytes: processed }),
    ...(zero && { zeroPages: zero }),
    ...(normal && { dataPages: normal }),
    ...(iteration && { passes: iteration }),
    ...(requests && requests.value > 0 && { postCopyRequests: requests }),
  });
  const sample: ObservedSample = {
    line: type.line,
    status:
      requests !== undefined && requests.value > 0 && status === "active"
        ? "postcopy-active"
        : status,
    ...(elapsed && { elapsedNs: elapsed.value }),
    ...(processed && { transferredBytes: processed.value }),
    ...(remaining && { remainingBytes: remaining.value }),
    ...(normal && zero && { sentPages: normal.value + zero.value + (compressed?.value ?? 0) }),
    ...(iteration && { passes: iteration.value }),
    ...(dirty && dirty.value > 0 && { dirtyPagesPerSec: dirty.value }),
    ...(bandwidth && bandwidth.value > 0 && { bandwidthBytesPerSec: bandwidth.value }),
    ...(throttle && { throttlePercent: throttle.value }),
    ...(expected && { expectedDowntimeNs: expected.value }),
  };
  draft.samples.push(sample);
}
