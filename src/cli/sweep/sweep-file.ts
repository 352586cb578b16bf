/**
 * The file of a sweep, JSON lines: first what the sweep is, then a line for each job that has run,
 * in the order in which they ended. Lines are only ever added, each with one write, so that a
 * sweep that was stopped goes on from its file; half a line at the end is what a crash leaves.
 */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, fsyncSync, openSync, writeSync } from "node:fs";
import { truncate } from "node:fs/promises";
import { PrecopyError } from "../../base/errors.js";
import { METRICS } from "../../report/compare.js";
import { jobAt, jobCount, type SweepOutcome, type SweepSpace } from "../../report/sweep.js";
import { fileError } from "../files.js";

export const SWEEP_SCHEMA_VERSION = 1;
export const JOBS_MAX = 1_000_000;
/** Longest line of a job; a header holds all values of all axes. */
const LINE_BYTES_MAX = 1 << 20;

/** The first line: files with the same one belong to the same sweep. */
export interface SweepHeader {
  readonly sweep: typeof SWEEP_SCHEMA_VERSION;
  /** Version of this package. */
  readonly precopy: string;
  readonly title: string;
  readonly scenario: string;
  /** Hashes of the scenario, of its traces and of plug-ins, by name. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly jobs: number;
  readonly space: SweepSpace;
}

/** A line of a file that was read. */
export interface SweepLine {
  /** Number of the job. */
  readonly job: number;
  readonly text: string;
  readonly outcome: SweepOutcome;
  /** Counted from 1, the header being the first. */
  readonly line: number;
}

export interface SweepFileContent {
  readonly header: SweepHeader;
  readonly headerText: string;
  readonly lines: readonly SweepLine[];
}

interface RawContent {
  readonly texts: readonly string[];
  /** Bytes up to the end of the last whole line. */
  readonly wholeBytes: number;
  /** What stands behind it. */
  readonly half: string;
}

/** A job's name in files: the same for the same values, whatever else the sweep varies. */
export function jobKey(space: SweepSpace, job: number): string {
  const { at, strategy, seed } = describe(space, job);
  const values = Object.entries(at).sort(([a], [b]) => (a < b ? -1 : 1));
  return hashOf(JSON.stringify([values, strategy, seed]));
}

/** The first 16 hexadecimal digits of SHA-256. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** The line of a job, without its end. */
export function lineOf(space: SweepSpace, job: number, outcome: SweepOutcome): string {
  return JSON.stringify({ job: jobKey(space, job), ...describe(space, job), ...outcome });
}

function describe(space: SweepSpace, job: number) {
  const { at, strategy, seed } = jobAt(space, job);
  const values = space.axes.flatMap(({ name, levels }, i): [string, string][] => {
    const level = levels[at[i] as number];
    return level === undefined ? [] : [[name, level.text]];
  });
  return { at: Object.fromEntries(values), strategy: space.strategies[strategy] ?? "", seed };
}

/** Reads a whole file; a half line at its end does not count. */
export async function readSweepFile(path: string): Promise<SweepFileContent> {
  const { texts } = await readRaw(path);
  const [headerText] = texts;
  if (headerText === undefined) throw noSweep(path, "it is empty");
  return contentOf(path, headerText, texts);
}

function contentOf(path: string, headerText: string, texts: readonly string[]): SweepFileContent {
  const header = parseHeader(path, headerText);
  const numbers = new Map<string, number>();
  for (let job = 0; job < header.jobs; job++) numbers.set(jobKey(header.space, job), job);
  const lines = texts.slice(1).map((text, i) => parseLine(path, text, i + 2, numbers));
  return { header, headerText, lines };
}

/** A sweep's file opened for going on. */
export interface OpenSweepFile {
  /** What each job gave that has run already, by its number. */
  readonly outcomes: (SweepOutcome | undefined)[];
  add(job: number, outcome: SweepOutcome): void;
  close(): void;
}

/** Opens or begins the file of a sweep. Another sweep's file is refused and left as it is. */
export async function openSweepFile(path: string, header: SweepHeader): Promise<OpenSweepFile> {
  const headerText = JSON.stringify(header);
  const outcomes = new Array<SweepOutcome | undefined>(header.jobs).fill(undefined);
  const raw = await readRaw(path, { missing: "empty" });
  const [first] = raw.texts;
  if (first !== undefined && first !== headerText) {
    throw otherSweep(path, parseHeader(path, first), header);
  }
  // Only what this program can have left half written is dropped.
  if (first === undefined && !`${headerText}\n`.startsWith(raw.half)) {
    throw noSweep(path, "it holds something else");
  }
  if (first !== undefined) {
    for (const { job, outcome, line } of contentOf(path, first, raw.texts).lines) {
      const before = outcomes[job];
      if (before !== undefined && JSON.stringify(before) !== JSON.stringify(outcome)) {
        throw new PrecopyError("bad-input", conflict(header.space, job), { file: path, line });
      }
      outcomes[job] = outcome;
    }
  }
  try {
    if (raw.half !== "") await truncate(path, raw.wholeBytes);
    const file = openSync(path, "a");
    let broken = false;
    /** A line that did not get onto the disk whole has to stay the last one. */
    const write = (text: string) => {
      const bytes = Buffer.from(`${text}\n`);
      if (broken) return;
      broken = true;
      if (writeSync(file, bytes) < bytes.length) {
        throw new PrecopyError("bad-input", "cannot be written: the disk is full", { file: path });
      }
      broken = false;
    };
    if (first === undefined) write(headerText);
    return {
      outcomes,
      add(job, outcome) {
        outcomes[job] = outcome;
        try {
          write(lineOf(header.space, job, outcome));
        } catch (error) {
          throw fileError(error, "written", path);
        }
      },
      close() {
        fsyncSync(file);
        closeSync(file);
      },
    };
  } catch (error) {
    throw fileError(error, "written", path);
  }
}

/** "two lines differ: guest.memory=1GiB, tau=1s, seed by pre-copy": what a conflict is about. */
export function conflict(space: SweepSpace, job: number): string {
  return `another result of this job was there already (${jobText(space, job)}): results repeat exactly, so the two come from different programs or machines at fault; remove one of them`;
}

/** A job for people. */
export function jobText(space: SweepSpace, job: number): string {
  const { at, strategy, seed } = describe(space, job);
  const values = Object.entries(at).map(([name, value]) => `${name}=${value}`);
  return [...values, strategy, `seed ${seed}`].join(", ");
}

async function readRaw(path: string, o: { missing?: "empty" } = {}): Promise<RawContent> {
  const texts: string[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let wholeBytes = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        const line = Buffer.concat([rest, chunk.subarray(from, end)]);
        texts.push(line.toString("utf8"));
        wholeBytes += line.length + 1;
        rest = Buffer.alloc(0);
        from = end + 1;
      }
      rest = Buffer.concat([rest, chunk.subarray(from)]);
      if (rest.length > LINE_BYTES_MAX || texts.length > 2 * JOBS_MAX) {
        throw noSweep(path, "a line is too long, or there are too many");
      }
    }
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (gone && o.missing === "empty") return { texts: [], wholeBytes: 0, half: "" };
    throw fileError(error, "read", path);
  }
  return { texts, wholeBytes, half: rest.toString("utf8") };
}

