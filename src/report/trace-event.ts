/**
 * A run as Chrome's trace events (the JSON Object Format of "Trace Event Format", read by Perfetto
 * and chrome://tracing): a process per migration, in it a track for the stages and one for the
 * rounds, and counters of the pages that each round sent and saw dirtied; post-copy's faults and
 * stalls stand at the residual push. Times are microseconds, of virtual time in the model.
 */
import type { StageTimes } from "../migrate/report.js";
import type { MigrationResult } from "../model/migration-result.js";
import type { SeededMigrations } from "./csv.js";

export interface TraceEvent {
  /** M names a track, X is a stretch of time, C a counter. */
  readonly ph: "M" | "X" | "C";
  readonly pid: number;
  readonly tid: number;
  readonly name: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, number | string>>;
}

export interface TraceEventFile {
  readonly displayTimeUnit: "ms";
  readonly otherData: Readonly<Record<string, number | string>>;
  readonly traceEvents: readonly TraceEvent[];
}

const STAGE_TRACK = 1;
const ROUND_TRACK = 2;

/** In the order in which they happen. */
const STAGES: readonly (readonly [keyof StageTimes, string])[] = [
  ["initialisation", "initialisation"],
  ["reservation", "reservation"],
  ["iterativePreCopy", "iterative pre-copy"],
  ["stopAndCopy", "stop-and-copy"],
  ["commitment", "commitment"],
  ["activation", "activation"],
  ["residualPush", "residual push"],
];

/** The result as the content of one trace file. */
export function toTraceEvents(
  result: SeededMigrations & { readonly eventLogHash?: string },
): TraceEventFile {
  const { seed, eventLogHash, migrations } = result;
  return {
    displayTimeUnit: "ms",
    otherData: { seed, ...(eventLogHash !== undefined && { eventLogHash }) },
    traceEvents: migrations.flatMap((migration, i) => migrationEvents(migration, i + 1)),
  };
}

function migrationEvents(migration: MigrationResult, pid: number): TraceEvent[] {
  const { guest, name, startNs, stagesNs, rounds } = migration;
  const named = (tid: number, what: string, track: string): TraceEvent => {
    return { ph: "M", pid, tid, name: what, args: { name: track } };
  };
  const events: TraceEvent[] = [
    named(0, "process_name", `${guest}  ${name}`),
    named(STAGE_TRACK, "thread_name", "stages"),
  ];
  let atNs = startNs;
  for (const [key, words] of STAGES) {
    const durationNs = stagesNs[key];
    if (durationNs > 0) {
      const event = stretch(pid, STAGE_TRACK, words, { atNs, durationNs });
      events.push(key === "residualPush" ? { ...event, ...pagingArgs(migration) } : event);
    }
    atNs += durationNs;
  }
  if (rounds.length === 0) return events;
  events.push(named(ROUND_TRACK, "thread_name", "rounds"));
  let roundNs = startNs + stagesNs.initialisation + stagesNs.reservation;
  for (const round of rounds) {
    const { durationNs, pagesSent, pagesDirtied, round: number, ...others } = round;
    const dirtied = Math.max(0, pagesDirtied);
    const span = { atNs: roundNs, durationNs };
    const args = { pagesSent, pagesDirtied, ...others };
    events.push({ ...stretch(pid, ROUND_TRACK, `round ${number}`, span), args });
    const counts = { sent: pagesSent, dirtied };
    events.push({ ph: "C", pid, tid: 0, name: "pages", ts: roundNs / 1000, args: counts });
    roundNs += durationNs;
  }
  const ended = { sent: 0, dirtied: 0 };
  events.push({ ph: "C", pid, tid: 0, name: "pages", ts: roundNs / 1000, args: ended });
  return events;
}

/** What the guest waited for while its last pages came; when each fault was, nobody kept. */
function pagingArgs({ postCopy, exposureNs }: MigrationResult): Pick<TraceEvent, "args"> {
  if (postCopy === undefined) return {};
  const { vcpuBlocktimeNs, stallBucketsUs, ...figures } = postCopy;
  const args: Record<string, number> = { ...figures, exposureNs };
  vcpuBlocktimeNs.forEach((ns, vcpu) => {
    args[`vcpu${vcpu}BlocktimeNs`] = ns;
  });
  stallBucketsUs.forEach((stalls, i) => {
    if (stalls > 0) args[`stallsFrom${2 ** i}Us`] = stalls;
  });
  return { args };
}

function stretch(
  pid: number,
  tid: number,
  name: string,
  { atNs, durationNs }: { readonly atNs: number; readonly durationNs: number },
): TraceEvent {
  return { ph: "X", pid, tid, name, ts: atNs / 1000, dur: durationNs / 1000 };
}
