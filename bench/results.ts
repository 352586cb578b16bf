/**
 * What a run came to, as a page of Markdown: the machine, the targets, every figure, and a digest of
 * everything that was computed.
 */
import { cpus, release, type as system, totalmem } from "node:os";
import type { BenchContext } from "./context.js";
import type { CaseResult, ContenderResult, Target } from "./harness.js";
import { FNV_START, fnv, hex } from "./inputs.js";
import { GCC_FLAGS } from "./native.js";
import { noteFor } from "./notes.js";
import { LARGE_GUEST_LIMIT_BYTES, type LargeGuestResult } from "./simulation.js";
import type { Spread } from "./statistics.js";

export interface Run {
  readonly context: BenchContext;
  readonly command: string;
  readonly startedAt: Date;
  readonly load: readonly number[];
  readonly seconds: number;
  readonly cases: readonly CaseResult[];
  readonly largeGuest: LargeGuestResult | undefined;
}

export function markdown(run: Run): string {
  return [
    "# Benchmarks",
    "",
    "Written by `npm run bench`. A ratio is the time of Wasm divided by that of the other, the " +
      "median over interleaved rounds of the ratio within a round, with its quartiles; times are " +
      "medians too, and move with whatever else the machine does. All contenders of a line came " +
      "to the same output, or the run would have failed.",
    "",
    ...machine(run),
    "",
    "## Targets",
    "",
    ...targetTable(run),
    "",
    ...misses(run),
    "## All figures",
    "",
    ...figures(run),
    "",
    `Digest of all outputs: ${digestOf(run)}.`,
    "",
  ].join("\n");
}

/** One line of a finished case, for the terminal. */
export function summaryLine({ benchCase, contenders, digest, rounds }: CaseResult): string {
  const { group, name, pages } = benchCase;
  const times = contenders.map((contender, i) =>
    i === 0
      ? `${contender.name} ${time(contender.nsPerOperation)}`
      : `${contender.name} ${time(contender.nsPerOperation)} (x ${ratio(contender.ratio)})`,
  );
  return `${group}, ${name}, ${size(pages)}: ${times.join(", ")}; ${rounds} rounds, ${digest}`;
}

/** Over the digests of all cases, in their order. */
export function digestOf({ cases, largeGuest }: Run): string {
  let hash = FNV_START;
  for (const { digest } of cases) hash = fnv(hash, [Number.parseInt(digest, 16)]);
  if (largeGuest !== undefined) {
    hash = fnv(hash, [Number.parseInt(largeGuest.eventLogHash.slice(0, 8), 16)]);
  }
  return hex(hash);
}

function machine({ context, command, startedAt, load, seconds }: Run): string[] {
  const { native, peers } = context;
  const [cpu] = cpus();
  const versions = Object.entries(peers?.versions ?? {}).map(([name, v]) => `${name} ${v}`);
  return [
    `- Command: \`${command}\`, ${startedAt.toISOString()}, ${seconds.toFixed(0)} s`,
    `- Machine: ${cpus().length} x ${cpu?.model}, ${gib(totalmem())}, ${system()} ${release()}; ` +
      `load average ${load.map((value) => value.toFixed(1)).join(", ")} at the start and the end`,
    `- Node ${process.versions.node}, V8 ${process.versions.v8}`,
    `- C: ${native === undefined ? "none (no gcc)" : `${native.version}, ${GCC_FLAGS.join(" ")}`}`,
    `- npm: ${versions.length === 0 ? "not installed" : versions.join(", ")}`,
  ];
}

interface Judged {
  readonly result: CaseResult;
  readonly target: Target;
  readonly spread: Spread;
  readonly met: boolean;
}

function judged(cases: readonly CaseResult[]): Judged[] {
  return cases.flatMap((result) =>
    result.benchCase.targets.flatMap((target) => {
      const other = result.contenders.find(({ name }) => name === target.than);
      if (other === undefined) return [];
      const { ratio: spread } = other;
      return [{ result, target, spread, met: spread.median <= target.atMost }];
    }),
  );
}

function targetTable({ cases, largeGuest }: Run): string[] {
  const rows = judged(cases).map(({ result, target, spread, met }) => {
    const { group, name, pages } = result.benchCase;
    const figures = `${target.atMost} x ${target.than} | ${ratio(spread)}`;
    return `| ${group}, ${name} | ${size(pages)} | ${figures} | ${met ? "met" : "**missed**"} |`;
  });
  if (largeGuest !== undefined) {
    const { pages, peakResidentBytes } = largeGuest;
    const met = peakResidentBytes <= LARGE_GUEST_LIMIT_BYTES ? "met" : "**missed**";
    const figures = `${gib(LARGE_GUEST_LIMIT_BYTES)} of memory | ${gib(peakResidentBytes)}`;
    rows.push(`| simulating a large guest | ${size(pages)} | ${figures} | ${met} |`);
  }
  return [
    "| what | pages | at most | figure (quartiles) | |",
    "|---|---|---|---|---|",
    ...(rows.length === 0 ? ["| nothing to compare with | | | | |"] : rows),
  ];
}

/** One paragraph a note, for all the cases that it explains. */
function misses({ cases }: Run): string[] {
  const missed = new Map<string, string[]>();
  for (const { result, target, met } of judged(cases)) {
    if (met) continue;
    const note = noteFor(result.benchCase, target.than);
    const { group, name, pages } = result.benchCase;
    missed.set(note, [...(missed.get(note) ?? []), `${group}, ${name}, ${size(pages)}`]);
  }
  return [...missed].flatMap(([note, which]) => [`Missed: ${which.join("; ")}. ${note}`, ""]);
}

function figures({ cases, largeGuest }: Run): string[] {
  const lines: string[] = [
    "| what | pages | a | Wasm | others: time, ratio (quartiles) | digest |",
  ];
  lines.push("|---|---|---|---|---|---|");
  for (const { benchCase, contenders, digest } of cases) {
    const [wasm, ...others] = contenders as [ContenderResult, ...ContenderResult[]];
    const listed = others.map(
      ({ name, nsPerOperation, ratio: spread }) =>
        `${name} ${time(nsPerOperation)}, ${ratio(spread)}`,
    );
    lines.push(
      `| ${benchCase.group}, ${benchCase.name} | ${size(benchCase.pages)} | ${benchCase.unit} | ` +
        `${time(wasm.nsPerOperation)} | ${listed.join("; ")} | ${digest} |`,
    );
  }
  if (largeGuest !== undefined) {
    const { pages, rounds, pagesSent, virtualSec, createSec, runSec, eventLogHash } = largeGuest;
    lines.push(
      "",
      `The large guest (${size(pages)} pages): ${virtualSec.toFixed(1)} s of virtual time in ` +
        `${runSec.toFixed(1)} s after ${createSec.toFixed(1)} s of building it; ${rounds} rounds, ` +
        `${pagesSent} pages sent, event log ${eventLogHash}.`,
    );
  }
  return lines;
}

function ratio({ median, lower, upper }: Spread): string {
  const digits = median < 0.1 ? 3 : 2;
  return `${median.toFixed(digits)} (${lower.toFixed(digits)} - ${upper.toFixed(digits)})`;
}

function time(ns: number): string {
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(0)} ms`;
  if (ns >= 1000) return `${(ns / 1000).toFixed(1)} us`;
  if (ns >= 0.1) return `${ns.toPrecision(3)} ns`;
  return `${(ns * 1000).toPrecision(3)} ps`;
}

function size(pages: number): string {
  return Number.isInteger(Math.log2(pages)) ? `2^${Math.log2(pages)}` : String(pages);
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