function parseHeader(path: string, text: string): SweepHeader {
  const value = parseObject(text);
  if (value?.sweep === undefined) throw noSweep(path, "its first line is not that of a sweep");
  if (value.sweep !== SWEEP_SCHEMA_VERSION) {
    throw noSweep(path, `it is of form ${String(value.sweep)}, written by another version`);
  }
  const { space, jobs, precopy, title, scenario } = value;
  const texts = [precopy, title, scenario].every((word) => typeof word === "string");
  const whole = texts && isObject(value.inputs) && isSpace(space);
  if (!whole || jobCount(space) !== jobs || !(jobs <= JOBS_MAX)) {
    throw noSweep(path, "its first line is damaged");
  }
  return value as unknown as SweepHeader;
}

function isSpace(value: unknown): value is SweepSpace {
  if (!isObject(value)) return false;
  const { axes, strategies, seeds } = value;
  if (!Array.isArray(strategies) || !Array.isArray(seeds) || !Array.isArray(axes)) return false;
  return (
    strategies.length > 0 &&
    strategies.every((name) => typeof name === "string") &&
    seeds.length > 0 &&
    seeds.every(Number.isSafeInteger) &&
    axes.every((axis) => isObject(axis) && isAxis(axis, strategies.length))
  );
}

function isAxis({ name, levels, appliesTo }: Fields, strategies: number): boolean {
  if (typeof name !== "string" || !Array.isArray(levels) || !Array.isArray(appliesTo)) return false;
  const isLevel = (level: unknown) =>
    isObject(level) &&
    typeof level.text === "string" &&
    (level.value === null || Number.isFinite(level.value));
  const flags = appliesTo.every((flag) => typeof flag === "boolean");
  return levels.length > 0 && levels.every(isLevel) && flags && appliesTo.length === strategies;
}

function parseLine(
  path: string,
  text: string,
  line: number,
  numbers: ReadonlyMap<string, number>,
): SweepLine {
  const place = { file: path, line };
  const value = parseObject(text);
  const outcome = value === undefined ? undefined : outcomeOf(value);
  if (value === undefined || outcome === undefined) {
    throw new PrecopyError("bad-input", "is not the line of a job: remove it", place);
  }
  const job = numbers.get(String(value.job));
  if (job !== undefined) return { job, text, outcome, line };
  throw new PrecopyError("bad-input", "is of a job that the sweep does not have: remove it", place);
}

function outcomeOf(value: Fields): SweepOutcome | undefined {
  const { error, completed, stopReasons, eventLogHash } = value;
  if (isObject(error)) {
    const { code, message } = error;
    if (typeof code !== "string" || typeof message !== "string") return undefined;
    return { error: { code, message } };
  }
  const figures = METRICS.map((metric) => [metric, value[metric]] as const);
  const whole =
    typeof completed === "boolean" &&
    typeof eventLogHash === "string" &&
    Array.isArray(stopReasons) &&
    stopReasons.every((reason) => typeof reason === "string") &&
    figures.every(([, figure]) => Number.isFinite(figure) && (figure as number) >= 0);
  if (!whole) return undefined;
  const metrics = Object.fromEntries(figures) as Record<(typeof METRICS)[number], number>;
  return { completed, stopReasons, ...metrics, eventLogHash };
}

type Fields = Readonly<Record<string, unknown>>;

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function noSweep(path: string, problem: string): PrecopyError {
  const message = `is not the file of a sweep: ${problem}; give another --out`;
  return new PrecopyError("bad-input", message, { file: path });
}

/** In what two sweeps differ, as the reason why one cannot go on from the other's file. */
export function differences(a: SweepHeader, b: SweepHeader): string {
  const names = [...new Set([...Object.keys(a.inputs), ...Object.keys(b.inputs)])];
  const changed = names.filter((name) => a.inputs[name] !== b.inputs[name]);
  const axes = JSON.stringify(a.space.axes) !== JSON.stringify(b.space.axes);
  const strategies = JSON.stringify(a.space.strategies) !== JSON.stringify(b.space.strategies);
  const seeds = JSON.stringify(a.space.seeds) !== JSON.stringify(b.space.seeds);
  return [
    ...(a.precopy === b.precopy ? [] : [`precopy ${a.precopy} and ${b.precopy}`]),
    ...(changed.length === 0 ? [] : [`the content of ${changed.slice(0, 8).join(", ")}`]),
    ...(axes ? ["what is varied"] : []),
    ...(strategies ? ["strategies"] : []),
    ...(seeds ? ["seeds"] : []),
  ].join(", ");
}

function otherSweep(path: string, a: SweepHeader, b: SweepHeader): PrecopyError {
  const message = `is the file of another sweep (they differ in ${differences(a, b) || "their title"}): give another --out, or remove it`;
  return new PrecopyError("bad-input", message, { file: path });
}
